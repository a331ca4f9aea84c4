"""Whether the store's file is still the one that is open, and what becomes of what the open one holds if not.

    each transaction ──committed──> is PATH the file that is open? ──yes──> acknowledged
                                                │no: deleted, or another one lies there
                                                v
                  nothing more is written; what is open is copied ──> PATH where nothing lies there, else PATH.was-TIME

A program goes on writing to a file whose name is gone, and with the program everything in it is gone, too. So each
transaction is followed by a look at the name, before anybody is told that it is durable; the inode decides, as for
SQLite itself, which looks only where a rollback journal is made
(https://www.sqlite.org/c3ref/c_fcntl_begin_atomic_write.html, ``SQLITE_FCNTL_HAS_MOVED``).

SQLite takes the log beside a file for that file's own. So once there is a copy, the log that is still there goes.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from relay.errors import StoreError
from relay.outbox.former import place_beside
from relay.outbox.swap import beside, copy_store

_AWAY: Final = "its file was deleted or moved while the relay ran"
_ANOTHER: Final = "another file was put in its place while the relay ran"


class MovedError(sqlite3.OperationalError):
    """The file that is open has another name, or none.

    Attributes:
        kept: Where its copy lies; None where none could be made.
    """

    def __init__(self, path: Path, what: str, kept: Path | None) -> None:
        super().__init__(what if kept else f"{what}, and no copy of it can be made")
        self._path = path
        self.kept = kept

    def explained(self) -> StoreError:
        """What it means for whoever runs the relay."""
        if self.kept is None:
            hint = "What it held is lost when the relay ends: mend its place, then stop the relay."
            return StoreError(f"the store {self._path}: {self}", hint=hint)
        if self.kept == self._path:
            return StoreError(
                f"the store {self._path}: {self}; what it held was put back", hint="Start the relay again."
            )
        return StoreError(
            f"the store {self._path}: {self}; what the former held is kept as {self.kept.name}",
            hint="With the relay stopped, let the one that is to count lie there; then start it again.",
        )


class FilePlace:
    """Where the file at ``path`` was when it was opened.

    Attributes:
        moved: That it is there no more, and its copy was made; None until then.

    Raises:
        OSError: There is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = path.stat().st_ino
        self._beside = {file: file.stat().st_ino for file in beside(path) if file.exists()}
        self.moved: MovedError | None = None

    def make_sure(self, db: sqlite3.Connection, *, now_us: int) -> None:
        """Make sure that ``db``'s file is the one at the path; where it is not, copy what it holds.

        Raises:
            MovedError: It is not.
        """
        what = self._gone()
        if what:
            error = MovedError(self._path, what, self._keep(db, now_us))
            if error.kept is not None:
                self.moved = error
            raise error

    def _gone(self) -> str:
        try:
            inode = self._path.stat().st_ino
        except (FileNotFoundError, NotADirectoryError):
            return _AWAY
        except OSError:  # a drive that does not answer says nothing of the file
            return ""
        return "" if inode == self._inode else _ANOTHER

    def _keep(self, db: sqlite3.Connection, now_us: int) -> Path | None:
        for target in (self._path, place_beside(self._path, now_us)):
            with suppress(OSError, sqlite3.DatabaseError):
                copy_store(db, target, replacing=False)
                self._remove_log()
                return target
        return None

    def _remove_log(self) -> None:
        for file, inode in self._beside.items():
            with suppress(OSError):  # the copy is there, whatever becomes of this
                if file.stat().st_ino == inode:
                    file.unlink()
