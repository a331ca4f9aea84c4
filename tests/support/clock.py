"""A clock that a test moves by hand."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

START_US = 1_775_828_722_000_000  # 2026-04-10T13:45:22Z


class FakeClock:
    """Time stands still until ``advance``; sleepers wake in order of their times.

    Attributes:
        sleeps: How often somebody went to sleep; a loop that spins shows here.
    """

    def __init__(self, now_us: int = START_US) -> None:
        self._now_us = now_us
        self._monotonic = 1_000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self.sleeps = 0

    def now_us(self) -> int:
        return self._now_us

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), future))
        await future

    def jump(self, seconds: float) -> None:
        """Set the wall clock on (or back) without anybody waking: a step of the machine's time."""
        self._now_us += round(seconds * 1_000_000)

    @property
    def next_wake(self) -> float | None:
        """Seconds until the next sleeper's time; None where nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] - self._monotonic if self._sleepers else None

    async def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass, waking each sleeper at its time and letting it run."""
        end = self._monotonic + seconds
        await settle()
        while (wake := self.next_wake) is not None and self._monotonic + wake <= end:
            self._pass(max(0.0, wake))
            _, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
            await settle()
        self._pass(end - self._monotonic)
        await settle()

    def _pass(self, seconds: float) -> None:
        self._monotonic += seconds
        self._now_us += round(seconds * 1_000_000)


async def settle(turns: int = 50) -> None:
    """Let everything that can run without time or I/O run."""
    for _ in range(turns):
        await asyncio.sleep(0)
