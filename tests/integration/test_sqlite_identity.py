"""The store finds by its indexes whatever may be the same alert: it decides as one that looked at everything would."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from relay.events import Instant
from relay.outbox import rows
from relay.outbox.base import Entry, Sighting
from relay.outbox.sql import migrations
from relay.outbox.transaction import Commit, Counters, apply
from tests.support.sightings import Book, groups, sightings


def _commit(entries: Sequence[Entry], sizes: Sequence[int]) -> tuple[list[Sighting], list[tuple[int, int | None]]]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    for script in migrations():
        db.executescript(script)
    db.execute("INSERT INTO relay (first_started_at) VALUES (0)")
    counters = Counters.load(db)
    found: list[Sighting] = []
    rest, place = list(entries), 0
    while rest:
        size = sizes[place % len(sizes)]
        answers, counters = apply(db, counters, [Commit(rest[:size])])
        (sighted,) = answers
        assert isinstance(sighted, list)
        found += sighted
        rest, place = rest[size:], place + 1
    stored = db.execute("SELECT seq, upstream_id FROM events ORDER BY seq").fetchall()
    db.close()
    return found, stored


@given(st.lists(sightings(), max_size=20), groups)
def test_the_store_decides_as_one_that_compares_with_every_event(entries: list[Entry], sizes: list[int]) -> None:
    book = Book()
    wanted = [sighting for sighting, _ in book.take_in_groups(entries, sizes)]
    found, stored = _commit(entries, sizes)
    assert found == wanted
    assert stored == [(known.seq, known.event.id) for known in book.knowns]


def test_a_time_of_which_it_is_not_known_how_exact_it_is_counts_to_the_microsecond() -> None:
    assert rows.instant(7, None) == Instant(7, 1)
    assert rows.instant(7, 1_000) == Instant(7, 1_000)
    assert rows.instant(None, None) is None
