"""Lanes under a fake clock, against a destination that answers as it is told."""

from __future__ import annotations

import asyncio
import itertools

import msgspec
import pytest
from structlog.testing import capture_logs

from relay.clock import MICROS
from relay.deliveries import Message, Ordering, Outcome, RuleMatch, State, Verdict
from relay.delivery.settings import LaneSettings
from relay.errors import StoreBusyError
from relay.outbox.archive import EVERYTHING
from relay.outbox.base import Switch
from tests.support.clock import START_US, settle
from tests.support.events import a_break, entry, in_force
from tests.support.lane import BAD, DOWN, GONE, OK, Scene, failing, slow_down


async def test_what_waits_when_the_lane_starts_is_delivered() -> None:
    scene = Scene()
    await scene.put(1, 2, 3)
    async with scene.running():
        await settle()
    assert scene.receiver.ids == [1, 2, 3]
    assert set(scene.states().values()) == {State.DELIVERED}


async def test_one_symbol_keeps_its_order_while_others_run_beside_it() -> None:
    scene = Scene(concurrency=8)
    scene.receiver.gate = asyncio.Event()
    async with scene.running():
        await scene.put(1, 2, 3, symbol="AAPL")
        await scene.put(4, symbol="MSFT")
        assert scene.receiver.ids == [1, 4]
        scene.receiver.gate.set()
        await settle()
        assert scene.receiver.ids == [1, 4, 2, 3]


async def test_all_breaks_share_one_order() -> None:
    scene = Scene()
    scene.receiver.gate = asyncio.Event()
    async with scene.running():
        await scene.outbox.commit([entry(a_break(n, timeframe=t), "bot") for n, t in enumerate("DWMQ", 1)])
        scene.lane.notify()
        await settle()
        assert scene.receiver.under_way == 1


async def test_no_more_than_concurrency_are_under_way() -> None:
    scene = Scene(concurrency=3)
    scene.receiver.gate = asyncio.Event()
    async with scene.running():
        await scene.put(*range(1, 41))
        assert scene.receiver.under_way == 3
        scene.receiver.gate.set()
        await settle(400)
    assert scene.receiver.most_under_way == 3
    assert len(set(scene.receiver.ids)) == 40


async def test_a_strict_lane_sends_one_at_a_time_in_commit_order() -> None:
    scene = Scene(ordering="strict", concurrency=8)
    scene.receiver.gate = asyncio.Event()
    async with scene.running():
        await scene.put(*range(1, 10))
        assert scene.receiver.under_way == 1
        scene.receiver.gate.set()
        await settle(400)
    assert scene.receiver.ids == list(range(1, 10))
    assert scene.receiver.most_under_way == 1


async def test_a_failure_holds_the_whole_lane_and_one_probe_opens_it() -> None:
    scene = Scene(retry_initial=10, retry_max=10)
    scene.receiver.answer = failing(*range(1, 9))
    async with scene.running():
        await scene.put(*range(1, 9))
        assert len(scene.receiver.sent) == 8
        scene.receiver.answer = lambda _m: OK
        await scene.put(9)
        assert len(scene.receiver.sent) == 8
        held = scene.lane.status().held_seconds
        assert 0 < held <= 10
        scene.receiver.gate = asyncio.Event()
        await scene.clock.advance(held)
        assert scene.receiver.under_way == 1
        scene.receiver.gate.set()
        await settle(200)
        assert set(scene.states().values()) == {State.DELIVERED}


async def test_what_was_in_flight_counts_as_one_failure() -> None:
    scene = Scene(retry_initial=1, retry_max=300)
    scene.receiver.gate = asyncio.Event()
    scene.receiver.answer = failing(*range(1, 9))
    async with scene.running():
        await scene.put(*range(1, 9))
        scene.receiver.gate.set()
        await settle()
        assert scene.lane.status().failures == 1
        assert scene.lane.status().held_seconds <= 1


async def test_the_lane_backs_off_up_to_the_maximum_and_no_further() -> None:
    scene = Scene(retry_initial=1, retry_max=30)
    scene.receiver.answer = lambda _m: DOWN
    async with scene.running():
        await scene.put(1)
        for _ in range(12):
            assert scene.lane.status().held_seconds <= 30
            await scene.clock.advance(scene.lane.status().held_seconds + 0.01)
    times = [at for at, _ in scene.receiver.sent]
    assert len(times) == 13
    assert max(b - a for a, b in itertools.pairwise(times)) > 4


