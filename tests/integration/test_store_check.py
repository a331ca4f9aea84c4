"""Beside its work the store is checked and gives room back, and neither holds anything up."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from relay.deliveries import Outcome, Verdict
from relay.errors import StoreBusyError, StoreError
from relay.outbox import check
from relay.outbox.check import Check
from relay.outbox.sqlite import SqliteOutbox
from relay.outbox.vacuum import PAGES_A_STEP
from tests.support.clock import START_US, FakeClock
from tests.support.events import entry, in_force
from tests.support.pages import PAGE, leaves, page_of, put
from tests.support.waiting import until

DELIVERED = Outcome(Verdict.DELIVERED, "200")
MANY = 2_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "relay.db"


def _size(path: Path) -> int:
    return path.stat().st_size


def _content(path: Path) -> bytes:
    return path.read_bytes()


def _as_it_is(path: Path) -> tuple[int, bytes]:
    """When it was last written, and what it holds."""
    return path.stat().st_mtime_ns, _content(path)


def _told(outbox: SqliteOutbox) -> tuple[bool, str]:
    return outbox.healthy, outbox.damage


async def test_what_the_check_finds_after_the_start_stops_all_writing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(_db: object) -> str:
        go_on.wait(10)
        return "Page 7: never used"

    monkeypatch.setattr(check, "quick_check", slow)
    monkeypatch.setattr(Check, "wait", lambda _: None)
    outbox = await SqliteOutbox.open(path, FakeClock())
    await outbox.commit([entry(in_force(1), "bot")])
    assert _told(outbox) == (True, "")
    go_on.set()
    told = "the store is damaged (Page 7: never used): stop the relay and run `relay repair`"
    await until(lambda: _told(outbox) == (False, told))
    waiting = asyncio.ensure_future(outbox.commit([entry(in_force(2), "bot")]))
    await asyncio.sleep(0)
    assert not waiting.done()
    await outbox.close()
    with pytest.raises(StoreBusyError, match="is damaged"):
        await waiting


@pytest.mark.parametrize("name", ["quick_check", "whole_check"])
async def test_a_store_that_is_closed_at_once_waits_for_no_check(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    begun = threading.Event()

    def endless(db: sqlite3.Connection) -> str:
        begun.set()
        db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n").fetchone()
        return ""

    monkeypatch.setattr(check, name, endless)
    monkeypatch.setattr(Check, "wait", lambda _: None)
    outbox = await SqliteOutbox.open(path, FakeClock())
    await asyncio.to_thread(begun.wait, 10)
    async with asyncio.timeout(10):
        await outbox.close()
    assert outbox.damage == ""


async def test_an_index_that_lost_a_write_is_found_beside_the_running_relay(path: Path) -> None:
    outbox = await SqliteOutbox.open(path, FakeClock())
    await outbox.commit([entry(in_force(n, f"S{n}"), "bot") for n in range(1, 11)])
    await outbox.close()
    (page,) = leaves(path, "events_by_id")
    before = page_of(_content(path), page)
    outbox = await SqliteOutbox.open(path, FakeClock())
    await outbox.commit([entry(in_force(11, "S11"), "bot")])
    await outbox.close()
    put(path, page, before)
    assert "events_by_id" in await _found(path)


async def _found(path: Path) -> str:
    """What a relay finds beside its work, or before that where the comparison has ended by then."""
    try:
        outbox = await SqliteOutbox.open(path, FakeClock())
    except StoreError as told:
        return str(told)
    await until(lambda: not outbox.healthy)
    await outbox.close()
    return outbox.damage


async def test_room_goes_back_to_the_disk_in_small_steps_and_commits_go_between_them(path: Path) -> None:
    outbox = await SqliteOutbox.open(path, FakeClock())
    body = b'{"padding":"%s"}' % (b"x" * 10_000)
    for first in range(1, MANY, 100):
        events = [msgspec.structs.replace(in_force(n, f"S{n}"), data=body) for n in range(first, first + 100)]
        await outbox.commit([entry(event, "bot") for event in events])
    for delivery in (await outbox.claim("bot", after=0, limit=MANY))[0]:
        await outbox.ack(delivery, DELIVERED, at_us=START_US)
    await outbox.close()
    full = _size(path)

    outbox = await SqliteOutbox.open(path, FakeClock())
    steps, number = 0, MANY
    while await outbox.prune(finished_before_us=START_US + 1, identities_before_us=0, marks_before_us=0):
        steps, number = steps + 1, number + 1
        await outbox.commit([entry(in_force(number), "bot")])
    await outbox.close()
    given_back = (full - _size(path)) // PAGE
    assert given_back > full // PAGE // 4
    assert given_back <= (steps + 1) * PAGES_A_STEP


@pytest.mark.parametrize("table", ["destinations", "holes"], ids=["read for a lane", "read for a page"])
async def test_whoever_meets_damage_while_reading_stops_all_writing(path: Path, table: str) -> None:
    outbox = await SqliteOutbox.open(path, FakeClock())
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"DROP TABLE {table}")
    with pytest.raises(StoreBusyError, match=f"the store is damaged .*{table}"):
        await (outbox.destination("bot") if table == "destinations" else outbox.holes())
    assert not outbox.healthy
    assert table in outbox.damage
    await outbox.close()


async def test_a_damaged_store_is_left_as_it_was_so_that_a_repair_knows_when_that_was(path: Path) -> None:
    outbox = await SqliteOutbox.open(path, FakeClock())
    await outbox.commit([entry(in_force(1), "bot")])
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE holes")
    with pytest.raises(StoreBusyError):
        await outbox.holes()
    log = path.with_name("relay.db-wal")
    before = _as_it_is(path), _as_it_is(log)
    assert _size(log)
    await outbox.close()
    assert (_as_it_is(path), _as_it_is(log)) == before
    with pytest.raises(StoreError, match="is damaged"):
        await SqliteOutbox.open(path, FakeClock())
    assert (_as_it_is(path), _as_it_is(log)) == before
