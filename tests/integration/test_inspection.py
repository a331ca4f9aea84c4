"""A store looked at read-only: what it knows, and whether its ledger balances."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from relay.clock import isoformat
from relay.errors import StoreError
from relay.events import Channel
from relay.outbox.base import DestinationState, Switch
from relay.outbox.channels import Baseline, Hole, RoundEnd
from relay.outbox.check import damaged
from relay.outbox.file import StoreLock
from relay.outbox.inspection import inspecting
from relay.outbox.sqlite import SqliteOutbox
from tests.support.clock import START_US, FakeClock
from tests.support.events import a_break, entry, in_force
from tests.support.pages import leaves, spoil

END = RoundEnd(Channel.IN_FORCE, 7, START_US, START_US + 1, Baseline(3, START_US))
HOLE = Hole(Channel.BREAKS, 1, 9, "timeframe=D", START_US)


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    path = tmp_path / "relay.db"
    outbox = await SqliteOutbox.open(path, FakeClock())
    known = [entry(in_force(1), "bot"), entry(in_force(None, "SPY"), "bot"), entry(a_break(4), "bot", "swing")]
    await outbox.commit(known, round_end=END, holes=[HOLE])
    await outbox.close()
    return path


async def test_it_tells_what_the_store_has_never_seen_by_the_rules_of_a_commit(path: Path) -> None:
    with inspecting(path) as store:
        events = [in_force(1), in_force(2, "QQQ"), in_force(77, "SPY"), a_break(4), a_break(5)]
        assert store.unknown(events, now_us=START_US) == [in_force(2, "QQQ"), a_break(5)]


async def test_it_reads_beside_a_relay_that_holds_the_store_and_sees_what_that_has_committed(path: Path) -> None:
    outbox = await SqliteOutbox.open(path, FakeClock())
    with inspecting(path) as store:
        assert store.unknown([in_force(50, "QQQ")], now_us=START_US)
        await outbox.commit([entry(in_force(50, "QQQ"), "bot")])
        assert not store.unknown([in_force(50, "QQQ")], now_us=START_US)
    await outbox.close()


async def test_it_tells_how_far_the_channel_has_been_fetched(path: Path) -> None:
    with inspecting(path) as store:
        state = store.channel(Channel.IN_FORCE)
        assert (state.cursor, state.baseline) == (7, Baseline(3, START_US))
        assert store.holes() == [HOLE]
        assert store.known_symbols() == ["AAPL", "SPY"]


async def test_it_tells_when_the_store_was_made_and_which_destinations_are_off(path: Path) -> None:
    off = DestinationState(Switch.OFF, "410 Gone", START_US)
    outbox = await SqliteOutbox.open(path, FakeClock(START_US + 10**9))
    await outbox.switch("bot", off)
    await outbox.close()
    with inspecting(path) as store:
        assert store.store_made_us() == START_US
        assert (store.destination("bot"), store.destination("swing")) == (off, DestinationState())


async def test_through_a_link_it_reads_what_the_log_beside_the_file_itself_holds(path: Path) -> None:
    link = path.with_name("link.db")
    link.symlink_to(path)
    outbox = await SqliteOutbox.open(path, FakeClock())
    await outbox.commit([entry(in_force(50, "QQQ"), "bot")])
    with inspecting(link) as store:
        assert not store.unknown([in_force(50, "QQQ")], now_us=START_US)
    await outbox.close()


async def test_of_damage_it_says_to_stop_the_relay_where_one_holds_the_store(path: Path) -> None:
    lock = StoreLock(path)
    for held in (False, True):
        if held:
            lock.acquire()
        with pytest.raises(StoreError) as told, inspecting(path):
            raise damaged(path, "page 3")
        assert told.value.hint.startswith("Stop the relay. ") is held
        assert "`relay repair`" in told.value.hint
    lock.release()


async def test_a_ledger_that_balances_has_no_fault(path: Path) -> None:
    with inspecting(path) as store:
        assert store.faults() == []


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE tallies SET kept = kept + 1", "sums of the ledger that counting does not confirm: 4"),
        ("UPDATE deliveries SET state = 'lost' WHERE id = 1", "deliveries in no known state: 1"),
        ("UPDATE deliveries SET event = 1 WHERE id = 2", "events that one destination has twice: 1"),
        ("DELETE FROM events WHERE seq = 3", "deliveries of events that are not there: 2"),
    ],
)
async def test_a_ledger_that_does_not_says_what_is_wrong(path: Path, statement: str, fault: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)
    with inspecting(path) as store:
        assert store.faults() == [fault]


def test_where_there_is_no_store_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store"), inspecting(tmp_path / "relay.db"):
        pass


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    path.write_text(f"no database, written at {isoformat(START_US)}, and long enough to be read" * 9)
    with pytest.raises(StoreError, match="not a relay store"), inspecting(path):
        pass


async def test_a_short_look_finds_spoilt_pages_and_ends_in_time(path: Path) -> None:
    with inspecting(path) as store:
        assert store.damage(60.0) == ""
    spoil(path, leaves(path, "events")[0])
    with inspecting(path) as store:
        assert store.damage(60.0) != ""
        assert store.stats()["bot"].counts, "what can be read still is"


async def test_a_look_that_has_no_time_finds_nothing_and_leaves_the_store_readable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_long(db: sqlite3.Connection) -> str:
        db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n").fetchone()
        return "never"

    monkeypatch.setattr("relay.outbox.inspection.quick_check", too_long)
    with inspecting(path) as store:
        assert store.damage(0.01) == ""
        assert store.stats()["bot"].counts
