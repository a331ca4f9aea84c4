"""What rules remember and who is switched off, read from a store that another process may be holding.

    PATH ──beside its writer──> Glance | None: there is nothing to be read

Older schemas are read, too: what they don't know was never remembered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from relay.errors import StoreError
from relay.outbox.base import DestinationState, Switch
from relay.outbox.file import explained
from relay.outbox.header import APPLICATION_ID
from relay.outbox.memory import MOST_MARKS, Mark, Snooze, SnoozeKind
from relay.outbox.readonly import connect_beside
from relay.outbox.rows import destination_state, json_value
from relay.outbox.sql import queries

_SINCE_SCHEMA = 2  # the first that remembers anything


class Glance(msgspec.Struct, frozen=True):
    """What the store said at one moment.

    Attributes:
        marks: What cooldowns are measured by, oldest first.
        snoozes: Those that are over may be among them.
        switched: The destinations asked for that are paused or off.
    """

    marks: Sequence[Mark] = ()
    snoozes: Sequence[Snooze] = ()
    switched: Mapping[str, DestinationState] = {}


def glance(path: Path, destinations: Iterable[str] = ()) -> Glance | None:
    """All that rules remember; None where there is no store.

    Args:
        path: Its file.
        destinations: Names whose switch is asked for, too.

    Raises:
        StoreError: It can't be read.
    """
    if not path.exists():
        return None
    try:
        with closing(connect_beside(path)) as db:
            return _read(db, path, destinations)
    except sqlite3.DatabaseError as error:
        raise explained(path, error) from None


def _read(db: sqlite3.Connection, path: Path, destinations: Iterable[str]) -> Glance:
    def value(pragma: str) -> Any:  # noqa: ANN401  because each pragma answers with a type of its own
        return db.execute(f"PRAGMA {pragma}").fetchone()[0]

    if value("application_id") != APPLICATION_ID:
        raise StoreError(f"{path} is not a relay store", hint="Let storage.url name another file.")
    if value("user_version") < _SINCE_SCHEMA:
        return Glance()
    (marks,) = db.execute(queries()["marks"], {"since": 0, "limit": MOST_MARKS}).fetchone()
    (snoozes,) = db.execute(queries()["snoozes"]).fetchone()
    return Glance(
        marks=[Mark(*columns) for columns in json_value(marks)],
        snoozes=[Snooze(SnoozeKind(kind), *columns) for kind, *columns in json_value(snoozes)],
        switched=dict(_switched(db, destinations)),
    )


def _switched(db: sqlite3.Connection, destinations: Iterable[str]) -> Iterator[tuple[str, DestinationState]]:
    for name in destinations:
        state = destination_state(db.execute(queries()["destination"], {"name": name}).fetchone())
        if state.switch is not Switch.ON:
            yield name, state
