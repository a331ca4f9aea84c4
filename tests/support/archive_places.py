"""Places where a store lies and an archive of it is opened, again and again: what the archive's contract runs over."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from relay.cli.archive import HttpArchive
from relay.config.load import load
from relay.outbox.archive import Archive
from relay.outbox.base import Outbox
from relay.outbox.sqlite import SqliteOutbox
from tests.support.clock import START_US, FakeClock
from tests.support.desk import FakeDesk
from tests.support.memory_outbox import Memory, MemoryOutbox
from tests.support.web import serving

CONFIG = """
stratalerts: {{api_key: k}}
http: {{listen: "127.0.0.1:{port}"}}
destinations: {{bot: {{type: webhook, url: "https://bot.example/x"}}}}
rules: [{{name: all, to: bot}}]
"""


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


class HttpPlace(SqlitePlace):
    """A store that a relay holds: its archive is asked over a real port."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Opened]:
        desk = FakeDesk()
        desk.change(destinations=())  # no lane: a queue that waits may be dropped
        async with super().open() as opened, serving(desk, clock=self._clock) as client:
            desk.archive = opened.archive
            assert client._base_url is not None
            config = self._path.with_name("config.yaml")
            config.write_text(CONFIG.format(port=client._base_url.port))
            yield Opened(opened.outbox, HttpArchive(load(config, env={})))


PLACES: dict[str, type[Place]] = {"sqlite": SqlitePlace, "memory": MemoryPlace, "http": HttpPlace}
"""Each implementation of ``Archive`` by a name."""
