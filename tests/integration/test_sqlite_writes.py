"""Writing to a real file: a full disk, another writer, operations at fault, a log that must not grow, kill -9."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from relay.clock import SystemClock
from relay.deliveries import Outcome, State, Verdict
from relay.errors import StoreBusyError
from relay.outbox.base import Sighting
from relay.outbox.sqlite import SqliteOutbox
from relay.outbox.transaction import Commit, Counters, apply
from tests.support.clock import START_US, FakeClock
from tests.support.events import entry, in_force
from tests.support.waiting import until

OK = Outcome(Verdict.DELIVERED, "200")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "relay.db"


@pytest.fixture
async def outbox(path: Path) -> AsyncIterator[SqliteOutbox]:
    outbox = await SqliteOutbox.open(path, SystemClock())
    yield outbox
    await outbox.close()


async def _room(outbox: SqliteOutbox, pages: int) -> None:
    """Let the file grow by so many pages and no further."""
    (now,) = outbox._db.execute("PRAGMA page_count").fetchone()
    outbox._db.execute(f"PRAGMA max_page_count = {now + pages}")


def _big(number: int) -> bytes:
    return msgspec.json.encode({"id": number, "padding": "x" * 3000})


async def test_a_full_disk_is_waited_for_and_everything_is_stored_once(outbox: SqliteOutbox) -> None:
    await outbox.commit([entry(in_force(1), "bot")])
    await _room(outbox, 20)
    events = [msgspec.structs.replace(in_force(n, f"S{n}"), data=_big(n)) for n in range(2, 202)]
    writing = asyncio.ensure_future(outbox.commit([entry(event, "bot") for event in events]))
    await until(lambda: not outbox.healthy)
    found, _ = await outbox.claim("bot", after=0, limit=500)  # reading goes on
    assert [delivery.event.id for delivery in found] == [1]
    acking = asyncio.ensure_future(outbox.ack(found[0], OK, at_us=START_US))
    assert not writing.done()
    await _room(outbox, 10_000)
    assert await writing == [Sighting.NEW] * 200
    await acking
    assert outbox.healthy
    found, _ = await outbox.claim("bot", after=0, limit=500)
    assert [delivery.event.id for delivery in found] == list(range(2, 202))
    assert [delivery.sequence for delivery in found] == list(range(2, 202))


async def test_a_full_disk_at_the_end_leaves_nothing_half_written(path: Path) -> None:
    outbox = await SqliteOutbox.open(path, SystemClock())
    await outbox.commit([entry(in_force(1), "bot")])
    await _room(outbox, 5)
    event = msgspec.structs.replace(in_force(2), data=_big(2) * 1)
    many = [entry(msgspec.structs.replace(event, id=n), "bot") for n in range(2, 100)]
    writing = asyncio.ensure_future(outbox.commit(many))
    await until(lambda: not outbox.healthy)
    await outbox.close()
    with pytest.raises(StoreBusyError):
        await writing
    again = await SqliteOutbox.open(path, SystemClock())
    assert len((await again.archive.list_events()).items) == 1
    assert await again.commit(many) == [Sighting.NEW] * 98
    await again.close()


async def test_another_program_that_writes_is_waited_for(outbox: SqliteOutbox, path: Path) -> None:
    outbox._db.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.ensure_future(outbox.commit([entry(in_force(1), "bot")]))
    await until(lambda: not outbox.healthy)
    other.execute("ROLLBACK")
    other.close()
    assert await writing == [Sighting.NEW]
    assert outbox.healthy


async def test_an_event_that_can_not_be_stored_takes_no_other_with_it(outbox: SqliteOutbox) -> None:
    too_large = entry(in_force(2**63, "BIG"), "bot")
    no_text = entry(msgspec.structs.replace(in_force(5, "BAD"), data=b"\xff"), "bot")
    answers = await asyncio.gather(
        outbox.commit([entry(in_force(1), "bot")]),
        outbox.commit([too_large]),
        outbox.commit([entry(in_force(2, "MSFT"), "bot")]),
        outbox.commit([no_text]),
        outbox.commit([entry(in_force(3, "IBM"), "bot")]),
        return_exceptions=True,
    )
    assert [answer == [Sighting.NEW] for answer in answers] == [True, False, True, False, True]
    found, _ = await outbox.claim("bot", after=0, limit=10)
    assert [(delivery.sequence, delivery.event.id) for delivery in found] == [(1, 1), (2, 2), (3, 3)]


async def test_an_answer_with_any_text_in_it_can_be_noted(outbox: SqliteOutbox) -> None:
    await outbox.commit([entry(in_force(n, f"S{n}"), "bot") for n in (1, 2)])
    (first, second), _ = await outbox.claim("bot", after=0, limit=10)
    odd = 'a\0b \u2028 \U0001f600 "quoted" \'and\' \\ {"json": [1'
    await outbox.bury(first, Outcome(Verdict.DEAD, "400", odd, odd), at_us=START_US)
    await outbox.retry(second, Outcome(Verdict.RETRY, "500", odd, odd), at_us=START_US, retry_at_us=1, parked=False)
    page = await outbox.archive.list_deliveries()
    assert [item["state"] for item in page.items] == ["pending", "dead"]
    assert all(str(item["last_answer"]).startswith("a") for item in page.items)


async def test_a_burst_costs_few_transactions(outbox: SqliteOutbox) -> None:
    begun: list[str] = []
    outbox._db.set_trace_callback(lambda sql: begun.append(sql) if sql.startswith("BEGIN") else None)
    await asyncio.gather(*(outbox.commit([entry(in_force(n, f"S{n}"), "bot")]) for n in range(500)))
    found, _ = await outbox.claim("bot", after=0, limit=1000)
    await asyncio.gather(*(outbox.ack(delivery, OK, at_us=START_US) for delivery in found))
    outbox._db.set_trace_callback(None)
    assert len(begun) <= 6
    assert (await outbox.stats())["bot"].counts == {State.PENDING: 0, State.DELIVERED: 500}


async def test_the_log_does_not_grow_for_ever_while_queues_are_read(outbox: SqliteOutbox, path: Path) -> None:
    log = path.with_name("relay.db-wal")
    for number in range(400):
        event = msgspec.structs.replace(in_force(number + 1, f"S{number}"), data=_big(number + 1) * 1)
        await outbox.commit([entry(event, "bot")])
        (found, _), _, _ = await asyncio.gather(
            outbox.claim("bot", after=number, limit=5), outbox.destination("bot"), outbox.archive.list_events(limit=5)
        )
        await outbox.ack(found[0], OK, at_us=START_US)
    assert log.stat().st_size < 8_000_000


async def test_a_commit_that_only_seemed_to_fail_is_found_when_it_is_tried_again(outbox: SqliteOutbox) -> None:
    before = outbox._counters.copy()
    await outbox.commit([entry(in_force(1), "bot")])
    outbox._counters = before  # as if an error had come back for a commit that went through
    sightings = await outbox.commit([entry(in_force(1), "bot"), entry(in_force(2, "MSFT"), "bot")])
    assert sightings == [Sighting.DUPLICATE, Sighting.NEW]
    found, _ = await outbox.claim("bot", after=0, limit=10)
    assert [(delivery.id, delivery.sequence) for delivery in found] == [(1, 1), (2, 2)]


class _Stubborn(sqlite3.Connection):
    """A connection whose next commit and next roll-back fail, and leave the transaction open."""

    refusing: tuple[str, ...] = ()

    def execute(self, sql: str, parameters: object = (), /) -> sqlite3.Cursor:
        if sql in self.refusing:
            self.refusing = tuple(word for word in self.refusing if word != sql)
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, parameters)  # type: ignore[arg-type]


async def test_a_transaction_that_could_not_even_be_rolled_back_does_not_stop_the_next(path: Path) -> None:
    await (await SqliteOutbox.open(path, FakeClock())).close()
    db = sqlite3.connect(path, factory=_Stubborn, isolation_level=None)
    counters = Counters.load(db)
    db.refusing = ("COMMIT", "ROLLBACK")
    commit = Commit([entry(in_force(1), "bot")])
    with pytest.raises(sqlite3.OperationalError):
        apply(db, counters, [commit])
    answers, counters = apply(db, counters, [commit])
    assert answers == [[Sighting.NEW]]
    assert (counters.event, counters.delivery) == (1, 1)
    db.close()


CRASHING = """
    import asyncio, pathlib, sys
    from relay.clock import SystemClock
    from relay.deliveries import Outcome, Verdict
    from relay.outbox.sqlite import SqliteOutbox
    from tests.support.events import entry, in_force

    async def main():
        outbox = await SqliteOutbox.open(pathlib.Path(sys.argv[1]), SystemClock())
        number = int(sys.argv[2])

        async def one(n):
            await outbox.commit([entry(in_force(n, f"S{n}"), "bot", "swing")])
            print("stored", n, flush=True)
            found, _ = await outbox.claim("bot", after=0, limit=1)
            if found:
                delivery = found[0]
                await outbox.ack(delivery, Outcome(Verdict.DELIVERED, "200"), at_us=1)
                print("acked", delivery.event.id, flush=True)

        while True:
            await asyncio.gather(*(one(n) for n in range(number, number + 20)))
            number += 20

    asyncio.run(main())
