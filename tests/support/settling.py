"""A settlement and what it works with, without a lane around it."""

from __future__ import annotations

import random
from collections.abc import Coroutine, Sequence
from typing import Any

from relay.clock import MICROS
from relay.deliveries import Outcome
from relay.delivery.condition import Condition
from relay.delivery.item import Item
from relay.delivery.settings import LaneSettings
from relay.delivery.settlement import Settlement
from relay.delivery.supply import Supply
from relay.metrics import Metrics
from tests.support.clock import START_US, FakeClock
from tests.support.events import entry, in_force
from tests.support.memory_kept import Memory, Record
from tests.support.troubled_outbox import TroubledOutbox

RETRY_MAX = 60.0


class Longest(random.Random):
    """Every back-off is as long as it may be."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


class Bench:
    """A settlement and what it works with, but no lane: an attempt takes two seconds and ends with what is given."""

    def __init__(self, **settings: object) -> None:
        self.clock = FakeClock()
        self.outbox = TroubledOutbox(Memory(START_US))
        self.settings = LaneSettings(retry_initial=4.0, retry_max=RETRY_MAX, **settings)  # type: ignore[arg-type]
        self.supply = Supply("bot", self.outbox, self.settings, self.clock, capacity=8)
        self.window = self.supply.window
        self.condition = Condition(first=4.0, cap=RETRY_MAX, rng=Longest())
        self.metrics = Metrics()
        self.reasons: list[str] = []
        self.settlement = Settlement(
            "bot",
            self.outbox,
            self.settings,
            self.supply,
            self.condition,
            clock=self.clock,
            rng=Longest(),
            metrics=self.metrics,
            switch_off=self._switch_off,
        )

    def _switch_off(self, reason: str) -> Coroutine[Any, Any, None]:
        async def note() -> None:
            self.reasons.append(reason)

        return note()

    async def held(self, *numbers: int, symbol: str | None = None) -> list[Item]:
        """Store alerts, each of its own symbol unless told, and load them."""
        await self.outbox.commit([entry(in_force(n, symbol or f"S{n}"), "bot") for n in numbers])
        self.supply.notify()
        await self.supply.load(failing=False)
        return [item for queue in self.window._keys.values() for item in queue]

    async def attempt(self, items: Sequence[Item], outcome: Outcome, *, seconds: float = 2.0) -> float:
        """One message; the monotonic time at which its answer came."""
        began = self.clock.monotonic()
        self.window.begin(items, began)
        await self.clock.advance(seconds)
        await self.settlement.settle(items, outcome, began=began)
        return self.clock.monotonic()

    def record(self, item: Item) -> Record:
        return self.outbox.kept.records[item.delivery.id]

    def waits(self, item: Item) -> float:
        """Seconds from the answer to the next attempt, as the store has it."""
        delivery = self.record(item).delivery
        return (delivery.retry_at_us - self.clock.now_us()) / MICROS

    def ended(self, result: str) -> float | None:
        labels = {"destination": "bot", "result": result}
        counted = self.metrics.registry.get_sample_value("relay_deliveries_total", labels)
        assert counted is not None  # from zero
        return counted or None
