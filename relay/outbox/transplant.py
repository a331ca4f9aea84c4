"""Makes a store whose beginning is lost readable once more: its first page comes from a fresh store.

The first page, with those below it, says what tables there are and where each of them begins
(https://www.sqlite.org/fileformat.html#storage_of_the_sql_database_schema). Those below come to the end of the file.
Every store is made by the same script, so in each of them the first tables begin on the same pages, in one order with
``auto_vacuum`` and in another without. What is read from a wrong page makes no sense, and is left out as such.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

from relay.outbox.check import lost_frames, read_only
from relay.outbox.sql import migrations
from relay.outbox.vacuum import INCREMENTAL

_NO_VACUUM: Final = 0  # https://www.sqlite.org/pragma.html#pragma_auto_vacuum

_PAGE: Final = 4_096
_MAGIC: Final = b"SQLite format 3\0"
_SIZE_AT: Final = 28  # of the header: pages in the file
_FREE_AT: Final = 32  # where free pages begin, and how many there are
_LARGEST_ROOT_AT: Final = 52  # nothing where the file does not give room back
_TREE_AT: Final = 100  # where the first page's own tree begins
_INTERIOR: Final = 0x05
_NEEDED: Final = {"events", "deliveries"}


class Source(NamedTuple):
    """Where a damaged store is read from.

    Attributes:
        path: The store's own file, or the copy's.
        copied: Whether it is a copy, to be removed in the end.
        lost_log_pages: Pages of the log that were not taken as it was brought into the copy.
    """

    path: Path
    copied: bool
    lost_log_pages: int = 0


def readable_copy(path: Path, beside: Path) -> Source:
    """A file whose tables can be found: ``path`` itself, or a copy named after ``beside``.

    Raises:
        OSError: There is no room for a copy.
        sqlite3.DatabaseError: A fresh store can't be made.
    """
    if path.stat().st_size and _can_be_read(path):
        return Source(path, copied=False)
    copy, page = (beside.with_name(beside.name + suffix) for suffix in ("-source", "-page"))
    lost = 0
    for kind in _kinds(path):
        _copy(path, copy)
        if _can_be_read(copy):  # it was only empty: the log has the first page
            break
        _transplant(copy, page, auto_vacuum=kind)
        lost = _fold(copy)
        if not _can_be_read(copy):  # the log had a first page, too, or cut off what was added
            _transplant(copy, page, auto_vacuum=kind)
        if _makes_sense(copy):
            break
    return Source(copy, copied=True, lost_log_pages=lost)


def _kinds(path: Path) -> Sequence[int]:
    """Values of ``auto_vacuum`` to try: first and last the one that the header tells, or else that of new stores."""
    with path.open("rb") as file:
        header = file.read(_TREE_AT)
    told = header.startswith(_MAGIC) and not any(header[_LARGEST_ROOT_AT : _LARGEST_ROOT_AT + 4])
    return (_NO_VACUUM, INCREMENTAL, _NO_VACUUM) if told else (INCREMENTAL, _NO_VACUUM, INCREMENTAL)


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
    raw = fresh.read_bytes()
    fresh.unlink()
    page = bytearray(raw[:_PAGE])
    pages = -(-max(copy.stat().st_size, len(raw)) // _PAGE)  # no table may begin beyond the end
    below: list[bytes] = []  # the pages that the description has beyond its first one: put at the end of the file
    for at in _children(page):
        (child,) = struct.unpack_from(">I", page, at)
        below.append(raw[(child - 1) * _PAGE : child * _PAGE])
        struct.pack_into(">I", page, at, pages + len(below))
    page[18:20] = b"\x02\x02"  # with a log
    struct.pack_into(">I", page, _SIZE_AT, pages + len(below))
    struct.pack_into(">II", page, _FREE_AT, 0, 0)
    with copy.open("r+b") as file:
        file.write(page)
        file.seek(pages * _PAGE)
        file.write(b"".join(below))


def _children(page: bytes | bytearray) -> list[int]:
    """Where a first page names those below it; nowhere while the description fits into it."""
    if page[_TREE_AT] != _INTERIOR:
        return []
    (cells,) = struct.unpack_from(">H", page, _TREE_AT + 3)
    return [*struct.unpack_from(f">{cells}H", page, _TREE_AT + 12), _TREE_AT + 8]


def _fold(copy: Path) -> int:
    """Bring the log into the file, as whoever closes it last does; how many of the log's pages are not taken."""
    lost = 0
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(copy)) as db:
        db.execute("PRAGMA user_version").fetchone()  # makes SQLite read the log
        lost = lost_frames(copy)
    return lost


def _can_be_read(path: Path) -> bool:
    with suppress(sqlite3.DatabaseError), closing(read_only(path)) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        there, ours = _tables(db), _ours(version)
        return there.keys() >= _NEEDED and all(there[name] == ours[name] for name in there.keys() & ours.keys())
    return False


def _tables(db: sqlite3.Connection) -> dict[str, list[str]]:
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return {name: [column for _, column, *_ in db.execute(f"PRAGMA table_info({name})")] for name in names}


def _ours(version: int) -> dict[str, list[str]]:
    with closing(sqlite3.connect(":memory:")) as db:
        for script in migrations()[:version]:
            db.executescript(script)
        return _tables(db)


def _makes_sense(path: Path) -> bool:
    asked = "SELECT typeof(key) = 'text' AND typeof(received_at) = 'integer' FROM events NOT INDEXED ORDER BY rowid"
    for order in ("", " DESC"):  # the page at one end may be spoilt itself
        with suppress(sqlite3.DatabaseError), closing(read_only(path)) as db:
            if db.execute(f"{asked}{order} LIMIT 1").fetchone() == (1,):
                return True
    return False
