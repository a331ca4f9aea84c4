"""A damaged store is found out, and repaired: what can be read is kept, and nothing is quietly lost."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from relay.clock import MICROS
from relay.deliveries import Outcome, State, Verdict
from relay.errors import Exit, LockedError, StoreError
from relay.events import Channel
from relay.outbox.channels import Baseline, RoundEnd
from relay.outbox.file import StoreLock
from relay.outbox.repair import Repair, compact, diagnosis, repair
from relay.outbox.rewind import IDENTITIES_US
from relay.outbox.sqlite import SqliteOutbox
from tests.support.clock import START_US, FakeClock
from tests.support.events import entry, in_force
from tests.support.forks import forks
from tests.support.pages import PAGE, leaves, spoil

COUNT = 1_000
NOW_US = START_US + 60 * MICROS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "relay.db"


async def _open(path: Path) -> SqliteOutbox:
    return await SqliteOutbox.open(path, FakeClock())


async def _filled(path: Path, *, delivered: int = 0) -> None:
    """A thousand alerts, ten rounds; of the first ``delivered`` the delivery is done."""
    outbox = await _open(path)
    for first in range(1, COUNT, 100):
        numbers = range(first, first + 100)
        baseline = Baseline(0, START_US - MICROS) if first == 1 else None
        end = RoundEnd(Channel.IN_FORCE, numbers[-1], START_US, START_US + first, baseline)
        await outbox.commit([entry(in_force(n, f"S{n}"), "bot") for n in numbers], round_end=end)
    claimed, _ = await outbox.claim("bot", after=0, limit=max(1, delivered))
    for delivery in claimed[:delivered]:
        await outbox.ack(delivery, Outcome(Verdict.DELIVERED, "200"), at_us=START_US)
    await outbox.close()


def _mend(path: Path, *, dry_run: bool = False, now_us: int = NOW_US) -> Repair:
    return repair(path, now_us=now_us, refetch_us=IDENTITIES_US, dry_run=dry_run, progress=lambda *_: None)


def _rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


async def _known(path: Path, numbers: range) -> tuple[int, int]:
    """The next round shows these alerts: how many are new, and how many are known."""
    outbox = await _open(path)
    sightings = await outbox.commit([entry(in_force(n, f"S{n}"), "bot") for n in numbers])
    await outbox.close()
    return sightings.count(sightings[0].NEW), sightings.count(sightings[0].DUPLICATE)


# --- found out


def test_a_sound_store_needs_no_repair_and_is_left_as_it_is(path: Path) -> None:
    asyncio.run(_filled(path))
    before = path.read_bytes()
    assert _mend(path) == Repair("")
    assert path.read_bytes() == before


@pytest.mark.parametrize("table", ["events", "deliveries", "deliveries_of_event"])
def test_a_start_on_a_spoilt_page_names_the_store_and_the_repair(path: Path, table: str) -> None:
    asyncio.run(_filled(path))
    spoil(path, leaves(path, table)[1])
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is damaged") as caught:
        asyncio.run(_open(path))
    assert caught.value.exit_code is Exit.STORE
    assert "relay repair" in caught.value.hint
    assert path.read_bytes() == before


@pytest.mark.parametrize("what", ["TABLE marks", "VIEW claims", "INDEX deliveries_waiting", "TRIGGER tally_new"])
def test_a_start_without_a_table_of_ours_names_it(path: Path, what: str) -> None:
    asyncio.run(_filled(path))
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"DROP {what}")
    with pytest.raises(StoreError, match=f"{what.lower().split()[0]} {what.split()[1]}.* missing"):
        asyncio.run(_open(path))
    assert _mend(path).lost <= 1
    assert asyncio.run(_known(path, range(1, COUNT + 1))) == (0, COUNT)


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _killed_with_a_log(path: Path) -> None:
    """A process that ends without closing the store, so that what it committed is in the log only."""
    script = textwrap.dedent(f"""
        import asyncio, os
        from pathlib import Path
        from relay.outbox.sqlite import SqliteOutbox
        from tests.support.clock import FakeClock
        from tests.support.events import entry, in_force

        async def main():
            outbox = await SqliteOutbox.open(Path({str(path)!r}), FakeClock())
            for number in range(1, 41):
                await outbox.commit([entry(in_force(number, f"S{{number}}"), "bot")])
            os._exit(9)

        asyncio.run(main())
    """)
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9


def test_a_log_broken_in_its_middle_is_refused_untouched_and_repaired(path: Path) -> None:
    _killed_with_a_log(path)
    log = _log_of(path)
    raw = bytearray(log.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    log.write_bytes(raw)
    with pytest.raises(StoreError, match=r"log .* is broken in the middle"):
        asyncio.run(_open(path))
    assert log.read_bytes() == raw
    done = _mend(path)
    assert done.lost_log_pages > 0
    kept = done.tables["events"].kept
    assert 0 < kept < 40
    assert asyncio.run(_known(path, range(1, 41))) == (40 - kept, kept)
    given = _rows(path, "SELECT sequence > 40, event > 40, id > 40 FROM deliveries ORDER BY id")[kept:]
    assert set(given) == {(1, 1, 1)}, "a number that may have been sent is not given out again"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_new_store_belongs_to_whom_the_old_one_did(path: Path) -> None:
    asyncio.run(_filled(path))
    os.chown(path, 1234, 5678)
    spoil(path, leaves(path, "events")[0])
    assert _mend(path).kept is not None
    now = path.stat()
    assert (now.st_uid, now.st_gid) == (1234, 5678)


def test_it_counts_what_waited_and_what_may_go_out_again(path: Path) -> None:
    asyncio.run(_filled(path, delivered=500))
    spoil(path, leaves(path, "events")[1])
    done = _mend(path)
    lost = COUNT - done.tables["events"].kept
    assert lost > 0
    assert (done.lost_waiting, done.may_go_again) == (0, lost), "each had one delivery, and that was done"


def test_it_counts_what_waited_and_is_lost(path: Path) -> None:
    asyncio.run(_filled(path, delivered=500))
    spoil(path, leaves(path, "deliveries")[-2])
    done = _mend(path)
    assert done.lost_waiting is not None
    assert 0 < done.lost_waiting <= done.forgotten
    assert done.may_go_again == 0, "what was delivered is known still"


@pytest.mark.parametrize("spoilt", ["deliveries_by_state", "events"])
def test_where_only_an_index_is_lost_nothing_is_and_else_nobody_can_tell(path: Path, spoilt: str) -> None:
    asyncio.run(_filled(path, delivered=500))
    spoil(path, *leaves(path, "deliveries_by_state"), *(leaves(path, spoilt)[1:2]))
    done = _mend(path)
    assert (done.lost_waiting, done.may_go_again) == ((None, None) if spoilt == "events" else (0, 0))


def test_a_dead_letter_is_left_out_once_though_its_alert_is_lost_too(path: Path) -> None:
    asyncio.run(_filled(path))
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE deliveries SET state = 'dead'")
        db.commit()
    spoil(path, leaves(path, "events")[1])
    done = _mend(path)
    assert len(done.left_out) == COUNT - done.tables["events"].kept == done.may_go_again
    assert len({left.id for left in done.left_out} - {0}) == len(done.left_out)


def test_a_store_that_a_relay_holds_is_not_looked_at(path: Path) -> None:
    asyncio.run(_filled(path))
    with StoreLock(path), pytest.raises(LockedError, match=r"a relay runs on the store .*relay\.db") as caught:
        _mend(path)
    assert "Stop it first" in caught.value.hint


@pytest.mark.parametrize("cut", [1, 3, 4_000, 9_000])
def test_a_log_that_ends_in_a_torn_transaction_is_a_power_cut_and_opens(path: Path, cut: int) -> None:
    _killed_with_a_log(path)
    log = _log_of(path)
    os.truncate(log, log.stat().st_size - cut)
    assert asyncio.run(_known(path, range(1, 40))) == (0, 39)


def test_garbage_in_the_shared_memory_file_does_no_harm(path: Path) -> None:
    _killed_with_a_log(path)
    path.with_name("relay.db-shm").write_bytes(random.Random(1).randbytes(32_768))
    assert asyncio.run(_known(path, range(1, 41))) == (0, 40)


def test_an_empty_file_beside_a_log_is_damage_and_what_the_log_has_is_kept(path: Path) -> None:
    _killed_with_a_log(path)
    os.truncate(path, 0)
    with pytest.raises(StoreError, match="is empty, though its log"):
        asyncio.run(_open(path))
    assert _mend(path).tables["events"].kept == 40
    assert asyncio.run(_known(path, range(1, 41))) == (0, 40)


# --- kept and lost


@pytest.mark.parametrize("table", ["deliveries_of_event", "events_by_id", "deliveries_by_state"])
def test_a_spoilt_index_costs_nothing(path: Path, table: str) -> None:
    asyncio.run(_filled(path))
    spoil(path, leaves(path, table)[1])
    done = _mend(path)
    assert (done.lost, done.refetch_from_us) == (0, None)
    assert asyncio.run(_known(path, range(1, COUNT + 1))) == (0, COUNT)


def test_alerts_on_a_spoilt_page_come_again_and_the_others_do_not(path: Path) -> None:
    asyncio.run(_filled(path))
    spoil(path, *leaves(path, "events")[3:5])
    done = _mend(path)
    lost = done.tables["events"].unreadable
    assert 0 < lost < 200
    assert done.tables["events"].kept == COUNT - lost
    assert all(left.event.startswith("alerts.in_force:") and left.destination == "bot" for left in done.left_out)
    assert asyncio.run(_known(path, range(1, COUNT + 1))) == (lost, COUNT - lost)


def test_alerts_of_which_a_waiting_delivery_is_lost_come_again_and_delivered_ones_do_not(path: Path) -> None:
    asyncio.run(_filled(path, delivered=COUNT // 2))
    pages = leaves(path, "deliveries")
    spoil(path, pages[1], pages[-2])
    done = _mend(path)
    new, known = asyncio.run(_known(path, range(1, COUNT + 1)))
    assert 0 < new == done.forgotten < done.tables["deliveries"].unreadable
    assert new + known == COUNT


def test_the_cursor_goes_back_to_before_the_loss_and_never_before_the_baseline(path: Path) -> None:
    asyncio.run(_filled(path))
    spoil(path, leaves(path, "events")[3])
    done = _mend(path)
    assert done.refetch_from_us is not None
    assert NOW_US - IDENTITIES_US <= done.refetch_from_us < START_US
    assert _rows(path, "SELECT position, began_at FROM rounds WHERE channel = 'alerts.in_force'") == [
        (0, done.refetch_from_us)
    ]
    assert _rows(path, "SELECT baseline_id, baseline_before FROM channels") == [(0, START_US - MICROS)]


def test_nothing_older_than_the_identities_counts_as_new_after_a_repair(path: Path) -> None:
    asyncio.run(_filled(path))
    spoil(path, leaves(path, "events")[3])
    now_us = START_US + 2 * IDENTITIES_US
    done = _mend(path, now_us=now_us)
    assert done.refetch_from_us == now_us - IDENTITIES_US
    assert _rows(path, "SELECT baseline_id, baseline_before FROM channels") == [(COUNT, now_us - IDENTITIES_US)]


def test_lost_cursors_and_baselines_begin_where_the_relay_did(path: Path) -> None:
    asyncio.run(_filled(path))
    with closing(sqlite3.connect(path)) as db:
        roots = dict(db.execute("SELECT name, rootpage FROM sqlite_schema WHERE name IN ('rounds', 'channels')"))
    spoil(path, *roots.values())
    assert _mend(path).tables["events"].kept == COUNT
    rows = _rows(path, "SELECT name, baseline_id, baseline_before FROM channels ORDER BY name")
    assert rows == [(channel, None, START_US) for channel in ("alerts.in_force", "alerts.simultaneous_breaks")]


def test_a_store_that_never_had_a_cursor_gets_none(path: Path) -> None:
    asyncio.run(_filled(path))
    with closing(sqlite3.connect(path)) as db:
        db.executescript("DELETE FROM rounds; DELETE FROM channels;")
    spoil(path, leaves(path, "events")[3])
    assert _mend(path).refetch_from_us is None
    assert _rows(path, "SELECT count(*) FROM rounds") == [(0,)]


def test_numbers_never_go_back(path: Path) -> None:
    asyncio.run(_filled(path))
    spoil(path, leaves(path, "events")[-1], leaves(path, "deliveries")[-1])
    with closing(sqlite3.connect(path)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'destinations'").fetchone()
    spoil(path, root)
    _mend(path)
    asyncio.run(_known(path, range(2_000, 2_001)))
    newest = _rows(path, "SELECT max(event), max(id), max(sequence) FROM deliveries")[0]
    assert all(isinstance(number, int) and number > COUNT for number in newest)


def _header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(100))


def _first_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(random.Random(7).randbytes(PAGE))


@pytest.mark.parametrize("damage", [_header, _first_page])
def test_a_store_whose_beginning_is_lost_is_read_all_the_same(path: Path, damage: Callable[[Path], None]) -> None:
    asyncio.run(_filled(path))
    damage(path)
    done = _mend(path)
    assert done.lost == 0
    assert asyncio.run(_known(path, range(1, COUNT + 1))) == (0, COUNT)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_spoilt_the_repaired_store_is_sound_and_what_is_lost_is_fetched_again(
    path: Path, seed: int
) -> None:
    asyncio.run(_filled(path))
    rng = random.Random(seed)
    raw = bytearray(path.read_bytes())
    pages = len(raw) // PAGE
    for _ in range(12):
        page, other = (rng.randrange(2, pages) * PAGE for _ in range(2))
        match rng.randrange(3):
            case 0:
                raw[page : page + PAGE] = rng.randbytes(PAGE)
            case 1:
                raw[page : page + PAGE] = raw[other : other + PAGE]
            case _:
                raw[page + rng.randrange(PAGE)] ^= 1 << rng.randrange(8)
    path.write_bytes(raw)
    done = _mend(path)
    assert diagnosis(path) == ""
    kept = done.tables["events"].kept
    new, known = asyncio.run(_known(path, range(1, COUNT + 1)))
    assert (known, new) == (kept, COUNT - kept)
    assert not new or done.refetch_from_us is not None
    waiting = _rows(path, "SELECT count(DISTINCT event) FROM deliveries WHERE state = 'pending'")
    assert waiting == [(COUNT,)], "each alert still goes out"
    tallied = _rows(path, "SELECT sum(kept) FROM tallies WHERE state = 'pending'")
    assert tallied == _rows(path, "SELECT count(*) FROM deliveries")


# --- what a repair does to the files


def test_the_damaged_file_is_kept_for_its_owner_alone(path: Path) -> None:
    asyncio.run(_filled(path))
    spoil(path, leaves(path, "events")[1])
    before = path.read_bytes()
    kept = _mend(path).kept
    assert kept is not None
    assert kept.name.startswith("relay.db.damaged-")
    assert kept.read_bytes() == before
    assert {file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {0}


def test_a_dry_run_tells_the_same_and_changes_nothing(path: Path) -> None:
    asyncio.run(_filled(path))
    spoil(path, leaves(path, "events")[1])
    before = path.read_bytes()
    foretold = _mend(path, dry_run=True)
    assert path.read_bytes() == before
    assert not [file for file in path.parent.iterdir() if "repair" in file.name or "damaged" in file.name]
    done = _mend(path)
    assert (foretold.tables, foretold.kept) == (done.tables, None)


def test_a_store_that_a_relay_holds_is_not_repaired(path: Path) -> None:
    asyncio.run(_filled(path))
    lock = StoreLock(path)
    lock.acquire()
    with pytest.raises(LockedError):
        _mend(path)
    lock.release()


def test_where_there_is_no_store_there_is_nothing_to_repair(path: Path) -> None:
    with pytest.raises(StoreError, match="no store"):
        _mend(path)


KILLED = """
    import os, signal
    from pathlib import Path
    from relay.outbox import repair, swap

    def work(path, left):
        def dying(real):
            def step(*positional, **named):
                nonlocal left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*positional, **named)
            return step

        os.fsync, os.link = dying(os.fsync), dying(os.link)
        Path.replace, Path.unlink = dying(Path.replace), dying(Path.unlink)
        repair.repair(Path(path), now_us=18 * 10**14, refetch_us=1, dry_run=False, progress=lambda *_: None)
