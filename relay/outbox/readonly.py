"""A store opened by who must not change it, beside the process that may hold it.

    PATH ──is there one? of our schema?──> a connection that reads, without the lock

The store's lock is its writer's; readers of a WAL need none (https://www.sqlite.org/wal.html#concurrency). A store that
nobody has open has no log beside it, and is read as a file that nobody changes, so that looking leaves nothing behind.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from relay import units
from relay.errors import StoreError
from relay.outbox.check import log_of
from relay.outbox.file import explained
from relay.outbox.header import APPLICATION_ID
from relay.outbox.sql import migrations


def open_beside(path: Path) -> sqlite3.Connection:
    """A connection that reads the store at ``path``, whose schema is ours; it may be used in any thread.

    Raises:
        StoreError: There is none, it can't be read, or its schema is another.
    """
    if not path.exists():
        raise no_store(path)
    try:
        db = connect_beside(path)
    except sqlite3.DatabaseError as error:
        raise explained(path, error) from None
    try:
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        db.close()
        raise explained(path, error) from None
    if (fault := _another(path, application, version)) is not None:
        db.close()
        raise fault
    return db


def _another(path: Path, application: int, version: int) -> StoreError | None:
    """What keeps this relay from reading such a store; None where nothing does."""
    newest = len(migrations())
    if application != APPLICATION_ID:
        return StoreError(
            f"{path} is not a relay's store, or its beginning is damaged",
            hint="`relay repair` keeps what can be kept of a store; else let storage.url name another file.",
        )
    if version > newest:
        return StoreError(
            f"{path} was written by a newer relay (schema {version}, this one knows {newest})",
            hint="Use that version again.",
        )
    if version < newest:
        return StoreError(
            f"the store {path} has schema {version}, and this relay reads {newest}",
            hint="`relay run` brings it up to date, and keeps a copy.",
        )
    return None


def connect_beside(path: Path) -> sqlite3.Connection:
    """Likewise, whatever the file holds.

    Raises:
        sqlite3.DatabaseError: It can't be opened.
    """
    quiet = "" if log_of(path).exists() else "&immutable=1"
    uri = f"{path.absolute().as_uri()}?mode=ro{quiet}"
    return sqlite3.connect(uri, uri=True, timeout=1.0, isolation_level=None, check_same_thread=False)


def no_store(path: Path) -> StoreError:
    """The error that says so, before any relay has run, or where a service keeps another than is looked for."""
    if not path.parent.is_dir():
        return StoreError(
            f"there is no store at {path}: the folder {path.parent} does not exist",
            hint="Make it, or mount what it is on; else let storage.url name another place.",
        )
    return StoreError(f"there is no store at {path} yet", hint=f"`relay run` makes it. {of_a_service(path)}".rstrip())


def of_a_service(path: Path) -> str:
    """How a service's store is found, where this machine has one and ``path`` is another; else empty."""
    if not units.STATE.is_dir() or path.parent == units.STATE:
        return ""
    return f"Where the service's is meant: sudo relay -c {units.CONFIG} …"
