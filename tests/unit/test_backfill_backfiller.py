"""When rounds are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog.testing

from relay.backfill.status import Standing
from relay.events import Channel
from tests.support.backfill import DOWN, HOUR, REFUSED, Asked, Scene, alert, some_break
from tests.support.clock import START_US, settle

BOTH = (Channel.IN_FORCE, Channel.BREAKS)


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.caught_up(1_000)
    scene.caught_up(100, channel=Channel.BREAKS)
    return scene


@asynccontextmanager
async def running(scene: Scene) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(scene.backfiller.run())
    await settle()
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_nothing_is_asked_before_there_is_a_reason(scene: Scene) -> None:
    async with running(scene):
        assert scene.rest.asked == []
        scene.backfiller.request("acknowledged")
        await settle()
        assert len(scene.rest.asked) == 1


async def test_reconciliation_comes_every_five_minutes(scene: Scene) -> None:
    async with running(scene):
        await scene.clock.advance(299)
        assert scene.rest.asked == []
        await scene.clock.advance(2)
        assert len(scene.rest.asked) == 1
        scene.configure(every=60.0)
        await scene.clock.advance(300)
        await scene.clock.advance(61)
        assert len(scene.rest.asked) == 3


async def test_requests_that_come_together_are_one_round(scene: Scene) -> None:
    async with running(scene):
        for _ in range(20):
            scene.backfiller.request("seq gap")
        await settle()
        assert len(scene.rest.asked) == 1


async def test_a_request_during_a_round_leads_to_one_more_and_never_to_two_at_once(scene: Scene) -> None:
    async with running(scene):
        scene.rest.gate.clear()
        scene.backfiller.request("acknowledged")
        await settle()
        for _ in range(5):
            scene.backfiller.request("seq gap")
        by_hand = asyncio.ensure_future(scene.backfiller.run_now())
        await settle()
        assert len(scene.rest.asked) == 1
        assert not by_hand.done()
        scene.rest.gate.set()
        await settle()
        assert by_hand.done()
        assert 2 <= len(scene.rest.asked) <= 3


async def test_who_asks_by_hand_during_a_round_gets_the_next_one(scene: Scene) -> None:
    scene.rest.gate.clear()
    first = asyncio.ensure_future(scene.backfiller.run_now())
    await settle()
    second = asyncio.ensure_future(scene.backfiller.run_now())
    third = asyncio.ensure_future(scene.backfiller.run_now())
    await settle()
    scene.rest.gate.set()
    await asyncio.gather(first, second, third)
    assert len(scene.rest.asked) == 2, "the first by itself, the others together"


async def test_a_round_by_hand_tells_what_came_of_it_without_a_running_loop(scene: Scene) -> None:
    scene.subscribed = BOTH
    scene.fire(alert(1_004), some_break(105))
    reports = await scene.backfiller.run_now()
    assert [(report.channel, report.recovered) for report in reports] == [(channel, 1) for channel in BOTH]


async def test_a_round_by_hand_looks_back_further_than_the_cursor(scene: Scene) -> None:
    scene.caught_up(100)
    scene.fire(alert(40, at_us=START_US - 30 * HOUR), alert(120))
    (usual,) = await scene.backfiller.run_now()
    assert scene.store.ids == [120]
    (report,) = await scene.backfiller.run_now(since_us=START_US - 40 * HOUR)
    assert scene.store.ids == [120, 40]
    assert (usual.recovered, report.found, report.recovered) == (1, 2, 1)
    assert scene.rest.asked[-1].window_minutes >= 40 * 60
    assert (await scene.store.channel(Channel.IN_FORCE)).cursor == 120


async def test_looking_back_holds_for_one_round_only(scene: Scene) -> None:
    scene.caught_up(100)
    await scene.backfiller.run_now(since_us=START_US - 40 * HOUR)
    await scene.backfiller.run_now()
    assert [asked.since_id for asked in scene.rest.asked] == [None, 100]


async def test_who_asks_together_is_shown_as_far_back_as_any_of_them_wants(scene: Scene) -> None:
    scene.caught_up(100)
    scene.rest.gate.clear()
    rounds = [asyncio.ensure_future(scene.backfiller.run_now(since_us=START_US - n * HOUR)) for n in (1, 90, 30)]
    await asyncio.sleep(0)
    scene.rest.gate.set()
    await asyncio.gather(*rounds)
    assert max(asked.window_minutes for asked in scene.rest.asked) >= 90 * 60


async def test_only_subscribed_channels_are_asked_for(scene: Scene) -> None:
    scene.subscribed = (Channel.BREAKS,)
    async with running(scene):
        scene.backfiller.request("acknowledged")
        await settle()
        assert [asked.channel for asked in scene.rest.asked] == [Channel.BREAKS]
        scene.subscribed = ()
        await scene.clock.advance(900)
        assert len(scene.rest.asked) == 1
        assert await scene.backfiller.run_now() == []


async def test_an_endpoint_in_trouble_holds_up_no_other(scene: Scene) -> None:
    scene.subscribed = BOTH
    scene.fire(some_break(105))

    def fail(asked: Asked) -> None:
        if asked.channel is Channel.IN_FORCE:
            scene.rest.failures = [DOWN]

    scene.rest.before = fail
    async with running(scene):
        scene.backfiller.request("acknowledged")
        await settle()
        assert scene.store.ids == [105]
        await scene.clock.advance(700)
        assert scene.backfiller.status[Channel.BREAKS].rounds == 3
        assert scene.backfiller.status[Channel.IN_FORCE].standing is Standing.RETRYING


async def test_a_refusal_is_tried_again_every_five_minutes(scene: Scene) -> None:
    scene.rest.down = REFUSED
    async with running(scene):
        scene.backfiller.request("acknowledged")
        await scene.clock.advance(299)
        assert len(scene.rest.asked) == 1
        assert scene.backfiller.status[Channel.IN_FORCE].standing is Standing.REFUSED
        scene.rest.down = None
        await scene.clock.advance(2)
        assert len(scene.rest.asked) == 2
        assert scene.backfiller.status[Channel.IN_FORCE].standing is Standing.IDLE


async def test_a_server_that_is_down_is_one_line_a_minute_in_the_log(scene: Scene) -> None:
    scene.rest.down = DOWN
    with structlog.testing.capture_logs() as lines:
        async with running(scene):
            scene.backfiller.request("acknowledged")
            await scene.clock.advance(180)
    warnings = [line for line in lines if line["event"] == "backfill waits for REST"]
    assert 3 <= len(warnings) <= 4
    assert len(scene.rest.asked) > 8


async def test_a_stop_in_the_middle_leaves_nothing_running_and_the_cursor_where_it_was(scene: Scene) -> None:
    scene.rest.down = DOWN
    async with running(scene) as task:
        scene.backfiller.request("acknowledged")
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
    assert scene.store.states[Channel.IN_FORCE].cursor == 1_000
    assert scene.backfiller.status[Channel.IN_FORCE].standing is Standing.IDLE
    asked = len(scene.rest.asked)
    await scene.clock.advance(600)
    assert len(scene.rest.asked) == asked


async def test_a_stop_waits_for_the_commit_that_is_under_way(scene: Scene) -> None:
    scene.fire(alert(1_004))
    scene.store.gate.clear()
    async with running(scene) as task:
        scene.backfiller.request("acknowledged")
        await settle()
        task.cancel()
        await settle()
        assert not task.done()
        scene.store.gate.set()
        await settle()
        assert task.done()
    assert scene.store.ids == [1_004]
    assert scene.store.states[Channel.IN_FORCE].cursor == 1_004


async def test_a_caller_that_goes_away_does_not_end_the_round(scene: Scene) -> None:
    scene.rest.gate.clear()
    by_hand = asyncio.ensure_future(scene.backfiller.run_now())
    await settle()
    by_hand.cancel()
    await asyncio.gather(by_hand, return_exceptions=True)
    scene.fire(alert(1_004))
    scene.rest.gate.set()
    await settle()
    assert scene.store.ids == [1_004]
