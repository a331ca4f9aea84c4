"""A whole copy of a store, made beside the relay that may hold it, and known again when it is put back.

    PATH ──read-only──> every page ──marked: when, beside a running relay?──checked──> FILE

    FILE put in the place of PATH ──recognise──> PutBack: what that means is told, once

A store that lies where it was made tells nothing of what it has missed, because it has missed nothing. A copy has: what
was delivered after it was made is not noted in it. So the copy says of itself that it is one, in a table that only
copies have.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

from relay.clock import isoformat
from relay.errors import RelayError, StoreError, UsageError
from relay.outbox.check import damaged, log_of, quick_check, tells_of_damage
from relay.outbox.file import connect, explained, is_held, of_another_program, resolve
from relay.outbox.header import APPLICATION_ID
from relay.outbox.readonly import connect_beside, no_store
from relay.outbox.swap import copy_store

_ATTEMPTS: Final = 3
_COUNTED: Final = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM deliveries)"
_MARK: Final = """
CREATE TABLE IF NOT EXISTS backup (made_at INTEGER NOT NULL, held INTEGER NOT NULL) STRICT;
DELETE FROM backup;
"""


class Backup(NamedTuple):
    """What was copied.

    Attributes:
        store: The store itself.
        file: The copy.
        size: Bytes of the copy.
        held: Whether a relay held the store meanwhile.
        events: How many are in the copy, those included of which retention left no more than that they were.
        deliveries: Likewise.
    """

    store: Path
    file: Path
    size: int
    held: bool
    events: int
    deliveries: int


class PutBack(NamedTuple):
    """That a store is a copy, and from when.

    Attributes:
        made_at_us: When it was made, µs since the epoch.
        held: Whether a relay held the store that it was made of.
    """

    made_at_us: int
    held: bool

    @property
    def told(self) -> str:
        """What it means, a sentence for the log."""
        if self.held:
            return "the store is a backup that was put back: what was delivered since it was made goes out again"
        return "the store is a backup that was put back: nothing goes out again, unless its relay ran since it was made"

    @property
    def hint(self) -> str:
        """And what becomes of the rest."""
        made = isoformat(self.made_at_us).replace(".000Z", "Z")
        return f"It was made at {made}. What came since then is fetched, as far as the upstream has it."


class _Interrupted(Exception):  # noqa: N818  because nobody sees it: it begins the copy anew
    """A relay took the store while it was read as a file that nobody changes."""


def back_up(path: Path, target: Path, *, now_us: int) -> Backup:
    """Copy the store at ``path`` to ``target``, which only its owner can read; or leave nothing there.

    Args:
        path: The store; a relay may hold it, and goes on meanwhile.
        target: A file that is not there yet, in a folder that is.
        now_us: Noted in the copy.

    Raises:
        StoreError: There is no store, it is not ours, can't be read, or is damaged.
        UsageError: Something lies at ``target`` already, or its folder does not exist.
        RelayError: The copy can't be written.
    """
    path = resolve(path)
    if not path.exists():
        raise no_store(path)
    try:
        for _ in range(_ATTEMPTS):
            held = is_held(path)
            with suppress(_Interrupted):
                events, deliveries = _copy(path, target, now_us=now_us, held=held)
                return Backup(path, target, target.stat().st_size, held, events, deliveries)
    except FileExistsError:
        raise UsageError(
            f"{target} is there already", hint="A backup replaces nothing: name another file, or move that one away."
        ) from None
    except OSError as error:
        if not target.parent.is_dir():
            raise UsageError(f"the folder {target.parent} does not exist", hint="Make it, or name another.") from None
        raise _unwritten(target, error.strerror or str(error)) from None
    raise StoreError(f"the store {path} is opened and closed all the time", hint="Let the relay run, or stop it.")


def _copy(path: Path, target: Path, *, now_us: int, held: bool) -> tuple[int, int]:
    """How many events and deliveries are in the copy."""
    counts: list[tuple[int, int]] = []
    quiet = not log_of(path).exists()

    def finish(copy: sqlite3.Connection) -> None:
        if quiet and log_of(path).exists():
            raise _Interrupted
        if broken := quick_check(copy):
            raise damaged(path, broken)
        counts.append(copy.execute(_COUNTED).fetchone())
        copy.executescript(f"PRAGMA journal_mode = DELETE; BEGIN; {_MARK}")  # one file, without a log
        copy.execute("INSERT INTO backup VALUES (?, ?)", (now_us, held))
        copy.commit()

    try:
        with closing(connect_beside(path)) as db:
            if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise of_another_program(path)
            try:
                copy_store(db, target, replacing=False, finish=finish)
            except sqlite3.DatabaseError as error:
                if tells_of_damage(error):
                    raise
                raise _unwritten(target, str(error)) from None
    except sqlite3.DatabaseError as error:
        raise explained(path, error) from None
    return counts[0]


def _unwritten(target: Path, why: str) -> RelayError:
    return RelayError(f"the backup {target} can't be written: {why}", hint="Nothing was left there.")


def recognise(path: Path) -> PutBack | None:
    """Whether the store at ``path``, whose lock is held, is a copy that was put back; it is known once.

    Where the mark can't be taken away, as on a full disk, it is known at the next start again.
    """
    with closing(connect(path)) as db:
        if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'backup'").fetchone() is None:
            return None
        row = db.execute("SELECT made_at, held FROM backup").fetchone()
        with suppress(sqlite3.OperationalError):
            db.execute("DROP TABLE backup")
    return None if row is None else PutBack(row[0], bool(row[1]))
