"""Whether a store's file is whole: found out before anything rests on it.

    file ──is its log whole?──> open ──are its tables there?──> ready, once the check says so or after 2 s at most
                                  └──quick_check, then integrity_check──> Damage, whenever they find it
                                     (on a connection and in a thread of their own)

``PRAGMA quick_check`` reads every page of the file once (https://www.sqlite.org/pragma.html#pragma_quick_check). Of a
million events with as many deliveries, 600 MB, that takes a second from memory and as long as the disk needs to read
600 MB else. A start waits for two seconds: a store of the usual size is checked whole before the first alert is taken,
a huge one on a slow disk goes on being checked while the relay works. What is found later stops every further write,
as does what a statement runs into by itself.

A file whose name is gone is no better than a damaged one: ``moved`` finds that, with each transaction.

Each page may be sound and an index still not agree with its table: the disk lost a write. Only ``integrity_check`` sees
that. It looks each row up in each index, five seconds for a million rows, so it comes last and waits for the others.

A log that was cut or spoilt in its middle passes that check: SQLite takes the log up to the first frame whose checksum
is wrong and forgets what follows (https://www.sqlite.org/walformat.html#recovery), though it was committed. A power cut
leaves at most one unfinished transaction there; two that were committed and not taken tell of damage. (A log that is
cut off looks like a power cut. Then the cursor is lost with the events, so they are fetched again.)
"""

from __future__ import annotations

import os
import sqlite3
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import structlog

from relay.errors import StoreError
from relay.outbox.former import pointing_to_former
from relay.outbox.moved import MovedError

_log = structlog.get_logger()

REPAIR: Final = (
    "`relay repair --dry-run` says what can be kept; `relay repair` keeps it, and the damaged file, too. What the "
    "upstream still has is fetched again."
)

_START_SECONDS: Final = 2.0
_INTERRUPT_SECONDS: Final = 0.05
_LOW_PRIORITY: Final = 10  # https://man7.org/linux/man-pages/man2/setpriority.2.html
_LOG_HEADER: Final = 32  # bytes; https://www.sqlite.org/walformat.html
_FRAME_HEADER: Final = struct.Struct(">II8s8s")  # page, size of the database after a commit, salts, checksums
_TAKEN: Final = struct.Struct("=I")  # how many frames of the log are valid, at this place of the index in shared memory
_TAKEN_AT: Final = 16
_SCHEMA: Final = ("no such table", "no such column", "no such index", "malformed JSON")


def log_of(path: Path) -> Path:
    """The write-ahead log of the store at ``path``, whether it is there or not."""
    return path.with_name(path.name + "-wal")


def damaged(path: Path, what: str) -> StoreError:
    """The error that says so."""
    return StoreError(
        f"the store {path} is damaged: {what}", hint=pointing_to_former(path, REPAIR, unless_written=True)
    )


def tells_of_damage(error: sqlite3.Error) -> bool:
    """Whether trying again is of no use: pages are broken, what we made is not there any more, or the file is not."""
    if isinstance(error, MovedError):
        return True
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return True
    return code == sqlite3.SQLITE_ERROR and str(error).startswith(_SCHEMA)


class Damage:
    """What is wrong with a store that is open, as soon as anybody meets it; told in the log once.

    Args:
        path: The store's file.
        ours: We write to it; else it is only looked at, and who looks tells.

    Attributes:
        found: In a few words; empty while nothing is known.
        told: A sentence that says what to do, too.
    """

    def __init__(self, path: Path, *, ours: bool = True) -> None:
        self._path = path
        self._ours = ours
        self.found = ""
        self.told = ""

    def meets(self, error: sqlite3.Error) -> bool:
        """Whether ``error`` tells of damage; if so, it is noted."""
        if not tells_of_damage(error):
            return False
        if isinstance(error, MovedError):
            means = error.explained()
            self._stop(str(error), told=f"{means}. {means.hint}", hint=means.hint)
        else:
            self.note(str(error))
        return True

    def note(self, what: str) -> None:
        """It is damaged: from now on nothing more is written."""
        told = f"the store is damaged ({what}): stop the relay and run `relay repair`"
        self._stop(what, told=told, hint=f"With the relay stopped, {REPAIR}")

    def _stop(self, what: str, *, told: str, hint: str) -> None:
        if not self.found:
            self.found, self.told = what, told
            if self._ours:
                _log.error(
                    "store is damaged, nothing more is written to it", store=str(self._path), found=what, hint=hint
                )


