"""Rules on quotes: for each symbol the interval of prices within which no rule changes its side.

    cuts   ────┬──────┬───────────┬──────>  price
               a      b     ▲     a                 low = the cut at or below the last price, high = the one above it
                            └─ low <= price < high: nothing can have changed

A price outside of the interval has passed some cuts, and only the rules whose cuts those are get looked at.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from relay.edges.condition import QuoteCondition, quote_condition
from relay.edges.standing import Remembered, Standing, Turn, by_symbol
from relay.events import Channel
from relay.outbox.memory import Side
from relay.rules.rule import Rule
from relay.upstream.tick import Tick


class _Line:
    """One symbol: its cuts, and between which of them the last price was."""

    __slots__ = ("_cuts", "_owners", "_passed", "high", "low", "standing")

    def __init__(self, symbol: str, rules: Sequence[tuple[Rule, QuoteCondition]], remembered: Remembered) -> None:
        self.standing: Standing[float] = Standing(symbol, rules, remembered)
        cuts = sorted((cut, number) for number, (_, condition) in enumerate(rules) for cut in condition.cuts)
        self._cuts = [cut for cut, _ in cuts]
        self._owners = [number for _, number in cuts]
        self._passed: int | None = None  # how many cuts are not above the last price
        self.low, self.high = math.inf, -math.inf  # before the first price nothing is inside

    def move(self, price: float) -> Turn | None:
        before, passed = self._passed, bisect_right(self._cuts, price)
        self._passed = passed
        self.low = self._cuts[passed - 1] if passed else -math.inf
        self.high = self._cuts[passed] if passed < len(self._cuts) else math.inf
        if before is None:
            return self.standing.turn(price)
        return self.standing.turn(price, sorted(set(self._owners[min(before, passed) : max(before, passed)])))


class Quotes:
    """The enabled rules on quotes.

    Attributes:
        unusable: Quotes of wanted symbols so far that told no price.
        late: Quotes so far that might have changed a side and came after a newer one.
    """

    def __init__(self, rules: Iterable[Rule], remembered: Remembered) -> None:
        found = by_symbol(rules, Channel.QUOTES, quote_condition)
        self._lines = {symbol: _Line(symbol, many, remembered) for symbol, many in found.items()}
        self.unusable = 0
        self.late = 0

    def take(self, tick: Tick) -> Turn | None:
        """What a quote does; None where it changes no side."""
        line = self._lines.get(tick.symbol)
        if line is None:
            return None
        price = tick.price
        if price is not None and line.low <= price < line.high:
            return None
        if price is None or not math.isfinite(price):
            self.unusable += 1
            return None
        if line.standing.late(tick):
            self.late += 1
            return None
        return line.move(price)

    def sides(self) -> Iterator[Side]:
        """All that is remembered."""
        return chain.from_iterable(line.standing.sides() for line in self._lines.values())