"""


async def _judge(path: Path, stored: set[int], acked: set[int]) -> None:
    outbox = await SqliteOutbox.open(path, SystemClock())
    assert outbox._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    there = {number for (number,) in outbox._db.execute("SELECT upstream_id FROM events")}
    assert len(stored) > 60
    assert stored <= there
    halves = "SELECT count(*) FROM events e WHERE 2 <> (SELECT count(*) FROM deliveries d WHERE d.event = e.seq)"
    assert outbox._db.execute(halves).fetchone() == (0,)
    waiting = {delivery.event.id for delivery in (await outbox.claim("bot", after=0, limit=10_000))[0]}
    assert not acked & waiting
    twice = "SELECT count(*) - count(DISTINCT destination || sequence) FROM deliveries"
    assert outbox._db.execute(twice).fetchone() == (0,)
    await outbox.close()


def test_what_was_said_to_be_stored_survives_kill_9(path: Path) -> None:
    stored: set[int] = set()
    acked: set[int] = set()
    for run, lines in enumerate((7, 60, 150)):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(CRASHING), str(path), str(run * 100_000 + 1)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        with process:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(lines)]
            process.kill()
            said += process.stdout.readlines()
        for words in (line.split() for line in said if line.endswith("\n")):
            (stored if words[0] == "stored" else acked).add(int(words[1]))
    asyncio.run(_judge(path, stored, acked))
