"""The store's file: ours, whole and alone, or refused with a sentence; and never half migrated."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay.errors import Exit, LockedError, StoreError
from relay.outbox.file import StoreLock, backup_path, open_store
from relay.outbox.header import APPLICATION_ID
from relay.outbox.sql import migrations
from relay.outbox.sqlite import SqliteOutbox
from tests.support.clock import START_US, FakeClock
from tests.support.events import entry, in_force
from tests.support.forks import forks

SECOND = "CREATE TABLE later (n INTEGER NOT NULL) STRICT;\nINSERT INTO later VALUES (1);"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "relay.db"


async def _open(path: Path) -> SqliteOutbox:
    return await SqliteOutbox.open(path, FakeClock())


async def _open_and_close(path: Path) -> None:
    outbox = await _open(path)
    await outbox.close()


async def _fill(path: Path, count: int = 300) -> None:
    outbox = await _open(path)
    await outbox.commit([entry(in_force(n, f"S{n}"), "bot") for n in range(1, count + 1)])
    await outbox.close()


def _schema(path: Path) -> tuple[int, list[str]]:
    db = sqlite3.connect(path)
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        return version, [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    finally:
        db.close()


# --- not ours


def _garbage(path: Path) -> None:
    path.write_bytes(b"#!/bin/sh\necho this is no database\n" * 500)


def _foreign(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (x)")
    db.commit()
    db.close()


def _other_application(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA application_id = 42")
    db.execute("PRAGMA user_version = 3")
    db.close()


@pytest.mark.parametrize("make", [_garbage, _foreign, _other_application])
def test_a_file_that_is_not_ours_is_refused_and_left_as_it_was(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreError) as caught:
        asyncio.run(_open(path))
    assert caught.value.exit_code is Exit.STORE
    assert caught.value.hint
    assert path.read_bytes() == before
    assert not path.with_name("relay.db-wal").exists()


async def test_a_store_of_a_newer_relay_is_refused_and_the_copy_before_the_upgrade_is_named(path: Path) -> None:
    await _fill(path)
    open_store(path, now_us=START_US, scripts=[*migrations(), SECOND]).close()
    with pytest.raises(StoreError, match="newer relay") as caught:
        await _open(path)
    copy = backup_path(path, len(migrations()))
    assert str(copy) in caught.value.hint
    assert _schema(copy)[0] == len(migrations())


async def test_a_downgrade_without_a_copy_says_so(path: Path) -> None:
    open_store(path, now_us=START_US, scripts=[*migrations(), SECOND]).close()
    with pytest.raises(StoreError, match="newer relay") as caught:
        await _open(path)
    assert "schema" not in caught.value.hint


# --- damaged


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
def test_a_damaged_store_is_an_error_of_the_store_and_lets_go_of_its_lock(path: Path, share: float) -> None:
    asyncio.run(_fill(path))
    raw = bytearray(path.read_bytes())
    begin = 4096 + int((len(raw) - 4096) * share)
    raw[begin:] = b"\xff" * (len(raw) - begin)
    path.write_bytes(raw)
    with pytest.raises(StoreError, match="is damaged"):
        asyncio.run(_open_and_close(path))
    lock = StoreLock(path)
    lock.acquire()
    lock.release()


def test_a_store_cut_short_is_an_error_of_the_store(path: Path) -> None:
    asyncio.run(_fill(path))
    with path.open("r+b") as file:
        file.truncate(5000)
    with pytest.raises(StoreError):
        asyncio.run(_open(path))


async def test_a_start_that_ended_right_after_making_the_tables_is_taken_up(path: Path) -> None:
    db = open_store(path, now_us=START_US)
    db.execute("DELETE FROM relay")  # as if the process had ended before this row was written
    db.close()
    outbox = await _open(path)
    assert outbox.first_started_at_us == START_US
    await outbox.close()


async def test_the_first_start_stays_the_first(path: Path) -> None:
    open_store(path, now_us=7).close()
    outbox = await _open(path)
    assert outbox.first_started_at_us == 7
    await outbox.close()


# --- rights and places


async def test_a_folder_that_is_not_there_is_an_error_of_the_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        await _open(tmp_path / "nowhere" / "relay.db")


def test_a_folder_in_the_stores_place_is_an_error_of_the_store(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError):
        asyncio.run(_open(path))


def test_a_link_to_itself_is_an_error_of_the_store(path: Path) -> None:
    path.symlink_to(path)
    with pytest.raises(StoreError):
        asyncio.run(_open(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("what", ["file", "folder"])
async def test_a_store_that_may_not_be_written_is_refused(path: Path, what: str) -> None:
    await _fill(path, 1)
    path.with_name("relay.db.lock").unlink()
    target = path if what == "file" else path.parent
    mode = target.stat().st_mode
    target.chmod(0o555)
    try:
        with pytest.raises(StoreError):
            await _open(path)
    finally:
        target.chmod(mode)


async def test_only_the_owner_may_read_the_store_and_its_copies(path: Path) -> None:
    await _fill(path)
    open_store(path, now_us=START_US, scripts=[*migrations(), SECOND]).close()
    copy = backup_path(path, len(migrations()))
    assert [file.stat().st_mode & 0o077 for file in (path, copy, path.with_name("relay.db.lock"))] == [0, 0, 0]


# --- one relay at a time


async def test_a_second_relay_is_refused_through_whatever_name(path: Path, tmp_path: Path) -> None:
    outbox = await _open(path)
    alias, folder = tmp_path / "alias.db", tmp_path / "folder"
    alias.symlink_to(path)
    folder.symlink_to(tmp_path, target_is_directory=True)
    for name in (path, alias, folder / "relay.db", folder / "alias.db"):
        with pytest.raises(LockedError) as caught:
            await _open(name)
        assert caught.value.exit_code is Exit.LOCKED
    await outbox.close()
    again = await _open(alias)
    await again.close()


def test_the_kernel_lets_go_of_the_lock_of_a_killed_process(path: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(f"""
                import pathlib, time
                from relay.outbox.file import StoreLock
                StoreLock(pathlib.Path({str(path)!r})).acquire()
                print("held", flush=True)
                time.sleep(60)
            """),
        ],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockedError):
            StoreLock(path).acquire()
        holder.kill()
    lock = StoreLock(path)
    lock.acquire()
    lock.release()


# --- migrations


async def test_a_migration_copies_the_store_first_and_keeps_everything(path: Path) -> None:
    await _fill(path, 20)
    db = open_store(path, now_us=START_US, scripts=[*migrations(), SECOND])
    assert db.execute("SELECT count(*) FROM events").fetchone() == (20,)
    assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    db.close()
    copy = await _open(backup_path(path, len(migrations())))
    assert len((await copy.archive.list_events()).items) == 20
    await copy.close()


async def test_what_is_in_the_log_only_is_in_the_copy_too(path: Path) -> None:
    await _fill(path, 1)
    reader = sqlite3.connect(path)  # as long as somebody has it open, closing moves nothing out of the log
    reader.execute("SELECT count(*) FROM events").fetchone()
    await _fill(path, 50)
    assert path.with_name("relay.db-wal").stat().st_size > 0
    open_store(path, now_us=START_US, scripts=[*migrations(), SECOND]).close()
    reader.close()
    db = sqlite3.connect(backup_path(path, len(migrations())))
    assert db.execute("SELECT count(*) FROM events").fetchone() == (50,)
    db.close()


BROKEN: list[Sequence[str]] = [
    ("CREATE TABLE later (n INTEGER) STRICT; INSERT INTO nowhere VALUES (1);",),
    (SECOND, "ALTER TABLE later ADD COLUMN more TEXT; SELECT no_such_function();"),
]


@pytest.mark.parametrize("scripts", BROKEN)
async def test_a_migration_that_fails_leaves_the_last_whole_schema(path: Path, scripts: Sequence[str]) -> None:
    await _fill(path, 5)
    with pytest.raises(StoreError):
        open_store(path, now_us=START_US, scripts=[*migrations(), *scripts])
    version, tables = _schema(path)
    assert version == len(migrations()) + len(scripts) - 1
    assert ("later" in tables) is (len(scripts) == 2)
    assert _schema(backup_path(path, len(migrations())))[0] == len(migrations())


async def test_a_migration_for_whose_copy_there_is_no_room_is_not_begun(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill(path, 5)
    monkeypatch.setattr(os, "open", _refuse(os.open, ".part"))
    with pytest.raises(StoreError):
        open_store(path, now_us=START_US, scripts=[*migrations(), SECOND])
    assert _schema(path)[0] == len(migrations())


def _refuse(real: Callable[..., int], suffix: str) -> Callable[..., int]:
    def refuse(name: Path, *rest: object) -> int:
        if str(name).endswith(suffix):
            raise OSError(28, "No space left on device")
        return real(name, *rest)

    return refuse


def test_a_kill_during_the_first_start_or_a_migration_leaves_a_store_that_opens(tmp_path: Path) -> None:
    """SQLite tells of every step it makes; the process is killed at each of the first hundred in turn."""
    script = """
        import os, pathlib, signal
        from relay.outbox import file
        from relay.outbox.sql import migrations
        real = file.connect
        def work(path, steps, more):
            def connect(where):
                db = real(where)
                seen = 0
                def count(_statement):
                    nonlocal seen
                    seen += 1
                    if seen > steps:
                        os.kill(os.getpid(), signal.SIGKILL)
                db.set_trace_callback(count)
                return db
            file.connect = connect
            file.open_store(pathlib.Path(path), now_us=5, scripts=[*migrations(), *more]).close()
    """
    with forks(script) as opened:
        for more in ([], [SECOND]):
            killed = 0
            for steps in range(60):
                path = tmp_path / f"{len(more)}-{steps}.db"
                if more:
                    open_store(path, now_us=5).close()
                code = opened(str(path), steps, more)
                killed += code != 0
                db = open_store(path, now_us=6, scripts=[*migrations(), *more])
                (first,) = db.execute("SELECT first_started_at FROM relay").fetchone()
                assert first in {5, 6}
                assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                db.close()
                if code == 0:
                    break
            assert killed > 5


def test_an_empty_file_in_its_place_is_told_and_a_first_start_is_not(path: Path) -> None:
    with capture_logs() as logged:
        asyncio.run(_open_and_close(path))
        asyncio.run(_open_and_close(path))
    assert [line for line in logged if "empty" in line["event"]] == []
    path.unlink()
    path.touch()
    with capture_logs() as logged:
        asyncio.run(_open_and_close(path))
    [line] = [line for line in logged if "empty" in line["event"]]
    assert (line["log_level"], line["store"]) == ("warning", str(path))
