"""Damage that hides: in what describes the tables, in pages that are sound and old, in what still looks whole."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from relay.clock import MICROS
from relay.deliveries import Outcome, Verdict
from relay.errors import StoreError
from relay.events import Channel
from relay.outbox.channels import Baseline, RoundEnd
from relay.outbox.check import read_only
from relay.outbox.repair import Repair, diagnosis, repair
from relay.outbox.rewind import IDENTITIES_US
from relay.outbox.salvage import DamagedStore, Gap
from relay.outbox.sqlite import SqliteOutbox
from tests.support.clock import START_US, FakeClock
from tests.support.events import entry, in_force
from tests.support.pages import PAGE, leaves, page_of, put, spoil

COUNT = 600
DELIVERED = Outcome(Verdict.DELIVERED, "200")
NOW_US = START_US + 60 * MICROS
INDEXES = [
    "events_by_id",
    "events_by_nature",
    "events_received",
    "deliveries_of_event",
    "deliveries_waiting",
    "deliveries_of_key",
    "deliveries_by_state",
    "deliveries_by_queue",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "relay.db"


async def _fill(path: Path, first: int, last: int, *, to: tuple[str, ...], keep: int) -> None:
    outbox = await SqliteOutbox.open(path, FakeClock())
    for start in range(first, last, 50):
        numbers = range(start, start + 50)
        baseline = Baseline(0, START_US - MICROS) if start == 1 else None
        end = RoundEnd(Channel.IN_FORCE, numbers[-1], START_US, START_US + start, baseline)
        entries = [entry(in_force(n, f"S{n}"), *(to if n % 3 else to[-1:])) for n in numbers]
        await outbox.commit(entries, round_end=end)
        for destination in to:
            claimed, _ = await outbox.claim(destination, after=0, limit=1_000)
            for delivery in claimed:
                if destination != "swing" or (delivery.event.id or 0) % keep:
                    await outbox.ack(delivery, DELIVERED, at_us=START_US)
    await outbox.close()


def _two_each(path: Path, first: int = 1, last: int = COUNT) -> None:
    """Alerts for one or two destinations: bot's are delivered, and swing's wait."""
    asyncio.run(_fill(path, first, last, to=("bot", "swing"), keep=1))


def _few_wait(path: Path, first: int = 1, last: int = COUNT) -> None:
    """Alerts for one destination, of which every twentieth waits."""
    asyncio.run(_fill(path, first, last, to=("swing",), keep=20))


def _mend(path: Path, *, now_us: int = NOW_US, begin_us: int | None = None) -> Repair:
    return repair(
        path,
        now_us=now_us,
        refetch_us=IDENTITIES_US,
        dry_run=False,
        progress=lambda *_: None,
        begin_us=begin_us,
    )


def _numbers(path: Path, query: str) -> set[int]:
    with closing(sqlite3.connect(path)) as db:
        return {number for (number,) in db.execute(query)}


def _waiting(path: Path) -> set[int]:
    """Alerts of which a delivery waits, by the upstream's ids."""
    return _numbers(
        path, "SELECT upstream_id FROM events e JOIN deliveries d ON d.event = e.seq WHERE d.state = 'pending'"
    )


def _still_go_out(path: Path) -> set[int]:
    """Alerts that wait, or are not known and so are fetched again."""
    return _waiting(path) | (set(range(1, COUNT + 1)) - _numbers(path, "SELECT upstream_id FROM events"))


