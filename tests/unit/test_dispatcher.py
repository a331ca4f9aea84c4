"""Lanes that change while they run: nothing is interrupted that need not be, nothing is sent twice, order is kept."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.deliveries import Message, Outcome, State
from relay.delivery.dispatcher import Dispatcher
from relay.delivery.lane import Lane
from relay.delivery.settings import LaneSettings
from relay.errors import StoreBusyError
from relay.metrics import Metrics
from relay.outbox.base import Switch
from tests.support.clock import START_US, FakeClock, settle
from tests.support.events import entry, in_force
from tests.support.lane import DOWN, GONE, OK, Answer, Receiver
from tests.support.memory_outbox import Memory
from tests.support.troubled_outbox import TroubledOutbox

STRICT = LaneSettings(ordering="strict")


class Fleet:
    """A dispatcher over lanes to receivers that are made as they are asked for."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.memory = Memory(START_US)
        self.outbox = TroubledOutbox(self.memory)
        self.metrics = Metrics()
        self.receivers: dict[str, list[Receiver]] = {}
        self.dispatcher = Dispatcher([])

    def lane(
        self,
        name: str = "bot",
        *,
        gate: asyncio.Event | None = None,
        answer: Answer = lambda _message: OK,
        settings: LaneSettings = STRICT,
    ) -> Lane:
        receiver = Receiver(self.clock, answer, name, gate=gate)
        self.receivers.setdefault(name, []).append(receiver)
        rng = random.Random(7)
        return Lane(receiver, self.outbox, settings, clock=self.clock, rng=rng, metrics=self.metrics)

    async def change(self, *lanes: Lane, drain: Sequence[str] = ()) -> None:
        self.dispatcher.change({lane.name: lane for lane in lanes}, drain=drain)
        await settle()

    @asynccontextmanager
    async def running(self, *lanes: Lane) -> AsyncIterator[None]:
        self.dispatcher = Dispatcher(lanes)
        task = asyncio.create_task(self.dispatcher.run())
        await settle()
        try:
            yield
        finally:
            self.dispatcher.stop()
            for receiver in (receiver for made in self.receivers.values() for receiver in made):
                if receiver.gate is not None:
                    receiver.gate.set()
            await asyncio.wait_for(task, 5)

    async def put(self, *numbers: int, to: str = "bot") -> None:
        await self.outbox.commit([entry(in_force(number), to) for number in numbers])
        self.dispatcher.notify([to])
        await settle()

    def sent(self, name: str = "bot") -> list[list[int | None]]:
        """What each lane of a name sent, lane by lane."""
        return [receiver.ids for receiver in self.receivers[name]]

    def states(self) -> list[State]:
        return [record.state for record in self.memory.records.values()]


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


async def test_an_unchanged_lane_goes_on_while_others_come_and_go(fleet: Fleet) -> None:
    gate = asyncio.Event()
    kept = fleet.lane("kept", gate=gate)
    async with fleet.running(kept, fleet.lane("gone")):
        await fleet.put(1, 2, to="kept")
        await fleet.change(kept, fleet.lane("new"))
        assert list(fleet.dispatcher.lanes) == ["kept", "new"]
        assert fleet.dispatcher.lanes["kept"] is kept
        await fleet.put(3, to="new")
        gate.set()
        await settle()
        assert fleet.sent("kept") == [[1, 2]]
        assert fleet.sent("new") == [[3]]


async def test_the_next_lane_claims_when_the_attempt_under_way_is_over_and_noted(fleet: Fleet) -> None:
    gate = asyncio.Event()
    async with fleet.running(fleet.lane(gate=gate)):
        await fleet.put(1, 2, 3)
        await fleet.change(fleet.lane())
        assert fleet.sent() == [[1], []]
        fleet.outbox.stuck["ack"] = asyncio.Event()
        gate.set()
        await settle()
        assert fleet.sent() == [[1], []]  # answered, and not noted yet
        fleet.outbox.stuck.pop("ack").set()
        await settle()
        assert fleet.sent() == [[1], [2, 3]]
    assert fleet.states() == [State.DELIVERED] * 3