async def test_retry_after_is_obeyed_in_full_by_everything_in_the_lane() -> None:
    scene = Scene(retry_initial=1, retry_max=5)
    scene.receiver.answer = failing(1, outcome=slow_down(90))
    async with scene.running():
        await scene.put(1)
        await scene.put(2, 3)
        scene.receiver.answer = lambda _m: OK
        await scene.clock.advance(89.9)
        assert scene.receiver.ids == [1]
        await scene.clock.advance(0.2)
        assert sorted(scene.receiver.ids[1:], key=str) == [1, 2, 3]


async def test_retry_after_is_obeyed_after_a_restart() -> None:
    scene = Scene(retry_max=5)
    scene.receiver.answer = failing(1, outcome=slow_down(90))
    async with scene.running():
        await scene.put(1)
    scene.lane = scene.new_lane()
    scene.receiver.answer = lambda _m: OK
    async with scene.running():
        await scene.put(2)
        await scene.clock.advance(89)
        assert scene.receiver.ids == [1]
        await scene.clock.advance(2)
        assert scene.states() == {1: State.DELIVERED, 2: State.DELIVERED}


async def test_a_delivered_answer_may_ask_for_a_pause_too() -> None:
    scene = Scene(ordering="strict")
    scene.receiver.answer = lambda _m: Outcome(Verdict.DELIVERED, "200", retry_after=3.0)
    async with scene.running():
        await scene.put(1, 2)
        assert scene.receiver.ids == [1]
        await scene.clock.advance(3)
        assert scene.receiver.ids == [1, 2]


@pytest.mark.parametrize("ordering", ["symbol", "none", "strict"])
async def test_poison_blocks_nobody(ordering: str) -> None:
    scene = Scene(ordering=ordering, retry_initial=0.1, retry_max=1)
    scene.receiver.answer = failing(1)
    async with scene.running():
        await scene.put(1)
        for number in range(2, 30):
            await scene.put(number)
            await scene.clock.advance(1)
        await scene.clock.advance(20)
        assert scene.states() == {1: State.PENDING, **dict.fromkeys(range(2, 30), State.DELIVERED)}
        assert scene.receiver.ids.count(1) > 8


async def test_poison_lets_its_own_symbol_go_on_after_eight_attempts() -> None:
    scene = Scene(retry_initial=0.1, retry_max=1)
    scene.receiver.answer = failing(1)
    async with scene.running():
        await scene.put(1, 2, 3, symbol="AAPL")
        for number in range(10, 60):
            await scene.put(number)
            await scene.clock.advance(0.5)
        first_successor = scene.receiver.ids.index(2)
        assert scene.receiver.ids[:first_successor].count(1) == 8
        assert scene.states()[3] is State.DELIVERED
        scene.receiver.answer = lambda _m: OK
        await scene.clock.advance(5)
        assert scene.states()[1] is State.DELIVERED


async def test_several_poisons_in_a_row_are_all_passed_in_a_strict_lane() -> None:
    scene = Scene(ordering="strict", retry_initial=0.1, retry_max=0.5)
    scene.receiver.answer = failing(1, 2, 3)
    async with scene.running():
        await scene.put(1, 2, 3, 4, 5, 6)
        await scene.clock.advance(60)
        assert [scene.states()[number] for number in (4, 5, 6)] == [State.DELIVERED] * 3


async def test_a_strict_lane_keeps_its_order_through_a_long_outage() -> None:
    scene = Scene(ordering="strict", retry_initial=1, retry_max=10)
    scene.receiver.answer = lambda _m: DOWN
    async with scene.running():
        await scene.put(*range(1, 21))
        await scene.clock.advance(35)
        tries = len(scene.receiver.sent)
        assert tries > 5
        while scene.lane.status().failures % 9 != 3:
            await scene.clock.advance(scene.lane.status().held_seconds + 0.01)
        before = len(scene.receiver.sent)
        scene.receiver.answer = lambda _m: OK
        await scene.clock.advance(60)
        assert scene.receiver.ids[before:] == list(range(1, 21))


async def test_a_failing_message_does_not_slow_a_lane_in_which_others_succeed() -> None:
    scene = Scene(retry_initial=60, retry_max=60, concurrency=2)
    gate = scene.receiver.gate = asyncio.Event()
    scene.receiver.answer = failing(1)
    async with scene.running():
        await scene.put(1, 2)
        # 2 is answered first, then 1 fails: the destination works
        scene.receiver.gate = None
        real = scene.receiver.answer
        scene.receiver.answer = real
        gate.set()
        await settle()
        await scene.put(3)
        await scene.clock.advance(61)
        assert scene.states()[3] is State.DELIVERED


