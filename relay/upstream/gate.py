"""Which channels may be subscribed to: each waits for its own beginning to be decided, and for nobody else's.

    topics ──admitted──> those of channels that are open
                 └── the others ──decide, one task a channel──> open ──> on_open: the reader sends the difference
    some_of(topics)      waits with connecting: until all are open; half a second at most, once one is

What holds always: ``quotes`` and ``states`` are open, they have no past. What is open stays open. A beginning that
can't be decided for now (the store is busy) is told and tried again; what nobody wants any more opens all the same, and
is not subscribed, for whoever is told looks at the topics of that moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Final

import structlog

from relay.backoff import doubled
from relay.clock import Clock
from relay.errors import RelayError
from relay.events import ALERT_CHANNELS, Channel
from relay.upstream.protocol import Topic

_log = structlog.get_logger()

GRACE: Final = 0.5
"""Seconds that a connection with something to subscribe to waits for the rest: usually that is enough for all."""

_LONGEST_WAIT: Final = 30.0


class Gate:
    """Lets topics through once their channel's beginning is decided.

    Args:
        decide: Returns when a channel's beginning is; None where none has any.
        on_open: Awaited after a channel has opened.
        clock: Waits.
    """

    def __init__(
        self,
        decide: Callable[[Channel], Awaitable[None]] | None,
        on_open: Callable[[], Awaitable[None]],
        *,
        clock: Clock,
    ) -> None:
        self._decide = decide
        self._on_open = on_open
        self._clock = clock
        self._open: set[Channel] = set()
        self._deciding: dict[Channel, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    def admitted(self, topics: Sequence[Topic]) -> list[Topic]:
        """The topics that may be subscribed to now; the beginnings of the others are on their way."""
        return [topic for topic in topics if self._is_open(topic.channel) or self._begin(topic.channel)]

    async def some_of(self, topics: Callable[[], Sequence[Topic]]) -> None:
        """Return when all of these may be subscribed to, or, after a moment, when some may."""
        grace: asyncio.Future[None] | None = None
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            while waiting := self._waiting(wanted := topics()):
                if len(waiting) < len({topic.channel for topic in wanted}):
                    grace = grace or asyncio.ensure_future(self._clock.sleep(GRACE))
                    if grace.done():
                        return
                patience = (changed,) if grace is None else (changed, grace)
                await asyncio.wait((*waiting, *patience), return_when=asyncio.FIRST_COMPLETED)
                if changed.done():
                    changed = asyncio.ensure_future(self._changed.wait())
                for task in waiting:
                    if task.done():
                        task.result()
        finally:
            changed.cancel()
            if grace is not None:
                grace.cancel()

    def reconsider(self) -> None:
        """The topics that somebody waits for have changed."""
        self._changed.set()
        self._changed.clear()

    async def close(self) -> None:
        """Decide nothing more, until somebody wants it again."""
        tasks = tuple(self._deciding.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _waiting(self, topics: Sequence[Topic]) -> list[asyncio.Task[None]]:
        """What decides the beginnings of those that are not open."""
        admitted = self.admitted(topics)
        return [self._deciding[topic.channel] for topic in topics if topic not in admitted]

    def _is_open(self, channel: Channel) -> bool:
        return self._decide is None or channel not in ALERT_CHANNELS or channel in self._open

    def _begin(self, channel: Channel) -> bool:
        """Have its beginning decided; False, for that takes at least a moment."""
        if channel not in self._deciding:
            task = asyncio.create_task(self._decided(channel), name=f"beginning of {channel.value}")
            self._deciding[channel] = task
            task.add_done_callback(lambda task: self._ended(channel, task))
        return False

    async def _decided(self, channel: Channel) -> None:
        assert self._decide is not None
        for failures in count(1):
            try:
                await self._decide(channel)
                break
            except RelayError as error:
                delay = doubled(failures, first=1.0, cap=_LONGEST_WAIT)
                _log.error("channel not subscribed yet", channel=channel.value, error=str(error), retry_in=delay)
            await self._clock.sleep(delay)
        self._open.add(channel)
        await self._on_open()

    def _ended(self, channel: Channel, task: asyncio.Task[None]) -> None:
        del self._deciding[channel]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a channel's beginning can't be decided", channel=channel.value, exc_info=error)
