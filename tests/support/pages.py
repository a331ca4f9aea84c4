"""Pages of an SQLite file: where a table's rows lie, and how they are spoilt (https://www.sqlite.org/fileformat.html)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

PAGE = 4096


def leaves(path: Path, table: str) -> list[int]:
    """The leaf pages of a table or an index, in order."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what a reader kept in the log belongs into the file
        (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    raw = path.read_bytes()

    def below(page: int) -> list[int]:
        start = (page - 1) * PAGE
        kind, cells = raw[start], int.from_bytes(raw[start + 3 : start + 5], "big")
        if kind in {0x0D, 0x0A}:
            return [page]
        places = [start + 12 + 2 * cell for cell in range(cells)]
        children = [
            int.from_bytes(raw[start + at : start + at + 4], "big")
            for at in (int.from_bytes(raw[place : place + 2], "big") for place in places)
        ]
        return [
            leaf for child in [*children, int.from_bytes(raw[start + 8 : start + 12], "big")] for leaf in below(child)
        ]

    return below(root)


def spoil(path: Path, *pages: int) -> None:
    """Write over pages of a store."""
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE)
            file.write(b"\xff" * PAGE)


def wreck(path: Path) -> None:
    """Write over all of a store but its first page, by which it is known for ours."""
    spoil(path, *range(2, path.stat().st_size // PAGE + 1))


def page_of(raw: bytes, page: int) -> bytes:
    """One page of a file's content."""
    return raw[(page - 1) * PAGE : page * PAGE]


def put(path: Path, page: int, content: bytes) -> None:
    """Put ``content`` where a page is, as a disk does that loses a write and goes on with what was there before."""
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(content)
