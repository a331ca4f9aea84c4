"""The ledger in SQLite: what the triggers say is what counting says, and an older store's is made at its upgrade."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay.deliveries import Outcome, State, Verdict
from relay.outbox.archive import Selection
from relay.outbox.file import open_store
from relay.outbox.sql import migrations
from relay.outbox.sqlite import SqliteOutbox
from tests.support.clock import START_US, FakeClock
from tests.support.events import entry, in_force

_STATES = [state.value for state in State]

_COUNTED = """
SELECT destination, again, state, iif(state = 'suppressed', last_code, ''), count(*)
FROM deliveries GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""
_TALLIED = "SELECT destination, again, state, reason, kept FROM tallies WHERE kept <> 0 ORDER BY 1, 2, 3, 4"


def _balances(db: sqlite3.Connection) -> None:
    assert db.execute(_TALLIED).fetchall() == db.execute(_COUNTED).fetchall()


async def _filled(path: Path, count: int = 12) -> None:
    outbox = await SqliteOutbox.open(path, FakeClock())
    await outbox.commit([entry(in_force(n), "bot", "swing") for n in range(1, count + 1)])
    await outbox.close()


async def test_a_store_of_the_former_schema_is_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    with closing(open_store(path, now_us=START_US, scripts=migrations()[:2])) as db:
        db.execute(
            "INSERT INTO events (seq, key, channel, symbols, source, received_at)"
            " VALUES (1, 'k', 'quotes', '[]', 'live', 1)"
        )
        for number, state in enumerate(_STATES, start=1):
            db.execute(
                "INSERT INTO deliveries (id, event, destination, sequence, ordering_key, webhook_id, rules, source,"
                " state, last_code, received_at, updated_at)"
                " VALUES (?, 1, 'bot', ?, '', '', '[]', 'live', ?, 'snooze', 1, 1)",
                (number, number, state),
            )
    with closing(open_store(path, now_us=START_US)) as db:
        _balances(db)
        assert db.execute("SELECT count(*) FROM tallies").fetchone() == (len(_STATES),)
    outbox = await SqliteOutbox.open(path, FakeClock())
    assert (await outbox.stats())["bot"].counts == dict.fromkeys(State, 1)
    await outbox.close()


_INSERTED = (
    "INSERT INTO deliveries (id, event, destination, sequence, ordering_key, webhook_id, rules, source, state,"
    " attempts, first_attempt_at, received_at, updated_at)"
    " VALUES (?, 1, 'bot', ?, '', '', '[]', 'live', ?, ?, ?, 1, 1)"
)


async def test_a_letter_that_an_older_relay_had_queued_again_is_told_from_what_failed_since(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    found = [("pending", 12, None), ("pending", 3, START_US), ("pending", 0, None), ("dead", 5, None)]
    with closing(open_store(path, now_us=START_US, scripts=migrations()[:3])) as db:
        db.execute(
            "INSERT INTO events (seq, key, channel, symbols, source, received_at)"
            " VALUES (1, 'k', 'quotes', '[]', 'live', 1)"
        )
        db.execute("INSERT INTO destinations (name) VALUES ('bot')")
        db.executemany(_INSERTED, [(number, number, *row) for number, row in enumerate(found, start=1)])
    outbox = await SqliteOutbox.open(path, FakeClock())
    waiting, _ = await outbox.claim("bot", after=0, limit=9)
    assert [(one.attempts, one.earlier) for one in waiting] == [(0, 12), (3, 0), (0, 0)]
    shown = (await outbox.archive.list_deliveries()).items
    assert [item["attempts"] for item in shown] == [5, 0, 3, 12]
    await outbox.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    changes=st.lists(
        st.tuples(
            st.lists(st.integers(1, 24), min_size=1, max_size=8),
            st.sampled_from(_STATES),
            st.sampled_from(["", "snooze", "source"]),
            st.booleans(),
        ),
        max_size=12,
    )
)
async def test_whatever_becomes_of_deliveries_the_triggers_count_it(
    tmp_path: Path, changes: list[tuple[list[int], str, str, bool]]
) -> None:
    path = tmp_path / "relay.db"
    path.unlink(missing_ok=True)
    await _filled(path)
    with closing(open_store(path, now_us=START_US)) as db:
        for numbers, state, code, gone in changes:
            places = ", ".join(map(str, numbers))
            db.execute(
                f"UPDATE deliveries SET state = ?, last_code = ? WHERE id IN ({places})",  # noqa: S608  because these are numbers
                (state, code),
            )
            if gone:
                db.execute(f"DELETE FROM deliveries WHERE id = {numbers[0]}")  # noqa: S608  because of the same
            _balances(db)


async def test_a_transaction_that_fails_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    await _filled(path, 1)
    with closing(open_store(path, now_us=START_US)) as db:
        db.execute("BEGIN")
        db.execute("UPDATE deliveries SET state = 'dead'")
        db.execute("ROLLBACK")
        _balances(db)


async def test_a_revived_dead_letter_moves_from_one_column_to_the_other(tmp_path: Path) -> None:
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    await outbox.commit([entry(in_force(1), "bot")])
    (delivery,), _ = await outbox.claim("bot", after=0, limit=1)
    await outbox.bury(delivery, Outcome(Verdict.DEAD, "404"), at_us=START_US)
    assert (await outbox.archive.retry(Selection(id=delivery.id))).done == 1
    assert (await outbox.stats())["bot"].counts == {State.PENDING: 1}
    await outbox.close()
