"""The house around the work: what goes on beside it, from the start until the drain.

    FrontDesk ──well?──────────> Heart ──────────> whoever watches the address
       │  └────how it stands───> Watchdog ───────> the service manager, who hears that reader, store and lanes turn
       └─ lanes, rounds, store ─> Notices ───────> the destination of ``alerts_to``  <── last words, before an end
    tidy ──prune──> Outbox  <── sides that no rule asks for any more are forgotten, once

The desk knows whom to ask, so the house asks what people see, and takes no part in the work. None of this ends by
itself: what breaks down here ends the relay, as everything does.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence

from relay.config.model import Config
from relay.delivery.signs import lane_signs
from relay.desk import FrontDesk
from relay.destinations.http import HttpClient
from relay.destinations.notice import TroubleKind
from relay.errors import RelayError
from relay.heartbeat import Heart
from relay.housekeeping import tidy
from relay.judging.marks import Marks, remembered_since
from relay.notices.herald import Builder
from relay.notices.notices import Notices
from relay.notices.watch import Sources
from relay.outbox.memory import Side
from relay.systemd import Notifier
from relay.turning import Sign
from relay.watchdog import LEAST_PATIENCE, Watchdog


class House:
    """Keeps house beside a relay.

    Args:
        config: The config of now.
        desk: Knows the parts, and how they stand.
        marks: What cooldowns remember; what they need no more is pruned.
        sides: What rules on quotes and states remember, as of now.
        client: The heart asks by it.
        build: Makes a destination to tell of troubles by.
        notifier: The service manager's.
        watchdog_seconds: Between two signs of life; None where nobody watches.
        loops: How the reader and the store turn.
        rng: Spreads the attempts of a notice.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        desk: FrontDesk,
        *,
        marks: Marks,
        sides: Callable[[], Sequence[Side]],
        client: HttpClient,
        build: Builder,
        notifier: Notifier,
        watchdog_seconds: float | None,
        loops: Callable[[], Mapping[str, Sign]],
        rng: random.Random,
    ) -> None:
        self._config = config
        self._desk = desk
        self._marks = marks
        self._sides = sides
        self._watchdog = Watchdog(
            notifier,
            desk.clock,
            seconds=watchdog_seconds,
            status=desk.status,
            writes=lambda: desk.outbox.healthy,
            loops=loops,
            lanes=self._lane_signs,
        )
        self._heart = Heart(config, desk, desk.dispatcher, desk.outbox, client=client, clock=desk.clock)
        sources = Sources(
            desk.dispatcher,
            desk.backfiller,
            desk.outbox,
            desk.metrics_registry,
            store_path=config().store_path,
            standby=desk.standby,
            reload_fault=lambda: desk.config().fault,
            started_at_us=desk.started_at_us,
        )
        self._notices = Notices(sources, config, build, clock=desk.clock, rng=rng, simulated=desk.simulated)

    async def keep(self) -> None:
        """Keep house, until cancelled."""
        outbox, clock = self._desk.outbox, self._desk.clock
        retention = self._config().storage.retention  # another one needs a restart
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.memory.forget_sides(but=self._sides()))
            group.create_task(tidy(outbox, clock, retention=retention, marks_since_us=self._marks_since_us))
            group.create_task(self._watchdog.run())
            group.create_task(self._heart.run())
            group.create_task(self._notices.run())

    async def last_words(self, kind: TroubleKind, error: RelayError) -> None:
        """Tell why the relay ends, before it does: best effort, for some seconds at most."""
        await self._notices.last_words(kind, error)

    async def farewell(self) -> None:
        """Tell what still waits to be told, likewise: the relay drains."""
        await self._notices.farewell()

    async def drain(self) -> None:
        """Keep the service manager from ending the drain before its time, until cancelled."""
        await self._watchdog.drain()

    def _marks_since_us(self, now_us: int) -> int:
        return remembered_since(now_us=now_us, longest=self._marks.longest)

    def _lane_signs(self, waiting: Collection[str]) -> Mapping[str, Sign]:
        lanes, destinations = self._desk.dispatcher.lanes, self._config().destinations
        return lane_signs(lanes, destinations, waiting, least_patience=LEAST_PATIENCE)
