"""How many requests are under way: few that are young, and more that the upstream lets wait.

    place() ──in the order of coming──> young, 8 at most ──2 s without an answer──> slow, 56 at most ──> leaves
                                              └── where the slow ones are that many, it goes on counting as young

So a server that answers has eight at once to do, and symbols that get no answer hold up the others for seconds, not for
as long as a time-out. Nobody is moved from room to room: who may come in is counted anew, by the ages of those inside.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from relay.clock import Clock, wait_until

YOUNG: Final = 8
SLOW: Final = 56
SLOW_AFTER: Final = 2.0
"""Seconds without an answer after which a request counts as slow."""


class Place:
    """One request's place among those under way.

    Attributes:
        slow_at: When it is slow, in the clock's monotonic seconds; None before it asks.
    """

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self.slow_at: float | None = None

    def asks(self) -> None:
        """Its request goes out now: its age counts from here."""
        self._rooms.asks(self)


class Rooms:
    """Gives places to requests.

    Args:
        clock: Ages them.
        young: How many may be young.
        slow: How many more may be slow.
        slow_after: Seconds from asking to being slow.
    """

    def __init__(self, clock: Clock, *, young: int = YOUNG, slow: int = SLOW, slow_after: float = SLOW_AFTER) -> None:
        self._clock = clock
        self._young = young
        self._slow = slow
        self._slow_after = slow_after
        self._inside: set[Place] = set()
        self._door = asyncio.Lock()  # it is fair: the one who holds it is the head of the queue
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """How many have a place."""
        return len(self._inside)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """A place, as soon as there is one, until the block is left."""
        async with self._door:
            while self._is_full():
                self._changed.clear()
                await wait_until(self._changed, self._clock, self._until_next_slow())
            place = Place(self)
            self._inside.add(place)
        try:
            yield place
        finally:
            self._inside.discard(place)
            self._changed.set()

    def asks(self, place: Place) -> None:
        """The request of ``place`` goes out now."""
        place.slow_at = self._clock.monotonic() + self._slow_after
        self._changed.set()  # whoever waits must look when this one will be slow

    def _is_full(self) -> bool:
        return len(self._inside) - min(self._slow_ones(), self._slow) >= self._young

    def _slow_ones(self) -> int:
        now = self._clock.monotonic()
        return sum(place.slow_at is not None and place.slow_at <= now for place in self._inside)

    def _until_next_slow(self) -> float | None:
        """Seconds until the next one counts as slow; None where only one who leaves makes room."""
        if self._slow_ones() >= self._slow:
            return None
        now = self._clock.monotonic()
        ahead = [place.slow_at - now for place in self._inside if place.slow_at is not None and place.slow_at > now]
        return min(ahead, default=None)
