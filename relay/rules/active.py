"""When a rule is awake: hours of the day in a time zone, on days of the week.

    an alert's own time ──local time of the zone──> day and minute ──> awake?

A range over midnight (22:00-02:00) belongs to the day it began on: with `days: fri` it lasts into Saturday morning.
A range ends before its last minute begins: at 16:00:00 a window of 09:30-16:00 is over. It is wall-clock time that
counts, so the hour that a change to summer time skips is never, and the one that comes twice in autumn is twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from relay.clock import MICROS

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY: Final = frozenset(range(7))
MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """From ``start`` until before ``end``, minutes after midnight; over midnight where ``end`` is not the greater."""

    start: int
    end: int

    def __str__(self) -> str:
        """``09:30-16:00``."""
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.start, self.end))


@dataclass(frozen=True, slots=True)
class Active:
    """A weekly window.

    Attributes:
        timezone: An IANA name: ``America/New_York``.
        days: On which a range begins; 0 is Monday.
        hours: Any of these; empty is the whole day.
    """

    timezone: str
    days: frozenset[int] = EVERY_DAY
    hours: tuple[Hours, ...] = ()

    def holds(self, at_us: int) -> bool:
        """Whether the window is open at ``at_us``, µs since the epoch."""
        local = self.local(at_us)
        minute = local.hour * 60 + local.minute
        return any(day.weekday() in self.days for day in self._began(local, minute))

    def local(self, at_us: int) -> datetime:
        """The window's own time."""
        return datetime.fromtimestamp(at_us // MICROS, UTC).astimezone(ZoneInfo(self.timezone))

    def _began(self, local: datetime, minute: int) -> Iterator[datetime]:
        """The days on which a range began that holds ``minute``."""
        if not self.hours:
            yield local
        for hours in self.hours:
            if hours.start < hours.end:
                if hours.start <= minute < hours.end:
                    yield local
            else:
                if minute >= hours.start:
                    yield local
                if minute < hours.end:
                    yield local - timedelta(days=1)
