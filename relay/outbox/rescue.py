"""Carries readable rows from a damaged store into a fresh one, and counts what could not be carried.

    table by table: DamagedStore.rows ──a thousand at a time──> INSERT; where one of them is refused, one by one

The fresh store's own constraints decide what makes sense: types (``STRICT``), keys, each delivery's event. What SQL
can't see, that JSON is JSON and a state is a state, is looked at here: one row that can't be decoded would stop a lane.
Indexes are taken off meanwhile; the ledger's triggers are not, so the ledger tells what is there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from relay.deliveries import RuleMatch, State
from relay.events import Channel, Source
from relay.outbox.salvage import DamagedStore, Gap, Row
from relay.values import shallow

MOST_NAMED: Final = 1_000

_AT_ONCE: Final = 1_000
_NUMBERED: Final = ("relay", "destinations", "channels", "rounds", "holes", "marks", "events", "deliveries")
_ORDERED: Final = ("sides", "snoozes")


class Saved(msgspec.Struct):
    """What became of a table.

    Attributes:
        kept: Rows that are in the new store.
        unreadable: Rows that can't be read, at most: how many numbers that is.
        refused: Rows that were read and make no sense, or belong to an event that is gone.
    """

    kept: int = 0
    unreadable: int = 0
    refused: int = 0


class Rescue:
    """One repair's copying.

    Attributes:
        saved: By table.
        gaps: By table.
        spoilt: By table, the numbers of rows that were refused.
        repeated: Tables in which a row came twice: a page lies where another one was.
        beginning_known: Whether the damaged store still told when the relay first started.
        begin_us: When the new store is to begin where all alerts are lost, µs; None where nobody said.
        orphans: Deliveries that were refused, most of them because their event can't be read: what they say.
    """

    def __init__(self, old: DamagedStore, fresh: sqlite3.Connection, progress: Callable[[str, int, int], None]) -> None:
        self._old = old
        self._fresh = fresh
        self._progress = progress
        self.saved: dict[str, Saved] = {}
        self.gaps: dict[str, list[Gap]] = {}
        self.spoilt: dict[str, list[Gap]] = {}
        self.repeated: set[str] = set()
        self.beginning_known = True
        self.begin_us: int | None = None
        self.orphans: list[Mapping[str, object]] = []

    def run(self, known_us: int, *, begin_us: int | None = None) -> None:
        """Carry over every table.

        Args:
            known_us: When the relay first started, where nothing tells it: no alert of before is left, either.
            begin_us: Then rather at this time; where alerts are left, only if it is earlier than they came.
        """
        self.begin_us = begin_us
        self._fresh.execute("DELETE FROM relay")
        indexes: list[str] = []
        listed = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
        for name, sql in self._fresh.execute(listed).fetchall():
            if "UNIQUE" not in sql:
                self._fresh.execute(f"DROP INDEX {name}")
                indexes.append(sql)
        for table in (*_NUMBERED, *_ORDERED):
            self._carry(table)
        for sql in indexes:
            self._fresh.execute(sql)
        self.beginning_known = self.saved["relay"].kept > 0
        if not self.beginning_known:
            (earliest_us,) = self._fresh.execute("SELECT min(received_at) FROM events").fetchone()
            first_us = min((us for us in (earliest_us, begin_us) if us is not None), default=known_us)
            self._fresh.execute("INSERT INTO relay (first_started_at) VALUES (?)", (first_us,))

    def is_whole(self, *tables: str) -> bool:
        """Whether every row of ``tables`` could be read and makes sense."""
        return not any(self.gaps[table] or self.spoilt[table] for table in tables)

    def finish(self, *, skip: int) -> None:
        """Complete the ledger, and let numbers go on ``skip`` above the greatest there is a trace of."""
        run = self._fresh.execute
        self._pruned()
        run(
            "INSERT INTO destinations (name, sequence) SELECT destination, max(sequence) FROM deliveries "
            "WHERE true GROUP BY destination ON CONFLICT DO UPDATE SET sequence = max(sequence, excluded.sequence)"
        )
        if skip:
            run("UPDATE destinations SET sequence = sequence + ?", (skip,))
            run(
                "UPDATE relay SET least_event = max(least_event, ?), least_delivery = max(least_delivery, ?)",
                (self._least("events") + skip, self._least("deliveries") + skip),
            )

    def _least(self, table: str) -> int:
        (greatest,) = self._fresh.execute(f"SELECT coalesce(max(rowid), 0) FROM {table}").fetchone()  # noqa: S608  because the names are ours
        return max([int(greatest), *(gap.last for gap in self.gaps.get(table, ()))])

    def _pruned(self) -> None:
        """What retention has deleted can't be counted any more; the old ledger remembers it."""
        self._fresh.execute("UPDATE tallies SET pruned = 0")  # of alerts that were forgotten
        ours = [name for _, name, *_ in self._fresh.execute("PRAGMA table_info(tallies)") if name != "kept"]
        if set(ours) <= set(self._old.columns("tallies")):
            gaps = self.gaps.setdefault("tallies", [])
            rows = [row[1:] for row in self._old.ordered("tallies", ours, gaps) if None not in row]
            places = ", ".join("?" * len(ours))
            self._insert_all(
                f"INSERT INTO tallies ({', '.join(ours)}) VALUES ({places}) "  # noqa: S608  because the names are ours
                "ON CONFLICT DO UPDATE SET pruned = excluded.pruned",
                rows,
                lambda _: None,
            )

    def _carry(self, table: str) -> None:
        saved, gaps = self.saved.setdefault(table, Saved()), self.gaps.setdefault(table, [])
        spoilt = self.spoilt.setdefault(table, [])
        there = set(self._old.columns(table))
        ours = [row for row in self._fresh.execute(f"PRAGMA table_info({table})") if row[1] in there]
        columns = [name for _, name, *_ in ours]
        needed = [place for place, (_, _, _, needed, *_) in enumerate(ours) if needed]
        if not columns:
            gaps.append(Gap(1, 1))
            saved.unreadable = 1
            return
        read = self._old.ordered if table in _ORDERED else self._old.rows
        places = ", ".join("?" * len(columns))
        values = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608  because the names are ours
        sensible = _SENSIBLE.get(table, _anything)

        def refuse(row: Sequence[object]) -> None:
            saved.refused += 1
            number = row[0] if isinstance(row[0], int) else 0  # the key, in the tables in which that matters
            spoilt.append(Gap(number, number))
            if table == "deliveries" and len(self.orphans) < MOST_NAMED:
                self.orphans.append(dict(zip(columns, row, strict=True)))

        read_rows = 0

        def readable() -> Iterator[Row]:
            nonlocal read_rows
            last = self._old.last(table) or 0 if table not in _ORDERED else 0
            for number, row in enumerate(read(table, columns, gaps)):
                if number % _AT_ONCE == 0:
                    self._progress(table, row[0], last)
                read_rows += 1
                empty = any(row[1 + place] is None for place in needed)
                if not empty and sensible(dict(zip(columns, row[1:], strict=True))):
                    yield row[1:]
                else:
                    refuse(row[1:])

        self._insert_all(values, readable(), refuse)
        (saved.kept,) = self._fresh.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  because the names are ours
        if read_rows > saved.kept + saved.refused:
            self.repeated.add(table)
        saved.unreadable = sum(gap.size for gap in gaps)

    def _insert_all(self, statement: str, rows: Iterable[Row], refuse: Callable[[Row], None]) -> None:
        batch: list[Row] = []
        for row in rows:
            batch.append(row)
            if len(batch) == _AT_ONCE:
                self._insert(statement, batch, refuse)
                batch = []
        self._insert(statement, batch, refuse)

    def _insert(self, statement: str, batch: list[Row], refuse: Callable[[Row], None]) -> None:
        try:
            self._fresh.execute("SAVEPOINT batch")
            self._fresh.executemany(statement, batch)
        except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.DataError):
            self._fresh.execute("ROLLBACK TO batch")
            for row in batch:
                try:
                    self._fresh.execute(statement, row)
                except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.DataError):
                    refuse(row)
        self._fresh.execute("RELEASE batch")


def _anything(_: Mapping[str, object]) -> bool:
    return True


def _event(row: Mapping[str, object]) -> bool:
    return (
        row["channel"] in set(Channel)
        and row["source"] in set(Source)
        and _decodes(row["symbols"], list[str])
        and (row["data"] is None or _decodes(row["data"], dict[str, msgspec.Raw]))
    )


def _delivery(row: Mapping[str, object]) -> bool:
    return (
        row["state"] in set(State)
        and row["source"] in set(Source)
        and _decodes(row["rules"], tuple[RuleMatch, ...])
        and (row.get("states") is None or _decodes(row["states"], dict[str, object]))
    )


def _decodes(text: object, kind: object) -> bool:
    try:
        msgspec.json.decode(shallow(str(text).encode()), type=kind)
    except ValueError:
        return False
    return True


_SENSIBLE: Final[Mapping[str, Callable[[Mapping[str, object]], bool]]] = {"events": _event, "deliveries": _delivery}
