"""``relay repair``: a damaged store becomes a whole one, without what can't be read, and knows what to fetch again.

    damaged file + log ──salvage─> rows ──into a fresh store──> forget ──> rewind ──> checked ──> swapped in (``swap``)
                                          │                       │          └─ cursors go back to before the loss
                                          │                       └─ alerts of which a waiting delivery is lost
                                          └─ rows that make no sense, or whose event is gone, are left out and counted

What holds always:

* The damaged file is only read, and kept. A crash at any point leaves the old store or the new one.
* An alert that was lost, or of which a delivery was lost that may still have waited, is fetched again as far as the
  upstream has it: then it goes out once more to everyone, under the same ``webhook-id``. Rather twice than never.
* What is still known is recognised. Identities are kept for thirty days, so nothing that fired before is delivered
  anew: the baseline moves up to there.
* Numbers (events, deliveries, sequences) go on above all that may have been given out.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from relay.clock import MICROS
from relay.errors import LockedError, StoreError
from relay.outbox.check import broken_log, damaged, log_of, lost_frames, missing, read_only, whole_check
from relay.outbox.file import StoreLock, connect, explained, holder, of_another_program, open_store, resolve
from relay.outbox.former import Former, former, pointing_to_former
from relay.outbox.header import APPLICATION_ID
from relay.outbox.losses import gone_from, lost_waiting, may_go_again, told
from relay.outbox.readonly import no_store
from relay.outbox.rescue import Rescue, Saved
from relay.outbox.rewind import LeftOut, forget, rewind
from relay.outbox.salvage import DamagedStore
from relay.outbox.sql import migrations
from relay.outbox.swap import finish_swap, is_unfinished, put_in_place, unfinished_path
from relay.outbox.transplant import readable_copy

Progress = Callable[[str, int, int], None]

_NUMBERS_SKIPPED: Final = 1_000  # beyond the greatest that left a trace
_ROWS_A_LOG_PAGE: Final = 200  # no transaction makes more rows than that a page of the log
_DAMAGE: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_ERROR}


class Repair(msgspec.Struct, frozen=True):
    """What a repair came to.

    Attributes:
        found: What was wrong; empty where nothing was.
        tables: What became of each table.
        forgotten: Alerts that are there and are fetched and delivered again, because a delivery of theirs is lost.
        lost_waiting: Deliveries that waited and are lost with what is lost; None where no index tells.
        may_go_again: Deliveries that were delivered or dead, of alerts that are fetched again: at most so many go out
            once more; None where no index tells.
        lost_log_pages: Pages of the log that SQLite does not take any more.
        refetch_from_us: Since when the next rounds ask anew, µs since the epoch; None where they go on as they were.
        begins_at_us: Where nothing told the store's beginning any more, or a later one was wanted, the one it was
            given, µs since the epoch: nothing that fired before is delivered, what waited and is lost included. None
            where it has its own.
        beside: A store that a relay wrote here later than this one; None where there is none.
        left_out: Deliveries that are lost for good, or whose event is; a thousand of each at most.
        kept: Where the damaged file lies now; None where nothing was changed.
    """

    found: str
    tables: dict[str, Saved] = {}
    forgotten: int = 0
    lost_waiting: int | None = 0
    may_go_again: int | None = 0
    lost_log_pages: int = 0
    refetch_from_us: int | None = None
    begins_at_us: int | None = None
    beside: Former | None = None
    left_out: tuple[LeftOut, ...] = ()
    kept: Path | None = None

    @property
    def lost(self) -> int:
        """Rows that are not in the new store, at most."""
        return self.forgotten + sum(saved.unreadable + saved.refused for saved in self.tables.values())

    @property
    def everything_lost(self) -> bool:
        """No alert could be read, and nothing tells how many there were: ``lost`` is no count then."""
        events = self.tables.get("events", Saved())
        return not events.kept and events.unreadable > 0


class _Times(NamedTuple):
    """What a repair goes by, µs: the time, how far back it lets fetch, and when the damaged store was last whole.

    ``begin_us`` is when the new store begins where no alert is left; None leaves that to the old one, or ``known_us``.
    """

    now_us: int
    refetch_us: int
    known_us: int
    begin_us: int | None


def repair(
    path: Path, *, now_us: int, refetch_us: int, dry_run: bool, progress: Progress, begin_us: int | None = None
) -> Repair:
    """Repair the store at ``path``, if it needs it.

    Args:
        path: Its file.
        now_us: The time, µs since the epoch.
        refetch_us: How far back at most what was lost is fetched again, µs.
        dry_run: Tell what a repair would come to, and change nothing.
        progress: Told now and then which table is read, up to which number, and the greatest it has.
        begin_us: When the new store begins, µs since the epoch, where no alert can be read. None stands for when the
            damaged one did, or its last write, and lets nothing begin anew while a whole store lies beside.

    Raises:
        LockedError: A relay holds it.
        StoreError: There is none, it is not ours, there is no room for the new one, or nothing of it can be read while
            a whole one lies beside.
    """
    path = _there(path)
    with _stopped(path):
        try:
            finish_swap(path)
            found = diagnosis(path)
            if not found:
                return Repair("")
            times = _Times(now_us, refetch_us, _last_known_us(path, now_us), begin_us)
            return _mend(path, found, times, dry_run=dry_run, progress=progress)
        except OSError as error:
            raise StoreError(f"the store {path} can't be repaired: {error}", hint=_room(path)) from None


def compact(path: Path, *, now_us: int) -> tuple[int, int]:
    """Rewrite a sound store without its free pages, and let it give room back by itself from now on.

    Returns:
        Its size before and after, bytes.

    Raises:
        LockedError: A relay holds it.
        StoreError: There is none, it can't be used, or there is no room.
    """
    path = _there(path)
    with _stopped(path):
        before = path.stat().st_size if path.exists() else 0
        with closing(open_store(path, now_us=now_us)) as db:
            broken = whole_check(db)
            if broken:
                raise damaged(path, broken)
            try:
                db.execute("PRAGMA auto_vacuum = INCREMENTAL")
                db.execute("VACUUM")
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.DatabaseError as error:
                raise explained(path, error) from None
        return before, path.stat().st_size


def _there(path: Path) -> Path:
    """The file itself. Looked for before the lock is taken: that leaves a file, which tells of a store.

    Raises:
        StoreError: There is none.
    """
    path = resolve(path)
    if not path.is_file() and not is_unfinished(path):
        error = no_store(path)
        raise StoreError(str(error), hint=pointing_to_former(path, error.hint))
    return path


@contextmanager
def _stopped(path: Path) -> Iterator[None]:
    """Around what is done to a store that nobody has open.

    Raises:
        LockedError: A relay runs on it.
    """
    lock = StoreLock(path)
    try:
        lock.acquire()
    except LockedError:
        process = holder(path)
        who = f"a relay runs on the store {path}{f' (process {process})' if process else ''}"
        raise LockedError(who, hint="Stop it first, then run `relay repair` again.") from None
    try:
        yield
    finally:
        lock.release()


def diagnosis(path: Path) -> str:
    """What is wrong with the store at ``path``, whose lock is held; empty where it is sound.

    Raises:
        StoreError: It is not ours.
    """
    log = log_of(path)
    if not path.stat().st_size:
        return "the file is empty" if log.exists() and log.stat().st_size else ""
    try:
        with closing(read_only(path)) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            (application,) = db.execute("PRAGMA application_id").fetchone()
            (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            ours = application == APPLICATION_ID or not (tables or version)
            if version > len(migrations()):
                if not ours:
                    raise of_another_program(path)
                raise StoreError(f"{path} was written by a newer relay", hint="Repair it with that version.")
            gone = missing(db, migrations()[:version])
            if not ours and (gone or not version):
                raise of_another_program(path)
            finding = gone or whole_check(db) or ("" if ours else "its header does not tell that it is a relay's")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE:
            raise explained(path, error) from None
        return str(error)
    if finding:
        return finding
    return broken_log(path)


def _mend(path: Path, found: str, times: _Times, *, dry_run: bool, progress: Progress) -> Repair:
    new = unfinished_path(path)
    _remove(new)
    beside = former(path, unless_written=True)
    try:
        open_store(new, now_us=times.now_us).close()
        source = readable_copy(path, new)
        try:
            with closing(read_only(source.path)) as db, closing(connect(new)) as fresh:
                report = _build(DamagedStore(db), fresh, found, times, progress)
                lost = source.lost_log_pages or lost_frames(source.path)
                if lost:
                    report = _skip(fresh, report, lost)
                report = msgspec.structs.replace(report, beside=beside)
                if report.everything_lost and times.begin_us is None:
                    _refuse_beside_a_whole_one(path)
                _settle(fresh, path)
        finally:
            if source.copied:
                _remove(source.path)
        if dry_run:
            return report
        return msgspec.structs.replace(report, kept=put_in_place(new, path, times.now_us))
    except sqlite3.DatabaseError as error:
        raise explained(path, error) from None
    finally:
        _remove(new)


def _refuse_beside_a_whole_one(path: Path) -> None:
    there = former(path)
    if there is not None:
        raise StoreError(
            f"nothing of a store can be read in {path}, and a whole one lies beside it",
            hint=f"{there.told} `relay repair --since 1h` begins without it, so far back.",
        )


def _last_known_us(path: Path, now_us: int) -> int:
    """Up to when the store surely knew what fired: its log was last brought into the file then, or it was closed.

    What was committed later is in the log, a thousand pages at most: where that is lost, too, it rather comes twice.
    """
    written = [file.stat().st_mtime_ns // 1_000 for file in (path, log_of(path)) if file.exists()]
    return min(now_us, *written)


def _build(old: DamagedStore, fresh: sqlite3.Connection, found: str, times: _Times, progress: Progress) -> Repair:
    fresh.execute("PRAGMA synchronous = OFF")  # until it is whole; see ``_settle``
    fresh.execute("PRAGMA foreign_keys = ON")
    fresh.execute("BEGIN")
    rescue = Rescue(old, fresh, progress)
    rescue.run(times.known_us, begin_us=times.begin_us)
    gone = gone_from(old, fresh)
    loss = forget(old, fresh, rescue, gone, oldest_us=times.now_us - times.refetch_us)
    back = rewind(fresh, rescue, loss, now_us=times.now_us, refetch_us=times.refetch_us)
    waiting, again = (told(count, rescue) for count in (lost_waiting(gone), may_go_again(old, fresh)))
    lost = any(saved.unreadable or saved.refused for saved in rescue.saved.values())
    rescue.finish(skip=_NUMBERS_SKIPPED if lost else 0)
    fresh.execute("COMMIT")
    for table in ("events", "deliveries"):
        (rescue.saved[table].kept,) = fresh.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  because the names are ours
    orphans = _orphans(old, rescue)
    told_of = {left.id for left in orphans}
    left_out = (*orphans, *(left for left in loss.left_out if left.id not in told_of))
    return Repair(
        found,
        rescue.saved,
        loss.forgotten,
        waiting,
        again,
        refetch_from_us=back.since_us,
        begins_at_us=back.begins_us,
        left_out=left_out,
    )


def _orphans(old: DamagedStore, rescue: Rescue) -> list[LeftOut]:
    keys = old.keys_of({row["event"] for row in rescue.orphans}) if rescue.orphans else {}
    return [
        LeftOut(
            event=keys.get(row["event"], "") if isinstance(row["event"], int) else "",
            state=str(row["state"]),
            destination=str(row["destination"]),
            webhook_id=str(row["webhook_id"]),
            id=row["id"] if isinstance(row["id"], int) else 0,
        )
        for row in rescue.orphans
    ]


def _skip(fresh: sqlite3.Connection, report: Repair, lost: int) -> Repair:
    """Numbers given out in what the log has lost are not given out again. The cursor is lost with it: no rewinding."""
    by = lost * _ROWS_A_LOG_PAGE
    fresh.execute("UPDATE destinations SET sequence = sequence + ?", (by,))
    fresh.execute(
        "UPDATE relay SET least_event = ? + max(least_event, (SELECT coalesce(max(seq), 0) FROM events)), "
        "least_delivery = ? + max(least_delivery, (SELECT coalesce(max(id), 0) FROM deliveries))",
        (by, by),
    )
    return msgspec.structs.replace(report, lost_log_pages=lost)


def _settle(fresh: sqlite3.Connection, path: Path) -> None:
    """Bring all of it into the one file, and look at it as a start would, and harder.

    Raises:
        StoreError: What was made is not sound; it is not put in place.
    """
    fresh.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    fresh.execute("PRAGMA journal_mode = DELETE").fetchone()
    broken = whole_check(fresh)
    strays = fresh.execute("PRAGMA foreign_key_check").fetchone()
    if broken or strays:
        raise StoreError(f"the store {path} could not be repaired: {broken or 'deliveries without events'}")


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal", ".lock"):
        with suppress(OSError):
            file.with_name(file.name + suffix).unlink(missing_ok=True)


def _room(path: Path) -> str:
    free = os.statvfs(path.parent).f_bavail * os.statvfs(path.parent).f_frsize
    return f"A repair needs room for a second store; {free // MICROS} MB are free. Nothing has been changed."
