"""Places where a store lies and an archive of it is opened, again and again: what the archive's contract runs over."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from relay.outbox.archive import Archive
from relay.outbox.base import Outbox
from relay.outbox.sqlite import SqliteOutbox
from tests.support.clock import START_US, FakeClock
from tests.support.memory_outbox import Memory, MemoryOutbox


@dataclass
class Opened:
    """The archive in question, and the outbox whose it is, by which a test fills it."""

    outbox: Outbox
    archive: Archive


class Place(Protocol):
    """Made from an empty folder and the clock that all in it go by."""

    def __init__(self, folder: Path, clock: FakeClock) -> None: ...

    def open(self) -> AbstractAsyncContextManager[Opened]:
        """What was left the last time is there."""
        ...

    async def forget_bodies(self) -> None:
        """As retention would do, while nothing is open."""
        ...


class SqlitePlace:
    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self._path = folder / "relay.db"
        self._clock = clock

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Opened]:
        outbox = await SqliteOutbox.open(self._path, self._clock)
        try:
            yield Opened(outbox, outbox.archive)
        finally:
            await outbox.close()

    async def forget_bodies(self) -> None:
        with closing(sqlite3.connect(self._path)) as db, db:
            db.execute("UPDATE events SET data = NULL")


class MemoryPlace:
    def __init__(self, folder: Path, clock: FakeClock) -> None:
        del folder
        self._kept = Memory(START_US)
        self._clock = clock

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Opened]:
        outbox = MemoryOutbox(self._kept, self._clock)
        yield Opened(outbox, outbox.archive)

    async def forget_bodies(self) -> None:
        for stored in self._kept.events.values():
            stored.body = False


PLACES: dict[str, type[Place]] = {"sqlite": SqlitePlace, "memory": MemoryPlace}
"""Each implementation of ``Archive`` by a name."""
