"""Why a rule does or does not want an event, condition by condition.

    rule × event  ──> failures, in the order a rule is read: none means it is admitted
    rules × event ──> matched: those that admit it; an ``otherwise`` only where no other rule does
                  └─> explained: each rule with what fails, and whether a route is for the event

Channel and ``enabled`` come first; where one of them fails, the other conditions say nothing worth reading and are
left out. What rests on more than rule and event (cooldowns, hours, look-ups) is judged elsewhere. A rule on quotes or
states fires as its condition becomes true; of one value it can only be said whether the condition holds. This judges
one rule and takes its time; ``match`` gives the same answer for all rules at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from relay.assets import asset_of_event
from relay.events import Channel, Event, count_of, names_of
from relay.rules import words
from relay.rules.conditions import (
    continuation_holds,
    price_holds,
    shape_holds,
    symbols_hold,
    text_holds,
    threshold_holds,
)
from relay.rules.rule import ELSE, Levels, Routes, Rule, Symbols, field_of
from relay.states import SnapshotError, snapshot_of, unmet


@dataclass(frozen=True, slots=True)
class Failure:
    """A condition that does not hold.

    Attributes:
        condition: Its key in the config: ``timeframe``.
        wanted: What the rule asks for, in words: ``D or W``.
        found: What the event says, ``nothing`` where it says nothing.
    """

    condition: str
    wanted: str
    found: str

    def __str__(self) -> str:
        return f"{self.condition}: found {self.found}, wanted {self.wanted}"


def admits(rule: Rule, event: Event) -> bool:
    """Whether all conditions of ``rule`` hold for ``event``; whether it comes to an ``otherwise``, others decide."""
    return next(_failures(rule, event), None) is None


def matched(rules: Iterable[Rule], event: Event) -> tuple[Rule, ...]:
    """Those of ``rules`` that want ``event``, in their order; ``otherwise`` where no rule without it does."""
    admitting = [rule for rule in rules if admits(rule, event)]
    first = [rule for rule in admitting if not rule.otherwise]
    return tuple(first or admitting)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What rule and event say of each other.

    Attributes:
        rule: The rule.
        failures: What does not hold, in the order a rule is read; none means that it matched. An ``otherwise`` fails
            where another rule matched.
        unrouted: For which value it has no route: ``timeframe M``; None where it has one, or none of the alert.
    """

    rule: Rule
    failures: tuple[Failure, ...] = ()
    unrouted: str | None = None

    @property
    def matched(self) -> bool:
        """Whether the rule wants the event; on quotes and states, whether its condition holds."""
        return not self.failures


def explained(rules: Iterable[Rule], event: Event) -> tuple[Explanation, ...]:
    """Every one of ``rules`` with what keeps it from ``event``, in their order."""
    own = [(rule, (*failures(rule, event), *_of_value(rule, event))) for rule in rules]
    first = [rule.name for rule, failed in own if not failed and not rule.otherwise]
    return tuple(
        Explanation(
            rule,
            failed or (outdone(first) if rule.otherwise else ()),
            unrouted(rule, event) if not failed else None,
        )
        for rule, failed in own
    )


def unrouted(rule: Rule, event: Event) -> str | None:
    """The value for which ``rule`` has no route: ``timeframe M``, ``stocks, timeframe M``; None where it has one."""
    found: tuple[str, ...] | Routes | None = rule.routes
    path: list[str] = []
    while isinstance(found, Routes):
        value = field_of(event, found.by)
        path.append(f"{found.by} {value}" if value else f"an alert without {found.by}")
        found = found.to.get(value or ELSE, found.to.get(ELSE))
    return ", ".join(path) if path and not found else None


def outdone(others: Sequence[str]) -> tuple[Failure, ...]:
    """Why an ``otherwise`` does not match: these rules do."""
    return (Failure("otherwise", "no other rule matches", words.listing(others, "and")),) if others else ()


def is_outdone(explanation: Explanation) -> bool:
    """Whether only other rules keep an ``otherwise`` from the event."""
    return any(failure.condition == "otherwise" for failure in explanation.failures)


