"""Which rows of the SQLite store are looked at for a selection, and which of those are meant.

    Selection × states ──Search──> query of the next numbers, by the index that knows
                                     └──> query of what they are ──fits──> those that are meant

An index knows the state, a destination's state, the event and the number itself; a span of time becomes a range of
numbers. The rest is compared row by row, by SQL where it can be, so that a step costs what it looks at and no more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, TypeAlias

import msgspec

from relay.deliveries import State
from relay.events import Channel
from relay.outbox.archive import Selection
from relay.outbox.rows import json_text
from relay.rules.conditions import is_glob
from relay.rules.patterns import Patterns

NEWEST: Final = 2**62

Query: TypeAlias = tuple[str, dict[str, object]]
"""The name of a statement, and its parameters."""


class ChosenDelivery(msgspec.Struct, array_like=True, frozen=True):
    """A row of the query ``chosen``."""

    id: int
    destination: str
    state: State
    key: str
    body: int
    asks: int
    waits: int
    dropped: int
    channel: Channel
    subject: str | None
    symbols: tuple[str, ...]


class ChosenEvent(msgspec.Struct, array_like=True, frozen=True):
    """A row of the query ``chosen_events``."""

    seq: int
    channel: Channel
    subject: str | None
    symbols: tuple[str, ...]


class SymbolTest:
    """Whether an event speaks of a symbol, as a rule that lists it would say."""

    def __init__(self, symbol: str | None) -> None:
        self._any = symbol is None
        lists = [[(symbol or "").upper()]]
        self._plain, self._futures = Patterns(lists), Patterns(lists, futures=True)
        # What SQL can tell by itself; of breaks it takes all. Its brackets are not those of fnmatch.
        told = symbol if symbol is not None and symbol.isascii() and "[" not in symbol else None
        self.exact: Final = None if told is None or is_glob(told) else told
        self.glob: Final = told.upper() if told is not None and is_glob(told) else None

    def fits(self, row: ChosenDelivery | ChosenEvent) -> bool:
        """Any of its names does; on a break, contract suffixes don't count."""
        if self._any:
            return True
        if row.channel is Channel.BREAKS:
            return any(self._futures.find(name.upper()) for name in row.symbols)
        return row.subject is not None and self._plain.find(row.subject.upper()) != 0


class Span(msgspec.Struct, frozen=True):
    """Between which numbers of events or deliveries what is meant lies, both excluded.

    Attributes:
        after: Below it there are none.
        before: From it on there are none, but for those made later by hand.
    """

    after: int = 0
    before: int = NEWEST


class Search:
    """One selection among deliveries in some states.

    Args:
        selection: Which.
        states: In these; None is any.
        event: The number of the event that ``selection`` names, where it names one.
        span: Where they lie.
        originals: Without those that were sent again by hand.
    """

    def __init__(
        self,
        selection: Selection,
        states: Collection[State] | None,
        *,
        event: int | None,
        span: Span,
        originals: bool = False,
    ) -> None:
        self._selection = selection
        self._states = None if states is None else [state.value for state in states]
        self._event = event
        self.span = span
        self._originals = originals
        self._symbol = SymbolTest(selection.symbol)

    def up(self, after: int, limit: int) -> Query | None:
        """The next numbers above ``after``; None where there can be none."""
        before = self.span.before if self._originals else NEWEST
        return self._by_index("up", max(after, self.span.after), before, limit)

    def down(self, before: int, limit: int) -> Query | None:
        """The next numbers below ``before``, the greatest first."""
        selection, span = self._selection, self.span
        if before > span.before and selection.id is None and self._event is None:
            return "ids_replayed_down", {"after": span.before - 1, "before": before, "limit": limit}
        return self._by_index("down", span.after, before, limit)

    def below(self, before: int) -> int:
        """Where to go on when there was less than asked for below ``before``: the originals, or the end."""
        return self.span.before if before > self.span.before else 0

    def _by_index(self, way: str, after: int, before: int, limit: int) -> Query | None:
        selection = self._selection
        number = selection.id
        if number is not None:
            after, before = max(after, number - 1), min(before, number + 1)
        if after + 1 >= before or self._states == []:
            return None
        place: dict[str, object] = {"after": after, "before": before}
        if self._event is not None:
            return "ids_of_event", {**place, "event": self._event}
        place["limit"] = limit
        if number is not None or (selection.destination is None and self._states is None):
            return "ids_down", place  # upwards only ever for one number
        states = [*(list(State) if self._states is None else self._states), *[None] * len(State)]
        place |= {f"s{index}": states[index] for index in range(len(State))}
        if selection.destination is None:
            return f"ids_by_state_{way}", place
        return f"ids_by_queue_{way}", {**place, "destination": selection.destination}

    @property
    def counts(self) -> bool:
        """Whether SQL can tell alone which are meant, and so count them."""
        return self._selection.symbol is None

    def chosen(self, ids: Sequence[int], name: str = "chosen") -> Query:
        """What those are, of what is meant; or how many are meant, where the query is ``counted``."""
        return name, {
            **self._compared(),
            "ids": json_text(ids),
            "states": None if self._states is None else json_text(self._states),
            "originals": self._originals,
            "event": self._event,
            "code": self._selection.code,
        }

    def chosen_events(self, seqs: Sequence[int]) -> Query:
        """What those events are, of what is meant."""
        return "chosen_events", {**self._compared(), "seqs": json_text(seqs)}

    def fits(self, row: ChosenDelivery | ChosenEvent) -> bool:
        """What SQL can't tell."""
        return self._symbol.fits(row)

    def _compared(self) -> dict[str, object]:
        selection = self._selection
        return {
            "destination": selection.destination,
            "rule": selection.rule,
            "since": selection.since_us,
            "until": selection.until_us,
            "symbol": self._symbol.exact,
            "glob": self._symbol.glob,
        }
