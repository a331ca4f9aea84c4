"""What waits goes out together: one message is one attempt, and every member's state is right."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from relay.deliveries import Message, Outcome, State, Verdict
from relay.limiter import SlidingLog
from relay.outbox.base import Switch
from tests.support.clock import settle
from tests.support.lane import BAD, DOWN, GONE, OK, Scene, failing, slow_down


def chat(capacity: int = 10) -> Scene:
    return Scene(capacity=capacity, ordering="strict", retry_initial=1.0, retry_max=60.0)


async def test_a_lone_alert_goes_at_once_and_what_came_meanwhile_goes_together_in_order() -> None:
    scene = chat()
    scene.receiver.gate = asyncio.Event()
    async with scene.running():
        await scene.put(1)
        assert scene.receiver.batches == [[1]]
        await scene.put(*range(2, 26))
        scene.receiver.gate.set()
        await settle(50)
    assert scene.receiver.batches == [[1], [*range(2, 12)], [*range(12, 22)], [*range(22, 26)]]
    assert set(scene.states().values()) == {State.DELIVERED}


async def test_what_waits_for_the_limiter_goes_out_together_when_it_lets_it() -> None:
    scene = chat()
    scene.receiver.limiter = SlidingLog(1, 2.0)
    scene.lane = scene.new_lane()
    async with scene.running():
        await scene.put(1)
        await scene.put(2)
        await scene.put(3, 4)
        assert scene.lane.status().paced_seconds == 2.0
        assert scene.lane.status().held_seconds == 0.0
        await scene.clock.advance(1.9)
        assert scene.receiver.batches == [[1]]
        await scene.clock.advance(0.2)
    assert scene.receiver.batches == [[1], [2, 3, 4]]


async def test_no_more_goes_than_the_destination_says_fits() -> None:
    scene = chat()
    scene.receiver.fits = lambda waiting: min(3, len(waiting))  # type: ignore[method-assign]
    async with scene.running():
        await scene.put(*range(1, 8))
    assert scene.receiver.batches == [[1, 2, 3], [4, 5, 6], [7]]


async def test_a_destination_that_can_not_tell_what_fits_still_gets_everything() -> None:
    def broken(waiting: Sequence[Message]) -> int:
        raise ZeroDivisionError(waiting)

    scene = chat()
    scene.receiver.fits = broken  # type: ignore[method-assign]
    async with scene.running():
        await scene.put(1, 2, 3)
    assert scene.receiver.batches == [[1], [2], [3]]


async def test_of_a_refused_message_only_the_guilty_die() -> None:
    scene = chat()
    scene.receiver.answer = failing(4, 7, outcome=BAD)
    async with scene.running():
        await scene.put(*range(1, 10))
        await settle(100)
        await scene.put(10, 11)
        await settle(50)
    assert scene.receiver.batches == [[*range(1, 10)], *([n] for n in range(1, 10)), [10, 11]]
    assert {n for n, state in scene.states().items() if state is State.DEAD} == {4, 7}
    attempts = {r.delivery.event.id: r.delivery.attempts for r in scene.memory.records.values()}
    assert attempts == {**dict.fromkeys(range(1, 10), 2), 10: 1, 11: 1}


async def test_what_a_refused_message_leaves_in_the_store_says_why() -> None:
    scene = chat()
    scene.receiver.answer = lambda _message: BAD
    async with scene.running():
        scene.receiver.gate = asyncio.Event()
        await scene.put(1, 2)
        scene.outbox.stuck["bury"] = asyncio.Event()
        scene.receiver.gate.set()
        await settle(20)
        waiting = [record for record in scene.memory.records.values() if record.state is State.PENDING]
        assert [record.error for record in waiting] == [
            "the destination answered 400, in a message with 1 more; it goes again alone"
        ] * 2
        scene.outbox.stuck.pop("bury").set()
        await settle(20)
    assert set(scene.states().values()) == {State.DEAD}


async def test_a_destination_switched_off_by_a_message_loses_the_first_and_keeps_the_others() -> None:
    scene = chat()
    scene.receiver.answer = lambda _message: GONE
    async with scene.running():
        await scene.put(1, 2, 3)
        await settle(20)
        assert scene.lane.status().switch is Switch.OFF
        assert scene.states() == {1: State.DEAD, 2: State.PENDING, 3: State.PENDING}
        scene.receiver.answer = lambda _message: OK
        await scene.lane.resume()
        await settle(20)
    assert scene.receiver.batches == [[1, 2, 3], [2, 3]]
    assert scene.states() == {1: State.DEAD, 2: State.DELIVERED, 3: State.DELIVERED}


async def test_a_message_that_fails_keeps_all_its_places_and_a_lone_probe_finds_out() -> None:
    scene = chat()
    scene.receiver.answer = lambda _message: DOWN
    async with scene.running():
        await scene.put(*range(1, 6))
        await settle(20)
        assert scene.receiver.batches == [[1, 2, 3, 4, 5]]
        scene.receiver.answer = lambda _message: OK
        await scene.clock.advance(1.0)
    assert scene.receiver.batches == [[1, 2, 3, 4, 5], [1], [2, 3, 4, 5]]


async def test_after_a_wait_that_was_asked_for_all_go_together_again() -> None:
    scene = chat()
    scene.receiver.answer = lambda _message: slow_down(5.0)
    async with scene.running():
        await scene.put(1, 2, 3)
        scene.receiver.answer = lambda _message: OK
        await scene.clock.advance(4.9)
        assert scene.receiver.batches == [[1, 2, 3]]
        await scene.clock.advance(1.2)
    assert scene.receiver.batches == [[1, 2, 3], [1, 2, 3]]


async def test_one_that_no_message_can_hold_is_found_and_parked_while_the_others_go_on() -> None:
    scene = chat()
    scene.receiver.answer = failing(3)
    async with scene.running():
        await scene.put(*range(1, 8))
        for _ in range(40):
            await scene.clock.advance(30.0)
        states = scene.states()
        assert {n for n, state in states.items() if state is State.PENDING} == {3}
        assert [r.delivery.parked for r in scene.memory.records.values() if r.state is State.PENDING] == [True]
        scene.receiver.answer = lambda _message: OK
        await scene.clock.advance(120.0)
    assert set(scene.states().values()) == {State.DELIVERED}
    assert all(r.delivery.attempts <= 4 for r in scene.memory.records.values() if r.delivery.event.id != 3)


async def test_who_shared_a_message_with_one_that_no_one_takes_is_not_overtaken_for_it() -> None:
    scene = chat()
    scene.receiver.answer = failing(1)
    async with scene.running():
        await scene.put(*range(1, 6))
        await scene.put(6, 7)
        for _ in range(40):
            await scene.clock.advance(30.0)
    assert scene.receiver.batches[0] == [1, 2, 3, 4, 5]
    taken = [number for batch in scene.receiver.batches if 1 not in batch for number in batch]
    assert taken == [2, 3, 4, 5, 6, 7]


async def test_the_next_message_waits_until_the_former_is_noted() -> None:
    scene = chat()
    scene.outbox.stuck["ack"] = asyncio.Event()
    async with scene.running():
        await scene.put(1, 2)
        await scene.put(3)
        assert scene.receiver.batches == [[1, 2]]
        scene.outbox.stuck.pop("ack").set()
        await settle(20)
    assert scene.receiver.batches == [[1, 2], [3]]


async def test_one_that_expired_while_it_waited_is_left_out_of_the_message() -> None:
    scene = chat()
    scene.receiver.limiter = SlidingLog(1, 30.0)
    scene.lane = scene.new_lane()
    async with scene.running():
        await scene.put(1)
        await scene.put(2, 3, 4)
        for record in scene.memory.records.values():
            if record.delivery.event.id == 3:
                rules = tuple(msgspec.structs.replace(rule, expires_at_us=1) for rule in record.delivery.rules)
                record.delivery = msgspec.structs.replace(record.delivery, rules=rules)
        scene.lane._supply.start_over()
        await scene.clock.advance(31.0)
        await scene.clock.advance(31.0)
    assert scene.receiver.batches == [[1], [2, 4]]
    assert scene.states() == {1: State.DELIVERED, 2: State.DELIVERED, 3: State.EXPIRED, 4: State.DELIVERED}


async def test_one_message_is_one_attempt_to_count() -> None:
    scene = chat()
    async with scene.running():
        await scene.put(*range(1, 6))
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for metric in scene.metrics.registry.collect()
        for sample in metric.samples
    }
    attempts = samples["relay_delivery_attempts_total", ("code", "200"), ("destination", "bot")]
    delivered = samples["relay_deliveries_total", ("destination", "bot"), ("result", "delivered")]
    assert (attempts, delivered) == (1.0, 5.0)


async def test_every_member_that_is_given_up_is_a_dead_letter_of_its_own() -> None:
    scene = Scene(capacity=10, ordering="strict", retry_initial=1.0, retry_max=60.0, give_up_after=10.0)
    scene.receiver.answer = lambda _message: Outcome(Verdict.RETRY, "429", "too many", retry_after=20.0)
    async with scene.running():
        await scene.put(1, 2, 3)
        await scene.clock.advance(25.0)
    assert set(scene.states().values()) == {State.DEAD}


async def test_resuming_forgets_a_wait_that_the_destinations_own_limiter_keeps() -> None:
    class Asked(SlidingLog):
        until = 0.0

        def ready_at(self) -> float:
            return self.until

        def release(self) -> None:
            self.until = 0.0

    scene = chat()
    asked = scene.receiver.limiter = Asked(1, 1.0)
    asked.until = 1e9
    scene.lane = scene.new_lane()
    async with scene.running():
        await scene.put(1)
        assert scene.receiver.batches == []
        await scene.lane.resume()
        await settle(20)
    assert scene.receiver.batches == [[1]]
