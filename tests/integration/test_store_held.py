"""Whether somebody holds a store, asked without taking its lock."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from relay.errors import StoreError
from relay.outbox.file import StoreLock, holder, is_held, open_store
from relay.outbox.readonly import open_beside
from relay.outbox.sql import migrations
from tests.support.clock import START_US


def test_a_store_is_held_while_its_lock_is_and_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    assert not is_held(path)
    with StoreLock(path):
        assert is_held(path)
        assert is_held(path), "asking takes nothing"
        assert not is_held(tmp_path / "other.db")
    assert not is_held(path)


def test_a_store_is_held_by_whatever_name_it_is_asked_for(tmp_path: Path) -> None:
    path, link = tmp_path / "relay.db", tmp_path / "link.db"
    link.symlink_to(path)
    with StoreLock(path):
        assert is_held(link)
        assert holder(link) == holder(path) == os.getpid()


@pytest.mark.parametrize(
    ("statement", "said", "hint"),
    [
        (f"PRAGMA user_version = {len(migrations()) + 1}", "newer relay", "that version"),
        ("PRAGMA user_version = 2", "has schema 2", "keeps a copy"),
        ("PRAGMA application_id = 7", "not a relay's store", "relay repair"),
    ],
)
def test_a_store_that_can_not_be_read_says_what_to_do(tmp_path: Path, statement: str, said: str, hint: str) -> None:
    path = tmp_path / "relay.db"
    with closing(open_store(path, now_us=START_US)) as db:
        db.execute(statement)
    with pytest.raises(StoreError, match=said) as caught:
        open_beside(path)
    assert hint in caught.value.hint
