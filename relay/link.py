"""Who holds the account's one connection: this relay, or another one that took over.

    Reader.run ──evicted──┬─ on_evicted: exit      last words, drained, 69
        ^                 └─ on_evicted: standby   polls REST, goes on delivering, connects to nothing by itself
        └────────────── take_back, asked for by a person ──────┘

An account has one connection: two relays that both come back by themselves would throw each other out for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from relay.destinations.notice import TroubleKind
from relay.errors import EvictedError, RejectedError, RelayError
from relay.metrics import Metrics
from relay.upstream.reader import Reader

_log = structlog.get_logger()

EXIT: Final = "exit"
"""``on_evicted``: end; the other word is ``standby``."""

LastWords = Callable[[TroubleKind, RelayError], Awaitable[None]]


class Link:
    """Runs the reader, and stands by where another connection took over.

    Args:
        reader: Holds the socket while this relay does.
        metrics: ``connected`` is 0 while it stands by.
        on_evicted: What the config of now says: ``exit`` or ``standby``.
        last_words: Told before a refusal ends the relay.

    Attributes:
        standby: Another connection took over, and this relay polls.
    """

    def __init__(
        self, reader: Reader, *, metrics: Metrics, on_evicted: Callable[[], str], last_words: LastWords
    ) -> None:
        self._reader = reader
        self._metrics = metrics
        self._on_evicted = on_evicted
        self._last_words = last_words
        self._back = asyncio.Event()
        self._stopped = False
        self.standby = False

    async def run(self) -> None:
        """Hold the connection until ``stop``, or until the upstream ends it for good.

        Raises:
            EvictedError: Another connection took over and the config says to exit.
            RejectedError: The upstream refuses the key.
        """
        while not self._stopped:
            try:
                await self._reader.run()
            except RejectedError as error:
                await self._last_words(TroubleKind.REJECTED, error)
                raise
            except EvictedError as error:
                if self._on_evicted() == EXIT:
                    await self._last_words(TroubleKind.EVICTED, error)
                    raise
                await self._stand_by()
            else:
                return

    async def _stand_by(self) -> None:
        self._back.clear()
        if self._stopped:
            return
        self.standby = True
        self._metrics.connected.set(0)
        _log.error("evicted: standing by, polling REST", hint="relay connect takes the connection back")
        await self._back.wait()
        self.standby = False

    def take_back(self) -> bool:
        """Connect again, which throws the other one out; False where this relay does not stand by."""
        if not self.standby or self._back.is_set():
            return False
        _log.warning("connecting again, asked for by an operator")
        self._back.set()
        return True

    def stop(self) -> None:
        """Close the socket and let ``run`` return; for good."""
        self._stopped = True
        self._reader.stop()
        self._back.set()