async def test_a_refusal_is_a_dead_letter_and_the_next_goes_on() -> None:
    scene = Scene()
    scene.receiver.answer = failing(1, outcome=BAD)
    async with scene.running():
        await scene.put(1, 2)
        assert scene.states() == {1: State.DEAD, 2: State.DELIVERED}


async def test_gone_switches_the_destination_off_and_keeps_its_queue() -> None:
    scene = Scene(ordering="strict")
    scene.receiver.answer = failing(1, outcome=GONE)
    async with scene.running():
        await scene.put(1, 2, 3)
        await scene.clock.advance(3600)
        assert scene.states() == {1: State.DEAD, 2: State.PENDING, 3: State.PENDING}
        assert scene.lane.status().switch is Switch.OFF
    scene.lane = scene.new_lane()
    async with scene.running():
        await scene.clock.advance(60)
        assert scene.receiver.ids == [1]
        await scene.lane.resume()
        await settle()
        assert scene.states() == {1: State.DEAD, 2: State.DELIVERED, 3: State.DELIVERED}


async def test_a_new_config_switches_a_destination_on_again() -> None:
    scene = Scene(fingerprint="old", ordering="strict")
    scene.receiver.answer = failing(1, outcome=GONE)
    async with scene.running():
        await scene.put(1, 2)
    scene.settings = LaneSettings(fingerprint="new", ordering="strict")
    scene.lane = scene.new_lane()
    async with scene.running():
        await settle()
        assert scene.states()[2] is State.DELIVERED


async def test_a_paused_lane_sends_nothing_until_resumed_even_over_a_restart() -> None:
    scene = Scene()
    async with scene.running():
        await scene.lane.pause()
        await scene.put(1, 2)
        assert scene.receiver.sent == []
    scene.lane = scene.new_lane()
    async with scene.running():
        await scene.clock.advance(60)
        assert scene.receiver.sent == []
        await scene.lane.resume()
        await settle()
        assert scene.receiver.ids == [1, 2]


async def test_resume_can_drop_what_is_too_old() -> None:
    scene = Scene()
    async with scene.running():
        await scene.put(5)
        await scene.lane.pause()
        await scene.put(1, 2)
        await scene.clock.advance(120)
        await scene.outbox.commit([entry(in_force(3, "S3"), "bot", at_us=scene.clock.now_us())])
        assert await scene.lane.resume(drop_older=60) == 2
        await settle()
        assert scene.receiver.ids == [5, 3]
        assert scene.states()[1] is State.EXPIRED


async def test_a_replay_is_sent_and_its_alerts_age_is_not_measured_as_latency() -> None:
    scene = Scene()
    async with scene.running():
        await scene.put(1)
        await scene.clock.advance(7 * 86_400)
        assert (await scene.outbox.archive.replay(EVERYTHING)).done == 1
        scene.lane.notify()
        await settle()
        assert scene.receiver.ids == [1, 1]
        told = scene.metrics.render().decode()
        assert 'relay_delivery_latency_seconds_count{destination="bot"} 1.0' in told
        assert 'relay_deliveries_total{destination="bot",result="delivered"} 2.0' in told


async def test_a_message_is_given_up_after_its_time_and_not_before() -> None:
    scene = Scene(retry_initial=10, retry_max=60, give_up_after=3600)
    scene.receiver.answer = lambda _m: DOWN
    async with scene.running():
        await scene.put(1)
        await scene.clock.advance(3590)
        assert scene.states()[1] is State.PENDING
        await scene.clock.advance(80)
        assert scene.states()[1] is State.DEAD


@pytest.mark.parametrize("ordering", ["symbol", "strict", "none"])
async def test_a_dead_letter_that_is_retried_counts_its_attempts_on_and_is_tried_for_as_long_anew(
    ordering: Ordering,
) -> None:
    scene = Scene(ordering=ordering, retry_initial=10, retry_max=60, give_up_after=3600)
    attempts: list[int] = []

    def answer(message: Message) -> Outcome:
        attempts.append(message.attempt)
        return DOWN

    scene.receiver.answer = answer
    async with scene.running():
        await scene.put(1)
        await scene.clock.advance(3670)
        assert scene.states()[1] is State.DEAD
        await scene.clock.advance(7200)
        assert (await scene.outbox.archive.retry(EVERYTHING)).done == 1
        scene.lane.notify()
        await scene.clock.advance(3590)
        assert scene.states()[1] is State.PENDING
        await scene.clock.advance(80)
        assert scene.states()[1] is State.DEAD
    assert attempts == list(range(1, len(attempts) + 1)), "no attempt says that it is another one"
    assert len(attempts) > 100


