"""What a backfill needs from its neighbours: REST above the wire, the outbox's memory, and a sink for what it finds."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from relay.clock import Clock
from relay.events import Channel, Event
from relay.outbox.channels import ChannelState, Hole, RoundEnd
from relay.upstream.rest import RestPage


class Rest(Protocol):
    """The alerts endpoints."""

    async def page(
        self,
        channel: Channel,
        *,
        limit: int,
        window_minutes: int,
        since_id: int | None,
        filters: Mapping[str, str],
    ) -> RestPage:
        """Ask once.

        Raises:
            RestUnavailableError: It may work later.
            RestRefusedError: This key may not read this endpoint.
        """
        ...


class Memory(Protocol):
    """The part of the outbox that remembers channels."""

    @property
    def first_started_at_us(self) -> int:
        """When this store was first opened by a relay, µs since the epoch."""
        ...

    async def channel(self, channel: Channel) -> ChannelState:
        """Cursor, baseline and learnt page size."""
        ...

    async def learn_page(self, channel: Channel, size: int) -> None:
        """Remember the largest answer seen."""
        ...

    async def known_symbols(self) -> list[str]:
        """Symbols of stored in-force alerts."""
        ...

    async def holes(self, *, limit: int) -> list[Hole]:
        """Recorded holes of all channels, newest first."""
        ...


class Sink(Protocol):
    """Takes what a round found."""

    async def store(
        self,
        recovered: Sequence[Event],
        old: Sequence[Event],
        *,
        round_end: RoundEnd | None = None,
        holes: Sequence[Hole] = (),
    ) -> int:
        """Commit in one step; durable on return.

        Args:
            recovered: Matched and delivered as source ``backfill``, in this order.
            old: Only become known identities.
            round_end: The end of the round, with the last call of it.
            holes: What the round could not see.

        Returns:
            How many of ``recovered`` were new.
        """
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What every round works with."""

    rest: Rest
    memory: Memory
    sink: Sink
    clock: Clock
    rng: random.Random
    rule_symbols: Callable[[], Collection[str]]


@dataclass(frozen=True, slots=True)
class Settings:
    """The ``backfill`` section of the config.

    Attributes:
        every: Seconds between reconciliations.
        on_first_start: Seconds before the baseline that are delivered all the same.
        page_size: The ``limit`` asked for, at least 1; the server may clamp it.
    """

    every: float = 300.0
    on_first_start: float = 0.0
    page_size: int = 200
