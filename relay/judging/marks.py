"""What cooldowns are measured by: the alerts that rules with one let through.

    Mark of a new alert ──blocking──> a mark of the same rule, symbol, timeframe and direction, nearer than the cooldown
                                      none: the alert passes, and is marked itself

What holds always:

* Times are the alerts' own: it makes no difference which of two came first, or how late.
* A break with more participants than every near one passes.
* A mark is tentative until its alert is known to be new and stored. One that turns out a repetition takes its mark
  back, so that fetching again changes nothing; nobody is suppressed for a tentative mark alone.

Memory: one entry an alert that passed, for ``KEPT_US`` and the longest cooldown, ``MOST`` of them; 200 bytes each.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from relay.clock import MICROS
from relay.events import Channel, Event, count_of
from relay.outbox.memory import Mark

KEPT_US: Final = 2 * 86_400 * MICROS
"""How long an alert is remembered beyond its cooldown: a backfill may bring one from before it so much later."""

MOST: Final = 100_000
"""Alerts that are remembered; of more, those that came last."""

_FORGET_EVERY: Final = 1_000  # marks
_ANY: Final = 1 << 62  # above every number in a mark

_Kind: TypeAlias = tuple[str, str, str, str]  # rule, subject, timeframe, direction


class _Passed(NamedTuple):
    at_us: int
    took_part: int
    noted_us: int


def mark_of(rule: str, event: Event, received_at_us: int) -> Mark:
    """The mark that ``event`` would leave for ``rule``; one without a time counts as of when it was received."""
    broke = event.channel is Channel.BREAKS
    return Mark(
        rule=rule,
        subject="breaks" if broke else event.symbol or "",
        timeframe=event.timeframe or "",
        direction=event.direction or "",
        at_us=event.triggered_at.us if event.triggered_at else received_at_us,
        count=count_of(event) or 0 if broke else 0,
        noted_us=received_at_us,
    )


class Marks:
    """Marks in memory, by rule and kind of alert."""

    def __init__(self, marks: Iterable[Mark] = ()) -> None:
        self._passed: dict[_Kind, list[_Passed]] = {}
        self._tentative: set[Mark] = set()
        self._added = 0
        for mark in marks:
            self.add(mark)

    def __len__(self) -> int:
        return sum(map(len, self._passed.values()))

    def blocking(self, mark: Mark, cooldown: float) -> Mark | None:
        """The nearest mark for which an alert with ``mark`` is suppressed, one that is certain if there is one.

        Args:
            mark: What the alert would leave.
            cooldown: Seconds.
        """
        passed = self._passed.get(_kind(mark))
        if not passed:
            return None
        span_us = round(cooldown * MICROS)
        first = bisect_right(passed, _Passed(mark.at_us - span_us, _ANY, _ANY))
        last = bisect_left(passed, _Passed(mark.at_us + span_us, -1, -1))
        near = [_again(mark, found) for found in passed[first:last] if found.took_part >= mark.count]
        return min(
            near, key=lambda found: (found in self._tentative, abs(found.at_us - mark.at_us), found.at_us), default=None
        )

    def is_tentative(self, mark: Mark) -> bool:
        """Whether it is not known yet that its alert is stored."""
        return mark in self._tentative

    def add(self, mark: Mark, *, tentative: bool = False) -> None:
        """Remember an alert that passes."""
        insort(self._passed.setdefault(_kind(mark), []), _Passed(mark.at_us, mark.count, mark.noted_us))
        if tentative:
            self._tentative.add(mark)
        self._added += 1

    def confirm(self, mark: Mark) -> None:
        """Its alert is new and stored."""
        self._tentative.discard(mark)

    def take_back(self, mark: Mark) -> None:
        """Its alert was a repetition, or the store did not take it."""
        self._tentative.discard(mark)
        passed = self._passed.get(_kind(mark), [])
        if (found := _Passed(mark.at_us, mark.count, mark.noted_us)) in passed:
            passed.remove(found)
        if not passed:
            self._passed.pop(_kind(mark), None)

    def forget(self, *, now_us: int, longest: float) -> None:
        """Let go, now and then, of what no alert that may still come can be near to.

        Args:
            now_us: Now, µs since the epoch.
            longest: The longest cooldown of all rules, seconds.
        """
        if self._added < _FORGET_EVERY:
            return
        self._added = 0
        since_us = remembered_since(now_us=now_us, longest=longest)
        if len(self) > MOST:
            noted = sorted(found.noted_us for passed in self._passed.values() for found in passed)
            since_us = max(since_us, noted[-MOST])
        for kind, passed in list(self._passed.items()):
            passed[:] = [found for found in passed if found.noted_us >= since_us]
            if not passed:
                del self._passed[kind]


def remembered_since(*, now_us: int, longest: float) -> int:
    """Marks noted since then matter, µs since the epoch."""
    return now_us - KEPT_US - round(longest * MICROS)


def _kind(mark: Mark) -> _Kind:
    return (mark.rule, mark.subject, mark.timeframe, mark.direction)


def _again(mark: Mark, passed: _Passed) -> Mark:
    return Mark(
        mark.rule, mark.subject, mark.timeframe, mark.direction, passed.at_us, passed.took_part, passed.noted_us
    )
