"""Reads what can still be read of a damaged store, row by row.

    table ──by number, without indexes──> rows …   a range that fails is halved until single rows fail: those are lost
      └── what its rows once were is asked of the indexes, which lie on other pages: states, events

Nothing here writes. A row counts as readable when SQLite hands it over; whether it makes sense, the new store decides.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

Row = tuple[Any, ...]

_MOST_ROWS_A_PAGE: Final = 4_096  # no page of ours holds more: beyond the last row known, this many numbers are tried


class Gap(msgspec.Struct, frozen=True):
    """Numbers that can't be read; there may have been a row for each, or for few of them.

    Attributes:
        first, last: The numbers, inclusive.
    """

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many numbers."""
        return self.last - self.first + 1


class DamagedStore:
    """A store of which something can't be read.

    Args:
        db: A connection that changes nothing.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def columns(self, table: str) -> list[str]:
        """The columns of ``table``; none where it is not there."""
        with suppress(sqlite3.Error):
            return [name for _, name, *_ in self._db.execute(f"PRAGMA table_info({table})")]
        return []

    def rows(self, table: str, columns: Sequence[str], gaps: list[Gap]) -> Iterator[Row]:
        """Every readable row, its number first, some of them twice; what can't be read is added to ``gaps``."""
        wanted = f"SELECT rowid, {', '.join(columns)} FROM {table} NOT INDEXED"  # noqa: S608  because the names are ours
        last = self.last(table)
        if last is None:
            return
        ahead = [(min(self._first(table), last), last)]
        while ahead:
            first, last = ahead.pop()
            at = first
            try:
                for row in self._db.execute(f"{wanted} WHERE rowid BETWEEN ? AND ? ORDER BY rowid", (first, last)):
                    if at <= row[0] <= at + _MOST_ROWS_A_PAGE:  # a page from elsewhere may bring numbers far off
                        at = row[0] + 1
                    yield row
            except sqlite3.Error:
                if at >= last:
                    _extend(gaps, at)
                else:
                    middle = (at + last) // 2
                    ahead += [(middle + 1, last), (at, middle)]

    def ordered(self, table: str, columns: Sequence[str], gaps: list[Gap]) -> Iterator[Row]:
        """Rows of a table without numbers: from both of its ends towards what can't be read, some of them twice."""
        wanted = ", ".join(columns)
        for order in ("", " ORDER BY 1 DESC, 2 DESC"):
            try:
                yield from self._db.execute(f"SELECT 0, {wanted} FROM {table}{order}")  # noqa: S608  because the names are ours
            except sqlite3.Error:
                gaps[:] = [Gap(1, 1)]
            else:
                return

    def events_of(self, there: Collection[int], last_event: int) -> dict[int, int]:
        """To which event each delivery belonged that is not among ``there``, as far as the index tells."""
        asked = "SELECT event, rowid FROM deliveries INDEXED BY deliveries_of_event WHERE event BETWEEN ? AND ?"
        found: dict[int, int] = {}
        ahead = [(0, last_event)]
        while ahead:
            first, last = ahead.pop()
            at = first
            try:
                for event, number in self._db.execute(asked, (first, last)):
                    at = event
                    if number not in there:
                        found[number] = event
            except sqlite3.Error:
                if at < last:
                    middle = (at + last) // 2
                    ahead += [(middle + 1, last), (at, middle)]
        return found

    def keys_of(self, numbers: Collection[object]) -> dict[int, str]:
        """The keys of these events, as far as the index of ids tells."""
        asked = (
            "SELECT rowid, channel || ':' || upstream_id FROM events INDEXED BY events_by_id "
            "WHERE upstream_id IS NOT NULL ORDER BY channel{order}, upstream_id{order}"
        )
        found: dict[int, str] = {}
        for order in ("", " DESC"):
            with suppress(sqlite3.Error):
                rows = self._db.execute(asked.format(order=order))
                found.update((seq, key) for seq, key in rows if seq in numbers)
                break
        return found

    def not_in(self, fresh: sqlite3.Connection, state: str) -> list[int] | None:
        """Deliveries that were in ``state`` and are not in ``fresh``; None where the index of states can't tell."""
        asked = "SELECT id FROM deliveries INDEXED BY deliveries_by_state WHERE state = ? ORDER BY id"
        there = (number for (number,) in fresh.execute("SELECT id FROM deliveries ORDER BY id"))
        at, gone = -1, []
        try:
            for (number,) in self._db.execute(asked, (state,)):
                while at < number:
                    at = next(there, 2**63)
                if at != number:
                    gone.append(number)
        except sqlite3.Error:
            return None
        return gone

    def _first(self, table: str) -> int:
        with suppress(sqlite3.Error):
            (first,) = self._db.execute(f"SELECT min(rowid) FROM {table} NOT INDEXED").fetchone()  # noqa: S608  because the names are ours
            return min(first or 1, 1)
        return 1

    def last(self, table: str) -> int | None:
        """The greatest number of a row; where the table can't tell, its indexes may; None where it is empty."""
        with suppress(sqlite3.Error):
            (last,) = self._db.execute(f"SELECT max(rowid) FROM {table} NOT INDEXED").fetchone()  # noqa: S608  because the names are ours
            return last if last is None else int(last)
        for index in self._indexes(table):
            with suppress(sqlite3.Error):
                (last,) = self._db.execute(f"SELECT max(rowid) FROM {table} INDEXED BY {index}").fetchone()  # noqa: S608  because the names are ours
                return int(last or 0) + _MOST_ROWS_A_PAGE
        return self._readable_up_to(table) + _MOST_ROWS_A_PAGE

    def _indexes(self, table: str) -> list[str]:
        with suppress(sqlite3.Error):
            found = self._db.execute(f"PRAGMA index_list({table})").fetchall()
            return [name for _, name, _, _, partial in found if not partial]
        return []

    def _readable_up_to(self, table: str) -> int:
        """A number at which looking still works, and at the next one no more."""
        probe = f"SELECT rowid FROM {table} NOT INDEXED WHERE rowid >= ? LIMIT 1"  # noqa: S608  because the names are ours
        works, fails = 0, 2**62
        while fails - works > 1:
            middle = (works + fails) // 2
            try:
                self._db.execute(probe, (middle,)).fetchone()
            except sqlite3.Error:
                fails = middle
            else:
                works = middle
        return works


def _extend(gaps: list[Gap], number: int) -> None:
    if gaps and gaps[-1].last == number - 1:
        gaps[-1] = Gap(gaps[-1].first, number)
    else:
        gaps.append(Gap(number, number))
