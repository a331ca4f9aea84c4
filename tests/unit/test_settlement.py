"""What an answer comes to, one at a time: in the store, for the message, for the lane, and in the numbers."""

from __future__ import annotations

import pytest

from relay.clock import MICROS
from relay.deliveries import Outcome, State, Verdict
from relay.delivery.item import Item
from relay.delivery.window import PARK_AFTER
from relay.errors import StoreBusyError
from tests.support.clock import START_US
from tests.support.lane import BAD, DOWN, GONE, OK, slow_down
from tests.support.settling import RETRY_MAX, Bench


async def test_what_was_delivered_is_noted_counted_timed_and_let_go() -> None:
    bench = Bench()
    (item,) = await bench.held(1)
    assert bench.settlement.last_error == ""
    bench.settlement.last_error = "what was before"
    await bench.attempt([item], OK, seconds=3.0)
    record = bench.record(item)
    assert (record.state, record.code, record.delivery.updated_at_us) == (
        State.DELIVERED,
        "200",
        START_US + 3 * MICROS,
    )
    assert bench.settlement.last_error == ""
    assert bench.ended("delivered") == 1
    count = bench.metrics.registry.get_sample_value
    assert count("relay_delivery_latency_seconds_sum", {"destination": "bot"}) == 3.0
    assert len(bench.window) == 0
    assert bench.window.known.numbers == set()


async def test_a_clock_that_was_set_back_makes_no_negative_latency() -> None:
    bench = Bench()
    (item,) = await bench.held(1)
    bench.clock.jump(-900)
    await bench.attempt([item], OK)
    count = bench.metrics.registry.get_sample_value
    assert count("relay_delivery_latency_seconds_sum", {"destination": "bot"}) == 0.0


@pytest.mark.parametrize(
    ("outcome", "said", "switched"),
    [
        (BAD, "the destination answered 400", []),
        (Outcome(Verdict.DEAD, "400"), "400", []),
        (GONE, "the destination answered 410", ["the destination answered 410"]),
        (Outcome(Verdict.SWITCH_OFF, "410"), "410", ["410"]),
    ],
)
async def test_a_refusal_is_noted_counted_and_told(outcome: Outcome, said: str, switched: list[str]) -> None:
    bench = Bench()
    (item,) = await bench.held(1)
    await bench.attempt([item], outcome)
    assert (bench.record(item).state, bench.record(item).code) == (State.DEAD, outcome.code)
    assert bench.record(item).delivery.updated_at_us == bench.clock.now_us()
    assert (bench.settlement.last_error, bench.settlement.refusal, bench.reasons) == (said, said, switched)
    assert (bench.ended("dead"), bench.ended("delivered")) == (1, None)
    assert bench.window.known.numbers == set()
    assert bench.condition.failures == 0


@pytest.mark.parametrize("outcome", [DOWN, Outcome(Verdict.RETRY, "503")])
async def test_what_failed_keeps_its_place_for_as_long_as_the_lane_is_held(outcome: Outcome) -> None:
    bench = Bench()
    (item,) = await bench.held(1)
    for attempts, wait in ((1, 4.0), (2, 8.0)):
        failed = await bench.attempt([item], outcome)
        assert (item.not_before, item.last_failed) == (failed + wait, failed)
        assert bench.condition.held_until == failed + wait
        stored = bench.record(item).delivery
        assert (stored.attempts, stored.first_attempt_at_us) == (attempts, START_US + 2 * MICROS)
        assert bench.waits(item) == wait
        assert (stored.parked, stored.updated_at_us) == (False, bench.clock.now_us())
        held = item.delivery
        assert (held.attempts, held.first_attempt_at_us, held.retry_at_us, held.updated_at_us) == (
            stored.attempts,
            stored.first_attempt_at_us,
            stored.retry_at_us,
            stored.updated_at_us,
        )
        await bench.clock.advance(wait)
    assert item.first_failed == 1_002.0, "when it first failed, not last"
    assert bench.settlement.last_error == (outcome.detail or outcome.code)
    assert len(bench.window) == 1


