"""What watches and what tells, together: the one part that the wiring knows."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable

from relay.clock import Clock
from relay.config.model import Config
from relay.destinations.notice import Trouble, TroubleKind
from relay.errors import RelayError
from relay.notices.herald import Builder, Herald, Recipient
from relay.notices.told import Told, beside
from relay.notices.troubles import TAKEN_AWAY
from relay.notices.watch import Sources, Watch

_LAST_WORDS_SECONDS = 5.0


class Notices:
    """Tells the destination of ``alerts_to`` what goes wrong.

    Args:
        sources: What is looked at.
        config: The config of now.
        build: Makes a destination to tell by.
        clock: Paces it.
        rng: Spreads the attempts.
        simulated: The upstream is a simulator.
    """

    def __init__(
        self,
        sources: Sources,
        config: Callable[[], Config],
        build: Builder,
        *,
        clock: Clock,
        rng: random.Random,
        simulated: bool,
    ) -> None:
        self._sources = sources
        self._config = config
        told = Told(beside(sources.store_path), clock)
        self._watch = Watch(sources, self._offer, clock)
        self._herald = Herald(self._recipient, build, told, self._watch.now, clock=clock, rng=rng, simulated=simulated)

    async def run(self) -> None:
        """Watch and tell, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._herald.run())
            group.create_task(self._watch.run())

    async def last_words(self, kind: TroubleKind, error: RelayError) -> None:
        """Tell why the relay ends, before it does: best effort, a few seconds and no longer than a stop may take."""
        step = TAKEN_AWAY if kind is TroubleKind.STORE else 0
        await self._herald.last_words(Trouble(kind, "", f"{error}; the relay ends", error.hint, step), self._within())

    async def farewell(self) -> None:
        """Tell what still waits to be told as the relay stops: best effort, and no longer either."""
        await self._herald.flush(self._within())

    def _offer(self, found: Iterable[Trouble]) -> None:
        self._herald.offer(found)

    def _within(self) -> float:
        return min(_LAST_WORDS_SECONDS, self._config().shutdown_grace)

    def _recipient(self) -> Recipient | None:
        config = self._config()
        if config.alerts_to is None:
            return None
        lane = self._sources.dispatcher.lanes.get(config.alerts_to)
        destination = config.destinations[config.alerts_to]
        return Recipient(config.alerts_to, destination, None if lane is None else lane.status())
