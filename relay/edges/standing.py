"""How the rules on one symbol stand: the last side of each, and what a new value turns.

    value ──turn──> sides that changed ──> rules that fire by it, in the order of the config

A rule that has no side yet only gets one. A side that is remembered of another condition is none: the rule was changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from relay.clock import MICROS
from relay.events import Channel, Instant
from relay.outbox.memory import Side
from relay.rules.rule import Rule
from relay.rules.wanted import symbols_of
from relay.upstream.tick import Tick, time_of

_Value_contra = TypeVar("_Value_contra", contravariant=True)
_Condition = TypeVar("_Condition")

Remembered: TypeAlias = Mapping[tuple[str, str], Side]
"""Sides by rule and symbol."""

LATEST_US: Final = 300 * MICROS
"""A value this much older than one before it is not late: then it was the other one's time that was wrong."""


class Condition(Protocol[_Value_contra]):
    """What a rule waits for, as a side that flips; see ``relay.edges.condition``."""

    @property
    def text(self) -> str:
        """Canonical: equal texts mean the same."""
        ...

    def side(self, value: _Value_contra, /) -> int:
        """On which side ``value`` is."""
        ...

    def fires(self, before: int, after: int, value: _Value_contra, /) -> bool:
        """Whether going from side to side at ``value`` is what the rule waits for."""
        ...


class Turn(NamedTuple):
    """What a value did.

    Attributes:
        rules: Those that fire by it, in the order of the config; maybe none.
        sides: All that changed, at least one.
    """

    rules: tuple[Rule, ...]
    sides: tuple[Side, ...]


class Standing(Generic[_Value_contra]):
    """The rules on one symbol, in the order of the config, with their sides."""

    def __init__(
        self, symbol: str, rules: Sequence[tuple[Rule, Condition[_Value_contra]]], remembered: Remembered
    ) -> None:
        self._symbol = symbol
        self._rules = rules
        self._sides = [_side_of(remembered.get((rule.name, symbol)), condition.text) for rule, condition in rules]
        self._newest: Instant | None = None

    def late(self, tick: Tick) -> bool:
        """Whether a newer value was seen here before; where it was not, this one is the newest."""
        at, newest = time_of(tick), self._newest
        if at is not None and newest is not None and not at.same_as(newest) and 0 < newest.us - at.us < LATEST_US:
            return True
        self._newest = at or newest
        return False

    def turn(self, value: _Value_contra, touched: Iterable[int] | None = None) -> Turn | None:
        """What ``value`` does to the rules ``touched`` (their numbers, ascending; None is all); None where nothing."""
        fired: list[Rule] = []
        changed: list[Side] = []
        for number in range(len(self._rules)) if touched is None else touched:
            rule, condition = self._rules[number]
            before, after = self._sides[number], condition.side(value)
            if before == after:
                continue
            self._sides[number] = after
            changed.append(Side(rule.name, self._symbol, condition.text, after))
            if before is not None and condition.fires(before, after, value):
                fired.append(rule)
        return Turn(tuple(fired), tuple(changed)) if changed else None

    def sides(self) -> Iterator[Side]:
        """Of the rules that have seen the symbol."""
        for (rule, condition), side in zip(self._rules, self._sides, strict=True):
            if side is not None:
                yield Side(rule.name, self._symbol, condition.text, side)


def by_symbol(
    rules: Iterable[Rule], channel: Channel, condition_of: Callable[[Rule], _Condition]
) -> dict[str, list[tuple[Rule, _Condition]]]:
    """The enabled rules on ``channel`` with what they wait for, by symbol, in the order of the config."""
    found: dict[str, list[tuple[Rule, _Condition]]] = {}
    for rule in rules:
        if rule.channel is channel:
            condition = condition_of(rule)
            for symbol in symbols_of(rule):
                found.setdefault(symbol, []).append((rule, condition))
    return found


def _side_of(remembered: Side | None, condition: str) -> int | None:
    return remembered.side if remembered is not None and remembered.condition == condition else None