async def tried(ordering: Ordering, *, before: int) -> tuple[list[tuple[float, int | None]], list[int]]:
    """When what went out beside a letter that fails on, which had ``before`` attempts when it was queued again."""
    scene = Scene(ordering=ordering, retry_initial=1, retry_max=300)
    numbers: list[int] = []

    def answer(message: Message) -> Outcome:
        if message.delivery.event.id != 1:
            return OK
        numbers.append(message.attempt)
        return DOWN

    scene.receiver.answer = answer
    await scene.put(1, symbol="AAPL")
    record = scene.memory.records[1]
    record.state, record.delivery = State.DEAD, msgspec.structs.replace(record.delivery, attempts=before)
    assert (await scene.outbox.archive.retry(EVERYTHING)).done == 1
    await scene.put(2, 3, symbol="AAPL")
    for run in range(2):
        async with scene.running():
            for number in range(20):
                await scene.put(10 + 100 * run + number)
                await scene.clock.advance(5)
        scene.lane = scene.new_lane()
    return scene.receiver.sent, numbers


@pytest.mark.parametrize("ordering", ["symbol", "strict", "none"])
async def test_a_dead_letter_that_is_retried_waits_and_holds_up_its_successors_like_a_new_alert(
    ordering: Ordering,
) -> None:
    fresh, counted = await tried(ordering, before=0)
    retried, counted_on = await tried(ordering, before=12)
    assert retried == fresh
    assert counted == list(range(1, len(counted) + 1))
    assert counted_on == [number + 12 for number in counted]


async def test_time_switched_off_does_not_count_towards_giving_up() -> None:
    scene = Scene(retry_initial=10, retry_max=60, give_up_after=600)
    scene.receiver.answer = lambda _m: DOWN
    async with scene.running():
        await scene.put(1)
        await scene.lane.pause()
        await scene.clock.advance(10_000)
        await scene.lane.resume()
        await settle()
        await scene.clock.advance(300)
        assert scene.states()[1] is State.PENDING


async def test_max_age_is_checked_before_every_attempt() -> None:
    scene = Scene(retry_initial=10, retry_max=10)
    scene.receiver.answer = lambda _m: DOWN
    rule = RuleMatch("fresh only", expires_at_us=START_US + 15 * MICROS)
    await scene.outbox.commit([entry(in_force(1), "bot", rules=(rule,))])
    async with scene.running():
        await scene.clock.advance(100)
        assert scene.states()[1] is State.EXPIRED
        assert all(at < 15 for at, _ in scene.receiver.sent)


@pytest.mark.parametrize(
    ("own", "former", "now", "sent_with"),
    [
        pytest.param(None, None, 4, "expired", id="set meanwhile"),
        pytest.param(60, None, 4, "expired", id="set meanwhile, and shorter than the rule's own"),
        pytest.param(None, 4, 30, 30, id="raised"),
        pytest.param(None, 4, None, None, id="taken away"),
        pytest.param(20, 4, 30, 20, id="raised, and the rule's own is shorter"),
        pytest.param(8, 4, None, "expired", id="taken away, and the rule's own is over"),
    ],
)
@pytest.mark.parametrize("ordering", ["symbol", "strict", "none"])
async def test_a_destinations_age_counts_as_it_is_when_the_alert_is_sent(
    own: float | None, former: float | None, now: float | None, sent_with: float | str | None, ordering: Ordering
) -> None:
    scene = Scene(ordering=ordering, max_age=former)
    rule = RuleMatch("all", None if own is None else START_US + round(own * MICROS))
    await scene.outbox.commit([entry(in_force(1), "bot", rules=(rule,))])
    await scene.clock.advance(10)
    scene.settings = LaneSettings(ordering=ordering, max_age=now)
    scene.lane = scene.new_lane()
    seen: list[int | None] = []

    def remember(message: Message) -> Outcome:
        seen.append(message.expires_at_us)
        return OK

    scene.receiver.answer = remember
    async with scene.running():
        await settle()
    if sent_with == "expired":
        assert (scene.states()[1], seen) == (State.EXPIRED, [])
    else:
        assert not isinstance(sent_with, str)
        assert seen == [None if sent_with is None else START_US + round(sent_with * MICROS)]


