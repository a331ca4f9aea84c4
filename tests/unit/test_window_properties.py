"""Lanes against anything: arrivals, answers, restarts, kills, pauses, a store that waits or can't be read.

Whatever happens in between, when the destination works in the end and the lane is on, everything was delivered, in
order but for what was parked, and twice only what a kill had caught in flight.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from relay.deliveries import Delivery, Message, Ordering, Outcome, State
from relay.delivery.lane import Lane
from relay.delivery.settings import LaneSettings
from relay.delivery.window import PARK_AFTER
from relay.errors import StoreBusyError
from relay.metrics import Metrics
from relay.outbox.base import Switch
from tests.support.clock import START_US, FakeClock, settle
from tests.support.events import a_break, entry, in_force
from tests.support.lane import BAD, DOWN, OK, slow_down
from tests.support.memory_outbox import Memory
from tests.support.troubled_outbox import TroubledOutbox

SYMBOLS: Final = ("AAPL", "MSFT", "IBM", "SPY", None)
WRITES: Final = ("ack", "retry", "bury", "expire", "hold")
READS: Final = ("claim", "claim_key", "claim_parked", "next_parked_us", "destination")


@dataclass
class World:
    """A lane, everything around it, and a book of what the destination saw."""

    settings: LaneSettings
    rng: random.Random
    clock: FakeClock = field(default_factory=FakeClock)
    memory: Memory = field(default_factory=lambda: Memory(START_US))
    delivered: list[int] = field(default_factory=list)
    poison: frozenset[int] = frozenset()
    mode: str = "up"
    numbers: int = 0
    caught: Counter[int] = field(default_factory=Counter)

    name = "bot"
    capacity: int = 1
    limiter = None
    bad: frozenset[int] = frozenset()
    condemned: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.outbox = TroubledOutbox(self.memory)
        self.lane = self._new_lane()
        self.task = asyncio.ensure_future(self.lane.run())
        self.under_way = 0
        self.lags: list[asyncio.Future[None]] = []

    def _new_lane(self) -> Lane:
        return Lane(self, self.outbox, self.settings, clock=self.clock, rng=self.rng, metrics=Metrics())

    def fits(self, waiting: Sequence[Message]) -> int:
        assert len(waiting) <= self.capacity
        return self.rng.randint(1, len(waiting))

    async def send(self, batch: Sequence[Message]) -> Outcome:
        assert 1 <= len(batch) <= self.capacity
        assert len({message.delivery.ordering_key for message in batch}) == 1 or self.settings.ordering == "strict"
        self.under_way += 1
        assert self.under_way <= (self.settings.at_once if self.capacity == 1 else 1)
        try:
            await self.clock.sleep(self.rng.choice((0.0, 0.01, 0.3)))
        finally:
            self.under_way -= 1
        numbers = [message.delivery.event.id or 0 for message in batch]
        outcome = self._answer(numbers)
        if outcome is OK:
            for message, number in zip(batch, numbers, strict=True):
                self._judge_order(message.delivery)
                self.delivered.append(number)
        elif outcome is BAD and len(batch) == 1:
            self.condemned.update(numbers)
        return outcome

    def _judge_order(self, delivery: Delivery) -> None:
        """Nobody gets ahead of a predecessor, but of one that is parked or was found worn when its turn came."""
        if self.settings.ordering == "none" or delivery.parked:
            return
        before = [
            record.delivery
            for record in self.memory.records.values()
            if record.state is State.PENDING
            and record.delivery.sequence < delivery.sequence
            and (self.settings.ordering == "strict" or record.delivery.ordering_key == delivery.ordering_key)
            and not record.delivery.parked
            and record.delivery.event.id not in self.delivered
        ]
        head = min(before, key=lambda d: d.sequence, default=None)
        assert head is None or head.attempts >= PARK_AFTER, f"{delivery.event.id} overtook {head.event.id}"

    def _answer(self, numbers: list[int]) -> Outcome:
        if self.mode == "down" or not self.poison.isdisjoint(numbers):
            return DOWN
        if not self.bad.isdisjoint(numbers):
            return BAD
        if self.mode == "flaky":
            return self.rng.choice((OK, OK, DOWN, slow_down(2.0)))
        return OK

    async def arrive(self, count: int, symbol: str | None) -> None:
        numbers = range(self.numbers + 1, self.numbers + count + 1)
        self.numbers += count
        events = [in_force(n, symbol) if symbol else a_break(n) for n in numbers]
        await self.outbox.commit([entry(event, self.name) for event in events])
        self.lane.notify()

    async def restart(self, *, kill: bool) -> None:
        await self._unstick()
        noted = {
            r.delivery.event.id: r.delivery.attempts for r in self.memory.records.values() if r.state is State.PENDING
        }
        if kill:
            self._judge_bound()
            self.caught.update(number for number in self.delivered if number in noted)
            self.task.cancel()
            self.lane.abort()
            for task in tuple(self.outbox._tasks):
                task.cancel()
        else:
            self.lane.stop()
            await self.clock.advance(1)
        await asyncio.wait({self.task, *self.lane._tasks}, timeout=5)
        assert self.task.done()
        self.under_way = 0
        self.lane = self._new_lane()
        self.task = asyncio.ensure_future(self.lane.run())

    async def step(self, kind: str, number: int) -> None:
        act = getattr(self, f"_{kind}", None)
        if act is None:
            self.mode = kind
        else:
            await act(number)
        await settle(number)
        self._judge_bound()

    def _judge_bound(self) -> None:
        assert self.lane._unsettled <= (2 * self.settings.at_once if self.capacity == 1 else 1)

    async def _arrive(self, number: int) -> None:
        await self.arrive(number % 7 + 1, SYMBOLS[number % len(SYMBOLS)])

    async def _burst(self, number: int) -> None:
        for symbol in SYMBOLS:
            await self.arrive(number, symbol)

    async def _poison(self, number: int) -> None:
        self.poison = frozenset(n for n in range(1, self.numbers + 10) if n % (number % 5 + 2) == 0)

    async def _bad(self, number: int) -> None:
        self.bad = frozenset(n for n in range(1, self.numbers + 10) if n % (number % 5 + 2) == 1)

    async def _restart(self, _number: int) -> None:
        await self.restart(kill=False)

    async def _kill(self, _number: int) -> None:
        await self.restart(kill=True)

    async def _pause(self, _number: int) -> None:
        await self._ask(self.lane.pause())

    async def _resume(self, _number: int) -> None:
        await self._ask(self.lane.resume())

    async def _unreadable(self, number: int) -> None:
        self.outbox.errors[READS[number % len(READS)]].append(StoreBusyError("unreadable"))

    async def _stick(self, _number: int) -> None:
        for name in WRITES:
            self.outbox.stuck.setdefault(name, asyncio.Event())

    async def _unstick(self, _number: int = 0) -> None:
        for event in self.outbox.stuck.values():
            event.set()
        self.outbox.stuck.clear()

    async def _lag(self, number: int) -> None:
        """One kind of read answers late: with how things stood when it was asked."""
        read = READS[number % len(READS)]
        if read not in self.outbox.late:
            late = self.outbox.late[read] = asyncio.Event()
            self.lags.append(asyncio.ensure_future(self._catch_up(read, late, number / 60)))

    async def _catch_up(self, read: str, late: asyncio.Event, seconds: float) -> None:
        await self.clock.sleep(seconds)
        self.outbox.late.pop(read, None)
        late.set()

    async def _advance(self, number: int) -> None:
        await self.clock.advance(number / 7)

    async def _ask(self, question: Coroutine[Any, Any, object]) -> None:
        task = asyncio.ensure_future(question)
        await self.clock.advance(2)
        await asyncio.wait_for(task, 5)

    async def finish(self) -> None:
        await self._unstick()
        self.mode, self.poison, self.bad = "up", frozenset(), frozenset()
        await self.clock.advance(3)  # whatever the lane found when it started, it knows by now
        if self.lane.status().switch is not Switch.ON:
            await self._ask(self.lane.resume())
        for _ in range(200):
            await self.clock.advance(1)
            if all(record.state is not State.PENDING for record in self.memory.records.values()):
                break
        self.lane.stop()
        await self.clock.advance(1)
        await asyncio.wait_for(self.task, 5)

    def judge(self) -> None:
        dead = {r.delivery.event.id for r in self.memory.records.values() if r.state is State.DEAD}
        assert dead <= self.condemned, "somebody died who was never refused alone"
        states = Counter(record.state for record in self.memory.records.values())
        assert states == Counter({State.DELIVERED: self.numbers - len(dead), State.DEAD: len(dead)}), states
        times = Counter(self.delivered)
        assert set(times) >= set(range(1, self.numbers + 1)) - dead
        twice = {number: count - 1 for number, count in times.items() if count > 1}
        assert all(count <= self.caught[number] for number, count in twice.items()), (twice, self.caught)


KINDS: Final = (
    *("arrive", "advance") * 4,
    *(
        "burst",
        "up",
        "down",
        "flaky",
        "poison",
        "bad",
        "restart",
        "kill",
        "pause",
        "resume",
        "resume",
        "unreadable",
        "stick",
        "unstick",
    ),
    *("lag",) * 3,
)
steps = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 60)), max_size=40)


@given(
    ordering=st.sampled_from(("symbol", "strict", "none")),
    sizes=st.tuples(st.integers(1, 5), st.sampled_from((1, 1, 3, 10, 70))),
    retry=st.sampled_from(((0.1, 0.5), (1.0, 4.0))),
    script=steps,
    seed=st.integers(0, 2**32),
)
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_whatever_happens_everything_is_delivered_in_order_and_once(
    ordering: Ordering, sizes: tuple[int, int], retry: tuple[float, float], script: list[tuple[str, int]], seed: int
) -> None:
    concurrency, capacity = sizes

    async def live() -> None:
        lane = LaneSettings(
            ordering=ordering, concurrency=concurrency, retry_initial=retry[0], retry_max=retry[1], give_up_after=1e9
        )
        world = World(lane, random.Random(seed), capacity=capacity)
        await settle()
        for kind, number in script:
            await world.step(kind, number)
        await world.finish()
        world.judge()

    asyncio.run(live())