async def test_a_retry_that_the_former_lane_noted_is_the_next_ones_head(fleet: Fleet) -> None:
    gate = asyncio.Event()
    async with fleet.running(fleet.lane(gate=gate, answer=lambda _message: DOWN)):
        await fleet.put(1, 2)
        await fleet.change(fleet.lane())
        gate.set()
        await fleet.clock.advance(400)
        assert fleet.sent() == [[1], [1, 2]]


async def test_lanes_that_were_changed_again_before_their_turn_send_nothing(fleet: Fleet) -> None:
    gate = asyncio.Event()
    async with fleet.running(fleet.lane(gate=gate)):
        await fleet.put(1, 2)
        await fleet.change(fleet.lane())
        await fleet.change(fleet.lane())
        await fleet.change(fleet.lane())
        gate.set()
        await settle()
        assert fleet.sent() == [[1], [], [], [2]]


async def test_a_hanging_destination_holds_up_no_other(fleet: Fleet) -> None:
    async with fleet.running(fleet.lane("hangs", gate=asyncio.Event()), fleet.lane("well")):
        await fleet.put(1, to="hangs")
        await fleet.change(fleet.lane("hangs"), fleet.lane("well"))
        await fleet.put(2, to="well")
        assert fleet.sent("well") == [[], [2]]
        assert fleet.sent("hangs") == [[1], []]


async def test_a_removed_destination_keeps_its_queue_until_its_name_returns(fleet: Fleet) -> None:
    gate = asyncio.Event()
    async with fleet.running(fleet.lane(gate=gate)):
        await fleet.put(1, 2)
        await fleet.change()
        gate.set()
        await fleet.put(3)
        assert fleet.sent() == [[1]]
        assert fleet.states() == [State.DELIVERED, State.PENDING, State.PENDING]
        await fleet.change(fleet.lane())
        assert fleet.sent() == [[1], [2, 3]]


async def test_a_name_that_returns_while_its_former_attempt_is_under_way_waits_for_it(fleet: Fleet) -> None:
    gate = asyncio.Event()
    async with fleet.running(fleet.lane(gate=gate)):
        await fleet.put(1, 2)
        await fleet.change()
        await fleet.change(fleet.lane())
        assert fleet.sent() == [[1], []]
        gate.set()
        await settle()
        assert fleet.sent() == [[1], [2]]


async def test_what_was_answered_and_could_not_be_noted_is_not_sent_by_the_next_lane(fleet: Fleet) -> None:
    gate = asyncio.Event()
    async with fleet.running(fleet.lane(gate=gate)):
        await fleet.put(1, 2)
        await fleet.change()
        fleet.outbox.errors["ack"].append(StoreBusyError("disk full"))
        gate.set()
        await settle()
        await fleet.change(fleet.lane())
        await fleet.change(fleet.lane())
        assert [1] not in fleet.sent()[1:]
        assert [number for lane in fleet.sent() for number in lane] == [1, 2]


async def test_a_drained_lane_leaves_when_its_queue_is_empty(fleet: Fleet) -> None:
    gate = asyncio.Event()
    async with fleet.running(fleet.lane(gate=gate), fleet.lane("other")):
        await fleet.put(1, 2)
        await fleet.change(fleet.dispatcher.lanes["other"], drain=["bot"])
        assert list(fleet.dispatcher.lanes) == ["other"]
        assert list(fleet.dispatcher.leaving) == ["bot"]
        await fleet.put(3)  # matched before the change, committed after it
        gate.set()
        await settle()
        assert fleet.sent() == [[1, 2, 3]]
        assert not fleet.dispatcher.leaving


