"""Rules on states: a symbol's colours and sector are read again only where the text of either has changed.

    state ──tfc, instrument──┬── the very texts of last time: nothing can have changed
                             └── else ──snapshot_of──> the rules on the symbol

Of a state that looked as usual nothing is kept but a fingerprint, however long it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import msgspec

from relay.edges.condition import state_condition
from relay.edges.standing import Remembered, Standing, Turn, by_symbol
from relay.events import Channel
from relay.outbox.memory import Side
from relay.rules.rule import Rule
from relay.states import Snapshot, SnapshotError, snapshot_of
from relay.upstream.tick import Tick


class _Parts(msgspec.Struct):
    tfc: msgspec.Raw = msgspec.Raw()
    instrument: msgspec.Raw = msgspec.Raw()


_decode_parts: Final = msgspec.json.Decoder(_Parts).decode


class _Subject:
    """One symbol, and the fingerprint of what its last state said."""

    __slots__ = ("last", "standing")

    def __init__(self, standing: Standing[Snapshot]) -> None:
        self.standing = standing
        self.last: int | None = None


class States:
    """The enabled rules on states.

    Attributes:
        unusable: States of wanted symbols so far that told no colours, or were no snapshots.
        late: States so far that differed from the last one and came after a newer one.
    """

    def __init__(self, rules: Iterable[Rule], remembered: Remembered) -> None:
        found = by_symbol(rules, Channel.STATES, state_condition)
        self._subjects = {symbol: _Subject(Standing(symbol, many, remembered)) for symbol, many in found.items()}
        self.unusable = 0
        self.late = 0

    def take(self, tick: Tick) -> Turn | None:
        """What a state does; None where it changes no side."""
        subject = self._subjects.get(tick.symbol)
        if subject is None:
            return None
        try:
            parts = _decode_parts(tick.data)
            if bytes(parts.tfc)[:1] != b"{":  # a message about something else of the symbol says nothing of its colours
                self.unusable += 1
                return None
            fingerprint = hash((bytes(parts.tfc), bytes(parts.instrument)))
            if fingerprint == subject.last:
                return None
            snapshot = snapshot_of(tick.data)
        except (msgspec.DecodeError, UnicodeError, RecursionError, SnapshotError):
            self.unusable += 1
            return None
        if subject.standing.late(tick):
            self.late += 1
            return None
        subject.last = fingerprint
        return subject.standing.turn(snapshot)

    def sides(self) -> Iterator[Side]:
        """All that is remembered."""
        return chain.from_iterable(subject.standing.sides() for subject in self._subjects.values())
