"""A channel's beginning: what is old, what is not, and what happens when REST does not answer in time."""

from __future__ import annotations

import asyncio

import pytest

from relay.backfill.baseline import has_baseline, is_old, provisional
from relay.backfill.round import Result
from relay.backfill.status import Standing
from relay.clock import MICROS
from relay.events import Channel
from relay.outbox.channels import Baseline, ChannelState, RoundEnd
from tests.support.backfill import DOWN, HOUR, MINUTE, REFUSED, Asked, Scene, alert, some_break
from tests.support.clock import START_US, settle
from tests.support.events import in_force

IN_FORCE = (Channel.IN_FORCE,)


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.store.first_started_at_us = START_US
    return scene


@pytest.mark.parametrize(
    ("event_id", "at", "baseline_id", "old"),
    [
        pytest.param(99, "13:45:00Z", 100, True, id="below and before"),
        pytest.param(100, "13:45:00Z", 100, True, id="the newest itself"),
        pytest.param(99, "13:45:40Z", 100, False, id="a low id, fired after"),
        pytest.param(101, "13:45:00Z", 100, False, id="a high id, fired before"),
        pytest.param(99, None, 100, True, id="a low id, no time"),
        pytest.param(101, None, 100, False, id="a high id, no time"),
        pytest.param(None, "13:45:00Z", 100, True, id="no id, before"),
        pytest.param(None, None, 100, False, id="nothing to tell by"),
        pytest.param(101, "13:45:00Z", None, True, id="time alone: before"),
        pytest.param(99, "13:45:40Z", None, False, id="time alone: after"),
        pytest.param(99, None, None, False, id="time alone: none told"),
        pytest.param(99, "13:45:29Z", 100, True, id="the second before"),
        pytest.param(99, "13:45:30Z", 100, False, id="the second itself"),
        pytest.param(99, "13:45Z", 100, False, id="told to the minute: may be after"),
    ],
)
def test_what_is_old(event_id: int | None, at: str | None, baseline_id: int | None, *, old: bool) -> None:
    before_us = START_US // MINUTE * MINUTE + 30 * MICROS
    event = in_force(event_id, at=f"2026-04-10T{at}" if at else None)
    assert is_old(event, Baseline(baseline_id, before_us)) is old


async def test_nothing_before_the_baseline_is_delivered(scene: Scene) -> None:
    scene.fire(alert(90), alert(95), alert(99, at_us=START_US))
    await scene.backfiller.ensure_baseline(IN_FORCE)
    state = scene.store.states[Channel.IN_FORCE]
    assert state.baseline == Baseline(99, START_US)
    assert state.cursor == 99
    assert scene.store.delivered == []
    assert len(scene.store.known) == 3
    assert scene.backfiller.status[Channel.IN_FORCE].baseline


async def test_an_alert_fired_between_baseline_and_subscription_is_found_by_the_next_round(scene: Scene) -> None:
    scene.fire(alert(90), alert(95))
    await scene.backfiller.ensure_baseline(IN_FORCE)
    scene.fire(alert(97, at_us=START_US - MICROS))  # fired just before, visible just after
    await scene.backfiller.run_now()
    assert scene.store.ids == [97]


async def test_an_alert_fired_while_the_baseline_is_read_is_delivered(scene: Scene) -> None:
    scene.rest.clamp, scene.rest.keeps_newest, scene.rest.seconds = 2, False, 1.0
    scene.fire(alert(90), alert(95), alert(97))

    def fire_another(asked: Asked) -> None:
        if asked.since_id == 95:
            scene.rest.before = None
            scene.fire(alert(99, at_us=scene.clock.now_us()))

    scene.rest.before = fire_another
    task = asyncio.ensure_future(scene.backfiller.ensure_baseline(IN_FORCE))
    await scene.settled(task)
    baseline = scene.store.states[Channel.IN_FORCE].baseline
    assert baseline is not None
    assert baseline.id == 99
    assert scene.store.ids == [99]


@pytest.mark.parametrize("ahead", [-2 * HOUR, 2 * HOUR])
async def test_the_baseline_is_measured_by_the_servers_clock(scene: Scene, ahead: int) -> None:
    scene.rest.server_ahead_us = ahead
    scene.fire(alert(90, at_us=START_US + ahead - MINUTE))
    await scene.backfiller.ensure_baseline(IN_FORCE)
    assert scene.store.states[Channel.IN_FORCE].baseline == Baseline(90, START_US + ahead)
    scene.fire(alert(80, at_us=START_US + ahead - MINUTE), alert(81, at_us=START_US + ahead + MICROS))
    await scene.backfiller.run_now()
    assert scene.store.ids == [81]


