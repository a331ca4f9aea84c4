"""A lane under a fake clock: what it works with, a destination that answers as it is told, and shorthands."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from relay.deliveries import Message, Outcome, State, Verdict
from relay.delivery.lane import Lane
from relay.delivery.settings import LaneSettings
from relay.limiter import Limiter
from relay.metrics import Metrics
from tests.support.clock import START_US, FakeClock, settle
from tests.support.events import entry, in_force
from tests.support.memory_outbox import Memory
from tests.support.troubled_outbox import TroubledOutbox

OK = Outcome(Verdict.DELIVERED, "200")
DOWN = Outcome(Verdict.RETRY, "503", "the destination answered 503")
BAD = Outcome(Verdict.DEAD, "400", "the destination answered 400")
GONE = Outcome(Verdict.SWITCH_OFF, "410", "the destination answered 410")


def slow_down(seconds: float) -> Outcome:
    return Outcome(Verdict.RETRY, "429", "too many", retry_after=seconds)


Answer = Callable[[Message], Outcome]


@dataclass
class Receiver:
    """A destination that answers what ``answer`` says, at once, when ``gate`` opens, or after ``takes`` seconds.

    To a batch it answers what it would answer to the first member that it does not take.
    """

    clock: FakeClock
    answer: Answer = lambda _message: OK
    name: str = "bot"
    sent: list[tuple[float, int | None]] = field(default_factory=list)
    batches: list[list[int | None]] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    gate: asyncio.Event | None = None
    takes: float = 0.0
    capacity: int = 1
    limiter: Limiter | None = None

    def fits(self, waiting: Sequence[Message]) -> int:
        return len(waiting)

    async def send(self, batch: Sequence[Message]) -> Outcome:
        self.batches.append([message.delivery.event.id for message in batch])
        self.sent += [(self.clock.monotonic() - 1_000.0, message.delivery.event.id) for message in batch]
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.takes:
                await self.clock.sleep(self.takes)
            return next((answer for answer in map(self.answer, batch) if answer is not OK), OK)
        finally:
            self.under_way -= 1

    @property
    def ids(self) -> list[int | None]:
        return [number for _, number in self.sent]


class Scene:
    """A lane, what it works with, and shorthands."""

    def __init__(self, *, capacity: int = 1, **settings: object) -> None:
        self.clock = FakeClock()
        self.memory = Memory(START_US)
        self.outbox = TroubledOutbox(self.memory)
        self.receiver = Receiver(self.clock, capacity=capacity)
        self.settings = LaneSettings(**settings)  # type: ignore[arg-type]
        self.metrics = Metrics()
        self.lane = self.new_lane()

    def new_lane(self) -> Lane:
        rng = random.Random(7)
        return Lane(self.receiver, self.outbox, self.settings, clock=self.clock, rng=rng, metrics=self.metrics)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.lane.run())
        await settle()
        try:
            yield
        finally:
            self.lane.stop()
            if self.receiver.gate is not None:
                self.receiver.gate.set()
            await asyncio.wait_for(task, 5)

    async def put(self, *numbers: int, symbol: str | None = None) -> None:
        """Commit alerts; by default each has a symbol of its own."""
        await self.outbox.commit([entry(in_force(n, symbol or f"S{n}"), "bot") for n in numbers])
        self.lane.notify()
        await settle()

    def states(self) -> dict[int | None, State]:
        return {record.delivery.event.id: record.state for record in self.memory.records.values()}


def failing(*numbers: int, outcome: Outcome = DOWN) -> Answer:
    return lambda message: outcome if message.delivery.event.id in numbers else OK
