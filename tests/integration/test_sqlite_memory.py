"""What the store keeps in memory does not grow with what was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.clock import SystemClock
from relay.outbox import transaction
from relay.outbox.base import Sighting
from relay.outbox.sqlite import SqliteOutbox
from tests.support.events import entry, in_force


def test_however_many_rows_are_inserted_a_few_statements_do_it() -> None:
    made = [transaction.rows_of_statement(count) for count in range(1, 257)]
    assert sorted(set(made)) == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert all(count <= size < 2 * count for count, size in enumerate(made, 1))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 255, 256, 257, 700])
async def test_a_commit_of_any_size_is_stored_whole(tmp_path: Path, count: int) -> None:
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", SystemClock())
    try:
        sightings = await outbox.commit([entry(in_force(number), "bot", "swing") for number in range(1, count + 1)])
        assert sightings == [Sighting.NEW] * count
        for name in ("bot", "swing"):
            found, _ = await outbox.claim(name, after=0, limit=1_000)
            assert [delivery.event.id for delivery in found] == list(range(1, count + 1))
            assert [delivery.sequence for delivery in found] == list(range(1, count + 1))
    finally:
        await outbox.close()
