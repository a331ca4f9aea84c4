"""How many deliveries there are, summed up over the pieces that a store is read in.

rows of the query `counted` ──add──> Total ──count──> Count
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from relay.clock import isoformat
from relay.deliveries import State
from relay.outbox.archive import Count


class CountedDeliveries(msgspec.Struct, array_like=True, frozen=True):
    """A row of the query ``counted``: those of a state and a destination.

    Attributes:
        earliest, latest: Of what is sendable alone, µs since the epoch; None where nothing is.
    """

    state: State
    destination: str
    number: int
    bodiless: int
    sendable: int
    overdue: int
    earliest: int | None
    latest: int | None


class Total:
    """A count that grows."""

    def __init__(self) -> None:
        self._states: Counter[State] = Counter()
        self._sendable: Counter[str] = Counter()
        self._bodiless = self._overdue = 0
        self._span: tuple[int, int] | None = None

    def add(self, rows: Iterable[CountedDeliveries]) -> None:
        """Count these, too."""
        for row in rows:
            self._states[row.state] += row.number
            self._bodiless += row.bodiless
            self._overdue += row.overdue
            if row.earliest is not None and row.latest is not None:  # else none of them can be sent: see there
                self._sendable[row.destination] += row.sendable
                earliest, latest = self._span or (row.earliest, row.latest)
                self._span = (min(earliest, row.earliest), max(latest, row.latest))

    def count(self) -> Count:
        """What it came to."""
        earliest, latest = (None, None) if self._span is None else map(isoformat, self._span)
        # Of each delivery one thing is true: it has no body, it was dropped by hand, or it could be sent.
        dropped = self._states.total() - self._bodiless - self._sendable.total()
        return Count(
            states=dict(self._states),
            bodiless=self._bodiless,
            dropped=dropped,
            overdue=self._overdue,
            sendable=dict(self._sendable),
            earliest=earliest,
            latest=latest,
        )