async def test_a_server_that_tells_no_time_is_measured_by_ours(scene: Scene) -> None:
    scene.rest.tells_time = False
    await scene.backfiller.ensure_baseline(IN_FORCE)
    assert scene.store.states[Channel.IN_FORCE].baseline == Baseline(0, START_US)


async def test_the_last_minutes_are_delivered_on_the_first_start_where_asked_for(scene: Scene) -> None:
    scene.configure(on_first_start=600.0)
    scene.fire(
        alert(90, at_us=START_US - 11 * MINUTE), alert(95, at_us=START_US - 9 * MINUTE), alert(97, at_us=START_US)
    )
    await scene.backfiller.ensure_baseline(IN_FORCE)
    assert scene.store.ids == [95, 97]
    scene.fire(alert(96, at_us=START_US - 9 * MINUTE), alert(89, at_us=START_US - 11 * MINUTE))
    await scene.backfiller.run_now()
    assert scene.store.ids == [95, 97, 96], "one that became visible late belongs to those minutes too"


async def test_the_first_window_reaches_over_what_is_delivered_on_the_first_start(scene: Scene) -> None:
    scene.configure(on_first_start=3 * 86_400.0)
    scene.fire(alert(90, at_us=START_US - 60 * HOUR))
    await scene.backfiller.ensure_baseline(IN_FORCE)
    assert scene.rest.asked[0].window_minutes == 6 * 24 * 60
    assert scene.store.ids == [90]


async def test_where_the_last_day_is_empty_the_newest_id_is_looked_for_further_back(scene: Scene) -> None:
    """Else a longer window would one day show what fired before the relay was there as if it were new."""
    scene.fire(alert(90, at_us=START_US - 100 * HOUR))
    await scene.backfiller.ensure_baseline(IN_FORCE)
    assert scene.store.states[Channel.IN_FORCE].cursor == 90
    assert scene.store.delivered == []


async def test_a_channel_that_never_fired_begins_at_zero(scene: Scene) -> None:
    await scene.backfiller.ensure_baseline(IN_FORCE)
    state = scene.store.states[Channel.IN_FORCE]
    assert (state.cursor, state.baseline) == (0, Baseline(0, START_US))
    assert scene.backfiller.status[Channel.IN_FORCE].baseline
    scene.fire(alert(5, at_us=START_US))
    await scene.backfiller.run_now()
    assert scene.store.ids == [5]


@pytest.mark.parametrize("keeps_newest", [True, False])
async def test_the_baseline_of_a_busy_day_is_its_newest_id_whichever_end_is_kept(
    scene: Scene, *, keeps_newest: bool
) -> None:
    scene.rest.clamp, scene.rest.keeps_newest = 5, keeps_newest
    scene.fire(*(alert(10 + 2 * number) for number in range(42)))
    await scene.backfiller.ensure_baseline(IN_FORCE)
    assert scene.store.states[Channel.IN_FORCE].cursor == 92
    assert scene.store.recorded == []
    assert scene.store.delivered == []


async def test_with_a_cursor_there_is_nothing_to_wait_for(scene: Scene) -> None:
    scene.caught_up(50)
    scene.rest.down = DOWN
    await scene.backfiller.ensure_baseline(IN_FORCE)
    assert scene.rest.asked == []
    assert scene.backfiller.status[Channel.IN_FORCE].baseline


async def test_quotes_and_states_have_no_baseline(scene: Scene) -> None:
    await scene.backfiller.ensure_baseline((Channel.QUOTES, Channel.STATES))
    assert scene.rest.asked == []


async def test_after_ten_seconds_it_goes_on_without_and_only_what_fired_before_the_first_start_is_old(
    scene: Scene,
) -> None:
    scene.fire(alert(90, at_us=START_US - MINUTE))
    scene.rest.down = DOWN
    task = asyncio.ensure_future(scene.backfiller.ensure_baseline(IN_FORCE))
    await scene.clock.advance(9.9)
    assert not task.done()
    await scene.clock.advance(0.2)
    await task
    assert scene.store.states[Channel.IN_FORCE].baseline == Baseline(None, START_US)
    assert not scene.backfiller.status[Channel.IN_FORCE].baseline
    scene.fire(alert(95, at_us=START_US + 5 * MICROS), alert(97, at_us=START_US + 12 * MICROS))
    scene.rest.down = None
    await scene.clock.advance(31)
    assert scene.store.ids == [95, 97]
    assert scene.backfiller.status[Channel.IN_FORCE].baseline
    await scene.backfiller.close()


