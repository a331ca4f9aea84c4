"""What lies beside a store's place: a former store that is whole, and what tells that there was one."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from relay.clock import MICROS
from relay.errors import StoreError
from relay.outbox.file import StoreLock, open_store
from relay.outbox.former import former, place_beside, was_here
from relay.outbox.opened import open_all
from relay.outbox.repair import Repair, compact, repair
from tests.support.clock import START_US
from tests.support.pages import leaves, spoil


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "relay.db"


def _store(path: Path) -> None:
    open_store(path, now_us=START_US).close()


def _written(path: Path, at_us: int) -> None:
    os.utime(path, ns=(at_us * 1_000, at_us * 1_000))


def _mend(path: Path, *, begin_us: int | None = None) -> Repair:
    return repair(path, now_us=START_US, refetch_us=MICROS, dry_run=False, progress=lambda *_: None, begin_us=begin_us)


def test_the_newest_whole_store_counts_and_nothing_else(path: Path) -> None:
    assert former(path) is None
    for name in ("was-20260410T134522Z", "was-20260411T134522Z", "was-mine", "damaged-20260412T134522Z"):
        _store(path.with_name(f"relay.db.{name}"))
    path.with_name("relay.db.was-20260413T134522Z").write_text("foo\n")
    found = former(path)
    assert found is not None
    assert found.file.name == "relay.db.was-20260411T134522Z"
    assert place_beside(path, found.until_us) == found.file
    assert "until 2026-04-11T13:45:22Z lies beside it as relay.db.was-20260411T134522Z" in found.told


@pytest.mark.parametrize(
    ("content", "said"), [("foo\n", "is not a relay store"), ("", "another program")], ids=["foo", "a database"]
)
def test_a_file_that_is_no_store_is_refused_with_the_store_beside_it(path: Path, content: str, said: str) -> None:
    _store(place_beside(path, START_US))
    path.write_text(content)
    if not content:
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE shopping (item TEXT)")
    with pytest.raises(StoreError, match=said) as caught:
        _store(path)
    assert caught.value.hint.startswith("The store that a relay wrote here until")
    path.with_name(place_beside(path, START_US).name).unlink()
    with pytest.raises(StoreError, match=said) as caught:
        _store(path)
    assert "lies beside" not in caught.value.hint


@pytest.mark.parametrize(("after_us", "named"), [(-MICROS, True), (3_600 * MICROS, False)], ids=["older", "went on"])
def test_beside_a_damaged_store_only_one_that_was_written_later_is_named(
    path: Path, after_us: int, *, named: bool
) -> None:
    _store(path)
    spoil(path, *leaves(path, "deliveries"))
    _store(place_beside(path, START_US))
    _written(path, START_US + after_us)
    with pytest.raises(StoreError, match="is damaged") as caught:
        open_all(path, START_US)
    assert ("lies beside" in caught.value.hint) is named
    assert "relay repair" in caught.value.hint
    done = _mend(path)
    assert (done.beside is not None) is named
    assert done.kept is not None


def test_nothing_begins_anew_beside_a_whole_store_unless_somebody_says_from_when_on(path: Path) -> None:
    _store(place_beside(path, START_US))
    path.write_text("foo\n")
    with pytest.raises(StoreError, match="a whole one lies beside it") as caught:
        _mend(path)
    assert "--since" in caught.value.hint
    assert path.read_text() == "foo\n"
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "relay.db",
        "relay.db.lock",
        place_beside(path, START_US).name,
    ]
    assert _mend(path, begin_us=START_US - MICROS).begins_at_us == START_US - MICROS


def test_a_database_of_another_program_is_not_repaired(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE shopping (item TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        _mend(path)
    assert path.read_bytes() == before


def test_a_store_whose_header_does_not_tell_whose_it_is_is_repaired(path: Path) -> None:
    _store(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA application_id = 7")
    assert "does not tell" in _mend(path).found
    _store(path)


def test_a_repair_or_a_compaction_without_a_store_leaves_no_trace_of_one(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        _mend(path)
    with pytest.raises(StoreError, match="there is no store"):
        compact(path, now_us=START_US)
    assert not list(path.parent.iterdir())
    assert not was_here(path)


@pytest.mark.parametrize("trace", ["lock", "notices", "store"])
def test_what_a_store_leaves_tells_that_it_was_here(path: Path, trace: str) -> None:
    if trace == "lock":
        with StoreLock(path):
            pass
    elif trace == "notices":
        path.with_name("relay.db.notices").write_text("{}")
    else:
        _store(place_beside(path, START_US))
    assert was_here(path)
    _store(path)
    assert not was_here(path)


def test_a_log_in_which_nothing_is_is_not_kept(path: Path) -> None:
    _store(path)
    spoil(path, *leaves(path, "deliveries"))
    path.with_name("relay.db-wal").touch()
    kept = _mend(path).kept
    assert kept is not None
    assert not kept.with_name(kept.name + "-wal").exists()
