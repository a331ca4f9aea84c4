"""One round: walking, proving, order, failures, the cursor."""

from __future__ import annotations

import asyncio

import pytest

from relay.backfill.held import AT_ONCE
from relay.backfill.round import Result
from relay.backfill.status import Standing
from relay.errors import StoreError
from relay.events import CANDLES, DIRECTIONS, TIMEFRAMES, Channel, Event
from relay.outbox.channels import Baseline, ChannelState
from relay.upstream.errors import RestUnavailableError, Unavailability
from tests.support.backfill import (
    DOWN,
    HOUR,
    MINUTE,
    REFUSED,
    UNKNOWN_VALUE,
    Asked,
    Scene,
    alert,
    some_break,
)
from tests.support.clock import START_US, settle


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.caught_up(1_000)
    return scene


def spread(count: int) -> list[int]:
    """Ids with gaps, above the cursor."""
    return [1_001 + 3 * number for number in range(count)]


def varied(ids: list[int]) -> list[Event]:
    """An alert each, of all kinds."""
    return [
        alert(
            id_,
            f"S{index % 7}",
            timeframe=TIMEFRAMES[index % 10],
            direction=DIRECTIONS[index // 10 % 2],
            cc=CANDLES[index // 20 % 4],
        )
        for index, id_ in enumerate(ids)
    ]


async def test_a_page_that_is_not_full_is_stored_with_the_end_of_the_round_in_one_step(scene: Scene) -> None:
    scene.store.states[Channel.IN_FORCE] = _learnt(scene, 50)
    scene.fire(alert(1_003), alert(1_009))
    (report,) = await scene.backfiller.run_now()
    assert [call.recovered for call in scene.store.calls] == [tuple(scene.rest.alerts)]
    end = scene.store.calls[0].round_end
    assert end is not None
    assert end.position == 1_009
    assert (report.result, report.found, report.recovered, report.requests) == (Result.OK, 2, 2, 1)


def _learnt(scene: Scene, size: int, channel: Channel = Channel.IN_FORCE) -> ChannelState:
    state = scene.store.states[channel]
    return ChannelState(state.rounds, state.baseline, size)


async def test_an_id_that_became_visible_late_is_found_by_the_next_round_however_much_later(scene: Scene) -> None:
    scene.store.states[Channel.IN_FORCE] = _learnt(scene, 50)
    scene.fire(alert(1_010))
    await scene.backfiller.run_now()
    scene.fire(alert(1_007))  # a second after the round, below its position
    await scene.clock.advance(300)
    await scene.backfiller.run_now()
    assert scene.store.ids == [1_010, 1_007]
    await scene.clock.advance(300)
    await scene.backfiller.run_now()
    assert scene.rest.asked[-1].since_id == 1_010


async def test_an_id_that_became_visible_late_during_a_long_round_is_found_by_the_one_after(scene: Scene) -> None:
    scene.rest.clamp = 2
    scene.fire(alert(1_010), alert(1_013))
    await scene.backfiller.run_now()
    await scene.clock.advance(10)
    scene.rest.failures = [None, *[DOWN] * 12]
    running = asyncio.ensure_future(scene.backfiller.run_now())
    await scene.clock.advance(60)
    scene.fire(alert(1_007))  # too late for the round's first request, too early to count as new
    scene.rest.keeps_newest = True
    await scene.clock.advance(300)
    await scene.settled(running)
    await scene.clock.advance(10)
    scene.rest.clamp = 200
    await scene.backfiller.run_now()
    assert set(scene.store.ids) == {1_007, 1_010, 1_013}


async def test_the_window_covers_twice_the_time_since_the_last_complete_round_began_the_same_for_each_request(
    scene: Scene,
) -> None:
    scene.rest.clamp = 2
    scene.store.begin(Channel.IN_FORCE, (1_000, 40 * HOUR), (1_000, 30 * HOUR))
    scene.fire(*(alert(id_) for id_ in (1_001, 1_002, 1_003)))
    await scene.backfiller.run_now()
    assert {asked.window_minutes for asked in scene.rest.asked if asked.since_id is not None} == {60 * 60}


async def test_an_alert_older_than_the_servers_default_window_is_found(scene: Scene) -> None:
    scene.store.begin(Channel.IN_FORCE, (1_000, 80 * HOUR), (1_000, 72 * HOUR))
    scene.fire(alert(1_004, at_us=START_US - 70 * HOUR), alert(1_008, at_us=START_US - 100 * HOUR))
    await scene.backfiller.run_now()
    assert scene.store.ids == [1_004, 1_008]


@pytest.mark.parametrize("keeps_newest", [True, False])
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("clamp", [2, 7, 50])
async def test_a_cut_range_is_found_whole_whichever_end_the_server_keeps(
    scene: Scene, *, keeps_newest: bool, descending: bool, clamp: int
) -> None:
    scene.rest.keeps_newest, scene.rest.descending, scene.rest.clamp = keeps_newest, descending, clamp
    ids = spread(80)
    scene.rest.alerts = varied(ids)
    (report,) = await scene.backfiller.run_now()
    assert scene.store.ids == ids
    assert report.holes == ()
    assert scene.store.states[Channel.IN_FORCE].largest_page == min(clamp, 80)


@pytest.mark.parametrize("keeps_newest", [True, False])
async def test_ids_without_a_gap_prove_themselves(scene: Scene, *, keeps_newest: bool) -> None:
    scene.rest.keeps_newest, scene.rest.clamp = keeps_newest, 10
    scene.fire(*(alert(1_001 + number) for number in range(10)))
    (report,) = await scene.backfiller.run_now()
    assert report.holes == ()
    assert report.requests == 2
    assert len(scene.store.ids) == 10


async def test_what_only_symbols_could_split_is_fetched_by_known_ones_and_recorded_as_a_hole(scene: Scene) -> None:
    scene.rest.clamp = 4
    scene.store.symbols = ["STORED"]
    scene.rule_symbols = ["RULED"]
    scene.restart()
    hidden = [alert(1_010 + 2 * number, symbol) for number, symbol in enumerate(["STORED", "RULED", "UNKNOWN"])]
    shown = [alert(1_100 + 2 * number, "SHOWN") for number in range(4)]
    other = [alert(1_200, "SHOWN", timeframe="W")]
    scene.fire(*hidden, *shown, *other)
    (report,) = await scene.backfiller.run_now()
    assert set(scene.store.ids) == {1_010, 1_012, 1_200, *(event.id for event in shown)}
    parts = {hole.part: (hole.after_id, hole.up_to_id) for hole in report.holes}
    assert parts["timeframe=D direction=bullish cc=2U"] == (1_000, 1_106)
    assert all(symbols.get("symbols", "").count(",") < 250 for symbols in (asked.filters for asked in scene.rest.asked))
    assert scene.store.calls[-1].holes == report.holes
    assert scene.metrics.registry.get_sample_value("relay_backfill_holes_total") == len(report.holes)
    assert scene.backfiller.status[Channel.IN_FORCE].holes == len(report.holes)


async def test_a_hole_that_overlapping_rounds_see_again_is_recorded_once(scene: Scene) -> None:
    scene.rest.clamp = 4
    scene.fire(*(alert(1_100 + 2 * number) for number in range(6)))
    (first,) = await scene.backfiller.run_now()
    (second,) = await scene.backfiller.run_now()
    assert first.holes
    assert second.holes == ()


async def test_a_hole_that_grows_and_outlives_a_restart_is_recorded_by_its_new_part(scene: Scene) -> None:
    scene.rest.clamp = 5
    scene.fire(*(alert(2_000 + 2 * number, f"S{number % 3}", at_us=START_US) for number in range(1, 30)))
    (first,) = await scene.backfiller.run_now()
    scene.restart()
    (again,) = await scene.backfiller.run_now()
    assert again.holes == ()
    scene.fire(*(alert(2_000 + 2 * number, f"S{number % 3}", at_us=START_US) for number in range(30, 40)))
    (more,) = await scene.backfiller.run_now()
    reached = {hole.part: hole.up_to_id for hole in first.holes}
    grown = [hole for hole in more.holes if hole.part in reached]
    assert grown
    assert all(hole.after_id == reached[hole.part] for hole in grown)


async def test_who_looks_back_by_hand_finds_what_was_missed_and_no_hole_below_what_was_proven() -> None:
    scene = Scene()
    scene.caught_up(200)
    scene.rest.clamp = 5
    missed = alert(150, "MISSED", at_us=START_US - HOUR, timeframe="W")
    scene.fire(*(alert(number, at_us=START_US - MINUTE) for number in range(100, 200, 2)), missed)
    (report,) = await scene.backfiller.run_now(since_us=START_US - 2 * HOUR)
    assert report.holes == ()
    assert 150 in scene.store.ids


async def test_breaks_that_a_threshold_can_not_split_are_a_hole() -> None:
    scene = Scene(subscribed=(Channel.BREAKS,))
    scene.caught_up(10, channel=Channel.BREAKS)
    scene.rest.clamp = 3
    scene.fire(*(some_break(20 + 2 * number, 4) for number in range(5)), some_break(31, 2))
    (report,) = await scene.backfiller.run_now()
    assert [(hole.part, hole.after_id, hole.up_to_id) for hole in report.holes] == [
        ("timeframe=D direction=bullish threshold=4", 10, 28)
    ]
    assert {hole.found_at_us for hole in report.holes} == {START_US}
    assert scene.store.ids == [24, 26, 28, 31]


async def test_an_alert_without_a_timeframe_makes_the_split_no_proof(scene: Scene) -> None:
    scene.rest.clamp = 3
    scene.fire(*(alert(1_010 + 2 * number, timeframe=None) for number in range(5)))
    (report,) = await scene.backfiller.run_now()
    assert [hole.part for hole in report.holes] == ["everything"]


async def test_a_quiet_account_is_not_taken_for_a_cut_one(scene: Scene) -> None:
    """The first answers are the largest ever seen; a wide look shows that the server gives more."""
    scene.fire(*(alert(id_, at_us=START_US - 72 * HOUR) for id_ in (901, 905, 911)), alert(1_004), alert(1_008))
    (report,) = await scene.backfiller.run_now()
    assert report.holes == ()
    probe = scene.rest.asked[-1]
    assert (probe.since_id, probe.window_minutes, dict(probe.filters)) == (None, 30 * 24 * 60, {})
    assert report.requests == 3
    assert scene.store.ids == [1_004, 1_008], "what the wide look showed is not stored"
    assert scene.store.states[Channel.IN_FORCE].largest_page == 5


async def test_a_lone_alert_of_a_new_account_is_no_hole(scene: Scene) -> None:
    scene.fire(alert(1_004))
    (report,) = await scene.backfiller.run_now()
    assert report.holes == ()
    assert scene.store.ids == [1_004]


async def test_a_probe_that_the_server_will_not_answer_is_done_without(scene: Scene) -> None:
    scene.rest.clamp = 4
    ids = spread(20)
    scene.rest.alerts = varied(ids)

    def refuse_wide(asked: Asked) -> None:
        if asked.window_minutes > 24 * 60:
            scene.rest.failures = [DOWN]

    scene.rest.before = refuse_wide
    running = asyncio.ensure_future(scene.backfiller.run_now())
    await scene.settled(running)
    assert set(scene.store.ids) == set(ids)
    assert running.result()[0].holes == ()


async def test_a_filter_that_the_server_does_not_know_ends_in_a_hole_and_not_in_a_stuck_round(scene: Scene) -> None:
    scene.rest.clamp = 10
    scene.rest.alerts = varied(spread(40))

    def refuse(asked: Asked) -> None:
        if asked.filters.get("timeframe") == "12H":
            scene.rest.failures = [UNKNOWN_VALUE]

    scene.rest.before = refuse
    running = asyncio.ensure_future(scene.backfiller.run_now())
    await scene.settled(running)
    (report,) = running.result()
    assert {hole.part for hole in report.holes} == {f"timeframe=12H direction={way}" for way in DIRECTIONS}
    assert {(hole.after_id, hole.up_to_id) for hole in report.holes} == {(1_000, 1_118)}


async def test_a_server_that_ignores_since_id_does_not_hold_the_round(scene: Scene) -> None:
    scene.rest.heeds_since_id = False
    scene.rest.clamp = 3
    scene.fire(*(alert(id_) for id_ in (990, 1_001, 1_002)))
    (report,) = await scene.backfiller.run_now()
    assert report.result is Result.OK
    assert set(scene.store.ids) == {990, 1_001, 1_002}


async def test_full_pages_are_stored_by_ascending_id_over_all_pages_and_parts(scene: Scene) -> None:
    scene.rest.clamp = 6
    ids = spread(60)
    scene.rest.alerts = varied(ids)
    await scene.backfiller.run_now()
    assert len(scene.store.calls) == 1
    assert scene.store.ids == ids


async def test_nothing_is_held_back_for_order_longer_than_five_seconds(scene: Scene) -> None:
    scene.rest.clamp = 6
    scene.rest.seconds = 2.0
    ids = spread(60)
    scene.rest.alerts = varied(ids)
    running = asyncio.ensure_future(scene.backfiller.run_now())
    await scene.clock.advance(9)
    assert set(scene.store.ids) >= set(ids[-6:]), "the newest page had been held for six seconds"
    assert not running.done()
    await scene.settled(running)
    assert set(scene.store.ids) == set(ids)


async def test_no_more_than_5000_are_held_back(scene: Scene) -> None:
    scene.rest.clamp = 1_000
    scene.rest.keeps_newest = False
    scene.configure(page_size=1_000)
    scene.fire(*(alert(1_001 + number) for number in range(5_500)))
    await scene.backfiller.run_now()
    assert [len(call.recovered) for call in scene.store.calls] == [AT_ONCE] * (5_500 // AT_ONCE)
    assert [asked.since_id for asked in scene.rest.asked if asked.since_id is not None][-1] == 6_000
    assert scene.store.ids == list(range(1_001, 6_501))


async def test_what_was_found_is_stored_before_a_pause(scene: Scene) -> None:
    scene.rest.clamp = 3
    scene.fire(*(alert(1_010 + 2 * number) for number in range(3)))
    scene.rest.failures = [None, DOWN]
    running = asyncio.ensure_future(scene.backfiller.run_now())
    await settle()
    assert scene.store.ids == [1_010, 1_012, 1_014]
    assert scene.store.calls[0].round_end is None
    await scene.settled(running)


async def test_an_alert_without_an_id_is_stored_once(scene: Scene) -> None:
    scene.rest.clamp = 2
    scene.fire(alert(None), alert(1_010), alert(1_012, timeframe="W"))
    await scene.backfiller.run_now()
    stored = [event.id for call in scene.store.calls for event in call.recovered]
    assert sorted(stored, key=str) == [1_010, 1_012, None]


async def test_the_same_request_is_repeated_until_it_is_answered_and_the_cursor_waits(scene: Scene) -> None:
    scene.store.states[Channel.IN_FORCE] = _learnt(scene, 50)
    scene.fire(alert(1_004))
    scene.rest.down = DOWN
    running = asyncio.ensure_future(scene.backfiller.run_now())
    await scene.clock.advance(120)
    status = scene.backfiller.status[Channel.IN_FORCE]
    assert status.standing is Standing.RETRYING
    assert status.last_error == "the upstream answered HTTP 503"
    assert 60 < status.failing_seconds <= 120
    assert 7 <= len(scene.rest.asked) <= 9, "1, 2, 4, 8, 16, then at most 30 s"
    assert len({(asked.since_id, str(asked.filters)) for asked in scene.rest.asked}) == 1
    assert scene.store.calls == []
    scene.rest.down = None
    await scene.clock.advance(31)
    assert running.done()
    assert scene.store.ids == [1_004]
    status = scene.backfiller.status[Channel.IN_FORCE]
    assert (status.standing, status.last_error, status.rounds) == (Standing.IDLE, "", 1)
    assert status.failing_seconds == 0
    assert scene.value("ok") == 1


async def test_a_retry_after_is_obeyed(scene: Scene) -> None:
    scene.rest.failures = [RestUnavailableError(Unavailability.RATE_LIMITED, "HTTP 429", retry_after=42.0)]
    running = asyncio.ensure_future(scene.backfiller.run_now())
    await scene.clock.advance(41)
    assert len(scene.rest.asked) == 1
    await scene.clock.advance(2)
    assert running.done()


async def test_a_refusal_in_the_middle_keeps_what_came_and_moves_nothing(scene: Scene) -> None:
    scene.rest.clamp = 3
    scene.fire(*(alert(1_010 + 2 * number) for number in range(3)))
    scene.rest.failures = [None, REFUSED]
    (report,) = await scene.backfiller.run_now()
    assert report.result is Result.REFUSED
    assert scene.store.ids == [1_010, 1_012, 1_014]
    assert scene.store.states[Channel.IN_FORCE].cursor == 1_000
    status = scene.backfiller.status[Channel.IN_FORCE]
    assert (status.standing, status.scope) == (Standing.REFUSED, "alerts:read")
    assert scene.value("refused") == 1
    await scene.backfiller.run_now()
    status = scene.backfiller.status[Channel.IN_FORCE]
    assert (status.standing, status.scope) == (Standing.IDLE, "")


async def test_a_store_that_fails_fails_the_round_and_not_the_backfiller(scene: Scene) -> None:
    scene.store.error = StoreError("the store is gone")
    (report,) = await scene.backfiller.run_now()
    assert (report.result, report.error) == (Result.FAILED, "the store is gone")
    assert scene.value("failed") == 1
    scene.store.error = None
    (report,) = await scene.backfiller.run_now()
    assert report.result is Result.OK


async def test_the_cursor_does_not_move_back_when_the_server_shows_less(scene: Scene) -> None:
    scene.store.begin(Channel.IN_FORCE, (500, 10 * MINUTE), (1_000, 5 * MINUTE))
    scene.fire(alert(700))
    await scene.backfiller.run_now()
    assert scene.store.states[Channel.IN_FORCE].cursor == 1_000
    assert scene.store.ids == [700]


async def test_a_round_that_finds_nothing_moves_nothing_and_is_complete_all_the_same() -> None:
    scene = Scene()
    scene.caught_up(0)
    (report,) = await scene.backfiller.run_now()
    assert (report.channel, report.found) == (Channel.IN_FORCE, 0)
    end = scene.store.calls[-1].round_end
    assert end is not None
    assert end.position == 0
    assert end.completed_at_us == end.began_at_us + 1, "what begins and ends at one instant is a provisional beginning"


@pytest.mark.parametrize(("hours_ago", "window_hours"), [(96, 192), (1, 60)])
async def test_a_round_that_a_person_asks_for_looks_back_at_least_as_far_as_told_whatever_the_cursor_says(
    scene: Scene, hours_ago: int, window_hours: int
) -> None:
    scene.store.begin(Channel.IN_FORCE, (1_000, 40 * HOUR), (1_000, 30 * HOUR))
    scene.fire(alert(900, at_us=START_US - 50 * HOUR))
    await scene.backfiller.run_now(since_us=START_US - hours_ago * HOUR)
    assert scene.rest.asked[0].since_id is None
    assert scene.rest.asked[0].window_minutes == window_hours * 60
    assert scene.store.ids == [900]
    await scene.backfiller.run_now()
    assert scene.rest.asked[-1].since_id == 1_000, "the next one starts from the cursor again"


async def test_old_alerts_only_become_known(scene: Scene) -> None:
    scene.store.begin(Channel.IN_FORCE, (1_000, 5 * MINUTE), baseline=Baseline(1_000, START_US - 5 * MINUTE))
    scene.fire(alert(990, at_us=START_US - 9 * MINUTE), alert(995, at_us=START_US - 4 * MINUTE), alert(1_005))
    await scene.backfiller.run_now()
    assert scene.rest.asked[0].since_id is None, "no cursor is old enough yet"
    assert scene.store.ids == [995, 1_005]
    assert "alerts.in_force:990" in scene.store.known


async def test_a_clock_set_back_makes_no_negative_window(scene: Scene) -> None:
    scene.clock.jump(-48 * 3600)
    (report,) = await scene.backfiller.run_now()
    assert report.result is Result.OK
    assert scene.rest.asked[0].window_minutes == 24 * 60
