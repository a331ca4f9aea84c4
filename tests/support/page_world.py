"""The whole relay in this process, between a simulated upstream and a receiver, for somebody who looks at its page.

Simulator ──fire──> Relay ──> Inbox, which may refuse, fall silent, or be gone
                      └── page: started, stopped and started again on the same port
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from relay.app import Relay
from relay.clock import SystemClock
from relay.config.load import load
from relay.deliveries import State
from relay.simulator.history import Fired
from relay.simulator.inbox import Answer, Inbox
from relay.simulator.settings import SimulatorSettings
from relay.simulator.upstream import Simulator
from tests.support.alerts import in_force
from tests.support.process import webhook, write_config

_PATIENCE = 20.0


class World:
    """An upstream, a receiver, and a relay between them.

    Attributes:
        config: The relay's config file.
        relay: The one that runs, or ran last.
    """

    def __init__(self, config: Path, simulator: Simulator, inbox: Inbox) -> None:
        self.config = config
        self.simulator = simulator
        self.inbox = inbox
        self.relay: Relay
        self._stack = AsyncExitStack()
        self._running: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where the page is; on loopback, wherever the relay listens."""
        listen = str(yaml.safe_load(self.config.read_text())["http"]["listen"])
        return f"http://127.0.0.1:{listen.rpartition(':')[2]}"

    async def start(self) -> None:
        """Return once it is ready."""
        self.relay = Relay(load(self.config, env={}), env={})
        await self.relay.open(self._stack)
        self._running = asyncio.create_task(self.relay.run())
        async with asyncio.timeout(_PATIENCE):
            while not self.relay.desk.ready().ready:  # nobody is told when that changes
                assert not self._running.done()
                await asyncio.sleep(0.01)

    @property
    def listeners(self) -> int:
        """How many hold its stream."""
        return self.relay.broadcast.listeners

    async def stop(self) -> None:
        """Drain it, and raise what broke it; nothing where it does not run."""
        running, self._running = self._running, None
        if running is not None:
            self.relay.stop()
            async with asyncio.timeout(_PATIENCE):
                await running
            await self._stack.aclose()

    def fire(self, symbol: str, **more: object) -> Fired:
        """Fire an in-force alert of ``symbol``."""
        return self.simulator.fire(in_force(symbol, **more))

    async def delivered(self, *symbols: str) -> None:
        """Fire these, and return once they have arrived and that is noted."""
        count = await self._count(State.DELIVERED)
        for symbol in symbols:
            self.fire(symbol)
        await self._until(State.DELIVERED, count + len(symbols))

    async def dead(self, *symbols: str, answer: Answer | int = 404) -> None:
        """Have these refused for good, and noted to be."""
        for symbol in symbols:
            count = await self._count(State.DEAD)
            self.inbox.answer(answer)
            self.fire(symbol)
            await self._until(State.DEAD, count + 1)

    async def _count(self, state: State) -> int:
        return sum(queue.counts.get(state, 0) for queue in (await self.relay.outbox.stats()).values())

    async def _until(self, state: State, count: int) -> None:
        async with asyncio.timeout(_PATIENCE):
            while await self._count(state) < count:  # noqa: ASYNC110  because the store tells nobody when that changes
                await asyncio.sleep(0.01)


@asynccontextmanager
async def a_world(folder: Path, **sections: Any) -> AsyncIterator[World]:
    """A relay that is ready and delivers to one receiver, ``bot``.

    Args:
        folder: Where config and store lie.
        sections: Of the config, beside or instead of those of ``write_config``; in ``webhook`` further keys of the
            destination.
    """
    async with Simulator(SimulatorSettings(), SystemClock()) as simulator, Inbox(SystemClock()) as inbox:
        targets = {"bot": webhook(inbox.url(), **sections.pop("webhook", {}))}
        config = write_config(folder, simulator, targets, **{"shutdown_grace": "5s", **sections})
        world = World(config, simulator, inbox)
        try:
            await world.start()
            yield world
        finally:
            await world.stop()