def _root(path: Path, name: str) -> int:
    with closing(sqlite3.connect(path)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    return int(root)


# --- what describes the tables


def _below_the_first(path: Path) -> list[int]:
    """The pages that the description of the tables has beyond page 1."""
    raw = path.read_bytes()
    assert raw[100] == 0x05, "it does not fit into one page"
    cells = int.from_bytes(raw[103:105], "big")
    places = [int.from_bytes(raw[112 + 2 * cell : 114 + 2 * cell], "big") for cell in range(cells)]
    return [int.from_bytes(raw[place : place + 4], "big") for place in (*places, 108)]


@pytest.mark.parametrize("which", [0, -1], ids=["first", "last"])
def test_a_page_that_only_describes_the_tables_costs_nothing(path: Path, which: int) -> None:
    _two_each(path)
    spoil(path, _below_the_first(path)[which])
    assert diagnosis(path)
    assert (_mend(path).lost, _waiting(path)) == (0, set(range(1, COUNT + 1)))


def test_neither_do_all_of_them_nor_those_of_a_store_that_gives_no_room_back(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript("PRAGMA auto_vacuum = NONE; CREATE TABLE t (a); DROP TABLE t;")
    _two_each(path)
    spoil(path, *_below_the_first(path))
    assert (_mend(path).lost, _waiting(path)) == (0, set(range(1, COUNT + 1)))


@pytest.mark.parametrize("name", [b"source", b"received_at", b"rules"], ids=bytes.decode)
def test_a_bit_in_the_name_of_a_column_is_found_and_costs_nothing(path: Path, name: bytes) -> None:
    _two_each(path)
    raw = bytearray(path.read_bytes())
    raw[raw.index(name + b" ", raw.index(b"CREATE TABLE deliveries"))] ^= 1
    path.write_bytes(raw)
    assert diagnosis(path)
    with pytest.raises(StoreError, match="is damaged"):
        _two_each(path, last=2)
    assert (_mend(path).lost, _waiting(path)) == (0, set(range(1, COUNT + 1)))


# --- pages that are sound and old


@pytest.mark.parametrize("index", INDEXES)
def test_an_index_that_lost_a_write_is_found(path: Path, index: str) -> None:
    _two_each(path, last=COUNT // 2)
    before = path.read_bytes()
    _two_each(path, first=COUNT // 2 + 1)
    after = path.read_bytes()
    told = 0
    for page in leaves(path, index):
        old, new = page_of(before, page), page_of(after, page)
        if not old or old == new:
            continue
        put(path, page, old)
        with closing(sqlite3.connect(path)) as db:
            sound = db.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
        assert bool(diagnosis(path)) is not sound
        told += not sound
        put(path, page, new)
    assert told


@pytest.mark.parametrize(
    "stale", ["events", "deliveries", "events deliveries", "events deliveries deliveries_of_event"]
)
def test_what_only_the_cursor_still_knows_is_fetched_again(path: Path, stale: str) -> None:
    """The disk lost the last writes to the tables, and kept those to their indexes and to the cursor."""
    _few_wait(path, last=COUNT // 2)
    before = path.read_bytes()
    _few_wait(path, first=COUNT // 2 + 1)
    for name in stale.split():
        put(path, _root(path, name), page_of(before, _root(path, name)))
    assert diagnosis(path)
    done = _mend(path)
    assert max(_numbers(path, "SELECT upstream_id FROM events")) == COUNT or done.refetch_from_us is not None


# --- what still looks whole


@pytest.mark.parametrize("which", range(1, 13))
def test_an_alert_that_has_another_delivery_left_is_not_taken_for_whole(path: Path, which: int) -> None:
    _two_each(path)
    spoil(path, leaves(path, "deliveries")[which], *leaves(path, "deliveries_of_event"))
    _mend(path)
    assert set(range(1, COUNT + 1)) - _still_go_out(path) == set()


def _first_after(path: Path, page: int) -> int:
    """The number of the first delivery that lies beyond ``page``."""
    raw = path.read_bytes()
    spoil(path, page)
    gaps: list[Gap] = []
    with closing(read_only(path)) as db:
        assert list(DamagedStore(db).rows("deliveries", ["id"], gaps))
    path.write_bytes(raw)
    return gaps[0].last + 1


def test_what_was_sent_again_by_hand_hides_no_loss(path: Path) -> None:
    _two_each(path)
    pages = leaves(path, "deliveries")[1:-1]
    delivered = _numbers(path, "SELECT id FROM deliveries WHERE state = 'delivered'")
    gone, after = next((page, after) for page in pages if (after := _first_after(path, page)) in delivered)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE deliveries SET event = 2, again = 1 WHERE id = ?", (after,))
        db.commit()
    spoil(path, gone, *leaves(path, "deliveries_of_event"))
    _mend(path)
    assert set(range(1, COUNT + 1)) - _still_go_out(path) == set()


# --- nothing left at all


def _touched(path: Path, at_us: int) -> None:
    os.utime(path, ns=(at_us * 1_000, at_us * 1_000))


@pytest.mark.parametrize(("pages", "begins_us"), [(1, START_US), (12, None)], ids=["nothing", "the first start"])
def test_where_nothing_is_left_what_fired_since_the_last_write_still_comes(
    path: Path, pages: int, begins_us: int | None
) -> None:
    _two_each(path)
    os.truncate(path, pages * PAGE)
    _touched(path, START_US)
    done = _mend(path)
    assert done.everything_lost
    assert done.begins_at_us == begins_us
    assert done.refetch_from_us is not None
    assert done.refetch_from_us <= START_US
    assert _numbers(path, "SELECT baseline_before FROM channels") == {START_US}


@pytest.mark.parametrize("back_us", [MICROS, 10**10])
def test_or_what_fired_since_the_time_that_a_person_says(path: Path, back_us: int) -> None:
    _two_each(path)
    os.truncate(path, PAGE)
    _touched(path, START_US)
    done = _mend(path, begin_us=NOW_US - back_us)
    assert (done.begins_at_us, done.refetch_from_us) == (NOW_US - back_us, NOW_US - back_us)
    assert _numbers(path, "SELECT baseline_before FROM channels") == {NOW_US - back_us}


@pytest.mark.parametrize("later", [False, True], ids=["earlier", "later"])
def test_where_its_beginning_is_known_it_begins_no_earlier_and_later_where_somebody_says_so(
    path: Path, *, later: bool
) -> None:
    _two_each(path)
    spoil(path, *leaves(path, "events"))
    begin_us = START_US + MICROS if later else START_US - 10**10
    done = _mend(path, begin_us=begin_us)
    assert (done.everything_lost, done.begins_at_us) == (True, begin_us if later else None)
    begins = _numbers(path, "SELECT baseline_before FROM channels WHERE name = 'alerts.in_force'")
    assert begins == {begin_us if later else START_US - MICROS}


def test_where_only_alerts_are_left_it_begins_with_the_earliest_of_them(path: Path) -> None:
    _two_each(path)
    spoil(path, *(_root(path, name) for name in ("relay", "channels", "rounds")))
    done = _mend(path)
    (earliest,) = _numbers(path, "SELECT min(received_at) FROM events")
    assert (done.everything_lost, done.begins_at_us) == (False, earliest)


def test_nor_does_anything_come_of_before_the_identities_or_from_a_clock_that_was_wrong(path: Path) -> None:
    _two_each(path)
    raw = path.read_bytes()[:PAGE]
    for written_us, beginning_us in ((0, NOW_US - IDENTITIES_US), (NOW_US + 10**12, NOW_US)):
        path.write_bytes(raw)
        _touched(path, written_us)
        _mend(path)
        assert _numbers(path, "SELECT baseline_before FROM channels") == {beginning_us}