async def test_a_drained_lane_waits_for_what_backs_off(fleet: Fleet) -> None:
    answers = iter([DOWN, DOWN, OK, OK])
    async with fleet.running(fleet.lane(answer=lambda _message: next(answers))):
        await fleet.put(1, 2)
        await fleet.change(drain=["bot"])
        assert list(fleet.dispatcher.leaving) == ["bot"]
        await fleet.clock.advance(900)
        assert fleet.states() == [State.DELIVERED] * 2
        assert not fleet.dispatcher.leaving


async def test_a_drained_lane_that_is_switched_off_leaves_its_queue_behind(fleet: Fleet) -> None:
    async with fleet.running(fleet.lane(answer=lambda _message: GONE)):
        gate = asyncio.Event()
        fleet.receivers["bot"][0].gate = gate
        await fleet.put(1, 2)
        await fleet.change(drain=["bot"])
        gate.set()
        await settle()
        assert not fleet.dispatcher.leaving
        assert fleet.states() == [State.DEAD, State.PENDING]


async def test_a_store_that_can_not_be_asked_keeps_a_drained_lane(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy() -> dict[str, object]:
        raise StoreBusyError("disk I/O error")

    async with fleet.running(fleet.lane()):
        with monkeypatch.context() as patched:
            patched.setattr(fleet.outbox, "stats", busy)
            await fleet.change(drain=["bot"])
            await fleet.clock.advance(5)
            assert list(fleet.dispatcher.leaving) == ["bot"]
        await fleet.clock.advance(1.5)
        assert not fleet.dispatcher.leaving


async def test_a_name_that_returns_while_it_is_drained_gets_its_new_lane(fleet: Fleet) -> None:
    gate = asyncio.Event()
    async with fleet.running(fleet.lane(gate=gate)):
        await fleet.put(1, 2)
        await fleet.change(drain=["bot"])
        await fleet.change(fleet.lane())
        assert not fleet.dispatcher.leaving
        gate.set()
        await settle()
        assert fleet.sent() == [[1], [2]]


async def test_a_pause_of_the_former_lane_is_the_next_ones(fleet: Fleet) -> None:
    async with fleet.running(fleet.lane()):
        fleet.outbox.stuck["switch"] = asyncio.Event()
        pausing = asyncio.create_task(fleet.dispatcher.lanes["bot"].pause())
        await settle()
        await fleet.change(fleet.lane())
        fleet.outbox.stuck.pop("switch").set()
        await pausing
        await fleet.put(1)
        assert fleet.dispatcher.lanes["bot"].status().switch is Switch.PAUSED
        assert fleet.sent() == [[], []]


async def test_a_stop_waits_for_attempts_of_former_lanes_and_begins_no_next_one(fleet: Fleet) -> None:
    gate = asyncio.Event()
    async with fleet.running(fleet.lane(gate=gate)):
        await fleet.put(1, 2)
        await fleet.change(fleet.lane())
    assert fleet.sent() == [[1], []]
    assert fleet.states() == [State.DELIVERED, State.PENDING]


async def test_an_abort_gives_up_attempts_of_former_lanes(fleet: Fleet) -> None:
    fleet.dispatcher = Dispatcher([fleet.lane(gate=asyncio.Event())])
    running = asyncio.create_task(fleet.dispatcher.run())
    await settle()
    await fleet.put(1)
    await fleet.change(fleet.lane())
    fleet.dispatcher.stop()
    fleet.dispatcher.abort()
    await asyncio.wait_for(running, 5)
    assert fleet.states() == [State.PENDING]


async def test_a_change_after_the_stop_starts_nothing(fleet: Fleet) -> None:
    async with fleet.running(fleet.lane()):
        fleet.dispatcher.stop()
        await fleet.change(fleet.lane())
        await fleet.change(drain=["bot"])
        await fleet.put(1)
    assert fleet.states() == [State.PENDING]


async def test_lanes_that_were_changed_before_the_run_are_the_ones_that_run(fleet: Fleet) -> None:
    fleet.dispatcher = Dispatcher([fleet.lane()])
    await fleet.change(fleet.lane())
    await fleet.put(1)
    running = asyncio.create_task(fleet.dispatcher.run())
    await settle()
    assert fleet.sent() == [[], [1]]
    fleet.dispatcher.stop()
    await asyncio.wait_for(running, 5)


async def test_a_lane_that_breaks_down_after_a_change_ends_the_run(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.dispatcher = Dispatcher([fleet.lane()])
    running = asyncio.create_task(fleet.dispatcher.run())
    await settle()
    broken = fleet.lane()
    monkeypatch.setattr(broken._supply, "load", None)
    await fleet.change(broken)
    with pytest.raises(ExceptionGroup):
        await asyncio.wait_for(running, 5)


NAMES = ("a", "b", "c")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(NAMES)),
        st.tuples(st.just("answer"), st.sampled_from(NAMES)),
        st.tuples(st.just("pass"), st.sampled_from([0.5, 30.0, 400.0])),
        st.tuples(
            st.just("change"),
            st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["same", "other"])),
            st.sets(st.sampled_from(NAMES)),
        ),
    ),
    max_size=30,
)