@pytest.mark.parametrize(
    ("seconds", "remembered"), [(0.5, None), (0.999, None), (1.0, 1_000_000), (90.25, 90_250_000), (None, None)]
)
async def test_a_wait_that_was_asked_for_is_remembered_unless_it_is_over_at_once(
    seconds: float | None, remembered: int | None
) -> None:
    bench = Bench()
    (item,) = await bench.held(1)
    answered = await bench.attempt([item], Outcome(Verdict.DELIVERED, "200", retry_after=seconds))
    state = await bench.outbox.destination("bot")
    if remembered is None:
        assert (state.held_since_us, state.held_until_us) == (0, 0)
    else:
        assert state.held_since_us == bench.clock.now_us()
        assert state.held_until_us == bench.clock.now_us() + remembered
    assert bench.condition.held_until == (float("-inf") if seconds is None else answered + seconds)


async def test_a_wait_that_is_no_longer_than_the_one_before_is_not_noted_again() -> None:
    bench = Bench()
    first, second = await bench.held(1, 2)
    await bench.attempt([first], slow_down(90))
    await bench.attempt([second], slow_down(5))
    assert bench.outbox.calls["hold"] == 1


@pytest.mark.parametrize(("seconds", "state"), [(99.999999, State.PENDING), (100.0, State.DEAD)])
async def test_it_is_given_up_when_its_time_is_over_and_not_before(seconds: float, state: State) -> None:
    bench = Bench(give_up_after=100.0)
    (item,) = await bench.held(1)
    await bench.attempt([item], DOWN)
    await bench.attempt([item], DOWN, seconds=seconds)
    assert bench.record(item).state is state
    assert bench.record(item).delivery.updated_at_us == bench.clock.now_us()
    assert len(bench.window) == (state is State.PENDING)
    assert bench.ended("dead") == (1 if state is State.DEAD else None)


async def test_one_that_was_never_tried_is_not_given_up_however_short_the_time() -> None:
    bench = Bench(give_up_after=0.5)
    (item,) = await bench.held(1)
    await bench.attempt([item], DOWN)
    assert bench.record(item).state is State.PENDING


async def test_where_nothing_is_tried_twice_the_first_failure_is_the_end() -> None:
    bench = Bench(give_up_after=0.0)
    (item,) = await bench.held(1)
    await bench.attempt([item], DOWN)
    assert bench.record(item).state is State.DEAD


# --- whose fault it is


async def succeeds_meanwhile(bench: Bench, item: Item, outcome: Outcome) -> float:
    """``item`` fails after another was answered."""
    began = bench.clock.monotonic()
    bench.window.begin([item], began)
    await bench.clock.advance(1)
    bench.condition.succeeded(bench.clock.monotonic())
    await bench.clock.advance(1)
    await bench.settlement.settle([item], outcome, began=began)
    return bench.clock.monotonic()


async def test_one_that_fails_again_while_others_succeeded_in_between_is_to_blame_itself() -> None:
    bench = Bench()
    (item,) = await bench.held(1)
    await bench.attempt([item], DOWN)
    await bench.clock.advance(1)
    bench.condition.succeeded(bench.clock.monotonic())
    held_until = bench.condition.held_until
    await bench.clock.advance(1)
    failed = await bench.attempt([item], DOWN)
    assert (bench.condition.failures, bench.condition.held_until) == (0, held_until)
    assert item.not_before == failed + 8.0


