"""The archive in the SQLite store.

    looking ──> the listing reader, some thousand rows at a time, which no lane and no commit waits for
    doing   ──> the writer, one step a transaction: look, choose, and write what was chosen

The numbers of events and of their deliveries rise together, because a commit gives out both; what a person sends again
gets a number of its own later. So a span of time is a range of numbers, found once and remembered.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from relay.clock import Clock
from relay.deliveries import State
from relay.errors import StoreError
from relay.outbox import listings, rows
from relay.outbox.archive import EVERYTHING, STEP, Count, Page, Selection, Step
from relay.outbox.check import Damage
from relay.outbox.looking import NEWEST, EventRow, Look, Row, Span
from relay.outbox.opened import StoreReader
from relay.outbox.readonly import open_beside
from relay.outbox.sent_again import drop, replay, retry
from relay.outbox.transaction import Change, Operation, Transaction
from relay.outbox.writer import GroupWriter

_CHUNK: Final = 2_000  # rows a query looks at while a listing or a count goes on: some milliseconds
_SPANS: Final = 16
_NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)  # what SQLite's integers hold, and one more
_NO_EVENT: Final = 0

_chosen: Final = msgspec.json.Decoder(list[Row])
_chosen_events: Final = msgspec.json.Decoder(list[EventRow])

Act = Callable[[Transaction, list[Row], int], tuple[str, ...]]


class SqliteArchive:
    """Implements ``relay.outbox.archive.Archive``.

    Args:
        reader: Looks.
        writer: Does; None where the store is another process's to write.
        clock: Tells when it was done.
    """

    def __init__(self, reader: StoreReader, writer: GroupWriter[Operation, object] | None, clock: Clock) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._spans: OrderedDict[tuple[int, int], tuple[int, int | None, int | None]] = OrderedDict()

    # --- looking

    async def list_events(
        self, *, selection: Selection = EVERYTHING, before: int | None = None, limit: int = 100
    ) -> Page:
        """Stored events, newest first."""
        seqs: list[int] = []
        look = await self._look_at_events(selection)
        if look is not None:
            at, plain = before or NEWEST, msgspec.structs.replace(selection, event=None) == EVERYTHING
            at = min(at, look.span.before)
            while len(seqs) < limit:
                size = limit if plain else _CHUNK
                looked: list[int] = await self._value("seqs_down", after=look.span.after, before=at, limit=size)
                seqs += await self._chosen_seqs(look, looked)
                if len(looked) < size:
                    break
                at = looked[-1]
        del seqs[limit:]
        (text,) = await self._reader.row("list_events", seqs=rows.json_text(seqs))
        return Page(listings.event_items(text), seqs[-1] if len(seqs) == limit else None)

    async def _chosen_seqs(self, look: Look, seqs: list[int]) -> list[int]:
        name, parameters = look.chosen_events(seqs)
        (text,) = await self._reader.row(name, **parameters)
        return sorted((row.seq for row in _chosen_events.decode(text) if look.fits(row)), reverse=True)

    async def event(self, id_or_key: str) -> dict[str, Any] | None:
        """One stored event."""
        seq = await self._seq_of(id_or_key)
        if seq is None:
            return None
        (text,) = await self._reader.row("list_events", seqs=rows.json_text([seq]))
        return next(iter(listings.event_items(text)), None)

    async def list_deliveries(
        self,
        *,
        state: State | None = None,
        selection: Selection = EVERYTHING,
        before: int | None = None,
        limit: int = 100,
    ) -> Page:
        """Deliveries, newest first."""
        ids: list[int] = []
        look = await self._look(selection, None if state is None else [state])
        at, size = before or NEWEST, limit
        while look is not None and len(ids) < limit and (query := look.down(at, size)) is not None:
            looked = sorted(await self._value(query[0], **query[1]), reverse=True)
            ids += sorted((row.id for row in await self._rows(look, looked)), reverse=True)
            at = looked[-1] if len(looked) >= size else look.below(at)
            size = _CHUNK
        del ids[limit:]
        return Page(await self._items(ids), ids[-1] if len(ids) == limit else None)

    async def delivery(self, number: int) -> dict[str, Any] | None:
        """One delivery."""
        return next(iter(await self._items([number])), None)

    async def _items(self, ids: list[int]) -> list[dict[str, Any]]:
        (text,) = await self._reader.row("list_deliveries", ids=rows.json_text(ids))
        return listings.delivery_items(text)

    async def count(self, states: Collection[State], selection: Selection) -> Count:
        """How many are selected, of those that were not sent again by hand."""
        look = await self._look(selection, states, originals=True)
        counted: Counter[State] = Counter()
        bodiless = after = 0
        while look is not None and (query := look.up(after, _CHUNK)) is not None:
            looked: list[int] = await self._value(query[0], **query[1])
            for state, body, number in await self._counted(look, looked):
                counted[State(state)] += number
                bodiless += 0 if body else number
            if len(looked) < _CHUNK:
                break
            after = looked[-1]
        return Count(dict(counted), bodiless)

    async def _counted(self, look: Look, ids: list[int]) -> list[tuple[State, int, int]]:
        """State, whether there is a body, and how many."""
        if look.counts:
            name, parameters = look.chosen(ids, "counted")
            return cast("list[tuple[State, int, int]]", await self._value(name, **parameters))
        return [(row.state, row.body, 1) for row in await self._rows(look, ids)]

    async def _rows(self, look: Look, ids: list[int]) -> list[Row]:
        name, parameters = look.chosen(ids)
        (text,) = await self._reader.row(name, **parameters)
        return [row for row in _chosen.decode(text) if look.fits(row)]

    async def _value(self, name: str, /, **parameters: object) -> Any:  # noqa: ANN401  because each query has its own
        (text,) = await self._reader.row(name, **parameters)
        return rows.json_value(text)

    # --- doing

    async def retry(self, selection: Selection, *, after: int = 0, limit: int = STEP) -> Step:
        """Put dead letters back at the end of their queues."""
        return await self._step(selection, [State.DEAD], retry, after=after, limit=limit)

    async def drop(self, selection: Selection, *, waiting: bool = False, after: int = 0, limit: int = STEP) -> Step:
        """Expire dead letters by hand, and with ``waiting`` what waits."""
        states = [State.DEAD, *([State.PENDING, State.DECIDING] if waiting else [])]
        return await self._step(selection, states, drop, after=after, limit=limit)

    async def replay(self, selection: Selection, *, new_ids: bool = False, after: int = 0, limit: int = STEP) -> Step:
        """Queue once more what was delivered or has expired, and dead letters at last."""

        def act(transaction: Transaction, chosen: list[Row], at_us: int) -> tuple[str, ...]:
            return replay(transaction, chosen, at_us, new_ids=new_ids)

        states = [State.DELIVERED, State.EXPIRED, State.DEAD]
        return await self._step(selection, states, act, after=after, limit=limit, originals=True)

    async def _step(
        self,
        selection: Selection,
        states: Collection[State],
        act: Act,
        *,
        after: int,
        limit: int,
        originals: bool = False,
    ) -> Step:
        if self._writer is None:
            raise StoreError("the store was opened for looking only", hint="Ask the relay that holds it.")
        look = await self._look(selection, states, originals=originals)
        if look is None:
            return Step(0, 0, None)
        at_us = self._clock.now_us()

        def write(transaction: Transaction) -> Step:
            query = look.up(after, limit)
            if query is None:
                return Step(0, 0, None)
            (text,) = transaction.run(query[0], **query[1]).fetchone()
            looked: list[int] = rows.json_value(text)[:limit]
            name, parameters = look.chosen(looked)
            (text,) = transaction.run(name, **parameters).fetchone()
            chosen = sorted((row for row in _chosen.decode(text) if look.fits(row)), key=lambda row: row.id)
            done = act(transaction, chosen, at_us)
            return Step(
                len(done),
                len(looked),
                looked[-1] if len(looked) == limit else None,
                tuple(dict.fromkeys(done)),
            )

        return cast("Step", await self._writer.submit(Change(write)))

    # --- where what is meant lies

    async def _look(
        self, selection: Selection, states: Collection[State] | None, *, originals: bool = False
    ) -> Look | None:
        """None where it is known that there is nothing."""
        event = None if selection.event is None else await self._seq_of(selection.event) or _NO_EVENT
        events = await self._span(selection)
        if event == _NO_EVENT or events is None:
            return None
        after = before = None
        if event is None and selection.id is None:
            if events.after:
                after = await self._last_original(events.after)
            if originals or events.before < NEWEST:
                before = await self._last_original(events.before - 1)
        span = Span(after or 0, NEWEST if before is None else before + 1)
        return Look(selection, states, event=event, span=span, originals=originals)

    async def _look_at_events(self, selection: Selection) -> Look | None:
        span = await self._span(selection)
        if selection.event is not None:
            seq = await self._seq_of(selection.event)
            span = None if seq is None or span is None else Span(seq - 1, seq + 1)
        return None if span is None else Look(selection, None, event=None, span=span)

    async def _last_original(self, event: int) -> int | None:
        (number,) = await self._reader.row("last_original", event=event)
        return cast("int | None", number)

    async def _span(self, selection: Selection) -> Span | None:
        """Between which numbers the events lie that were received in the time asked for; None where there are none."""
        if selection.since_us is None and selection.until_us is None:
            return Span()
        times = (
            -NEWEST if selection.since_us is None else selection.since_us,
            NEWEST if selection.until_us is None else selection.until_us,
        )
        asked = {"since": times[0], "until": times[1]}
        (newest,) = await self._reader.row("newest_event")
        if times in self._spans:
            known, first, last = self._spans.pop(times)
            found = await self._reader.row("extent_after", after=known, **asked)
        else:
            first = last = None
            found = await self._reader.row("extent", **asked)
        first = min((seq for seq in (first, found[0]) if seq is not None), default=None)
        last = max((seq for seq in (last, found[1]) if seq is not None), default=None)
        self._spans[times] = (newest, first, last)
        if len(self._spans) > _SPANS:
            self._spans.popitem(last=False)
        if first is None or last is None:
            return None
        # With no end to the time, what is stored from now on belongs to it, too.
        return Span(first - 1, NEWEST if selection.until_us is None else last + 1)

    async def _seq_of(self, id_or_key: str) -> int | None:
        if _NUMBER.fullmatch(id_or_key):
            return int(id_or_key)
        channel, _, rest = id_or_key.partition(":")
        if _NUMBER.fullmatch(rest):
            row = await self._reader.row_or_none("event_by_id", channel=channel, id=int(rest))
            if row is not None:
                return cast("int", row[0])
        (seq,) = await self._reader.row("event_by_key", channel=channel, key=id_or_key)
        return cast("int | None", seq)


@asynccontextmanager
async def reading(path: Path, clock: Clock) -> AsyncIterator[SqliteArchive]:
    """The archive of a store that another process may be holding: it can be looked at, and nothing be done.

    Args:
        path: The store's file.
        clock: As for any other; it is asked for nothing here.

    Raises:
        StoreError: There is no store, or it can't be read.
    """
    reader = StoreReader(await asyncio.to_thread(open_beside, path), "relay-store-look", Damage(path))
    try:
        yield SqliteArchive(reader, None, clock)
    finally:
        await reader.close()
