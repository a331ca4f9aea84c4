"""What SQLite does in steps: each a short transaction, and all of them together the whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.deliveries import Outcome, State, Verdict
from relay.outbox import sqlite
from relay.outbox.sqlite import SqliteOutbox
from tests.support.clock import START_US, FakeClock
from tests.support.events import entry, in_force

FAR = START_US + 10**15
OK = Outcome(Verdict.DELIVERED, "200")
FAILED = Outcome(Verdict.RETRY, "503", "the destination answered 503", "try later")


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[SqliteOutbox]:
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    yield outbox
    await outbox.close()


@pytest.mark.parametrize(("waiting", "transactions"), [(2, 1), (3, 2), (5, 3), (6, 4), (7, 5)])
async def test_old_ones_are_dropped_a_few_at_a_time_however_many_wait(
    outbox: SqliteOutbox, monkeypatch: pytest.MonkeyPatch, waiting: int, transactions: int
) -> None:
    monkeypatch.setattr(sqlite, "_LOOKED", 3)
    monkeypatch.setattr(sqlite, "_DROPPED", 2)
    await outbox.commit([entry(in_force(number), "bot") for number in range(1, waiting + 1)])
    begun: list[str] = []
    outbox._db.set_trace_callback(lambda sql: begun.append(sql) if sql.startswith("BEGIN") else None)
    assert await outbox.drop_older("bot", before_us=START_US + 1, at_us=START_US) == waiting
    outbox._db.set_trace_callback(None)
    assert len(begun) == transactions
    assert (await outbox.stats())["bot"].counts == {State.PENDING: 0, State.EXPIRED: waiting}


async def test_nothing_is_kept_of_a_back_off_once_something_ended(outbox: SqliteOutbox) -> None:
    await outbox.commit([entry(in_force(number), "bot") for number in (1, 2, 3)])
    first, second, third = (await outbox.claim("bot", after=0, limit=10))[0]
    for delivery in (first, second, third):
        await outbox.retry(delivery, FAILED, at_us=START_US, retry_at_us=START_US + 9, parked=True)
    await outbox.ack(first, FAILED, at_us=START_US)
    await outbox.bury(second, FAILED, at_us=START_US)
    await outbox.expire(third, at_us=START_US)
    ended = outbox._db.execute("SELECT retry_at, parked, last_answer FROM deliveries ORDER BY id").fetchall()
    assert ended == [(0, 0, FAILED.answer), (0, 0, FAILED.answer), (0, 0, "")]


@pytest.mark.parametrize("limit", [2, 3, 100])
async def test_a_sweep_of_retention_ends_and_the_next_begins_with_the_first_event(
    outbox: SqliteOutbox, limit: int
) -> None:
    await outbox.commit([entry(in_force(number)) for number in (1, 2, 3)])

    async def swept(before_us: int) -> int:
        """One whole sweep; in how many steps."""
        steps = 1
        while await outbox.prune(finished_before_us=before_us, identities_before_us=0, marks_before_us=0, limit=limit):
            steps += 1
        return steps

    assert await swept(0) == (2 if limit == 2 else 1), "what is not old enough yet is looked at once"
    await swept(FAR)
    assert [item["data"] for item in (await outbox.archive.list_events()).items] == [None] * 3


async def test_a_step_of_retention_that_found_as_much_as_it_may_is_not_the_last(outbox: SqliteOutbox) -> None:
    await outbox.commit([entry(in_force(1), "bot", "swing")])
    for name in ("bot", "swing"):
        for delivery in (await outbox.claim(name, after=0, limit=10))[0]:
            await outbox.ack(delivery, OK, at_us=START_US)
    more = [
        await outbox.prune(finished_before_us=FAR, identities_before_us=0, marks_before_us=0, limit=1) for _ in range(3)
    ]
    assert more == [True, True, False]
    assert (await outbox.archive.list_deliveries()).items == []


async def test_a_step_of_retention_looks_at_500_events_unless_told_otherwise(outbox: SqliteOutbox) -> None:
    await outbox.commit([entry(in_force(number)) for number in range(1, 502)])
    more = [await outbox.prune(finished_before_us=0, identities_before_us=0, marks_before_us=0) for _ in range(2)]
    assert more == [True, False]


async def test_what_has_lost_its_body_is_claimed_with_an_empty_one(outbox: SqliteOutbox) -> None:
    await outbox.commit([entry(in_force(1), "bot")])
    outbox._db.execute("UPDATE events SET data = NULL")
    (delivery,), _ = await outbox.claim("bot", after=0, limit=10)
    assert delivery.event.data == b"{}"
