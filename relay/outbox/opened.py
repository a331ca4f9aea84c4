"""An open store: its connections, each with the thread it is used in, and what is held in memory of it.

    open_all ──> the writing connection, one that reads for lanes, one that reads for pages, one that checks the file

Each connection lives in a thread of its own, so that a page nobody hurries for delays no claim and no commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from relay.errors import StoreBusyError
from relay.outbox.check import Check, Damage, damaged
from relay.outbox.file import connect, explained, leave, open_store
from relay.outbox.moved import FilePlace
from relay.outbox.sql import queries
from relay.outbox.transaction import Counters


class Opened(NamedTuple):
    """A store that is open."""

    place: FilePlace
    db: sqlite3.Connection
    claims: sqlite3.Connection
    listings: sqlite3.Connection
    counters: Counters
    first_started_at_us: int
    damage: Damage
    check: Check


def open_all(path: Path, now_us: int) -> Opened:
    """Open the store at ``path``, whose lock is held.

    Raises:
        StoreError: It can't be used.
    """
    db = open_store(path, now_us=now_us)
    damage = Damage(path)
    with contextlib.ExitStack() as stack:
        stack.callback(leave, db, path)
        try:
            readers = [stack.enter_context(contextlib.closing(connect(path))) for _ in range(2)]
            for reader in readers:
                reader.execute("PRAGMA query_only = ON")
            counters = Counters.load(db)
            place = FilePlace(path)
            (first_started_at_us,) = db.execute(queries()["first_started"]).fetchone()
            check = Check(path, damage)
            stack.callback(check.close)
            check.wait()
        except sqlite3.DatabaseError as error:
            raise explained(path, error) from None
        if damage.found:
            raise damaged(path, damage.found)
        stack.pop_all()
    return Opened(place, db, readers[0], readers[1], counters, first_started_at_us, damage, check)


class StoreReader:
    """A reading connection in a thread of its own."""

    def __init__(self, db: sqlite3.Connection, name: str, damage: Damage) -> None:
        self._db = db
        self._damage = damage
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def row(self, name: str, /, **parameters: object) -> tuple[Any, ...]:
        """The one row of a named query.

        Raises:
            StoreBusyError: The store could not be read.
        """
        row = await self.row_or_none(name, **parameters)
        assert row is not None, f"query {name} always answers"
        return row

    async def row_or_none(self, name: str, /, **parameters: object) -> tuple[Any, ...] | None:
        """The first row of a named query, or None."""

        def read() -> tuple[Any, ...] | None:
            row: tuple[Any, ...] | None = self._db.execute(queries()[name], parameters).fetchone()
            return row

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, read)
        except sqlite3.Error as error:
            if self._damage.meets(error):
                raise StoreBusyError(self._damage.told) from error
            raise StoreBusyError(f"the store could not be read: {error}") from error

    async def close(self) -> None:
        """End the thread and let go of the connection."""
        await asyncio.to_thread(self._thread.shutdown)
        self._db.close()
