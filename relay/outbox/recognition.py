"""Which of some sightings the store knows: the candidates are looked up, then compared exactly. Nothing is written.

entries ──one query──> stored events that may be one of them ──identity.resolve──> Resolution
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from relay.clock import MICROS
from relay.outbox import rows
from relay.outbox.base import Entry
from relay.outbox.identity import Resolution, resolve, subject
from relay.outbox.sql import queries

_TIMES: Final = (-(2**62), 2**62)
_COARSEST_US: Final = 60 * MICROS  # times told only to the minute are compared by the minute


def recognise(db: sqlite3.Connection, entries: Sequence[Entry], *, next_seq: int) -> Resolution:
    """Decide for each entry whether it is new; numbers new events from ``next_seq``.

    Raises:
        sqlite3.Error: The store can't be read.
    """
    arrivals = rows.json_text([_arrival(entry) for entry in entries])
    (candidates,) = db.execute(queries()["sightings"], {"arrivals": arrivals}).fetchone()
    return resolve(entries, rows.knowns(candidates), next_seq=next_seq)


def _arrival(entry: Entry) -> tuple[object, ...]:
    """The row ``sightings`` looks for: times in the minute of the trigger, or any where it tells none."""
    event = entry.event
    since, until = _TIMES
    if event.triggered_at is not None:
        since = event.triggered_at.us // _COARSEST_US * _COARSEST_US
        until = since + _COARSEST_US - 1
    return (event.id, event.channel.value, subject(event), since, until)
