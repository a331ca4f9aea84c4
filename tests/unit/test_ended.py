"""Why nobody answers, for whoever asked a relay."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.cli.ended import NOBODY, UNREACHED, nobody
from relay.errors import EvictedError
from relay.outbox.ending import forget, note
from relay.outbox.file import StoreLock

LONG_AGO_US = 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "relay.db"


def test_where_none_runs_it_is_said_how_the_last_one_ended_if_it_did_so_by_itself(store: Path) -> None:
    assert nobody(store) == NOBODY
    note(store, EvictedError("another instance took over"), at_us=LONG_AGO_US)
    said = nobody(store)
    assert said.startswith(f"{NOBODY}: it ended ")
    assert said.endswith("with exit code 69: another instance took over.")
    forget(store)
    assert nobody(store) == NOBODY


def test_one_that_holds_the_store_runs_however_the_last_one_ended(store: Path) -> None:
    note(store, EvictedError("another instance took over"), at_us=LONG_AGO_US)
    lock = StoreLock(store)
    lock.acquire()
    try:
        assert nobody(store) == UNREACHED
    finally:
        lock.release()
