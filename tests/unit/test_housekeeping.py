"""Retention while somebody sets the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from relay.clock import MICROS
from relay.deliveries import Outcome, Verdict
from relay.housekeeping import tidy
from tests.support.clock import START_US, FakeClock
from tests.support.events import entry, in_force
from tests.support.memory_outbox import Memory, MemoryOutbox

HOUR = 3_600
DAY = 24 * HOUR
RETENTION = 12 * HOUR


class House:
    """A store with one delivery, finished now, of an alert that came ``days_ago``, and the housekeeping over it."""

    def __init__(self, *, retention: float = RETENTION, days_ago: int = 29) -> None:
        self._retention, self._received_us = retention, START_US - days_ago * DAY * MICROS
        self.clock = FakeClock()
        self.memory = Memory(START_US)
        self.outbox = MemoryOutbox(self.memory)
        self.marks_at: list[float] = []

    def _marks_since_us(self, now_us: int) -> int:
        self.marks_at.append((now_us - START_US) / MICROS)
        return 0

    @asynccontextmanager
    async def tidied(self) -> AsyncIterator[None]:
        await self.outbox.commit([entry(in_force(None), "bot", at_us=self._received_us)])
        (found,), _ = await self.outbox.claim("bot", after=0, limit=1)
        await self.outbox.ack(found, Outcome(Verdict.DELIVERED, "200"), at_us=START_US)
        tidying = asyncio.create_task(
            tidy(self.outbox, self.clock, retention=self._retention, marks_since_us=self._marks_since_us)
        )
        await self.clock.advance(0)
        try:
            yield
        finally:
            tidying.cancel()

    @property
    def kept(self) -> tuple[int, int]:
        """Deliveries and identities that are still there."""
        return len(self.memory.records), len(self.memory.events)


async def test_what_is_finished_goes_after_its_time_and_its_identity_after_a_month() -> None:
    house = House()
    async with house.tidied():
        await house.clock.advance(RETENTION)
        assert house.kept == (1, 1)
        await house.clock.advance(61)
        assert house.kept == (0, 1)
        await house.clock.advance(DAY - RETENTION)
        assert house.kept == (0, 0)


@pytest.mark.parametrize("days", [1, 40, 10_000])
async def test_a_clock_that_leaps_prunes_nothing_while_it_may_be_set_right(days: int) -> None:
    house = House()
    async with house.tidied():
        house.clock.jump(days * DAY)
        await house.clock.advance(RETENTION - 1)
        assert house.kept == (1, 1)
        house.clock.jump(-days * DAY)
        await house.clock.advance(61)
        assert house.kept == (0, 1)
        assert max(house.marks_at) < DAY, "marks of cooldowns go by the same time"


async def test_a_leap_that_stands_for_a_day_is_believed() -> None:
    house = House(retention=7 * DAY, days_ago=0)
    async with house.tidied():
        house.clock.jump(40 * DAY)  # it began with an old time, and has been set right
        await house.clock.advance(DAY - 61)
        assert house.kept == (1, 1)
        await house.clock.advance(122)
        assert house.kept == (0, 0)


async def test_a_clock_that_is_set_back_prunes_nothing_early() -> None:
    house = House()
    async with house.tidied():
        house.clock.jump(-3 * HOUR)
        await house.clock.advance(RETENTION + 2 * HOUR)
        assert house.kept == (1, 1)
        await house.clock.advance(HOUR + 61)
        assert house.kept == (0, 1)
