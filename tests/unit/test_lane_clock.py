"""``give_up_after`` when somebody sets the wall clock: what was tried for a minute is not given up."""

from __future__ import annotations

import pytest

from relay.deliveries import State
from tests.support.lane import BAD, DOWN, Scene, failing

DAY = 86_400
HOUR = 3_600


@pytest.mark.parametrize("days", [1, 3, 10_000])
async def test_a_clock_that_is_set_forward_buries_nothing_that_was_tried_for_a_minute(days: int) -> None:
    scene = Scene(retry_initial=1.0, retry_max=5.0)
    scene.receiver.answer = lambda _: DOWN
    async with scene.running():
        await scene.put(1)
        await scene.clock.advance(1)
        scene.clock.jump(days * DAY)  # a machine without a clock of its own, set once the network is there
        await scene.clock.advance(30)
        assert scene.states()[1] is State.PENDING


async def test_it_is_given_up_once_the_time_has_passed_indeed() -> None:
    scene = Scene(retry_initial=60.0, retry_max=300.0)
    scene.receiver.answer = lambda _: DOWN
    async with scene.running():
        await scene.clock.advance(2 * DAY)  # the lane's own age says nothing about what came later
        await scene.put(1)
        scene.clock.jump(3 * DAY)
        await scene.clock.advance(DAY - 1)
        assert scene.states()[1] is State.PENDING
        await scene.clock.advance(301)
        assert scene.states()[1] is State.DEAD


async def test_a_clock_that_is_set_back_gives_nothing_up_early() -> None:
    scene = Scene(retry_initial=60.0, retry_max=300.0)
    scene.receiver.answer = lambda _: DOWN
    async with scene.running():
        await scene.put(1)
        scene.clock.jump(-HOUR)
        await scene.clock.advance(DAY + 600)
        assert scene.states()[1] is State.PENDING
        await scene.clock.advance(HOUR)
        assert scene.states()[1] is State.DEAD


async def test_what_is_parked_and_read_anew_is_no_exception() -> None:
    scene = Scene(ordering="none", concurrency=2, retry_initial=30, retry_max=30)
    scene.receiver.answer = failing(1)
    async with scene.running():
        for number in range(1, 4):  # others succeed: it fails for itself, and is parked
            await scene.put(number)
            await scene.clock.advance(30)
        assert next(record for record in scene.memory.records.values() if record.delivery.event.id == 1).delivery.parked
        scene.clock.jump(3 * DAY)
        await scene.clock.advance(600)
        assert scene.states()[1] is State.PENDING
        await scene.clock.advance(DAY)
        assert scene.states()[1] is State.DEAD


async def test_what_was_read_anew_by_hand_is_no_exception() -> None:
    scene = Scene(retry_initial=1.0, retry_max=5.0)
    scene.receiver.answer = lambda _: DOWN
    async with scene.running():
        await scene.put(1)
        await scene.lane.pause()
        await scene.lane.resume()
        scene.clock.jump(3 * DAY)
        await scene.clock.advance(30)
        assert scene.states()[1] is State.PENDING


async def test_what_another_run_tried_goes_by_the_wall_clock_alone() -> None:
    scene = Scene(retry_initial=1.0, retry_max=5.0)
    scene.receiver.answer = lambda _: DOWN
    async with scene.running():
        await scene.put(1)
        await scene.clock.advance(1)
    scene.clock.jump(DAY)  # nobody knows how long the relay was down but by this
    scene.lane = scene.new_lane()
    async with scene.running():
        await scene.clock.advance(10)
        assert scene.states()[1] is State.DEAD


async def test_what_was_tried_with_others_first_counts_from_then() -> None:
    scene = Scene(capacity=10, ordering="strict", retry_initial=60.0, retry_max=300.0)
    scene.receiver.answer = lambda _: BAD if len(scene.receiver.batches[-1]) > 1 else DOWN
    async with scene.running():
        await scene.clock.advance(2 * DAY)
        await scene.put(1, 2)
        assert scene.receiver.batches[0] == [1, 2]
        scene.clock.jump(3 * DAY)
        await scene.clock.advance(HOUR)
        assert scene.states() == {1: State.PENDING, 2: State.PENDING}
