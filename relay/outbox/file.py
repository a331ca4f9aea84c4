"""The store's file: one relay at a time, ours and whole or refused, brought to the newest schema with a copy kept.

    path ──lock──> is all there? ──> open ──is it ours?──> migrate (check and copy first) ──> connection, ready to write

Power-cut safety is SQLite's: WAL with ``synchronous=FULL`` syncs the log at every commit, so what a commit
returned for is on the disk (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from relay.errors import LockedError, StoreError
from relay.outbox.check import REPAIR, damaged, missing, quick_check, refuse_lost
from relay.outbox.former import pointing_to_former
from relay.outbox.header import APPLICATION_ID, looks_ours
from relay.outbox.sql import migrations
from relay.outbox.swap import copy_store, finish_swap
from relay.outbox.vacuum import INCREMENTAL

_log = structlog.get_logger()

_WRITABLE: Final = "Give this user write access to the file and its folder."
_ELSEWHERE: Final = "or let storage.url name another file."
_EMPTIED: Final = "If it should not have been: stop the relay, and put a copy of the former store in its place."
_LOG_KEPT: Final = 16 * 2**20  # bytes: a log that grew beyond this beside a long reader is cut back to it


def resolve(path: Path) -> Path:
    """The file itself, where ``path`` goes through links.

    Raises:
        StoreError: The links lead nowhere but to each other, or a folder lies there.
    """
    try:
        found = path.resolve()
    except (OSError, RuntimeError) as error:
        raise StoreError(f"the store {path} can't be found: {error}", hint=_WRITABLE) from None
    if found.is_dir():  # before a lock is made beside it
        raise _a_folder(path)
    return found


class StoreLock:
    """Holds ``PATH.lock`` for as long as the process lives; the kernel lets go of it however we end."""

    def __init__(self, path: Path) -> None:
        self._path = _lock_of(path)
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            LockedError: Another process holds it.
            StoreError: The folder can't be written.
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"the store's folder {self._path.parent} can't be used: {error.strerror}",
                hint="Create it, or let storage.url name a place this user can write.",
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise LockedError(
                f"another relay holds the store {self._path.with_suffix('')}",
                hint="One relay an account: stop the other one, or give this one a storage.url of its own.",
            ) from None
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def _lock_of(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def is_held(path: Path) -> bool:
    """Whether some process holds the store at ``path``, as far as the kernel tells; asking takes no lock.

    Raises:
        StoreError: The links of ``path`` lead nowhere but to each other.
    """
    return holder(path) is not None


def holder(path: Path) -> int | None:
    """The process that holds the store at ``path``, 0 where it is not known which; None where none is known to.

    Raises:
        StoreError: As ``is_held``.
    """
    lock_file = _lock_of(resolve(path))  # it lies beside the file itself, not beside a link to it
    try:
        lock = lock_file.stat()
        held = Path("/proc/locks").read_text()
    except OSError:
        return None
    # Each line: number, kind, …, process, MAJOR:MINOR:INODE, range (https://man7.org/linux/man-pages/man5/proc_locks.5.html)
    device = f"{os.major(lock.st_dev):02x}:{os.minor(lock.st_dev):02x}:{lock.st_ino}"
    for fields in map(str.split, held.splitlines()):
        if device in fields:
            process = fields[fields.index(device) - 1]
            return int(process) if process.isdecimal() else 0  # -1: of another PID namespace
    return None


def open_store(path: Path, *, now_us: int, scripts: Sequence[str] | None = None) -> sqlite3.Connection:
    """Open or create the store at ``path`` and bring it to the newest schema. The lock must be held.

    Args:
        path: The database file; its folder must exist.
        now_us: Remembered as the first start when the file is new.
        scripts: The migrations; the package's own by default.

    Raises:
        StoreError: Not a relay's store, made by a newer relay, damaged, or not writable.
    """
    scripts = migrations() if scripts is None else scripts
    if path.is_dir():
        raise _a_folder(path)
    try:
        finish_swap(path)
        emptied = path.exists() and not path.stat().st_size
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        refuse_lost(path)
        if emptied:
            _log.warning(
                "the store's file was there and empty: a new store begins in it",
                store=str(path),
                hint=pointing_to_former(path, _EMPTIED),
            )
        db = connect(path)
    except OSError as error:
        raise StoreError(f"the store {path} can't be written: {error.strerror}", hint=_WRITABLE) from None
    except sqlite3.DatabaseError as error:
        raise explained(path, error) from None
    try:
        _adopt(db, path, scripts, now_us)
    except sqlite3.DatabaseError as error:
        leave(db, path)
        raise explained(path, error) from None
    except StoreError:
        leave(db, path)
        raise
    return db


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode; transactions are begun by name.

    Raises:
        sqlite3.DatabaseError: The file is no database, or can't be read: the first statement looks at it.
    """
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA cache_size = -2000")
        db.execute(f"PRAGMA journal_size_limit = {_LOG_KEPT}")
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def leave(db: sqlite3.Connection, path: Path) -> None:
    """Close the last connection to the store at ``path``, and leave its log where it is.

    Whoever may write and closes last brings the log into the file. That of a damaged store is to stay as it was: its
    time tells a repair until when the store knew what fired.
    """
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as reading:
        with contextlib.suppress(sqlite3.Error):  # then there is no log that could be brought into anything
            reading.execute("PRAGMA schema_version").fetchone()  # who has read nothing yet does not count as there
        db.close()