def _of_value(rule: Rule, event: Event) -> Iterator[Failure]:
    """What a quote or a state lacks for the condition that the rule waits for."""
    if not rule.enabled or rule.channel is not event.channel:
        return
    if rule.channel is Channel.QUOTES:
        yield from _levels(rule.levels or Levels(), event.price)
    elif rule.channel is Channel.STATES and rule.state is not None:
        try:
            snapshot = snapshot_of(event.data)
        except SnapshotError as error:
            yield Failure("tfc", "a snapshot", str(error))
        else:
            yield from (Failure(*told) for told in unmet(rule.state, snapshot))


def _levels(levels: Levels, price: float | None) -> Iterator[Failure]:
    found = "nothing" if price is None else words.number(price)
    for side, level in levels.places():
        if not _beyond(side, level, price):
            yield Failure("price", f"{side} {words.number(level)}", found)
    crossed = levels.crossings()
    if crossed and not any(_beyond(side, level, price) for side, level in crossed):
        wanted = words.listing([f"{side} {words.number(level)}" for side, level in crossed], "or")
        yield Failure("price", wanted, found)


def _beyond(side: str, level: float, price: float | None) -> bool:
    return price is not None and (price > level if side == "above" else price < level)


def failures(rule: Rule, event: Event) -> tuple[Failure, ...]:
    """Every condition of ``rule`` that ``event`` does not meet, in the order a rule is read."""
    return tuple(_failures(rule, event))


def _failures(rule: Rule, event: Event) -> Iterator[Failure]:
    if not rule.enabled:
        yield Failure("enabled", "true", "false")
    elif rule.channel is not event.channel:
        yield Failure("channel", str(rule.channel), str(event.channel))
    else:
        yield from _names(rule, event)
        yield from _traits(rule, event)
        yield from _numbers(rule, event)


def _names(rule: Rule, event: Event) -> Iterator[Failure]:
    if not symbols_hold(rule.symbols, event):
        found = words.listing(names_of(event), "and") or "nothing"
        yield Failure("symbol", _symbols(rule.symbols, participants=event.channel is Channel.BREAKS), found)
    asset = asset_of_event(event)
    if rule.assets is not None and not text_holds(rule.assets, asset):
        yield Failure("asset", words.listing(words.assets(rule.assets), "or"), asset or "nothing")


def _traits(rule: Rule, event: Event) -> Iterator[Failure]:
    timeframe = event.timeframe and event.timeframe.upper()
    if rule.timeframes is not None and not text_holds(rule.timeframes, timeframe):
        yield Failure("timeframe", words.listing(words.timeframes(rule.timeframes), "or"), timeframe or "nothing")
    direction = event.direction and event.direction.lower()
    if rule.directions is not None and not text_holds(rule.directions, direction):
        yield Failure("direction", words.listing(words.directions(rule.directions), "or"), direction or "nothing")
    shape = (event.shape and event.shape.upper()) or None
    if not shape_holds(rule.shapes, shape):
        yield Failure("shape", words.listing(rule.shapes, "or"), shape or "nothing")
    candle = event.cc and event.cc.upper()
    if rule.candles is not None and not text_holds(rule.candles, candle):
        yield Failure("cc", words.listing(words.candles(rule.candles), "or"), candle or "nothing")
    if not continuation_holds(rule.continuation, event.continuation):
        yield Failure("continuation", _truth(value=rule.continuation), _truth(value=event.continuation))


def _numbers(rule: Rule, event: Event) -> Iterator[Failure]:
    if rule.threshold is not None:
        count = count_of(event)
        if not threshold_holds(rule.threshold, count):
            yield Failure("threshold", words.threshold(rule.threshold), "nothing" if count is None else str(count))
    if rule.price is not None and not price_holds(rule.price, event.price):
        found = "nothing" if event.price is None else words.number(event.price)
        yield Failure("price", words.price_range(rule.price), found)


def _symbols(symbols: Symbols, *, participants: bool) -> str:
    parts = [words.listing(symbols.any, "or")] if symbols.any else []
    if symbols.none:
        parts.append(f"{'none of them ' if participants else 'not '}{words.listing(symbols.none, 'or')}")
    return ", ".join(parts)


def _truth(*, value: bool | None) -> str:
    return "nothing" if value is None else str(value).lower()
