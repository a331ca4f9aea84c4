"""What one transaction writes: the sum of all operations that were waiting for it.

    [Commit…, Settle…, Change…] ──> sightings? ──> resolve ──> events, deliveries, claims, rounds ──> settled ──> COMMIT

Statements are few and wide: their number does not grow with the events, because each one costs a hand-over of the
interpreter's lock. Numbers (event seq, delivery id, sequence per destination) are given out here, from counters that
move on only when the transaction is through.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from relay.clock import MICROS
from relay.deliveries import State, Suppression, webhook_id
from relay.events import Source
from relay.outbox import rows
from relay.outbox.base import Decision, Entry, Sighting, state_of
from relay.outbox.channels import Hole, RoundEnd
from relay.outbox.identity import Resolution
from relay.outbox.recognition import recognise
from relay.outbox.sql import queries, with_rows

ROWS_A_STATEMENT: Final = 256  # a power of two; 18 columns each stay far below SQLite's 32,766 parameters
_ROUNDS_KEPT_US: Final = 3600 * MICROS


class Commit(msgspec.Struct, frozen=True):
    """Store sightings, and perhaps the end of a round."""

    entries: Sequence[Entry]
    round_end: RoundEnd | None = None
    holes: Sequence[Hole] = ()


class Settle(msgspec.Struct, frozen=True):
    """A delivery's new state, as the row that ``settle`` takes."""

    row: tuple[object, ...]


class Change(msgspec.Struct, frozen=True):
    """Any other write; it gets the transaction."""

    write: Callable[[Transaction], object]


Operation = Commit | Settle | Change


class Counters(msgspec.Struct):
    """The last numbers given out."""

    event: int
    delivery: int
    sequences: dict[str, int]

    @classmethod
    def load(cls, db: sqlite3.Connection) -> Counters:
        """As the store has them."""
        event, delivery, sequences = db.execute(queries()["counters"]).fetchone()
        return cls(event, delivery, rows.json_value(sequences))

    def copy(self) -> Counters:
        """A draft for one transaction."""
        return Counters(self.event, self.delivery, dict(self.sequences))


class Transaction:
    """One transaction on the writer's connection, and the numbers it gives out."""

    def __init__(self, db: sqlite3.Connection, counters: Counters) -> None:
        self.db = db
        self.counters = counters
        self._bumped: set[str] = set()

    def run(self, name: str, /, **parameters: Any) -> sqlite3.Cursor:  # noqa: ANN401  because columns have any type
        """Execute a named statement."""
        return self.db.execute(queries()[name], parameters)

    def sequence(self, destination: str) -> int:
        """The next sequence of a destination."""
        number = self.counters.sequences.get(destination, 0) + 1
        self.counters.sequences[destination] = number
        self._bumped.add(destination)
        return number

    def finish(self) -> None:
        """Write the counters that moved."""
        if self._bumped:
            moved = {name: self.counters.sequences[name] for name in self._bumped}
            self.run("bump_sequences", sequences=rows.json_text(moved))


def apply(db: sqlite3.Connection, counters: Counters, operations: Sequence[Operation]) -> tuple[list[object], Counters]:
    """Write ``operations`` in one transaction.

    Returns:
        An answer an operation, and the counters as they stand now.

    Raises:
        sqlite3.Error: Nothing of it was written.
    """
    transaction = Transaction(db, counters.copy())
    if db.in_transaction:  # the last one could not even be rolled back
        db.execute("ROLLBACK")
    db.execute("BEGIN IMMEDIATE")
    try:
        answers = _write(transaction, operations)
        transaction.finish()
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # a full disk has rolled back by itself
            db.execute("ROLLBACK")
        raise
    return answers, transaction.counters


def _write(transaction: Transaction, operations: Sequence[Operation]) -> list[object]:
    commits = [op for op in operations if isinstance(op, Commit)]
    sightings = iter(_store(transaction, [entry for op in commits for entry in op.entries]))
    for commit in commits:
        _note_round(transaction, commit)
    settled = [op.row for op in operations if isinstance(op, Settle)]
    if settled:
        transaction.run("settle", rows=rows.json_text(settled))
    answers: list[object] = []
    for op in operations:
        if isinstance(op, Commit):
            answers.append([next(sightings) for _ in op.entries])
        elif isinstance(op, Change):
            answers.append(op.write(transaction))
        else:
            answers.append(None)
    return answers


def _store(transaction: Transaction, entries: list[Entry]) -> list[Sighting]:
    if not entries:
        return []
    resolution = recognise(transaction.db, entries, next_seq=transaction.counters.event + 1)
    _insert_new(transaction, entries, resolution)
    if resolution.claims:
        transaction.run("claim_ids", claims=rows.json_text(list(resolution.claims.items())))
    sightings = _release_withheld(transaction, entries, resolution)
    _remember(transaction, entries, sightings)
    return sightings


def _remember(transaction: Transaction, entries: Sequence[Entry], sightings: Sequence[Sighting]) -> None:
    """What rules remember: marks of what they let through, sides in any case."""
    counted = zip(entries, sightings, strict=True)
    marks = [mark for entry, sighting in counted if sighting is not Sighting.DUPLICATE for mark in entry.marks]
    if marks:
        transaction.run("insert_marks", rows=rows.json_rows(marks))
    sides = [side for entry in entries for side in entry.sides]
    if sides:
        transaction.run("note_sides", rows=rows.json_rows(sides))


