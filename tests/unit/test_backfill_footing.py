"""Where a run's rounds start, though somebody sets the clock."""

from __future__ import annotations

import pytest

from relay.backfill.footing import Footing
from relay.clock import MICROS
from relay.events import Channel
from relay.outbox.channels import ChannelState, RoundEnd
from tests.support.clock import START_US, FakeClock


async def complete(footing: Footing, clock: FakeClock, position: int) -> None:
    began_us = footing.now_us()
    await clock.advance(1)
    footing.completed(RoundEnd(Channel.IN_FORCE, position, began_us, footing.now_us()))


def of_a_run_before(*ends: tuple[int, int]) -> ChannelState:
    """Rounds as (position, completed so many seconds ago)."""
    return ChannelState(
        rounds=tuple(
            RoundEnd(Channel.IN_FORCE, position, START_US - (ago + 1) * MICROS, START_US - ago * MICROS)
            for position, ago in ends
        )
    )


BEFORE = of_a_run_before((50, 400), (60, 200), (70, 10))


async def test_a_run_starts_from_what_the_run_before_may_build_upon() -> None:
    clock = FakeClock()
    footing = Footing(clock)
    assert footing.start(BEFORE) == 60
    await complete(footing, clock, 80)
    assert footing.start(BEFORE) == 60, "one round of its own says nothing"


async def test_it_moves_on_once_two_rounds_of_its_own_lie_two_minutes_apart() -> None:
    clock = FakeClock()
    footing = Footing(clock)
    footing.start(BEFORE)
    await complete(footing, clock, 80)
    await clock.advance(119)
    await complete(footing, clock, 90)
    assert footing.start(BEFORE) == 60
    await clock.advance(1)
    await complete(footing, clock, 100)
    assert footing.start(BEFORE) == 80


@pytest.mark.parametrize("seconds", [300, 86_400, -300, -86_400])
async def test_a_clock_that_is_set_makes_no_two_minutes(seconds: float) -> None:
    clock = FakeClock()
    footing = Footing(clock)
    footing.start(BEFORE)
    await complete(footing, clock, 80)
    clock.jump(seconds)
    await complete(footing, clock, 90)
    await complete(footing, clock, 100)
    assert footing.start(BEFORE) == 60


async def test_it_never_runs_ahead_of_the_time_that_has_passed() -> None:
    clock = FakeClock()
    footing = Footing(clock)
    began_us = footing.now_us()
    clock.jump(900)
    await clock.advance(10)
    assert footing.now_us() == began_us + 10 * MICROS
    clock.jump(-1000)
    assert footing.now_us() == began_us - 90 * MICROS
    clock.jump(100)
    await clock.advance(5)
    assert footing.now_us() == began_us - 85 * MICROS


async def test_what_is_built_upon_stays_so_when_the_clock_is_set_back() -> None:
    clock = FakeClock()
    footing = Footing(clock)
    footing.start(BEFORE)
    for position in (80, 90):
        await complete(footing, clock, position)
        await clock.advance(300)
    clock.jump(-7200)
    await complete(footing, clock, 100)
    assert footing.start(BEFORE) == 80


async def test_of_a_long_run_only_the_last_minutes_are_remembered() -> None:
    clock = FakeClock()
    footing = Footing(clock)
    footing.start(ChannelState())
    for position in range(1, 2000):
        await complete(footing, clock, position)
    assert len(footing._mine) < 130
    assert footing.start(ChannelState()) == 1999 - 121