"""


def test_a_kill_at_any_step_of_a_repair_leaves_the_old_store_or_the_new(path: Path) -> None:
    asyncio.run(_filled(path))
    spoil(path, leaves(path, "events")[1])
    damaged = path.read_bytes()
    seen = set()
    with forks(KILLED) as repaired:
        for steps in range(60):
            for file in path.parent.iterdir():
                file.unlink()
            path.write_bytes(damaged)
            code = repaired(str(path), steps)
            try:
                asyncio.run(_known(path, range(1, 2)))
            except StoreError:
                assert path.read_bytes() == damaged
                seen.add("old")
            else:
                seen.add("new")
                kept = [file for file in path.parent.iterdir() if file.name.startswith("relay.db.damaged-")]
                assert kept[0].read_bytes() == damaged
            if code == 0:
                break
    assert seen == {"old", "new"}
    assert code == 0


async def test_compacting_gives_back_what_a_store_of_before_does_not(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute("PRAGMA journal_mode = WAL")  # the first page is written: the kind is fixed
    await _filled(path, delivered=900)
    outbox = await _open(path)
    while await outbox.prune(finished_before_us=NOW_US, identities_before_us=0, marks_before_us=0):
        pass
    await outbox.close()
    assert _rows(path, "PRAGMA auto_vacuum") == [(0,)]
    before, after = compact(path, now_us=NOW_US)
    assert after < before
    assert _rows(path, "PRAGMA auto_vacuum") == [(2,)]
    outbox = await _open(path)
    assert (await outbox.stats())["bot"].counts[State.PENDING] == 100
    await outbox.close()