class Check:
    """The checks under way, one after the other in a thread and on a connection of their own."""

    def __init__(self, path: Path, damage: Damage) -> None:
        self._db = read_only(path)
        self._damage = damage
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="relay-store-check")
        self._quick: Future[None] = self._thread.submit(self._run, quick_check)
        self._whole: Future[None] = self._thread.submit(self._run_beside)

    def wait(self, seconds: float = _START_SECONDS) -> None:
        """Return when the quick one has ended, or after ``seconds``; what it found, ``Damage`` knows."""
        wait_for([self._quick], timeout=seconds)

    def close(self) -> None:
        """End what still runs."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        for under_way in (self._quick, self._whole):
            while not under_way.done():  # an interrupt that comes between two statements has no effect
                self._db.interrupt()
                wait_for([under_way], timeout=_INTERRUPT_SECONDS)
        self._thread.shutdown()
        self._db.close()

    def _run_beside(self) -> None:
        if not self._damage.found:
            _yield_to_others()
            self._run(whole_check)

    def _run(self, check: Callable[[sqlite3.Connection], str]) -> None:
        try:
            finding = check(self._db)
        except sqlite3.Error as error:
            self._damage.meets(error)  # else it was interrupted, or whoever reads next meets the same
        else:
            if finding:
                self._damage.note(finding)


def _yield_to_others() -> None:
    """Let this thread have what the others leave of the processor, where threads have priorities of their own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, not even as it closes: the log stays as it is.

    Raises:
        sqlite3.DatabaseError: The file can't be opened.
    """
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )


def quick_check(db: sqlite3.Connection) -> str:
    """The first thing that is wrong with the pages of ``db``; empty where they are sound."""
    return _first_finding(db, "quick_check")


def whole_check(db: sqlite3.Connection) -> str:
    """The first thing that is wrong with ``db``, and each index compared with its table; empty where all is sound."""
    return _first_finding(db, "integrity_check")


def _first_finding(db: sqlite3.Connection, check: str) -> str:
    (said,) = db.execute(f"PRAGMA {check}(1)").fetchone()
    return "" if said == "ok" else " ".join(str(said).removeprefix("*** in database main ***").split())


def missing(db: sqlite3.Connection, scripts: Sequence[str]) -> str:
    """What ``scripts`` make and ``db`` does not have, in words; empty where all is there, with the columns it had."""
    with closing(sqlite3.connect(":memory:")) as fresh:
        for script in scripts:
            fresh.executescript(script)
        ours, there = _described(fresh), _described(db)
    gone = [f"{kind} {name}" for kind, name in ours if (kind, name) not in there]
    other = [name for (kind, name), columns in ours.items() if there.get((kind, name), columns) != columns]
    found = [f"{', '.join(gone)} missing"] if gone else []
    return ", ".join([*found, *(f"the columns of table {name} changed" for name in other)])


def _described(db: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """What ``db`` is made of, in the order in which it was made; of a table its columns, too."""
    listed = (
        "SELECT type, name, (SELECT group_concat(name) FROM pragma_table_info(iif(s.type = 'table', s.name, ''))) "
        "FROM sqlite_schema s WHERE name NOT LIKE 'sqlite_%' ORDER BY rowid"
    )
    return {(kind, name): columns for kind, name, columns in db.execute(listed)}


def refuse_lost(path: Path) -> None:
    """Look at the file and its log before SQLite does, which would go on with what is left.

    Raises:
        StoreError: Something that was committed is not there any more.
        sqlite3.DatabaseError: It can't be read.
    """
    log = log_of(path)
    try:
        frames, empty = _frames(log), not path.stat().st_size
    except FileNotFoundError:
        return
    if not frames:
        return
    if empty:
        raise damaged(path, f"the file is empty, though its log {log.name} holds {len(frames)} pages")
    with closing(read_only(path)) as db:
        db.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # makes SQLite read the log
    if broken := broken_log(path):
        raise damaged(path, broken)


def broken_log(path: Path) -> str:
    """What is wrong with the log, which SQLite has just read, in words; empty where it took all of it."""
    lost = lost_frames(path)
    return f"its log {log_of(path).name} is broken in the middle, and {lost} pages after that are lost" if lost else ""


def lost_frames(path: Path) -> int:
    """Pages in the log that were committed and that SQLite, which has just read it, did not take."""
    index = path.with_name(path.name + "-shm")
    frames = _frames(log_of(path))
    try:
        with index.open("rb") as file:
            head = file.read(_TAKEN_AT + _TAKEN.size)
    except FileNotFoundError:
        return 0
    if len(head) < _TAKEN_AT + _TAKEN.size:
        return 0
    (taken,) = _TAKEN.unpack_from(head, _TAKEN_AT)
    beyond = frames[taken:]
    # Of the one transaction that a power cut interrupts, pages may arrive in any order, its commit's among them. A
    # second commit was begun only after the first one was on the disk.
    return len(beyond) if sum(beyond) > 1 else 0


def _frames(log: Path) -> list[bool]:
    """Of each frame of the log's present turn, whether it ends a transaction; none where there is no log."""
    try:
        with log.open("rb") as file:
            head = file.read(_LOG_HEADER)
            if len(head) < _LOG_HEADER:
                return []
            (page_size,) = struct.unpack_from(">I", head, 8)
            salts, step = head[16:24], page_size + _FRAME_HEADER.size
            found: list[tuple[bool, bool]] = []
            while True:
                frame = os.pread(file.fileno(), _FRAME_HEADER.size, _LOG_HEADER + len(found) * step)
                if len(frame) < _FRAME_HEADER.size:
                    break
                _, size, theirs, _ = _FRAME_HEADER.unpack(frame)
                found.append((theirs == salts, size > 0))
    except FileNotFoundError:
        return []
    ours = [place for place, (same, _) in enumerate(found) if same]
    return [same and commits for same, commits in found[: ours[-1] + 1]] if ours else []
