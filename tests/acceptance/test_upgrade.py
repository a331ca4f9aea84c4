"""A store that an earlier relay left: everything in it is kept, its queue goes out, and the way back stays open.

The stores are of the past itself: each was left by the relay of its time (tests/data/make_store.py). Their times are
moved to today, as if that relay had ended just now.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from relay.clock import MICROS, SystemClock
from relay.errors import Exit
from relay.outbox.file import backup_path, open_store
from relay.outbox.sql import migrations
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.data.make_store import RULES, make
from tests.support.alerts import bodies, in_force
from tests.support.process import RelayProcess, running, webhook, write_config

DATA = Path(__file__).parents[1] / "data"
NEWEST = len(migrations())
EARLIER = [pytest.param(version, id=f"schema {version}") for version in range(1, NEWEST)]
TIMES: Mapping[str, Iterable[str]] = {
    "relay": ["first_started_at"],
    "events": ["triggered_at", "received_at"],
    "deliveries": ["first_attempt_at", "retry_at", "received_at", "updated_at"],
    "destinations": ["since", "held_since", "held_until"],
    "rounds": ["began_at", "completed_at"],
    "channels": ["baseline_before"],
    "holes": ["found_at"],
    "marks": ["at", "noted_at"],
    "snoozes": ["since", "until"],
}
KEPT = {  # what no upgrade and no run may change, and of which rows
    "events": ("seq, key, channel, upstream_id, symbols, triggered_at, source, received_at, data", "true"),
    "deliveries": (
        "id, event, destination, sequence, webhook_id, rules, source, received_at, state, attempts, last_code",
        "state <> 'pending'",
    ),
    "channels": ("name, baseline_id, baseline_before", "true"),
    "holes": ("*", "true"),
    "marks": ("*", "true"),
    "sides": ("*", "true"),
    "snoozes": ("*", "true"),
    "relay": ("first_started_at", "true"),
}


def left_by(version: int, folder: Path) -> tuple[Path, int]:
    """The store of that version, as if it had been left a second ago; and by how much its times were moved, in s."""
    path = folder / "relay.db"
    with closing(sqlite3.connect(path)) as db:
        text = (DATA / f"store-v{version}.sql").read_text(encoding="utf-8")
        db.executescript(text)
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        (latest,) = db.execute("SELECT max(updated_at) FROM deliveries").fetchone()
        seconds: int = SystemClock().now_us() // MICROS - latest // MICROS - 1
        for table in tables & TIMES.keys():
            for column in TIMES[table]:
                moved = f"UPDATE {table} SET {column} = {column} + ? WHERE {column} > 0"  # noqa: S608  because of our own names
                db.execute(moved, (seconds * MICROS,))
        db.commit()
        db.execute("PRAGMA journal_mode = WAL")
    return path, seconds


def rows(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


def kept(path: Path, tables: Iterable[str]) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: sorted(rows(path, f"SELECT {columns} FROM {table} WHERE {which}"), key=repr)  # noqa: S608  likewise
        for table, (columns, which) in KEPT.items()
        if table in tables
    }


def whole(path: Path) -> list[str]:
    """All of a store, as text."""
    with closing(sqlite3.connect(path)) as db:
        return [line for line in db.iterdump() if "sqlite_stat" not in line]


def waiting(path: Path, destination: str) -> list[str]:
    """The webhook-ids of a queue, in its order."""
    with closing(sqlite3.connect(path)) as db:
        found = db.execute(
            "SELECT webhook_id FROM deliveries WHERE destination = ? AND state = 'pending' ORDER BY sequence",
            (destination,),
        ).fetchall()
    return [name for (name,) in found]


def sent(inbox: Inbox, path: str) -> list[str]:
    return [received.headers["webhook-id"] for received in inbox.at(path) if received.status // 100 == 2]


@pytest.mark.parametrize("version", EARLIER)
async def test_a_store_of_every_earlier_version_is_taken_over_whole(
    version: int, tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    path, moved = left_by(version, tmp_path)
    before = whole(path)
    tables = {name for (name,) in rows(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")}
    held, last = kept(path, tables), rows(path, "SELECT channel, max(position) FROM rounds GROUP BY channel")
    queues = {name: waiting(path, name) for name in ("fails", "paused")}
    assert all(len(queue) >= 10 for queue in queues.values())
    for id_, data in rows(path, "SELECT upstream_id, data FROM events WHERE upstream_id IS NOT NULL"):
        event = json.loads(data)  # the upstream still has them all
        fired = datetime.fromisoformat(event["triggered_at"]) + timedelta(seconds=moved)
        simulator.fire({**event, "id": id_, "triggered_at": fired.isoformat()}, live=False)

    names = ("bot", "refuses", "gone", "fails", "paused", "late")
    config = write_config(tmp_path, simulator, {name: webhook(inbox.url(f"/{name}")) for name in names}, rules=RULES)
    async with running(config) as relay:
        await inbox.wait_until(lambda: len(sent(inbox, "/fails")) >= len(queues["fails"]))
        assert Counter(sent(inbox, "/fails")) == Counter(queues["fails"])
        assert inbox.at("/paused") == []
        await relay.post("/api/destinations/paused/resume")
        await inbox.wait_until(lambda: len(sent(inbox, "/paused")) >= len(queues["paused"]))
        assert Counter(sent(inbox, "/paused")) == Counter(queues["paused"])

        dead = {
            (name, key)
            for name, key in rows(path, "SELECT destination, webhook_id FROM deliveries WHERE state = 'dead'")
        }
        items = (await relay.json("/api/dead"))["items"]
        assert {(item["destination"], item["webhook_id"]) for item in items} == dead
        new = simulator.fire(in_force("NEW", id=10**9))
        await inbox.wait_until(lambda: len(bodies(inbox, "/bot")) >= 1)
        await relay.until_drained()
        assert [body["data"]["id"] for body in bodies(inbox, "/bot")] == [new.id]  # nothing known came again
        assert await relay.stop() == 0

    after = kept(path, tables)
    for table, there in held.items():
        assert set(map(repr, there)) <= set(map(repr, after[table])), table
    now = dict(rows(path, "SELECT channel, max(position) FROM rounds GROUP BY channel"))
    assert all(now[channel] >= position for channel, position in last)
    assert rows(path, "PRAGMA user_version") == [(NEWEST,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]

    copy = backup_path(path, version)
    assert whole(copy) == before
    assert rows(copy, "PRAGMA user_version") == [(version,)]


async def test_an_earlier_relay_refuses_what_a_later_one_wrote_and_names_the_copy(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    path, _ = left_by(NEWEST - 1, tmp_path)
    later = "CREATE TABLE later (n INTEGER) STRICT;"
    open_store(path, now_us=SystemClock().now_us()).close()
    open_store(path, now_us=SystemClock().now_us(), scripts=[*migrations(), later]).close()
    copy = backup_path(path, NEWEST)
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with RelayProcess(config) as relay:
        await relay.start()
        assert await relay.ended() == Exit.STORE
        assert "written by a newer relay" in relay.stderr
        assert str(copy) in relay.stderr


@pytest.mark.parametrize("version", EARLIER)
def test_the_copy_is_what_the_earlier_relay_opens(version: int, tmp_path: Path) -> None:
    path, _ = left_by(version, tmp_path)
    open_store(path, now_us=SystemClock().now_us()).close()
    copy = backup_path(path, version)
    open_store(copy, now_us=SystemClock().now_us(), scripts=migrations()[:version]).close()
    assert rows(copy, "PRAGMA user_version") == [(version,)]


def test_there_is_a_store_of_every_earlier_version() -> None:
    names = {path.name for path in DATA.glob("store-v*.sql")}
    assert names == {f"store-v{version}.sql" for version in range(1, NEWEST)}, "tests/data/make_store.py makes one"


def test_the_store_of_this_version_can_be_made_before_the_next_one_is(tmp_path: Path) -> None:
    text = make(tmp_path).read_text(encoding="utf-8")
    for table in ("events", "deliveries", "holes", "marks", "sides", "snoozes", "rounds", "tallies"):
        assert f'INSERT INTO "{table}" VALUES' in text
    for state in ("pending", "delivered", "dead", "expired", "suppressed"):
        assert f"'{state}'" in text