def _insert_new(transaction: Transaction, entries: list[Entry], resolution: Resolution) -> None:
    counters = transaction.counters
    event_rows: list[tuple[object, ...]] = []
    delivery_rows: list[tuple[object, ...]] = []
    for index, known in resolution.new:
        entry = entries[index]
        key = rows.event_key(entry.event, entry.received_at_us)
        event_rows.append(rows.event_row(known.seq, key, known.event, entry.source, entry.received_at_us))
        for new in entry.deliveries:
            counters.delivery += 1
            delivery_rows.append(
                rows.delivery_row(
                    id=counters.delivery,
                    event=known.seq,
                    destination=new.destination,
                    sequence=transaction.sequence(new.destination),
                    ordering_key=entry.event.ordering_key,
                    webhook_id=webhook_id(key, new.destination),
                    rules=new.rules,
                    source=entry.source,
                    received_at_us=entry.received_at_us,
                    state=new.state,
                    code=new.suppressed or "",
                    detail=new.detail,
                )
            )
    counters.event += len(event_rows)
    _insert(transaction.db, "insert_events", event_rows)
    _insert(transaction.db, "insert_deliveries", delivery_rows)


def _release_withheld(transaction: Transaction, entries: list[Entry], resolution: Resolution) -> list[Sighting]:
    """Deliveries that were withheld because REST was faster than the socket: now it has come the wanted way.

    Returns:
        What each entry turned out to be, the first that released something told from mere repetitions.
    """
    sightings = list(resolution.sightings)
    again = {
        (seq, wanted.destination): index
        for index, (entry, sighting, seq) in reversed(
            list(enumerate(zip(entries, sightings, resolution.seqs, strict=True)))
        )
        if sighting is Sighting.DUPLICATE and entry.source is Source.LIVE
        for wanted in entry.deliveries
        if wanted.suppressed is None
    }
    if not again:
        return sightings
    asked = rows.json_text(list(again))
    (text,) = transaction.run("withheld", sightings=asked, code=Suppression.SOURCE.value).fetchone()
    found = rows.withheld(text)
    if found:
        found.sort(key=lambda row: row.id)
        numbered = [(row.id, transaction.sequence(row.destination), state_of(row.rules).value) for row in found]
        transaction.run("release", rows=rows.json_text(numbered), source=Source.LIVE.value)
    for row in found:
        sightings[again[row.event, row.destination]] = Sighting.RELEASED
    return sightings


def decide(transaction: Transaction, decisions: Sequence[Decision], *, at_us: int) -> frozenset[int]:
    """Write what look-ups came to, of what is still deciding; which that was."""
    asked = rows.json_text([decision.delivery.id for decision in decisions])
    (text,) = transaction.run("still_deciding", ids=asked).fetchone()
    open_ids = frozenset(rows.json_value(text))
    decisions = [decision for decision in decisions if decision.delivery.id in open_ids]
    gone = [decision.delivery.id for decision in decisions if not decision.rules]
    changed = [
        (
            decision.delivery.id,
            (State.PENDING if decision.suppressed is None else State.SUPPRESSED).value,
            transaction.sequence(decision.delivery.destination) if decision.suppressed is None else None,
            rows.rules_text(decision.rules),
            decision.suppressed or "",
            decision.detail,
            None if decision.states is None else decision.states.decode(),
        )
        for decision in decisions
        if decision.rules
    ]
    if gone:
        transaction.run("remove_undecided", ids=rows.json_text(gone))
    if changed:
        transaction.run("decide", rows=rows.json_text(changed), at=at_us)
    marks = dict.fromkeys(mark for decision in decisions for mark in decision.marks)
    if marks:
        transaction.run("insert_marks", rows=rows.json_rows(list(marks)))
    return open_ids


def _insert(db: sqlite3.Connection, name: str, many: list[tuple[object, ...]]) -> None:
    for start in range(0, len(many), ROWS_A_STATEMENT):
        chunk = many[start : start + ROWS_A_STATEMENT]
        count, width = rows_of_statement(len(chunk)), len(chunk[0])
        empty = [None] * ((count - len(chunk)) * width)
        db.execute(with_rows(queries()[name], count, width), [*(column for row in chunk for column in row), *empty])


def rows_of_statement(count: int) -> int:
    """For how many rows the statement is made that inserts ``count``: the next power of two; the rest stays empty.

    A statement of its own for each number of rows is compiled again and again, and kept with what it was last given: a
    hundred of those are a hundred megabytes.
    """
    return 1 << (count - 1).bit_length()


def _note_round(transaction: Transaction, op: Commit) -> None:
    for hole in op.holes:
        transaction.run(
            "insert_hole",
            channel=hole.channel.value,
            after_id=hole.after_id,
            up_to_id=hole.up_to_id,
            part=hole.part,
            found_at=hole.found_at_us,
        )
    done = op.round_end
    if done is None:
        return
    transaction.run(
        "insert_round",
        channel=done.channel.value,
        position=done.position,
        began_at=done.began_at_us,
        completed_at=done.completed_at_us,
    )
    transaction.run("forget_rounds", channel=done.channel.value, keep_from=done.completed_at_us - _ROUNDS_KEPT_US)
    if done.baseline is not None:
        transaction.run("set_baseline", channel=done.channel.value, id=done.baseline.id, before=done.baseline.before_us)
