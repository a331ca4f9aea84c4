"""The wall clock without its leaps forward."""

from __future__ import annotations

import pytest

from relay.clock import MICROS, SteadyTime
from tests.support.clock import START_US, FakeClock

HOUR = 3_600
DAY = 24 * HOUR


async def seconds(time: SteadyTime, clock: FakeClock, passing: float = 0) -> float:
    """What it tells after ``passing`` seconds, in seconds since the start."""
    await clock.advance(passing)
    return (time.now_us() - START_US) / MICROS


async def test_it_is_the_wall_clock_while_nobody_sets_that() -> None:
    clock = FakeClock()
    time = SteadyTime(clock)
    assert [await seconds(time, clock, passing) for passing in (0, 1, 0.5, DAY)] == [0, 1, 1.5, DAY + 1.5]


async def test_it_keeps_its_own_pace_when_the_wall_clock_leaps_and_follows_it_back() -> None:
    clock = FakeClock()
    time = SteadyTime(clock)
    assert await seconds(time, clock) == 0
    clock.jump(900)
    assert await seconds(time, clock, 10) == 10
    clock.jump(-1000)
    assert await seconds(time, clock) == -90
    clock.jump(100)
    assert await seconds(time, clock, 5) == -85


async def test_what_the_wall_clock_says_first_is_believed() -> None:
    clock = FakeClock()
    time = SteadyTime(clock)
    clock.jump(40 * DAY)  # before the first look
    assert await seconds(time, clock) == 40 * DAY


async def test_by_default_a_leap_is_never_believed() -> None:
    clock = FakeClock()
    time = SteadyTime(clock)
    time.now_us()
    clock.jump(3 * DAY)
    assert await seconds(time, clock) == 0
    assert await seconds(time, clock, 1_000 * DAY) == 1_000 * DAY


async def test_with_patience_a_leap_is_believed_once_it_has_stood_for_so_long() -> None:
    clock = FakeClock()
    time = SteadyTime(clock, patience=DAY)
    time.now_us()
    clock.jump(3 * DAY)
    assert await seconds(time, clock) == 0
    assert await seconds(time, clock, DAY - 1) == DAY - 1
    assert await seconds(time, clock, 1) == 4 * DAY
    assert await seconds(time, clock, 1) == 4 * DAY + 1


@pytest.mark.parametrize("back", [3 * DAY, 4 * DAY])
async def test_a_leap_that_was_taken_back_meanwhile_starts_anew(back: float) -> None:
    clock = FakeClock()
    time = SteadyTime(clock, patience=DAY)
    time.now_us()
    clock.jump(3 * DAY)
    assert await seconds(time, clock, DAY / 2) == DAY / 2
    clock.jump(-back)
    assert await seconds(time, clock) == DAY / 2 + 3 * DAY - back
    clock.jump(back)
    now = await seconds(time, clock)
    assert await seconds(time, clock, DAY - 1) == now + DAY - 1
    assert await seconds(time, clock, 1) == now + DAY + back


async def test_of_several_leaps_the_least_that_stood_is_believed() -> None:
    clock = FakeClock()
    time = SteadyTime(clock, patience=DAY)
    time.now_us()
    clock.jump(3 * DAY)
    await seconds(time, clock)
    clock.jump(40 * DAY)
    assert await seconds(time, clock, DAY) == 4 * DAY
    assert await seconds(time, clock) == 4 * DAY, "the rest has stood for no day yet"
    assert await seconds(time, clock, DAY) == 45 * DAY
