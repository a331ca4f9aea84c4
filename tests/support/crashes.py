"""What a crash leaves of a store in SQLite, for another process to find.

    kill -9     every byte that was written by then: the files as they lie at that moment (``Camera``)
    power cut   of what was not synced yet, any sector may be there or not, in no order (``torn``)

A picture is taken by reading, while the connection that is being watched stands still inside a callback. Only what
the watched process would have left counts: its answer is thrown away, and so is all it does afterwards.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

SECTOR: Final = 512
_LOG_HEADER: Final = 32  # https://www.sqlite.org/fileformat2.html#walformat; synced before the first frame after it

Files = dict[str, bytes]
"""A folder's files, by name."""


class Camera:
    """Takes pictures of a store's folder while the store is open.

    The database is read through one descriptor that stays open: closing any would let go of the locks that SQLite
    holds in this process (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
    The shared memory file is left out: whoever opens the store first makes it anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self) -> Files:
        """The files as they are now."""
        found = {self._path.name: os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)}
        for file in self._path.parent.iterdir():
            if file.name != self._path.name and not file.name.endswith(("-shm", ".lock")):
                with contextlib.suppress(FileNotFoundError):
                    found[file.name] = file.read_bytes()
        return found

    def close(self) -> None:
        """Only after the store is closed."""
        os.close(self._descriptor)


class Tap:
    """Does something right before the n-th statement that a connection runs, the first being number 0."""

    def __init__(self, db: sqlite3.Connection, at: int, action: Callable[[], object]) -> None:
        self._db = db
        self._left = at
        self._action = action
        self.done = False
        db.set_trace_callback(self._statement)

    def _statement(self, _sql: str) -> None:
        if not self.done and self._left == 0:
            self.done = True
            self._action()
        self._left -= 1

    def close(self) -> None:
        """Watch no longer."""
        self._db.set_trace_callback(None)


def lay(files: Files, folder: Path) -> None:
    """Put the files of a picture into a new folder."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def torn(before: bytes, after: bytes, dice: Random, *, log: bool) -> bytes:
    """A file that was being written when the power went.

    Args:
        before: As it was synced last.
        after: As it would have been.
        dice: Decide which sectors made it: those up to some place, or any.
        log: It is a write-ahead log: its header is synced before anything is written behind it.
    """
    starts = range(0, max(len(before), len(after)), SECTOR)
    cut = dice.randrange(len(starts) + 1)
    in_order = dice.random() < 0.5
    share = dice.choice((0.1, 0.5, 0.9))
    made = [place < cut if in_order else dice.random() < share for place in range(len(starts))]
    if not any(made):
        return before
    length = max(
        len(before), *(min(start + SECTOR, len(after)) for start, there in zip(starts, made, strict=True) if there)
    )
    mixed = bytearray(before.ljust(length, b"\0"))
    for start, there in zip(starts, made, strict=True):
        if there:
            piece = after[start : start + SECTOR]
            mixed[start : start + len(piece)] = piece
    if log:
        mixed[:_LOG_HEADER] = after[:_LOG_HEADER]
    return bytes(mixed)
