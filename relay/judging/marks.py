"""What cooldowns are measured by: the alerts that rules with one let through.

    Mark of a new alert ──blocking──> a mark of the same rule, symbol, timeframe and direction, nearer than the cooldown
                                      none: the alert passes, and is marked itself

What holds always:

* Times are the alerts' own: it makes no difference which of two came first, or how late.
* A break with more participants than every near one passes.
* An alert is not held back for its own sake: come again by another way, it is known by its mark.
* A mark is tentative until its alert is known to be new and stored. One that turns out a repetition takes its mark
  back, so that fetching again changes nothing; nobody is suppressed for a tentative mark.

Memory: an entry for each alert that passed, for ``KEPT_US`` and the longest cooldown, ``MOST_MARKS`` of them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from operator import attrgetter
from typing import Final, TypeAlias

from relay.clock import MICROS
from relay.events import ALERT_CHANNELS, Channel, Event, count_of
from relay.outbox.memory import MOST_MARKS, Mark

KEPT_US: Final = 2 * 86_400 * MICROS
"""How long an alert is remembered beyond its cooldown: a backfill may bring one from before it so much later."""

_FORGET_EVERY: Final = 1_000  # marks

_at_us: Final = attrgetter("at_us")

_Kind: TypeAlias = tuple[str, str, str, str]  # rule, subject, timeframe, direction


def mark_of(rule: str, event: Event, received_at_us: int) -> Mark:
    """The mark that ``event`` would leave for ``rule``; one without a time counts as of when it was received."""
    broke = event.channel is Channel.BREAKS
    at = event.triggered_at
    return Mark(
        rule=rule,
        subject="breaks" if broke else event.symbol or "",
        timeframe=event.timeframe or "",
        direction=event.direction or "",
        at_us=at.us if at else received_at_us,
        count=count_of(event) or 0 if broke else 0,
        noted_us=received_at_us,
        precision_us=0 if event.channel not in ALERT_CHANNELS else at.precision_us if at else 1,
        shape=event.shape or "",
        upstream_id=event.id,
    )


class Marks:
    """Marks in memory, by rule and kind of alert.

    Args:
        marks: Those of the store.
        longest: The longest cooldown of all rules, seconds; may be set anew.
    """

    def __init__(self, marks: Iterable[Mark] = (), *, longest: float = 0.0) -> None:
        self.longest = longest
        self._passed: dict[_Kind, list[Mark]] = {}
        self._tentative: set[Mark] = set()
        self._added = 0
        for mark in marks:
            insort(self._passed.setdefault(_kind(mark), []), mark, key=_at_us)

    def __len__(self) -> int:
        return sum(map(len, self._passed.values()))

    def blocking(self, mark: Mark, cooldown: float) -> Mark | None:
        """The nearest mark for which an alert with ``mark`` is suppressed, one that is certain if there is one.

        Args:
            mark: What the alert would leave.
            cooldown: Seconds.
        """
        near = (found for found in self._near(mark, cooldown) if found.count >= mark.count and not same(mark, found))
        return min(
            near, key=lambda found: (found in self._tentative, abs(found.at_us - mark.at_us), found.at_us), default=None
        )

    def has(self, mark: Mark) -> bool:
        """Whether the alert that would leave ``mark`` has left it already, or one sighting of it that is tentative."""
        return any(same(mark, found) for found in self._near(mark, 2 * mark.precision_us / MICROS + 60.0))

    def _near(self, mark: Mark, seconds: float) -> list[Mark]:
        passed = self._passed.get(_kind(mark))
        if not passed:
            return []
        span_us = round(seconds * MICROS)
        first = bisect_right(passed, mark.at_us - span_us, key=_at_us)
        return passed[first : bisect_left(passed, mark.at_us + span_us, key=_at_us)]

    def is_tentative(self, mark: Mark) -> bool:
        """Whether it is not known yet that its alert is stored."""
        return mark in self._tentative

    def add(self, mark: Mark, *, tentative: bool = False) -> None:
        """Remember an alert that passes."""
        insort(self._passed.setdefault(_kind(mark), []), mark, key=_at_us)
        if tentative:
            self._tentative.add(mark)
        self._added += 1
        if self._added >= _FORGET_EVERY:
            self._added = 0
            self._forget(mark.noted_us)

    def confirm(self, mark: Mark) -> None:
        """Its alert is new and stored."""
        self._tentative.discard(mark)

    def take_back(self, mark: Mark) -> None:
        """Its alert was a repetition, or the store did not take it."""
        self._tentative.discard(mark)
        passed = self._passed.get(_kind(mark), [])
        if mark in passed:
            passed.remove(mark)
        if not passed:
            self._passed.pop(_kind(mark), None)

    def _forget(self, now_us: int) -> None:
        """Let go of what no alert that may still come can be near to."""
        since_us = remembered_since(now_us=now_us, longest=self.longest)
        if len(self) > MOST_MARKS:
            noted = sorted(mark.noted_us for passed in self._passed.values() for mark in passed)
            since_us = max(since_us, noted[-MOST_MARKS])
        for kind, passed in list(self._passed.items()):
            passed[:] = [mark for mark in passed if mark.noted_us >= since_us]
            if not passed:
                del self._passed[kind]


def same(one: Mark, other: Mark) -> bool:
    """Whether two marks of one kind are of one alert, as ``relay.events.same_alert`` tells alerts apart."""
    if one.upstream_id is not None and other.upstream_id is not None:
        return one.upstream_id == other.upstream_id
    step = max(one.precision_us, other.precision_us)
    if not step:
        return False  # of quotes and states, of which none comes twice
    shapes = not one.shape or not other.shape or one.shape == other.shape
    return shapes and one.count == other.count and one.at_us // step == other.at_us // step


def remembered_since(*, now_us: int, longest: float) -> int:
    """Marks noted since then matter, µs since the epoch; ``longest`` is the longest cooldown, seconds."""
    return now_us - KEPT_US - round(longest * MICROS)


def _kind(mark: Mark) -> _Kind:
    return (mark.rule, mark.subject, mark.timeframe, mark.direction)
