"""What went through the relay, minute by minute, over the last hour: for the page's chart.

    Intake ──stored──────┐
    Lane   ──attempted───┴──> Pulse ──minutes()──> a Minute each, the oldest first

It counts in memory and begins anew with each run. A minute begins on the wall clock's minute as of the start; from then
on the monotonic clock counts, so that a clock that is set neither loses a minute nor makes one twice.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from relay.clock import MICROS, Clock
from relay.deliveries import Delivery, Outcome, Verdict
from relay.events import Event, Source

MINUTES: Final = 60
_SECONDS: Final = 60


class Minute(msgspec.Struct):
    """A minute's counts.

    Attributes:
        at_us: When it began, µs since the epoch.
        events: Alerts that were stored for the first time; without those from before a channel's baseline.
        delivered: Messages that were delivered, each alert of a digest by itself.
        failed: Attempts that failed, likewise.
    """

    at_us: int
    events: int = 0
    delivered: int = 0
    failed: int = 0


class Pulse:
    """Counts the last ``MINUTES``, the one under way included."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Added to monotonic time, it has minutes begin where those of the wall clock began at the start.
        self._offset = clock.now_us() / MICROS % _SECONDS - clock.monotonic()
        self._number = 0  # of the minute under way, since the start
        self._minutes: deque[Minute] = deque([Minute(self._began_us())], maxlen=MINUTES)

    def stored(self, _event: Event, _source: Source) -> None:
        """An alert was stored, for the first time."""
        self._under_way().events += 1

    def attempted(self, delivery: Delivery, outcome: Outcome, seconds: float) -> None:
        """An attempt ended; whose it was and how long it took is not told apart."""
        del delivery, seconds
        minute = self._under_way()
        if outcome.verdict is Verdict.DELIVERED:
            minute.delivered += 1
        else:
            minute.failed += 1

    def minutes(self) -> tuple[Minute, ...]:
        """Those of this run, the oldest first, the one under way last; copies."""
        self._under_way()
        return tuple(msgspec.structs.replace(minute) for minute in self._minutes)

    def _under_way(self) -> Minute:
        number = int((self._clock.monotonic() + self._offset) // _SECONDS)
        missing = min(number - self._number, MINUTES)
        for before in range(missing - 1, -1, -1):
            self._minutes.append(Minute(self._began_us() - before * _SECONDS * MICROS))
        self._number = number
        return self._minutes[-1]

    def _began_us(self) -> int:
        """When the minute under way began, by the clock of now."""
        into = (self._clock.monotonic() + self._offset) % _SECONDS
        return self._clock.now_us() - round(into * MICROS)