async def test_a_destinations_age_is_looked_at_before_every_attempt() -> None:
    scene = Scene(retry_initial=10, retry_max=10, max_age=15.0)
    scene.receiver.answer = lambda _m: DOWN
    await scene.put(1)
    async with scene.running():
        await scene.clock.advance(100)
        assert scene.states()[1] is State.EXPIRED
    assert scene.receiver.sent
    assert all(at < 15 for at, _ in scene.receiver.sent)


async def test_a_merged_delivery_names_only_the_rules_that_still_want_it() -> None:
    scene = Scene()
    seen: list[Message] = []

    def remember(message: Message) -> Outcome:
        seen.append(message)
        return OK

    scene.receiver.answer = remember
    rules = (RuleMatch("short", expires_at_us=START_US - 1), RuleMatch("long", expires_at_us=START_US + MICROS))
    await scene.outbox.commit([entry(in_force(1), "bot", rules=rules)])
    async with scene.running():
        await settle()
    assert [(m.rules, m.expires_at_us) for m in seen] == [(("long",), START_US + MICROS)]


async def test_a_configured_rate_is_never_exceeded_in_any_span() -> None:
    scene = Scene(rate_limit=(5, 1.0), concurrency=8)
    async with scene.running():
        await scene.put(*range(1, 31))
        await scene.clock.advance(10)
    times = [at for at, _ in scene.receiver.sent]
    assert len(times) == 30
    assert all(b - a >= 1.0 - 1e-9 for a, b in zip(times, times[5:], strict=False))
    assert times[-1] <= 6.1


async def test_a_stored_retry_time_is_clamped_when_the_clock_was_set_back() -> None:
    scene = Scene(retry_initial=5, retry_max=60)
    scene.receiver.answer = lambda _m: DOWN
    async with scene.running():
        await scene.put(1)
    scene.clock.jump(-86_400)
    scene.receiver.answer = lambda _m: OK
    scene.lane = scene.new_lane()
    async with scene.running():
        await scene.clock.advance(61)
        assert scene.states()[1] is State.DELIVERED


async def test_a_long_queue_is_held_in_memory_only_in_part_and_keeps_its_order() -> None:
    scene = Scene(concurrency=4)
    async with scene.running():
        await scene.lane.pause()
        await scene.outbox.commit([entry(in_force(n, f"S{n % 7}"), "bot") for n in range(1, 2001)])
        await scene.lane.resume()
        for _ in range(200):
            await settle(100)
            assert len(scene.lane._window) <= 64
    by_symbol: dict[int, list[int]] = {}
    for number in scene.receiver.ids:
        assert number is not None
        by_symbol.setdefault(number % 7, []).append(number)
    assert len(scene.receiver.ids) == 2000
    assert all(numbers == sorted(numbers) for numbers in by_symbol.values())


async def test_a_symbol_that_is_held_up_leaves_room_for_the_others() -> None:
    scene = Scene(concurrency=2, retry_initial=50, retry_max=100)
    scene.receiver.answer = failing(1)
    async with scene.running():
        await scene.put(500)
        await scene.put(1, symbol="AAPL")
        await scene.outbox.commit([entry(in_force(n, "AAPL"), "bot") for n in range(2, 200)])
        await scene.outbox.commit([entry(in_force(n, f"S{n}"), "bot") for n in range(200, 300)])
        scene.lane.notify()
        await scene.clock.advance(60)
        await settle(500)
        delivered = {number for number, state in scene.states().items() if state is State.DELIVERED}
        assert set(range(200, 300)) <= delivered
        scene.receiver.answer = lambda _m: OK
        await scene.clock.advance(500)
        await settle(2000)
        apple = [number for number in scene.receiver.ids if number is not None and 2 <= number < 200]
        assert apple == list(range(2, 200))


async def test_a_cancelled_attempt_stays_pending() -> None:
    scene = Scene()
    scene.receiver.gate = asyncio.Event()
    async with scene.running():
        await scene.put(1)
        scene.lane.stop()
        scene.lane.abort()
    assert scene.states()[1] is State.PENDING


