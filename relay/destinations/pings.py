"""Whom a message pings: who its alerts ask for, by rule and by timeframe, unless it would be noise.

    batch ──due──> mentions, each once       note(pinged) ──> not again within ping.every

What is late, replayed or a test pings nobody, so that nobody is called to what is over. A message pings once for all
its alerts. What one message pings counts only when it was delivered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from relay.clock import Clock
from relay.deliveries import Message
from relay.destinations.config import ChatConfig
from relay.destinations.texts import clean, lateness
from relay.events import Source
from relay.mentions import Mention

_Who: TypeAlias = tuple[str, str]


class Pings:
    """Who was pinged by one destination, and when."""

    def __init__(self, config: ChatConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._every = 0.0 if config.ping is None else config.ping.every
        self._pinged: dict[_Who, float] = {}

    def due(self, batch: Sequence[Message]) -> tuple[Mention, ...]:
        """Whom a message with all of ``batch`` pings now, in the order in which they are first asked for."""
        now = self._clock.monotonic()
        wanted: dict[_Who, Mention] = {}
        for text in dict.fromkeys(text for message in batch for text in self._asked_by(message)):
            mention = self._config.mention_of(text)
            if mention is not None:
                wanted.setdefault(_who(mention), mention)
        return tuple(mention for who, mention in wanted.items() if not self._too_soon(who, now))

    def note(self, pinged: Iterable[Mention]) -> None:
        """These have just been pinged."""
        now = self._clock.monotonic()
        self._pinged = {who: at for who, at in self._pinged.items() if now - at < self._every}
        if self._every:
            self._pinged.update((_who(mention), now) for mention in pinged)

    def _asked_by(self, message: Message) -> tuple[str, ...]:
        if message.delivery.source in {Source.REPLAY, Source.TEST} or lateness(message, self._config.late.over):
            return ()
        timeframe = clean(message.delivery.event.timeframe or "").upper()
        return (*message.mentions, *self._config.mentions.get(timeframe, ()))

    def _too_soon(self, who: _Who, now: float) -> bool:
        at = self._pinged.get(who)
        return at is not None and now - at < self._every


def _who(mention: Mention) -> _Who:
    # By what is pinged, not by how it is written: <@!5> and <@5> are one user.
    return mention.kind, mention.id