def explained(path: Path, error: sqlite3.DatabaseError) -> StoreError:
    """What SQLite's refusal means for whoever runs the relay."""
    if path.is_dir():
        return _a_folder(path)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_CORRUPT or (code == sqlite3.SQLITE_NOTADB and looks_ours(path)):
        return damaged(path, str(error))
    if code == sqlite3.SQLITE_NOTADB:
        hint = f"If this was one: {REPAIR} If not: move it away, {_ELSEWHERE}"
        return StoreError(f"{path} is not a relay store", hint=pointing_to_former(path, hint))
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_disk_full(path)):
        return StoreError(f"no room for the store {path}: {error}", hint="Free some disk space.")
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(f"the store {path} can't be read or written: {error}", hint="Look at the disk's health.")
    return StoreError(f"the store {path} can't be opened: {error}", hint=_WRITABLE)


def _a_folder(path: Path) -> StoreError:
    return StoreError(
        f"the store {path} would be a file, and is a folder", hint="Let storage.url name a file: sqlite:relay.db."
    )


def of_another_program(path: Path) -> StoreError:
    """The error for a database that is sound, and not ours."""
    return StoreError(
        f"{path} is a database of another program", hint=pointing_to_former(path, f"Move it away, {_ELSEWHERE}")
    )


def _is_disk_full(path: Path) -> bool:
    """Whether there is no room: SQLite tells it as a mere I/O error where its shared memory file does not fit."""
    file_system = os.statvfs(path.parent)
    return file_system.f_bavail == 0


def _adopt(db: sqlite3.Connection, path: Path, scripts: Sequence[str], now_us: int) -> None:
    application: int = db.execute("PRAGMA application_id").fetchone()[0]
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    tables: int = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION_ID and (tables or version):
        raise of_another_program(path)
    if version > len(scripts):
        raise StoreError(
            f"{path} was written by a newer relay (schema {version}, this one knows {len(scripts)})",
            hint=_downgrade_hint(path, len(scripts)),
        )
    if version:
        gone = missing(db, scripts[:version])
        if gone:
            raise damaged(path, gone)
    else:  # before anything else is written: a file with pages keeps the kind it has
        db.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")
    db.execute("PRAGMA journal_mode = WAL")
    if tables and version < len(scripts):
        broken = quick_check(db)
        if broken:
            raise damaged(path, broken)
        _copy(db, backup_path(path, version))
    for number, script in enumerate(scripts[version:], start=version + 1):
        _migrate(db, number, script)
    # Also where the tables are there already: the process may have ended between the two.
    db.execute("INSERT INTO relay (first_started_at) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM relay)", (now_us,))


def _migrate(db: sqlite3.Connection, number: int, script: str) -> None:
    """Run one script and note its number in one transaction, so that a crash leaves one or the other schema."""
    try:
        db.executescript(
            f"BEGIN IMMEDIATE;\n{script}\n"
            f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {number};\nCOMMIT;"
        )
    except sqlite3.DatabaseError:
        with contextlib.suppress(sqlite3.DatabaseError):  # SQLite may have rolled back by itself
            db.execute("ROLLBACK")
        raise


def backup_path(path: Path, version: int) -> Path:
    """Where the copy made before leaving schema ``version`` lies."""
    return path.with_name(f"{path.name}.schema{version}")


def _copy(db: sqlite3.Connection, target: Path) -> None:
    try:
        copy_store(db, target, replacing=True)
    except (OSError, sqlite3.DatabaseError) as error:
        raise StoreError(
            f"the store can't be copied to {target} before its upgrade: {error}",
            hint="Make room for a second copy of it; nothing has been changed.",
        ) from None


def _downgrade_hint(path: Path, version: int) -> str:
    copy = backup_path(path, version)
    if copy.exists():
        return f"Install that version again, or go back to the copy made before the upgrade: {copy}."
    return "Install that version again, or let storage.url name another file."
