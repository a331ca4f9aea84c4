"""Time, handed in.

Instants are integer microseconds since the epoch, UTC (``_us`` in names); spans are float seconds. Nothing
below ``relay.cli`` asks the operating system for the time, so a test moves it by hand.
"""

from __future__ import annotations

import asyncio
import math
import time
from datetime import UTC, datetime
from typing import Protocol

MICROS = 1_000_000


class Clock(Protocol):
    """What the relay needs to know about time."""

    def now_us(self) -> int:
        """Wall clock, µs since the epoch; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since some origin; never jumps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds`` of monotonic time."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Wall clock, µs since the epoch."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Seconds of ``time.monotonic``, which the event loop sleeps by."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """``asyncio.sleep``."""
        await asyncio.sleep(seconds)


class SteadyTime:
    """The wall clock without its leaps forward: within a run it never runs ahead of the time that has passed.

    It follows the wall clock when that is set back, and keeps its own pace when that leaps. What the wall clock says
    at the first look is believed: there is nothing yet to measure it by.

    Args:
        clock: The wall clock and the time that passes.
        patience: Seconds after which a leap is believed, if the wall clock was ahead at every look since; never by
            default.
    """

    def __init__(self, clock: Clock, *, patience: float = math.inf) -> None:
        self._clock = clock
        self._patience = patience
        self._offset_us: int | None = None
        self._leap: tuple[float, int] | None = None  # since when, and what all looks since agree on

    def now_us(self) -> int:
        """µs since the epoch."""
        now = self._clock.monotonic()
        monotonic_us = round(now * MICROS)
        offset_us = self._clock.now_us() - monotonic_us
        if self._offset_us is None or offset_us <= self._offset_us:
            self._offset_us, self._leap = offset_us, None
            return monotonic_us + offset_us
        since, least_us = (now, offset_us) if self._leap is None else self._leap
        self._leap = (since, min(least_us, offset_us))
        if now - since >= self._patience:
            self._offset_us, self._leap = self._leap[1], None
        return monotonic_us + self._offset_us


async def wait_until(event: asyncio.Event, clock: Clock, seconds: float | None) -> bool:
    """Wait for ``event``, at most ``seconds`` (None: for ever); True when it was set."""
    if event.is_set() or seconds is None:
        return await event.wait()
    if seconds <= 0:
        return False
    waiter = asyncio.ensure_future(event.wait())
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((waiter, timer), return_when=asyncio.FIRST_COMPLETED)
        return event.is_set()
    finally:
        for task in (waiter, timer):
            task.cancel()


def isoformat(us: int) -> str:
    """RFC 3339 in UTC with milliseconds: ``2026-04-10T13:45:22.123Z``."""
    moment = datetime.fromtimestamp(us // MICROS, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{us % MICROS // 1000:03d}Z"
