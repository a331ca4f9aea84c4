"""What a rule on quotes or states waits for, as a side that flips: the one place where its meaning is decided.

    quotes   levels and range of a rule ──QuoteCondition──> side(price), fires(before, after, price)
    states   tfc, ftfc, sector          ──StateCondition──> side(snapshot), fires(before, after, snapshot)

A side is a small number. On quotes a rule without crossings has one bit: the price is where it is wanted. With
crossings the bits are the crossings themselves (1: above ``crosses_above``, 2: below ``crosses_below``), and being
where it is wanted is asked only as one of them is made. On states the one bit is that all of it holds.

Every bound is a *cut*, the least price at which something changes; exclusive ones lie on the next number there is.
So a quote is compared with ``low <= price < high`` and nothing else.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from relay.rules.rule import Levels, PriceRange, Rule
from relay.states import Snapshot, StateWanted, holds

WANTED: Final = 1
ABOVE: Final = 1
BELOW: Final = 2


class QuoteCondition(msgspec.Struct, frozen=True):
    """Where a rule wants a quote's price.

    Attributes:
        text: Canonical: equal texts mean the same.
        low: The least price wanted …
        high: … and the least price above it that is not.
        above: The least price that is above ``crosses_above``; None where the rule has no such level.
        below: The least price that is not below ``crosses_below``; likewise.
    """

    text: str
    low: float
    high: float
    above: float | None
    below: float | None

    @property
    def crosses(self) -> bool:
        """Whether the rule waits for crossings."""
        return self.above is not None or self.below is not None

    @property
    def cuts(self) -> tuple[float, ...]:
        """The prices at which the side changes."""
        if self.crosses:
            return tuple(cut for cut in (self.above, self.below) if cut is not None)
        return tuple(filter(math.isfinite, (self.low, self.high))) if self.low < self.high else ()

    def side(self, price: float) -> int:
        """On which side ``price``, a finite number, is."""
        if not self.crosses:
            return WANTED if self.low <= price < self.high else 0
        above = self.above is not None and price >= self.above
        below = self.below is not None and price < self.below
        return ABOVE * above + BELOW * below

    def fires(self, before: int, after: int, price: float) -> bool:
        """Whether going from side to side at ``price`` is what the rule waits for."""
        return _became_true(before, after) and self.low <= price < self.high


class StateCondition(msgspec.Struct, frozen=True):
    """What a rule wants of a symbol's state.

    Attributes:
        text: Canonical: equal texts mean the same.
        wanted: As the rule says it.
    """

    text: str
    wanted: StateWanted

    def side(self, snapshot: Snapshot) -> int:
        """Whether all of it holds."""
        return WANTED if holds(self.wanted, snapshot) else 0

    def fires(self, before: int, after: int, _snapshot: Snapshot) -> bool:
        """Whether going from side to side is what the rule waits for."""
        return _became_true(before, after)


def quote_condition(rule: Rule) -> QuoteCondition:
    """What ``rule``, on quotes, waits for."""
    price, levels = rule.price or PriceRange(), rule.levels or Levels()
    wanted = {
        "min": price.minimum,
        "max": price.maximum,
        "above": levels.above,
        "below": levels.below,
        "crosses_above": levels.crosses_above,
        "crosses_below": levels.crosses_below,
    }
    return QuoteCondition(
        text=_canonical({name: float(value) for name, value in wanted.items() if value is not None}),
        low=max((cut for cut in (price.minimum, _past(levels.above)) if cut is not None), default=-math.inf),
        high=min((cut for cut in (_past(price.maximum), levels.below) if cut is not None), default=math.inf),
        above=_past(levels.crosses_above),
        below=levels.crosses_below,
    )


def state_condition(rule: Rule) -> StateCondition:
    """What ``rule``, on states, waits for."""
    wanted = rule.state or StateWanted()
    text = {"tfc": wanted.tfc, "ftfc": wanted.ftfc, "sectors": sorted(wanted.sectors)}
    return StateCondition(_canonical({name: value for name, value in text.items() if value}), wanted)


def _became_true(before: int, after: int) -> bool:
    return after & ~before != 0


def _past(price: float | None) -> float | None:
    """The least price above ``price``."""
    return None if price is None else math.nextafter(price, math.inf)


def _canonical(value: object) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