async def test_what_a_late_baseline_had_read_is_judged_by_the_late_rule(scene: Scene) -> None:
    """It was on the way to be called old; an alert that fired since the first start must not go that way."""
    scene.rest.clamp, scene.rest.keeps_newest = 2, False
    scene.fire(alert(90), alert(91, at_us=START_US + MICROS), alert(92, at_us=START_US + 2 * MICROS))
    scene.rest.failures = [None, *[DOWN] * 6]
    task = asyncio.ensure_future(scene.backfiller.ensure_baseline(IN_FORCE))
    await scene.clock.advance(10)
    assert task.done()
    assert scene.store.known == set()
    await scene.clock.advance(60)
    assert scene.store.ids == [91, 92]
    assert "alerts.in_force:90" in scene.store.known


async def test_a_crash_before_the_late_baseline_makes_nothing_old(scene: Scene) -> None:
    scene.rest.down = DOWN
    task = asyncio.ensure_future(scene.backfiller.ensure_baseline(IN_FORCE))
    await scene.clock.advance(11)
    await task
    await scene.backfiller.close()
    scene.fire(alert(95, at_us=START_US + 5 * MICROS))
    scene.rest.down = None
    await scene.clock.advance(3 * 3600)
    scene.restart()
    await scene.backfiller.ensure_baseline(IN_FORCE)
    assert not scene.backfiller.status[Channel.IN_FORCE].baseline
    await scene.backfiller.run_now()
    assert scene.store.ids == [95]
    assert scene.backfiller.status[Channel.IN_FORCE].baseline


async def test_a_refusal_does_not_hold_up_the_subscription(scene: Scene) -> None:
    scene.rest.down = REFUSED
    await scene.backfiller.ensure_baseline(IN_FORCE)
    assert scene.store.states[Channel.IN_FORCE].baseline == Baseline(None, START_US)
    status = scene.backfiller.status[Channel.IN_FORCE]
    assert (status.standing, status.scope, status.baseline) == (Standing.REFUSED, "alerts:read", False)


async def test_the_late_window_reaches_back_to_the_first_start(scene: Scene) -> None:
    scene.rest.down = REFUSED
    await scene.backfiller.ensure_baseline(IN_FORCE)
    scene.fire(alert(95, at_us=START_US + MINUTE))
    await scene.clock.advance(3 * 86_400)
    scene.rest.down = None
    await scene.backfiller.run_now()
    assert scene.rest.asked[-1].window_minutes >= 6 * 24 * 60
    assert scene.store.ids == [95]


async def test_a_channel_wanted_later_does_not_begin_at_the_relays_first_start(scene: Scene) -> None:
    scene.caught_up(50)
    scene.store.first_started_at_us = START_US - 7 * 24 * HOUR
    scene.rest.down = REFUSED
    await scene.backfiller.ensure_baseline((Channel.BREAKS,))
    assert scene.store.states[Channel.BREAKS].baseline == Baseline(None, START_US)


async def test_one_channel_in_trouble_does_not_hold_up_the_others_baseline(scene: Scene) -> None:
    scene.fire(some_break(40))

    def hang(asked: Asked) -> None:
        if asked.channel is Channel.IN_FORCE:
            scene.rest.failures = [DOWN]

    scene.rest.before = hang
    task = asyncio.ensure_future(scene.backfiller.ensure_baseline((Channel.IN_FORCE, Channel.BREAKS)))
    await settle()
    assert scene.store.states[Channel.BREAKS].cursor == 40
    assert not task.done()
    await scene.clock.advance(10)
    assert task.done()
    await scene.backfiller.close()


async def test_a_baseline_that_waits_only_for_the_store_keeps_its_answer(scene: Scene) -> None:
    scene.fire(alert(90))
    scene.store.gate.clear()
    task = asyncio.ensure_future(scene.backfiller.ensure_baseline(IN_FORCE))
    await scene.clock.advance(10)
    assert task.done(), "it returns in time whatever happens"
    scene.store.gate.set()
    await settle()
    assert scene.store.states[Channel.IN_FORCE].baseline == Baseline(90, START_US)


async def test_a_round_asked_for_before_there_is_a_baseline_makes_it(scene: Scene) -> None:
    scene.fire(alert(90))
    (report,) = await scene.backfiller.run_now()
    assert (report.result, report.found, report.recovered) == (Result.OK, 1, 0)
    assert scene.store.states[Channel.IN_FORCE].cursor == 90


def test_a_provisional_beginning_fetched_nothing() -> None:
    end = provisional(Channel.BREAKS, 77)
    assert (end.position, end.began_at_us, end.completed_at_us, end.baseline) == (0, 77, 77, Baseline(None, 77))