@pytest.mark.parametrize("ordering", ["symbol", "strict"])
async def test_a_message_that_is_to_blame_itself_waits_alone_at_its_place(ordering: str) -> None:
    bench = Bench(ordering=ordering)
    item, *_ = await bench.held(1, 2, symbol="AAPL")
    failed = await succeeds_meanwhile(bench, item, DOWN)
    assert bench.condition.held_until == float("-inf")
    assert bench.condition.failures == 0
    assert item.not_before == failed + 4.0
    assert (bench.waits(item), bench.record(item).delivery.parked) == (4.0, False)
    await bench.clock.advance(4)
    failed = await succeeds_meanwhile(bench, item, DOWN)
    assert (item.not_before, bench.waits(item)) == (failed + 8.0, 8.0)
    assert not item.alone
    assert list(bench.window.skips) == (["AAPL"] if ordering == "symbol" else [])


async def test_without_an_order_a_message_that_is_to_blame_itself_is_parked() -> None:
    bench = Bench(ordering="none")
    (item,) = await bench.held(1)
    failed = await succeeds_meanwhile(bench, item, DOWN)
    assert (bench.waits(item), bench.record(item).delivery.parked) == (4.0, True)
    assert bench.record(item).delivery.updated_at_us == bench.clock.now_us()
    assert bench.supply.parked_due == failed + 4.0
    assert len(bench.window) == 0
    assert bench.window.known.numbers == set()


async def test_a_parked_one_never_waits_longer_than_the_longest_back_off() -> None:
    bench = Bench()
    (item,) = await bench.held(1)
    item.suspect = True
    bench.condition.hold(bench.clock.monotonic(), 1_000.0)
    for _ in range(PARK_AFTER):
        assert not bench.record(item).delivery.parked
        item.suspect = True
        await bench.attempt([item], slow_down(1_000.0), seconds=0.0)
    assert bench.record(item).delivery.parked
    assert bench.waits(item) == RETRY_MAX


@pytest.mark.parametrize("patience", [True, False])
async def test_who_only_asks_for_patience_blames_nobody(*, patience: bool) -> None:
    bench = Bench(ordering="none")
    (item,) = await bench.held(1)
    await succeeds_meanwhile(bench, item, slow_down(2) if patience else DOWN)
    assert bench.record(item).delivery.parked is not patience
    assert bench.condition.failures == (1 if patience else 0)
    assert not bench.condition.in_doubt


@pytest.mark.parametrize(
    ("attempts", "suspect", "succeeded", "parked"),
    [
        pytest.param(PARK_AFTER - 1, True, False, True, id="worn and suspect"),
        pytest.param(PARK_AFTER - 2, True, False, False, id="suspect, not worn yet"),
        pytest.param(PARK_AFTER - 1, False, False, False, id="worn while nothing succeeds"),
        pytest.param(PARK_AFTER - 1, False, True, True, id="worn, and others succeeded since it first failed"),
    ],
)
async def test_when_an_ordered_one_lets_its_successors_go_on(
    attempts: int, *, suspect: bool, succeeded: bool, parked: bool
) -> None:
    bench = Bench(give_up_after=86_400.0)
    item, *_ = await bench.held(1, 2, symbol="AAPL")
    for _ in range(attempts):
        await bench.attempt([item], DOWN)
    if succeeded:
        bench.condition.succeeded(bench.clock.monotonic() - 1)
        item.last_failed = bench.clock.monotonic()  # so that this failure is not laid at its own door
    item.suspect = suspect
    await bench.attempt([item], DOWN)
    assert bench.record(item).delivery.parked is parked


# --- a message of several


@pytest.mark.parametrize(
    ("outcome", "told"), [(BAD, "the destination answered 400"), (Outcome(Verdict.DEAD, "400"), "400")]
)
@pytest.mark.parametrize("ordering", ["symbol", "strict"])
async def test_of_a_refused_message_each_goes_again_at_once_and_alone(
    outcome: Outcome, told: str, ordering: str
) -> None:
    bench = Bench(ordering=ordering)
    items = await bench.held(1, 2, 3, symbol="AAPL")
    await bench.attempt(items, outcome)
    assert len(bench.window) == 3
    assert bench.settlement.last_error == told
    assert [item.alone for item in items] == [True] * 3
    assert [bench.record(item).state for item in items] == [State.PENDING] * 3
    assert {bench.waits(item) for item in items} == {0.0}
    assert {bench.record(item).error for item in items} == {
        f"{outcome.detail}, in a message with 2 more; it goes again alone"
    }
    assert bench.ended("dead") is None
    assert bench.condition.failures == 0