class Patient:
    """Answers each message when it is let go on, some only at the second time, and keeps what it took."""

    def __init__(self, name: str, fleet: Fleet, rng: random.Random) -> None:
        self.name = name
        self.capacity = 1
        self.limiter = None
        self.taken: list[int | None] = []
        self.under_way = 0
        self.go_on = asyncio.Semaphore(0)
        self.free = False
        self._fleet = fleet
        self._rng = rng

    def fits(self, waiting: Sequence[Message]) -> int:
        return len(waiting)

    async def send(self, batch: Sequence[Message]) -> Outcome:
        assert self.under_way == 0, "two lanes of one name send at once"
        self.under_way += 1
        try:
            if not self.free:
                await self.go_on.acquire()
        finally:
            self.under_way -= 1
        if not self.free and self._rng.random() < 0.3:
            return DOWN
        self.taken += [message.delivery.event.id for message in batch]
        return OK


@given(STEPS, st.integers(0, 1000))
@settings(max_examples=150, deadline=None)
async def test_whatever_changes_each_delivery_is_taken_once_and_in_order(
    steps: list[tuple[object, ...]], seed: int
) -> None:
    fleet, rng = Fleet(), random.Random(seed)
    receivers = {name: Patient(name, fleet, rng) for name in NAMES}
    wanted: dict[str, list[int]] = {name: [] for name in NAMES}

    def lane(name: str) -> Lane:
        return Lane(receivers[name], fleet.outbox, STRICT, clock=fleet.clock, rng=rng, metrics=fleet.metrics)

    fleet.dispatcher = Dispatcher([lane(name) for name in NAMES])
    running = asyncio.create_task(fleet.dispatcher.run())
    await settle()
    for number, step in enumerate(steps, start=1):
        match step:
            case "put", str(name):
                wanted[name].append(number)
                await fleet.put(number, to=name)
            case "answer", str(name):
                receivers[name].go_on.release()
                await settle()
            case "pass", float(seconds):
                await fleet.clock.advance(seconds)
            case "change", dict(kept), set(drain):
                now = fleet.dispatcher.lanes
                lanes = {name: now[name] if how == "same" and name in now else lane(name) for name, how in kept.items()}
                await fleet.change(*lanes.values(), drain=sorted(drain - lanes.keys()))
    for receiver in receivers.values():
        receiver.free = True
        receiver.go_on.release()
    await fleet.change(*(lane(name) for name in NAMES))
    await fleet.clock.advance(10_000)
    fleet.dispatcher.stop()
    await asyncio.wait_for(running, 5)
    assert {name: receiver.taken for name, receiver in receivers.items()} == wanted
    assert set(fleet.states()) <= {State.DELIVERED}
