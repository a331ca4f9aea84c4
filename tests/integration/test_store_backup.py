"""A copy of the store is whole, private and in nobody's way, and known for one when it is put back."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.beginning import tell_if_named_twice, tell_if_put_back
from relay.clock import MICROS
from relay.errors import Exit, RelayError, StoreError, UsageError
from relay.outbox import backup
from relay.outbox.backup import PutBack, back_up, recognise
from relay.outbox.file import open_store
from relay.outbox.inspection import inspecting
from relay.outbox.sqlite import SqliteOutbox
from relay.outbox.swap import copy_store
from tests.support.clock import START_US, FakeClock
from tests.support.events import entry, in_force
from tests.support.pages import spoil

AT_US = START_US + 60 * MICROS


def _files(folder: Path, pattern: str = "*") -> list[str]:
    return sorted(file.name for file in folder.glob(pattern))


async def _outbox(path: Path, *numbers: int) -> SqliteOutbox:
    outbox = await SqliteOutbox.open(path, FakeClock())
    for number in numbers:
        await outbox.commit([entry(in_force(number, f"S{number}"), "bot")])
    return outbox


async def _stored(path: Path) -> list[int | None]:
    outbox = await SqliteOutbox.open(path, FakeClock())
    try:
        found, _ = await outbox.claim("bot", after=0, limit=500)
        return [delivery.event.id for delivery in found]
    finally:
        await outbox.close()


async def test_beside_a_relay_it_holds_all_that_is_committed(tmp_path: Path) -> None:
    outbox = await _outbox(tmp_path / "relay.db", 1, 2)
    try:
        made = back_up(tmp_path / "relay.db", tmp_path / "copy.db", now_us=AT_US)
        await outbox.commit([entry(in_force(3, "S3"), "bot")])
    finally:
        await outbox.close()
    assert made == (tmp_path / "relay.db", tmp_path / "copy.db", (tmp_path / "copy.db").stat().st_size, True, 2, 2)
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert _files(tmp_path, "copy.db*") == ["copy.db"]
    assert await _stored(tmp_path / "copy.db") == [1, 2]
    assert await _stored(tmp_path / "relay.db") == [1, 2, 3]


async def test_of_a_stopped_relay_it_leaves_nothing_beside_the_store(tmp_path: Path) -> None:
    await (await _outbox(tmp_path / "relay.db", 1)).close()
    before = _files(tmp_path)
    assert not back_up(tmp_path / "relay.db", tmp_path / "copy.db", now_us=AT_US).held
    assert _files(tmp_path) == sorted([*before, "copy.db"])


async def test_a_relay_that_starts_in_the_middle_makes_it_begin_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "relay.db"
    await (await _outbox(path, 1)).close()
    meanwhile: list[str] = []

    def copying(*arguments: Any, **named: Any) -> None:
        if not meanwhile:  # as if a relay had begun between two pages: its log is there
            path.with_name("relay.db-wal").touch()
            meanwhile.append("log")
        copy_store(*arguments, **named)

    monkeypatch.setattr(backup, "copy_store", copying)
    assert back_up(path, tmp_path / "copy.db", now_us=AT_US).size
    assert await _stored(tmp_path / "copy.db") == [1]


async def test_put_back_it_is_known_once(tmp_path: Path) -> None:
    path, copy = tmp_path / "relay.db", tmp_path / "copy.db"
    outbox = await _outbox(path, 1)
    back_up(path, copy, now_us=AT_US)
    await outbox.close()
    assert recognise(path) is None
    with inspecting(copy) as looked_at:
        assert not looked_at.faults()
    copy.replace(path)
    outbox = await _outbox(path)
    try:
        with capture_logs() as lines:
            tell_if_put_back(path)
            tell_if_put_back(path)
    finally:
        await outbox.close()
    [line] = lines
    assert (
        line["event"] == "the store is a backup that was put back: what was delivered since it was made goes out again"
    )
    assert "It was made at 2026-" in line["hint"]
    assert await _stored(path) == [1]


async def test_one_of_a_stopped_relay_says_that_nothing_goes_out_again(tmp_path: Path) -> None:
    await (await _outbox(tmp_path / "relay.db", 1)).close()
    back_up(tmp_path / "relay.db", tmp_path / "copy.db", now_us=AT_US)
    found = recognise(tmp_path / "copy.db")
    assert found == PutBack(AT_US, held=False)
    assert "nothing goes out again, unless its relay ran since" in found.told


async def test_a_backup_of_one_that_was_never_started_says_when_it_was_made_itself(tmp_path: Path) -> None:
    await (await _outbox(tmp_path / "relay.db", 1)).close()
    back_up(tmp_path / "relay.db", tmp_path / "copy.db", now_us=AT_US)
    back_up(tmp_path / "copy.db", tmp_path / "copy2.db", now_us=AT_US + 1)
    assert recognise(tmp_path / "copy2.db") == PutBack(AT_US + 1, held=False)


def _store(path: Path) -> Path:
    open_store(path, now_us=START_US).close()
    return path


@pytest.mark.parametrize("taken", ["a file", "a folder", "a link to nowhere", "the store itself"])
def test_it_replaces_nothing(taken: str, tmp_path: Path) -> None:
    path, target = _store(tmp_path / "relay.db"), tmp_path / "copy.db"
    match taken:
        case "a file":
            target.write_text("mine")
        case "a folder":
            target.mkdir()
        case "a link to nowhere":
            target.symlink_to("nowhere")
        case _:
            target = path
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="is there already"):
        back_up(path, target, now_us=AT_US)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the folder .*gone does not exist"):
        back_up(_store(tmp_path / "relay.db"), tmp_path / "gone/copy.db", now_us=AT_US)


def test_without_a_store_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        back_up(tmp_path / "relay.db", tmp_path / "copy.db", now_us=AT_US)
    assert not list(tmp_path.iterdir())


def test_a_database_of_another_program_is_none_of_ours(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "relay.db")) as db:
        db.execute("CREATE TABLE other (a)")
    with pytest.raises(StoreError, match="of another program"):
        back_up(tmp_path / "relay.db", tmp_path / "copy.db", now_us=AT_US)
    assert not (tmp_path / "copy.db").exists()


def test_an_older_schema_is_copied_as_it_is(tmp_path: Path) -> None:
    path = _store(tmp_path / "relay.db")
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 1")
    back_up(path, tmp_path / "copy.db", now_us=AT_US)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)


async def test_a_damaged_store_makes_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    await (await _outbox(path, *range(1, 40))).close()
    with closing(sqlite3.connect(path)) as db:
        [(page,)] = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'deliveries'")
    spoil(path, page)
    with pytest.raises(StoreError, match="is damaged") as told:
        back_up(path, tmp_path / "copy.db", now_us=AT_US)
    assert told.value.exit_code is Exit.STORE
    assert not _files(tmp_path, "copy.db*")


def test_a_full_disk_leaves_nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_source: object, target: Path, **_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(backup, "copy_store", full)
    with pytest.raises(RelayError, match="can't be written: No space left") as told:
        back_up(_store(tmp_path / "relay.db"), tmp_path / "copy.db", now_us=AT_US)
    assert told.value.exit_code is Exit.FAILED


def test_a_folder_in_the_stores_place_is_told_and_no_lock_is_left_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    with pytest.raises(StoreError, match=f"the store {folder} would be a file, and is a folder"):
        back_up(folder, tmp_path / "copy.db", now_us=AT_US)
    with pytest.raises(StoreError, match="and is a folder"):
        asyncio.run(SqliteOutbox.open(folder, FakeClock()))
    assert _files(tmp_path) == ["state"]


def test_a_store_whose_folder_is_gone_is_not_said_to_be_made_by_the_next_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"the folder {tmp_path / 'gone'} does not exist") as caught:
        back_up(tmp_path / "gone" / "relay.db", tmp_path / "copy.db", now_us=AT_US)
    assert "relay run" not in caught.value.hint


def test_a_second_name_of_the_stores_file_is_told(tmp_path: Path) -> None:
    store = tmp_path / "relay.db"
    store.touch()
    with capture_logs() as lines:
        tell_if_named_twice(store)
        assert lines == []
        (tmp_path / "other.db").hardlink_to(store)
        tell_if_named_twice(store)
    [line] = lines
    assert (line["log_level"], line["names"], "hard link" in line["event"]) == ("warning", 2, True)
