"""Makes a store whose beginning is lost readable once more: its first page comes from a fresh store.

The first page says where each table begins (https://www.sqlite.org/fileformat.html#storage_of_the_sql_database_schema).
Every store is made by the same script, so in each of them the first tables begin on the same pages, in one order with
``auto_vacuum`` and in another without. What is read from a wrong page makes no sense, and is left out as such.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from relay.outbox.check import read_only
from relay.outbox.sql import migrations

_PAGE: Final = 4_096
_SIZE_AT: Final = 28  # of the header: pages in the file
_FREE_AT: Final = 32  # where free pages begin, and how many there are


def readable_copy(path: Path, beside: Path) -> tuple[Path, bool]:
    """A file whose tables can be found: ``path`` itself, or a copy named after ``beside`` and whether it is one.

    Raises:
        OSError: There is no room for a copy.
        sqlite3.DatabaseError: A fresh store can't be made.
    """
    if path.stat().st_size and _can_be_read(path):
        return path, False
    copy = beside.with_name(beside.name + "-source")
    for kind in (2, 0):
        _copy(path, copy)
        if _can_be_read(copy):  # it was only empty: the log has the first page
            return copy, True
        _transplant(copy, beside.with_name(beside.name + "-page"), auto_vacuum=kind)
        if _makes_sense(copy):
            break
    return copy, True


def _copy(path: Path, copy: Path) -> None:
    for suffix in ("", "-wal"):
        source, target = (file.with_name(file.name + suffix) for file in (path, copy))
        target.unlink(missing_ok=True)
        if source.exists():
            target.touch(mode=0o600)  # before there is anything to read in it
            shutil.copyfile(source, target)
    if not copy.stat().st_size:  # beside a file without pages SQLite throws the log away
        os.truncate(copy, _PAGE)


def _transplant(copy: Path, fresh: Path, *, auto_vacuum: int) -> None:
    fresh.unlink(missing_ok=True)
    with closing(sqlite3.connect(fresh)) as db:
        db.execute(f"PRAGMA auto_vacuum = {auto_vacuum}")
        for script in migrations():
            db.executescript(script)
    page = bytearray(fresh.read_bytes()[:_PAGE])
    fresh.unlink()
    page[18:20] = b"\x02\x02"  # with a log
    struct.pack_into(">I", page, _SIZE_AT, -(-copy.stat().st_size // _PAGE))
    struct.pack_into(">II", page, _FREE_AT, 0, 0)
    with copy.open("r+b") as file:
        file.write(page)


def _can_be_read(path: Path) -> bool:
    with suppress(sqlite3.DatabaseError), closing(read_only(path)) as db:
        return bool(db.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'table'").fetchone()[0])
    return False


def _makes_sense(path: Path) -> bool:
    with suppress(sqlite3.DatabaseError), closing(read_only(path)) as db:
        asked = "SELECT typeof(key) = 'text' AND typeof(received_at) = 'integer' FROM events NOT INDEXED LIMIT 1"
        return bool(db.execute(asked).fetchone() == (1,))
    return False