async def test_what_ends_without_a_2xx_is_counted_by_its_result_and_dated_and_told() -> None:
    scene = Scene()
    scene.receiver.answer = failing(1, outcome=BAD)
    until_us = scene.clock.now_us() + 5_000_000
    await scene.outbox.commit(
        [
            entry(in_force(1, "A"), "bot"),
            entry(in_force(2, "B"), "bot", rules=(RuleMatch("quick", expires_at_us=until_us),)),
        ]
    )
    scene.clock.jump(10)
    async with scene.running():
        assert scene.states() == {1: State.DEAD, 2: State.EXPIRED}
        count = scene.metrics.registry.get_sample_value
        for result in ("dead", "expired"):
            assert count("relay_deliveries_total", {"destination": "bot", "result": result}) == 1
        assert {record.delivery.updated_at_us for record in scene.memory.records.values()} == {scene.clock.now_us()}
        assert scene.lane.status().last_error == BAD.detail


async def test_a_person_who_resumes_a_destination_has_seen_its_last_error() -> None:
    scene = Scene()
    scene.receiver.answer = failing(1, outcome=BAD)
    async with scene.running():
        await scene.put(1)
        assert (scene.lane.status().last_error, scene.lane.status().refusal) == (BAD.detail, BAD.detail)
        await scene.lane.resume()
        assert (scene.lane.status().last_error, scene.lane.status().refusal) == ("", "")


async def test_a_message_that_was_tried_for_long_enough_counts_as_not_taken() -> None:
    scene = Scene(retry_initial=10, retry_max=60, give_up_after=600)
    scene.receiver.answer = lambda _m: DOWN
    async with scene.running():
        await scene.put(1)
        await scene.clock.advance(700)
        assert scene.states()[1] is State.DEAD
        assert scene.lane.status().refusal == DOWN.detail
        scene.lane.absolve()
        assert (scene.lane.status().refusal, scene.lane.status().last_error) == ("", DOWN.detail)


async def test_a_message_that_fails_alone_is_an_error_and_no_refusal() -> None:
    scene = Scene(ordering="none", retry_initial=60.0)
    scene.receiver.answer = failing(1)
    async with scene.running():
        await scene.put(1)
        scene.receiver.takes = 5.0
        await scene.put(2, 3)
        await scene.clock.advance(300)
        status = scene.lane.status()
        assert scene.states() == {1: State.PENDING, 2: State.DELIVERED, 3: State.DELIVERED}
        assert (status.failures, status.last_error, status.refusal) == (0, DOWN.detail, "")


async def test_a_destination_refuses_until_something_is_delivered_whatever_fails_meanwhile() -> None:
    scene = Scene(ordering="strict")
    answers = {1: BAD, 2: DOWN}
    scene.receiver.answer = lambda message: answers.get(message.delivery.event.id or 0, OK)
    async with scene.running():
        await scene.put(1)
        await scene.put(2)
        status = scene.lane.status()
        assert (status.last_error, status.refusal) == (DOWN.detail, BAD.detail)
        answers.clear()
        await scene.clock.advance(600)
        status = scene.lane.status()
        assert (scene.states()[2], status.last_error, status.refusal) == (State.DELIVERED, "", "")


async def test_how_long_a_destination_has_failed_is_told() -> None:
    scene = Scene()
    scene.receiver.answer = failing(1)
    async with scene.running():
        await scene.put(1)
        await scene.clock.advance(700)
        assert scene.lane.status().failing_seconds == pytest.approx(700, abs=1)
        await scene.lane.resume()
        assert scene.lane.status().failing_seconds == 0.0


async def test_a_queue_that_can_not_be_read_is_told_once_a_minute_with_how_often() -> None:
    scene = Scene()
    scene.outbox.errors["claim"] += [StoreBusyError("the store is damaged") for _ in range(90)]
    with capture_logs() as logged:
        async with scene.running():
            for _ in range(75):
                await scene.clock.advance(1)
    told = [line for line in logged if line["event"] == "queue can't be read, trying again"]
    assert [line["held_back"] for line in told] == [0, 59]


async def test_a_switch_is_logged_with_its_reason_where_it_has_one() -> None:
    scene = Scene()
    with capture_logs() as logged:
        async with scene.running():
            await scene.lane.pause()
            await scene.lane.resume()
    told = [line.get("reason") for line in logged if line["event"] == "destination switched"]
    assert told == ["paused by an operator", None]
