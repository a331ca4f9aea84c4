"""What rules remember, read beside the relay that holds the store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from relay.errors import StoreError
from relay.events import Source
from relay.outbox.base import DestinationState, Entry, Switch
from relay.outbox.glance import Glance, glance
from relay.outbox.header import APPLICATION_ID
from relay.outbox.memory import Mark, Snooze, SnoozeKind
from relay.outbox.sqlite import SqliteOutbox
from tests.support.clock import START_US, FakeClock
from tests.support.events import in_force

MARK = Mark("daily", "AAPL", "D", "bullish", START_US, 0, START_US)
SNOOZE = Snooze(SnoozeKind.RULE, "daily", START_US, START_US + 1)

OFF = DestinationState(Switch.OFF, "gone", START_US, "f00d")


def _names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_a_store_is_read_while_another_holds_it_and_after(tmp_path: Path) -> None:
    path = tmp_path / "a store.db"
    assert glance(path) is None
    outbox = await SqliteOutbox.open(path, FakeClock())
    try:
        assert glance(path) == Glance([], [])
        await outbox.commit([Entry(in_force(1), Source.LIVE, START_US, (), (MARK,))])
        await outbox.memory.snooze(SNOOZE)
        assert glance(path) == Glance([MARK], [SNOOZE])
        await outbox.switch("bot", OFF)
        await outbox.switch("swing", DestinationState(Switch.ON, since_us=START_US))
        assert glance(path, ("swing", "bot", "new")) == Glance([MARK], [SNOOZE], {"bot": OFF})
    finally:
        await outbox.close()
    left = _names(tmp_path)
    assert glance(path) == Glance([MARK], [SNOOZE])
    assert _names(tmp_path) == left


def test_a_store_of_an_older_relay_remembers_nothing_and_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1;")
    before = path.read_bytes()
    assert glance(path) == Glance()
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database", b""])
def test_what_is_no_store_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "relay.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="is not a relay store"):
        glance(path)
