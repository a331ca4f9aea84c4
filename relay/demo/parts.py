"""What a demo is made of: simulator, inbox and chats, and the relay between them with a real config.

All but the relay take any free port; its page has its usual one, or another where that is taken.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from relay.clock import Clock
from relay.config.load import load
from relay.demo.chats import Chats, OnPosted
from relay.demo.daemon import Daemon
from relay.demo.faults import subscribed
from relay.demo.scenario import CHANNELS, KEY, config_text, signing_secret
from relay.document.addresses import signing_key
from relay.errors import Exit, RelayError
from relay.rules.rule import Rule
from relay.secret import Secret
from relay.simulator.inbox import Inbox, Received
from relay.simulator.settings import ApiKey, SimulatorSettings
from relay.simulator.upstream import Simulator

USUAL_PORT: Final = 8787
_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 30.0


class Parts:
    """All parts.

    Args:
        directory: Where config, store and log are.
        seed: Of the simulator.
        clock: Of simulator, inbox and chats.
        on_received: Called with each request that comes to the inbox.
        on_posted: Called with each message that a chat takes.

    Attributes:
        key: What deliveries are signed with.
        rules: Of the config, once ``open``.
        page: URL of the relay's page, once started.
        config: The config's file.
    """

    def __init__(
        self,
        directory: Path,
        *,
        seed: int,
        clock: Clock,
        on_received: Callable[[Received], None],
        on_posted: OnPosted,
    ) -> None:
        self.config = directory / "config.yaml"
        self.page = ""
        self.rules: Sequence[Rule] = ()
        self.inbox = Inbox(clock, keep=1, on_received=on_received)
        self.chats = Chats(clock, seed=seed, on_posted=on_posted)
        self.simulator = Simulator(SimulatorSettings(keys={KEY: ApiKey()}, seed=seed), clock)
        self.daemon = Daemon(self.config, directory / "relay.log")
        self._secret = signing_secret(random.SystemRandom())
        self.key = signing_key(Secret(self._secret))

    async def open(self, stack: AsyncExitStack) -> None:
        """Start all but the relay and write the config."""
        await stack.enter_async_context(self.inbox)
        await self.chats.open(stack)
        await stack.enter_async_context(self.simulator)
        stack.push_async_callback(self.daemon.kill)
        self._write_config(USUAL_PORT)

    async def start_relay(self) -> None:
        """Start the relay; return when it has subscribed.

        Raises:
            RelayError: It ended, or does not subscribe.
        """
        for port in _ports():
            self._write_config(port)
            await self.daemon.start()
            ended = await self._subscribed_or_ended()
            if ended is None:
                return
            if ended != Exit.LOCKED:
                break
        raise RelayError(f"the relay ended with exit code {ended}", hint=self.daemon.last_words())

    async def _subscribed_or_ended(self) -> int | None:
        """None once it has subscribed, else its exit code."""
        ended = asyncio.ensure_future(self.daemon.ended())
        ready = asyncio.ensure_future(self.simulator.wait_until(lambda: subscribed(self.simulator), _START_SECONDS))
        try:
            await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return ended.result()
            ready.result()
        except TimeoutError as error:
            raise RelayError(
                f"the relay did not subscribe within {_START_SECONDS:g} s", hint=self.daemon.last_words()
            ) from error
        else:
            return None
        finally:
            for task in (ended, ready):
                task.cancel()
            await asyncio.gather(ended, ready, return_exceptions=True)

    def _write_config(self, port: int) -> None:
        self.page = f"http://{_HOST}:{port}"
        text = config_text(
            websocket_url=self.simulator.websocket_url,
            rest_url=self.simulator.rest_url,
            listen=f"{_HOST}:{port}",
            secret=self._secret,
            receiver=lambda name: self.chats.url(name) if name in CHANNELS else self.inbox.url(f"/{name}"),
        )
        self.config.touch(mode=0o600)  # it holds a secret, as yours will
        self.config.write_text(text, encoding="utf-8")
        self.rules = load(self.config, env={}).rules


def _ports() -> Iterator[int]:
    """Ports for the page: the usual one where it is free, then others; a port that looks free may be lost to a race."""
    for wanted in (USUAL_PORT, 0, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the relay will
            try:
                probe.bind((_HOST, wanted))
            except OSError:
                continue
            port = probe.getsockname()[1]
        yield port
