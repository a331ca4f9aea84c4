"""Lanes under attack: answers of the store that come late, errors, clocks that jump, crowds of poison."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from relay.clock import MICROS
from relay.deliveries import Message, Outcome, RuleMatch, State, Verdict
from relay.errors import StoreBusyError
from relay.outbox.base import Switch
from tests.support.clock import START_US, settle
from tests.support.events import entry, in_force
from tests.support.lane import DOWN, GONE, OK, Scene, failing, slow_down

STALE = RuleMatch("fresh only", expires_at_us=START_US - 1)


# --- the store's troubles


async def test_a_queue_that_could_not_be_read_is_read_again() -> None:
    scene = Scene()
    async with scene.running():
        scene.outbox.errors["claim"].append(StoreBusyError("the store could not be read"))
        await scene.put(1)
        await scene.clock.advance(5)
        assert scene.states() == {1: State.DELIVERED}


async def test_parked_ones_that_could_not_be_read_are_read_again() -> None:
    scene = Scene(ordering="none", retry_initial=1, retry_max=1)
    scene.receiver.answer = failing(1)
    async with scene.running():
        await _park_one(scene)
        for call in ("claim_parked", "next_parked_us"):
            scene.outbox.errors[call].append(StoreBusyError("the store could not be read"))
        scene.receiver.answer = lambda _m: OK
        await scene.clock.advance(10)
        assert scene.states()[1] is State.DELIVERED


async def _park_one(scene: Scene) -> None:
    """Number 1 fails while 2 succeeds: it is parked."""
    scene.receiver.gate = asyncio.Event()
    await scene.put(2, 1)
    await scene.clock.advance(0.1)
    scene.receiver.gate.set()
    await settle()
    scene.receiver.gate = None
    assert [record.delivery.parked for record in scene.memory.records.values()] == [False, True]


@pytest.mark.parametrize("call", ["destination", "next_parked_us"])
async def test_a_store_that_can_not_be_read_at_the_start_is_asked_again(call: str) -> None:
    scene = Scene()
    scene.outbox.errors[call].append(StoreBusyError("the store could not be read"))
    await scene.put(1)
    async with scene.running():
        await scene.clock.advance(5)
        assert scene.states() == {1: State.DELIVERED}


async def test_a_read_that_an_answer_overtook_sends_nothing_twice() -> None:
    scene = Scene()
    gate = scene.receiver.gate = asyncio.Event()
    async with scene.running():
        await scene.put(1, 2)
        assert scene.receiver.ids == [1, 2]
        scene.outbox.late["claim"] = asyncio.Event()
        await scene.lane.resume()  # reads the queue anew: both are pending still
        await settle()
        gate.set()  # now both are answered and noted
        await settle()
        scene.outbox.late.pop("claim").set()
        await settle()
        assert scene.receiver.ids == [1, 2]
        await scene.put(3)
        assert scene.receiver.ids == [1, 2, 3]


async def test_a_read_that_an_answer_overtook_does_not_send_a_parked_one_twice() -> None:
    scene = Scene(ordering="none", retry_initial=1, retry_max=1)
    scene.receiver.answer = failing(1)
    async with scene.running():
        await _park_one(scene)
        scene.receiver.answer = lambda _m: OK
        scene.receiver.gate = asyncio.Event()
        await scene.clock.advance(1.0)
        assert scene.receiver.ids.count(1) == 2
        late = scene.outbox.late["claim_parked"] = asyncio.Event()
        await scene.lane.resume()
        await scene.clock.advance(3.0)
        scene.receiver.gate.set()
        await settle()
        late.set()
        await scene.clock.advance(5.0)
        assert scene.receiver.ids.count(1) == 2


async def test_what_is_parked_while_the_parked_are_read_is_not_forgotten() -> None:
    scene = Scene(ordering="none", retry_initial=1, retry_max=1, concurrency=4)
    scene.receiver.answer = failing(1, 4)
    async with scene.running():
        await _park_one(scene)
        late = scene.outbox.late["next_parked_us"] = asyncio.Event()
        scene.receiver.gate = asyncio.Event()
        await scene.put(5, 4)
        await scene.clock.advance(1.1)  # 1 is due: the store says that nothing else is parked
        scene.receiver.gate.set()
        await settle()  # meanwhile 4 is parked
        scene.receiver.answer = lambda _m: OK
        del scene.outbox.late["next_parked_us"]
        late.set()
        await scene.clock.advance(30)
        assert scene.states()[4] is State.DELIVERED


async def test_a_note_that_the_store_refuses_does_not_block_the_symbol() -> None:
    scene = Scene(retry_initial=1, retry_max=1)
    scene.receiver.answer = failing(1)
    scene.outbox.errors["retry"].append(ValueError("the store refuses this row"))
    async with scene.running():
        await scene.put(1, 2, symbol="AAPL")
        scene.receiver.answer = lambda _m: OK
        await scene.clock.advance(30)
        assert scene.states() == {1: State.DELIVERED, 2: State.DELIVERED}


async def test_a_delivery_that_the_store_refuses_to_note_is_not_sent_again_and_blocks_nobody() -> None:
    scene = Scene(ordering="strict")
    scene.outbox.errors["ack"].append(ValueError("the store refuses this row"))
    async with scene.running():
        await scene.put(1, 2, 3)
        await scene.clock.advance(60)
        assert scene.receiver.ids == [1, 2, 3]


async def test_an_answer_is_noted_even_when_the_lane_is_given_up_meanwhile() -> None:
    scene = Scene()
    room = scene.outbox.stuck["hold"] = scene.outbox.stuck["ack"] = asyncio.Event()
    scene.receiver.answer = lambda _m: Outcome(Verdict.DELIVERED, "200", retry_after=5.0)
    async with scene.running():
        await scene.put(1)
        scene.lane.stop()
        scene.lane.abort()
    room.set()
    await settle()
    assert scene.states() == {1: State.DELIVERED}


async def test_while_the_store_takes_nothing_no_more_than_twice_the_concurrency_goes_out() -> None:
    scene = Scene(concurrency=3)
    room = scene.outbox.stuck["ack"] = asyncio.Event()
    async with scene.running():
        await scene.put(*range(1, 41))
        await scene.clock.advance(600)
        assert len(scene.receiver.sent) == 6
        room.set()
        await settle(400)
        assert sorted(scene.receiver.ids, key=str) == sorted(range(1, 41), key=str)


# --- people


async def test_what_was_dropped_is_not_sent_while_the_switch_is_being_written() -> None:
    scene = Scene()
    async with scene.running():
        scene.receiver.gate = asyncio.Event()
        await scene.put(*range(1, 21))  # eight under way, twelve held in memory
        await scene.lane.pause()
        scene.receiver.gate.set()
        await settle()
        await scene.clock.advance(120)
        written = scene.outbox.stuck["switch"] = asyncio.Event()
        resuming = asyncio.create_task(scene.lane.resume(drop_older=60))
        await settle()
        scene.lane.notify()
        await settle()
        written.set()
        assert await resuming == 12
        await settle()
        assert sorted(scene.receiver.ids, key=str) == sorted(range(1, 9), key=str)


async def test_what_was_dropped_while_it_was_under_way_is_not_tried_again() -> None:
    scene = Scene(retry_initial=1, retry_max=1)
    scene.receiver.gate = asyncio.Event()
    scene.receiver.answer = failing(1)
    async with scene.running():
        await scene.put(1)
        await scene.clock.advance(5)
        assert await scene.lane.resume(drop_older=1) == 1
        scene.receiver.gate.set()
        await scene.clock.advance(30)
        assert scene.receiver.ids == [1]
        assert scene.states() == {1: State.EXPIRED}


async def test_a_resumed_lane_reads_its_queue_only_when_the_time_it_was_off_is_taken_out() -> None:
    scene = Scene(retry_initial=1, retry_max=1, give_up_after=3600)
    scene.receiver.answer = lambda _m: DOWN
    async with scene.running():
        await scene.put(1)
        await scene.lane.pause()
        await scene.clock.advance(7200)
        written = scene.outbox.stuck["switch"] = asyncio.Event()
        resuming = asyncio.create_task(scene.lane.resume())
        await settle()
        scene.lane.notify()
        await settle()
        written.set()
        await resuming
        await settle()
        assert scene.states() == {1: State.PENDING}


async def test_a_pause_during_a_resume_wins() -> None:
    scene = Scene()
    async with scene.running():
        await scene.lane.pause()
        await scene.put(1)
        written = scene.outbox.stuck["switch"] = asyncio.Event()
        resuming = asyncio.create_task(scene.lane.resume())
        await settle()
        pausing = asyncio.create_task(scene.lane.pause())
        await settle()
        written.set()
        await asyncio.gather(resuming, pausing)
        await settle()
        assert scene.lane.status().switch is Switch.PAUSED
        assert scene.memory.destinations["bot"].switch is Switch.PAUSED


async def test_a_pause_before_the_lane_has_read_its_state_holds() -> None:
    scene = Scene()
    late = scene.outbox.late["destination"] = asyncio.Event()
    await scene.put(1)
    async with scene.running():
        pausing = asyncio.create_task(scene.lane.pause())
        await settle()
        del scene.outbox.late["destination"]
        late.set()
        await pausing
        await settle()
        assert scene.lane.status().switch is Switch.PAUSED
        await scene.put(2)
        assert 2 not in scene.receiver.ids


async def test_resume_lets_go_of_what_the_destination_asked_for_also_over_a_restart() -> None:
    scene = Scene(ordering="strict")
    scene.receiver.answer = failing(1, outcome=slow_down(3600))
    async with scene.running():
        await scene.put(1, 2)
        scene.receiver.answer = lambda _m: OK
        await scene.lane.resume()
        await settle()
        assert scene.receiver.ids == [1, 1, 2]
    scene.lane = scene.new_lane()
    async with scene.running():
        await scene.put(3)
        assert scene.receiver.ids == [1, 1, 2, 3]


async def test_what_was_under_way_at_a_resume_may_still_fail() -> None:
    scene = Scene(retry_initial=1, retry_max=1, concurrency=2)
    scene.receiver.answer = failing(1, 2)
    with capture_logs() as logs:
        async with scene.running():
            scene.receiver.takes = 1
            await scene.put(1)
            scene.receiver.takes = 3
            await scene.put(2)
            await scene.clock.advance(1)  # 1 has failed, 2 is under way
            await scene.lane.resume()
            scene.receiver.answer = failing(2)
            await scene.clock.advance(4)
            scene.receiver.answer = lambda _m: OK
            await scene.clock.advance(10)
            assert scene.states() == {1: State.DELIVERED, 2: State.DELIVERED}
    assert [log for log in logs if log["log_level"] == "error"] == []


async def test_several_refusals_in_flight_switch_off_once_and_bury_only_themselves() -> None:
    scene = Scene(concurrency=4)
    scene.receiver.gate = asyncio.Event()
    scene.receiver.answer = lambda _m: GONE
    async with scene.running():
        await scene.put(*range(1, 13))
        scene.receiver.gate.set()
        await scene.clock.advance(60)
        assert sorted(number for number, state in scene.states().items() if number and state is State.DEAD) == [
            1,
            2,
            3,
            4,
        ]
        assert len(scene.receiver.sent) == 4


# --- clocks


async def test_a_parked_one_is_tried_soon_though_the_clock_was_set_back() -> None:
    scene = Scene(ordering="none", retry_initial=10, retry_max=60)
    scene.receiver.answer = failing(1)
    async with scene.running():
        await _park_one(scene)
        scene.receiver.answer = lambda _m: OK
        scene.clock.jump(-86_400)
        await scene.clock.advance(130)
        assert scene.states()[1] is State.DELIVERED


async def test_a_parked_one_is_tried_soon_though_the_clock_was_set_back_before_the_restart() -> None:
    scene = Scene(ordering="none", retry_initial=10, retry_max=60)
    scene.receiver.answer = failing(1)
    async with scene.running():
        await _park_one(scene)
    scene.clock.jump(-86_400)
    scene.receiver.answer = lambda _m: OK
    scene.lane = scene.new_lane()
    async with scene.running():
        await scene.clock.advance(61)
        assert scene.states()[1] is State.DELIVERED


async def test_a_remembered_wait_is_never_longer_than_it_was_asked_for() -> None:
    scene = Scene(retry_max=5)
    scene.receiver.answer = failing(1, outcome=slow_down(90))
    async with scene.running():
        await scene.put(1)
    scene.clock.jump(-86_400)
    scene.receiver.answer = lambda _m: OK
    scene.lane = scene.new_lane()
    async with scene.running():
        await scene.clock.advance(89)
        assert scene.receiver.ids == [1]
        await scene.clock.advance(2)
        assert scene.states() == {1: State.DELIVERED}


async def test_a_shorter_wait_asked_for_later_does_not_cut_the_longer_one_at_a_restart() -> None:
    scene = Scene(concurrency=2)
    scene.receiver.gate = asyncio.Event()
    scene.receiver.answer = lambda m: slow_down(600 if m.delivery.event.id == 1 else 5)
    async with scene.running():
        await scene.put(1, 2, 3)
        scene.receiver.gate.set()
        await settle()
    scene.receiver.answer = lambda _m: OK
    scene.lane = scene.new_lane()
    async with scene.running():
        await scene.clock.advance(599)
        assert len(scene.receiver.sent) == 2
        await scene.clock.advance(2)
        assert set(scene.states().values()) == {State.DELIVERED}


# --- crowds


async def test_a_backlog_that_is_too_old_does_not_hold_up_what_is_fresh() -> None:
    scene = Scene(ordering="strict")
    await scene.outbox.commit([entry(in_force(n, f"S{n}"), "bot", rules=(STALE,)) for n in range(1, 1001)])
    await scene.put(5000)
    scene.outbox.stuck["expire"] = room = asyncio.Event()
    async with scene.running():
        # one commit of the store per turn, as a disk would have it: all that was asked for by then goes through
        for _ in range(40):
            await settle()
            room.set()
            scene.outbox.stuck["expire"] = room = asyncio.Event()
        room.set()
        await settle(200)
        assert scene.receiver.ids == [5000]
        assert list(scene.states().values()).count(State.EXPIRED) == 1000


async def test_expiring_is_bounded_while_the_store_takes_nothing() -> None:
    scene = Scene()
    await scene.outbox.commit([entry(in_force(n, f"S{n}"), "bot", rules=(STALE,)) for n in range(1, 5001)])
    room = scene.outbox.stuck["expire"] = asyncio.Event()
    async with scene.running():
        await settle(500)
        assert scene.outbox.calls["expire"] <= 1000
        del scene.outbox.stuck["expire"]
        room.set()
        await settle(3000)
        assert set(scene.states().values()) == {State.EXPIRED}


async def test_poison_does_not_block_its_symbol_in_a_lane_that_has_no_other() -> None:
    scene = Scene(retry_initial=0.1, retry_max=1, concurrency=2)
    scene.receiver.answer = failing(1)
    gate = scene.receiver.gate = asyncio.Event()
    async with scene.running():
        await scene.put(9, symbol="MSFT")
        await scene.put(1, 2, 3, symbol="AAPL")
        await scene.clock.advance(0.1)
        gate.set()  # 9 is answered, then 1 fails: its symbol waits for it alone
        await settle()
        await scene.clock.advance(60)
        assert scene.states()[3] is State.DELIVERED


async def test_parked_ones_do_not_take_the_probe_away_from_the_others() -> None:
    scene = Scene(ordering="none", retry_initial=0.5, retry_max=0.5, concurrency=40)
    poison = range(1, 31)
    scene.receiver.answer = failing(*poison)
    gate = scene.receiver.gate = asyncio.Event()
    async with scene.running():
        await scene.put(99, *poison)
        await scene.clock.advance(0.1)
        gate.set()
        await settle(200)
        assert sum(record.delivery.parked for record in scene.memory.records.values()) == 30
        scene.receiver.gate = None
        scene.receiver.answer = failing(*poison, 100)
        await scene.put(100)
        assert scene.states()[100] is State.PENDING
        scene.receiver.answer = failing(*poison)
        before = len(scene.receiver.sent)
        await scene.clock.advance(1.5)
        assert scene.states()[100] is State.DELIVERED
        assert scene.receiver.ids[before:].index(100) < 2


async def test_a_crowd_of_parked_ones_goes_out_quickly_once_the_destination_takes_them() -> None:
    scene = Scene(ordering="none", retry_initial=0.5, retry_max=5, concurrency=8)
    scene.receiver.takes = 0.01
    crowd = range(2, 801, 2)
    scene.receiver.answer = failing(*crowd)
    async with scene.running():
        await scene.outbox.commit([entry(in_force(n, f"S{n}"), "bot") for n in range(1, 801)])
        scene.lane.notify()
        for _ in range(60):
            await scene.clock.advance(1)
        assert list(scene.states().values()).count(State.PENDING) == 400
        scene.receiver.answer = lambda _m: OK
        await scene.clock.advance(7)
        await settle(2000)
        assert set(scene.states().values()) == {State.DELIVERED}


async def test_a_crowd_of_poison_at_the_front_does_not_hide_what_comes_after_it() -> None:
    scene = Scene(retry_initial=1, retry_max=1)
    scene.receiver.answer = failing(*range(1, 301))
    async with scene.running():
        await scene.put(*range(1, 301))
        await scene.clock.advance(300)
        await scene.put(1000)
        await scene.clock.advance(3)
        assert scene.states()[1000] is State.DELIVERED


async def test_a_message_that_is_given_up_alone_does_not_hold_the_others() -> None:
    scene = Scene(ordering="none", retry_initial=30, retry_max=30, give_up_after=50)
    scene.receiver.answer = failing(1)
    async with scene.running():
        await _park_one(scene)
        while scene.states()[1] is State.PENDING:
            await scene.clock.advance(1)
            assert scene.lane.status().failures == 0
        assert scene.states()[1] is State.DEAD


async def test_a_full_window_beside_parked_ones_that_are_due_burns_no_time() -> None:
    scene = Scene(ordering="none", retry_initial=1, retry_max=1, concurrency=2)
    scene.receiver.answer = failing(1)
    async with scene.running():
        await _park_one(scene)
        scene.receiver.gate = asyncio.Event()
        await scene.put(*range(10, 200))
        before = scene.outbox.calls["claim_parked"], scene.clock.sleeps
        await scene.clock.advance(10)
        assert scene.outbox.calls["claim_parked"] - before[0] < 20
        assert scene.clock.sleeps - before[1] < 50


async def test_a_merged_message_is_rendered_anew_for_each_attempt() -> None:
    scene = Scene(retry_initial=10, retry_max=10)
    seen: list[Message] = []

    def answer(message: Message) -> Outcome:
        seen.append(message)
        return DOWN if len(seen) == 1 else OK

    scene.receiver.answer = answer
    rules = (RuleMatch("short", START_US + 1), RuleMatch("long", START_US + 3600 * MICROS), RuleMatch("for ever"))
    await scene.outbox.commit([entry(in_force(1), "bot", rules=rules)])
    async with scene.running():
        await scene.clock.advance(11)
    assert [(m.attempt, m.rules) for m in seen] == [(1, ("short", "long", "for ever")), (2, ("long", "for ever"))]
    assert len({m.delivery.webhook_id for m in seen}) == 1


async def test_a_successor_that_is_the_probe_during_a_resume_keeps_its_place() -> None:
    scene = Scene(ordering="strict", retry_initial=0.1, retry_max=0.5)
    scene.receiver.answer = failing(1)
    async with scene.running():
        scene.receiver.takes = 0.01
        await scene.put(1, 2, 3)
        while scene.receiver.ids[-1] == 1 or not scene.receiver.under_way:
            await scene.clock.advance(0.005)
        assert scene.receiver.ids[-1] == 2  # its predecessor has failed eight times
        scene.receiver.takes = 0
        await scene.lane.resume()
        await scene.clock.advance(1)
        assert scene.states() == {1: State.PENDING, 2: State.DELIVERED, 3: State.DELIVERED}
        assert [record.delivery.parked for record in scene.memory.records.values()] == [True, False, False]


@pytest.mark.parametrize("ordering", ["strict", "symbol"])
async def test_after_an_outage_at_most_one_message_is_out_of_its_place(ordering: str) -> None:
    scene = Scene(ordering=ordering, retry_initial=0.1, retry_max=0.5)
    scene.receiver.answer = lambda _m: DOWN
    async with scene.running():
        scene.receiver.takes = 0.01
        await scene.put(*range(1, 21), symbol="AAPL")
        while scene.receiver.ids[-1] == 1 or not scene.receiver.under_way:
            await scene.clock.advance(0.005)
        assert scene.receiver.ids[-1] == 2  # the destination comes back just when a successor is the probe
        before = len(scene.receiver.sent) - 1
        scene.receiver.answer = lambda _m: OK
        scene.receiver.takes = 0
        await scene.clock.advance(30)
        assert scene.receiver.ids[before:] == [2, 1, *range(3, 21)]


async def test_other_symbols_are_probes_before_successors_are() -> None:
    scene = Scene(retry_initial=0.1, retry_max=0.5, concurrency=1)
    scene.receiver.answer = lambda _m: DOWN
    async with scene.running():
        await scene.put(1, 2, symbol="AAPL")
        for number in range(10, 30):
            await scene.put(number)
            await scene.clock.advance(2)
        assert 2 not in scene.receiver.ids


@pytest.mark.parametrize("ordering", ["symbol", "none", "strict"])
async def test_a_long_outage_costs_disk_and_not_memory(ordering: str) -> None:
    scene = Scene(ordering=ordering, concurrency=4, retry_initial=1, retry_max=1)
    scene.receiver.answer = lambda _message: DOWN
    await scene.outbox.commit([entry(in_force(n, f"S{n}"), "bot") for n in range(1, 1001)])
    async with scene.running():
        for _ in range(60):
            await scene.clock.advance(30)
            assert len(scene.lane._window) <= 8 * 64 + 8
        scene.receiver.answer = lambda _message: OK
        for _ in range(300):
            await scene.clock.advance(1)
        assert set(scene.states().values()) == {State.DELIVERED}