@pytest.mark.parametrize("ordering", ["symbol", "strict"])
async def test_of_a_message_that_switches_the_destination_off_the_first_dies_and_the_others_keep_their_places(
    ordering: str,
) -> None:
    bench = Bench(ordering=ordering)
    first, *others = await bench.held(1, 2, 3, symbol="AAPL")
    await bench.attempt([first, *others], GONE)
    assert bench.record(first).state is State.DEAD
    assert [bench.record(item).state for item in others] == [State.PENDING] * 2
    assert {bench.waits(item) for item in others} == {0.0}
    assert [item.alone for item in others] == [False] * 2
    assert len(bench.window) == 2
    assert bench.reasons == ["the destination answered 410"]


async def test_a_message_of_several_that_is_to_blame_holds_the_lane_and_each_goes_again_alone() -> None:
    bench = Bench(ordering="strict")
    items = await bench.held(1, 2)
    began = bench.clock.monotonic()
    bench.window.begin(items, began)
    await bench.clock.advance(1)
    bench.condition.succeeded(bench.clock.monotonic())
    await bench.settlement.settle(items, DOWN, began=began)
    assert [item.alone for item in items] == [True, True]
    assert bench.condition.failures == 1
    assert {bench.waits(item) for item in items} == {4.0}
    assert [bench.record(item).delivery.parked for item in items] == [False, False]


async def test_a_message_of_several_that_fails_with_the_destination_stays_together() -> None:
    bench = Bench(ordering="strict")
    items = await bench.held(1, 2)
    await bench.attempt(items, DOWN)
    assert [item.alone for item in items] == [False, False]
    assert {bench.waits(item) for item in items} == {4.0}


async def test_who_went_before_and_failed_is_suspect_once_a_later_one_is_answered() -> None:
    bench = Bench(ordering="strict")
    first, second, third = await bench.held(1, 2, 3)
    await bench.attempt([second], OK)
    assert (first.suspect, third.suspect) == (True, False)


# --- what the store does not take


@pytest.mark.parametrize(("outcome", "call"), [(OK, "ack"), (DOWN, "retry"), (BAD, "bury")])
async def test_what_could_not_be_noted_frees_its_key_and_waits_the_longest_back_off(
    outcome: Outcome, call: str
) -> None:
    bench = Bench()
    (item,) = await bench.held(1)
    bench.outbox.errors[call].append(StoreBusyError("the store could not take it"))
    with pytest.raises(StoreBusyError):
        await bench.attempt([item], outcome)
    assert not bench.window._busy
    assert item.delivery.id in bench.window.known.numbers
    assert bench.ended("delivered") is None
    if outcome is DOWN:
        assert item.not_before == bench.clock.monotonic() + RETRY_MAX


async def test_what_no_rule_wants_any_more_is_noted_counted_and_let_go() -> None:
    bench = Bench()
    (item,) = await bench.held(1)
    bench.window.remove(item)
    await bench.clock.advance(7)
    await bench.settlement.expire(item)
    assert bench.record(item).state is State.EXPIRED
    assert bench.record(item).delivery.updated_at_us == bench.clock.now_us()
    assert bench.ended("expired") == 1
    assert bench.window.known.numbers == set()


async def test_what_the_store_knows_better_about_leaves_the_window_and_is_read_anew() -> None:
    bench = Bench()
    (item,) = await bench.held(1)
    bench.window.begin([item], bench.clock.monotonic())
    bench.window.forget()
    assert item.stale
    await bench.settlement.settle([item], DOWN, began=bench.clock.monotonic())
    assert len(bench.window) == 0
    assert bench.window.known.numbers == set()
    await bench.supply.load(failing=False)
    assert len(bench.window) == 1