@pytest.mark.parametrize(
    ("ends", "complete"),
    [
        pytest.param([], False, id="no round"),
        pytest.param([(0, 0)], False, id="a provisional beginning"),
        pytest.param([(0, 1)], True, id="a round that found nothing"),
        pytest.param([(1, 0)], True, id="a position, by a clock that stood"),
        pytest.param([(0, 0), (0, 1)], True, id="a round after the provisional beginning"),
    ],
)
def test_a_channel_has_its_baseline_once_a_round_was_complete(ends: list[tuple[int, int]], *, complete: bool) -> None:
    rounds = tuple(RoundEnd(Channel.BREAKS, position, 77, 77 + took_us) for position, took_us in ends)
    assert has_baseline(ChannelState(rounds)) is complete


async def test_a_young_channel_neither_splits_nor_suspects_a_day_that_is_old(scene: Scene) -> None:
    scene.rest.clamp = 50
    scene.fire(*(alert(number, at_us=START_US - HOUR) for number in range(1, 400)))
    await scene.backfiller.ensure_baseline(IN_FORCE)
    scene.fire(*(alert(number, at_us=START_US) for number in range(400, 420)))
    scene.rest.asked.clear()
    await scene.settled(asyncio.ensure_future(scene.backfiller.run_now()))
    assert sorted(event.id or 0 for event in scene.store.delivered) == list(range(400, 420))
    assert scene.store.recorded == []
    assert len(scene.rest.asked) <= 4


async def test_a_young_channel_proves_only_what_lies_above_its_floor(scene: Scene) -> None:
    scene.rest.clamp = 10
    scene.fire(*(alert(number, at_us=START_US - HOUR) for number in range(1, 100)))
    await scene.backfiller.ensure_baseline(IN_FORCE)
    shapes = [("2U", "bullish"), ("2D", "bearish"), ("3", "bullish"), ("3", "bearish")]
    scene.fire(
        *(
            alert(100 + 2 * number, at_us=START_US, cc=cc, direction=direction)
            for number, (cc, direction) in enumerate(shapes * 8)
        )
    )
    await scene.settled(asyncio.ensure_future(scene.backfiller.run_now()))
    assert len(scene.store.delivered) == 32
    assert scene.store.recorded == []


async def test_a_young_channel_in_a_flood_proves_nothing_that_is_old(scene: Scene) -> None:
    """More fires in two minutes than a page shows: only the narrower parts show what fired before them."""
    scene.rest.clamp = 40
    scene.fire(
        *(
            alert(3 * number, at_us=START_US - HOUR + number * 3 * MICROS, cc=cc, direction=direction)
            for number, (cc, direction) in enumerate([("2U", "bullish"), ("2D", "bearish")] * 600, 1)
        )
    )
    await scene.backfiller.ensure_baseline(IN_FORCE)
    for _ in range(2):
        await scene.settled(asyncio.ensure_future(scene.backfiller.run_now()))
    assert scene.store.delivered == []
    assert scene.store.recorded == []


async def test_an_id_that_appears_late_below_the_baseline_is_found_beside_a_full_page(scene: Scene) -> None:
    scene.rest.clamp = 10
    scene.fire(*(alert(number, at_us=START_US - HOUR) for number in range(1, 90)))
    scene.fire(*(alert(number, at_us=START_US - MINUTE) for number in (90, 95, 97)))
    await scene.backfiller.ensure_baseline(IN_FORCE)
    scene.fire(alert(93, "LATE", at_us=START_US))
    scene.fire(*(alert(number, at_us=START_US) for number in range(100, 120)))
    await scene.settled(asyncio.ensure_future(scene.backfiller.run_now()))
    found = {event.id for event in scene.store.delivered}
    holes = scene.store.recorded
    assert 93 in found or any(hole.after_id < 93 <= hole.up_to_id for hole in holes)


async def test_a_server_that_ignores_filters_is_not_asked_for_ever(scene: Scene) -> None:
    scene.caught_up()
    scene.rest.clamp = 10
    scene.rest.heeds_filters = False
    scene.fire(*(alert(2 * number, f"S{number}", at_us=START_US) for number in range(1, 60)))
    await scene.settled(asyncio.ensure_future(scene.backfiller.run_now()))
    assert len(scene.rest.asked) < 12
    assert [hole.part for hole in scene.store.recorded] == ["everything"]


async def test_a_young_channel_that_is_cut_all_the_same_is_split(scene: Scene) -> None:
    scene.rest.clamp = 50
    await scene.backfiller.ensure_baseline(IN_FORCE)
    symbols = ["AAPL", "MSFT", "IBM"]
    scene.fire(
        *(
            alert(2 * number, symbols[number % 3], at_us=START_US, cc=cc, shape=None, direction=direction)
            for number, (cc, direction) in enumerate([("2U", "bullish"), ("2D", "bearish"), ("3", "bullish")] * 30, 1)
        )
    )
    await scene.settled(asyncio.ensure_future(scene.backfiller.run_now()))
    assert len(scene.store.delivered) == 90
    assert scene.store.recorded == []
