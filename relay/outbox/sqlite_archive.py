"""The archive in the SQLite store.

Selection ──Locator──> Search ─┬─ looking ──> the listing reader, some thousand rows at a time, for which no lane
                               │              and no commit waits
                               └─ doing ────> the writer, one step a transaction: search, choose, and write
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from relay.clock import MICROS, Clock
from relay.deliveries import WAITING, State
from relay.errors import StoreBusyError, StoreError
from relay.outbox import listings, rows
from relay.outbox.archive import EVERYTHING, PAGE_BYTES, REPLAYED, STEP, Count, Page, Selection, Step
from relay.outbox.by_hand import drop, replay, retry
from relay.outbox.check import Damage, damaged
from relay.outbox.counted import CountedDeliveries, Total
from relay.outbox.locator import Locator
from relay.outbox.opened import StoreReader
from relay.outbox.readonly import open_beside
from relay.outbox.search import NEWEST, ChosenDelivery, ChosenEvent, Search
from relay.outbox.transaction import Change, Operation, Transaction
from relay.outbox.writer import GroupWriter

_CHUNK: Final = 2_000  # rows a query looks at while a listing or a count goes on: some milliseconds

_chosen: Final = msgspec.json.Decoder(list[ChosenDelivery])
_counted: Final = msgspec.json.Decoder(list[CountedDeliveries])
_chosen_events: Final = msgspec.json.Decoder(list[ChosenEvent])

Act = Callable[[Transaction, list[ChosenDelivery], int], tuple[str, ...]]


class SqliteArchive:
    """Implements ``relay.outbox.archive.Archive``.

    Args:
        reader: Looks.
        writer: Does; None where the store is another process's to write.
        clock: Tells when it was done.

    Attributes:
        max_ages: After how many seconds a destination takes an alert no more, by its name: those that have such an age
            by the config of now, which whoever knows it sets.
    """

    def __init__(self, reader: StoreReader, writer: GroupWriter[Operation, object] | None, clock: Clock) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self.max_ages: Mapping[str, float] = {}
        self._locator = Locator(reader)

    # --- looking

    async def list_events(
        self, *, selection: Selection = EVERYTHING, before: int | None = None, limit: int = 100
    ) -> Page:
        """Stored events, newest first."""
        seqs: list[int] = []
        search = await self._locator.events(selection)
        if search is not None:
            at, plain = before or NEWEST, msgspec.structs.replace(selection, event=None) == EVERYTHING
            at = min(at, search.span.before)
            while len(seqs) < limit:
                size = limit if plain else _CHUNK
                looked: list[int] = await self._value("seqs_down", after=search.span.after, before=at, limit=size)
                seqs += await self._chosen_seqs(search, looked)
                if len(looked) < size:
                    break
                at = looked[-1]
        del seqs[limit:]
        return _page(await self._events(seqs), seqs, limit)

    async def _events(self, seqs: list[int]) -> list[dict[str, Any]]:
        (text,) = await self._reader.row("list_events", seqs=rows.json_text(seqs), bytes=PAGE_BYTES)
        return listings.event_items(text)

    async def _chosen_seqs(self, search: Search, seqs: list[int]) -> list[int]:
        name, parameters = search.chosen_events(seqs)
        (text,) = await self._reader.row(name, **parameters)
        return sorted((row.seq for row in _chosen_events.decode(text) if search.fits(row)), reverse=True)

    async def event(self, id_or_key: str) -> dict[str, Any] | None:
        """One stored event."""
        seq = await self._locator.event(id_or_key)
        if seq is None:
            return None
        return next(iter(await self._events([seq])), None)

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
        search = await self._locator.deliveries(selection, None if state is None else [state])
        at, size = before or NEWEST, limit
        while search is not None and len(ids) < limit and (query := search.down(at, size)) is not None:
            looked = sorted(await self._value(query[0], **query[1]), reverse=True)
            ids += sorted((row.id for row in await self._rows(search, looked)), reverse=True)
            at = looked[-1] if len(looked) >= size else search.below(at)
            size = _CHUNK
        del ids[limit:]
        return _page(await self._items(ids), ids, limit)

    async def delivery(self, number: int) -> dict[str, Any] | None:
        """One delivery."""
        return next(iter(await self._items([number])), None)

    async def _items(self, ids: list[int]) -> list[dict[str, Any]]:
        (text,) = await self._reader.row("list_deliveries", ids=rows.json_text(ids), bytes=PAGE_BYTES)
        return listings.delivery_items(text)

    async def count(
        self, states: Collection[State], selection: Selection, *, copies: bool = False, dropped: bool = False
    ) -> Count:
        """How many are selected, and what would be sent of them."""
        search = await self._locator.deliveries(selection, states, originals=not copies)
        total, after = Total(), 0
        ages = rows.json_text({name: round(age * MICROS) for name, age in self.max_ages.items()})
        asked = {"dropped": dropped, "now": self._clock.now_us(), "ages": ages}
        while search is not None and (query := search.up(after, _CHUNK)) is not None:
            looked: list[int] = await self._value(query[0], **query[1])
            total.add(await self._counted(search, looked, asked))
            if len(looked) < _CHUNK:
                break
            after = looked[-1]
        return total.count()

    async def _counted(self, search: Search, ids: list[int], asked: Mapping[str, object]) -> list[CountedDeliveries]:
        meant = ids if search.counts else [row.id for row in await self._rows(search, ids)]
        name, parameters = search.chosen(meant, "counted")
        (text,) = await self._reader.row(name, **parameters, **asked)
        return _counted.decode(text)

    async def _rows(self, search: Search, ids: list[int]) -> list[ChosenDelivery]:
        name, parameters = search.chosen(ids)
        (text,) = await self._reader.row(name, **parameters)
        return [row for row in _chosen.decode(text) if search.fits(row)]

    async def _value(self, name: str, /, **parameters: object) -> Any:  # noqa: ANN401  because each query has its own
        (text,) = await self._reader.row(name, **parameters)
        return rows.json_value(text)

    # --- doing

    async def retry(self, selection: Selection, *, after: int = 0, limit: int = STEP) -> Step:
        """Put dead letters back at the end of their queues."""
        return await self._step(selection, [State.DEAD], retry, after=after, limit=limit)

    async def drop(self, selection: Selection, *, waiting: bool = False, after: int = 0, limit: int = STEP) -> Step:
        """Expire dead letters by hand, and with ``waiting`` what waits."""
        states = [State.DEAD, *(WAITING if waiting else ())]
        return await self._step(selection, states, drop, after=after, limit=limit)

    async def replay(
        self, selection: Selection, *, new_ids: bool = False, dropped: bool = False, after: int = 0, limit: int = STEP
    ) -> Step:
        """Queue once more what was delivered or has expired, and dead letters at last."""

        def act(transaction: Transaction, chosen: list[ChosenDelivery], at_us: int) -> tuple[str, ...]:
            return replay(transaction, chosen, at_us, new_ids=new_ids, dropped=dropped)

        return await self._step(selection, REPLAYED, act, after=after, limit=limit, originals=True)

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
        search = await self._locator.deliveries(selection, states, originals=originals)
        if search is None:
            return Step(0, 0, None)
        at_us = self._clock.now_us()

        def write(transaction: Transaction) -> Step:
            query = search.up(after, limit)
            if query is None:
                return Step(0, 0, None)
            (text,) = transaction.run(query[0], **query[1]).fetchone()
            looked: list[int] = rows.json_value(text)[:limit]
            name, parameters = search.chosen(looked)
            (text,) = transaction.run(name, **parameters).fetchone()
            chosen = sorted((row for row in _chosen.decode(text) if search.fits(row)), key=lambda row: row.id)
            done = act(transaction, chosen, at_us)
            return Step(
                len(done),
                len(looked),
                looked[-1] if len(looked) == limit else None,
                tuple(dict.fromkeys(done)),
            )

        return cast("Step", await self._writer.submit(Change(write)))


def _page(items: list[dict[str, Any]], numbers: list[int], limit: int) -> Page:
    """What was shown of ``numbers``; it goes on where it ended, be it full of rows or of bytes."""
    if items and len(items) < len(numbers):
        return Page(items, items[-1]["id"])
    return Page(items, numbers[-1] if len(numbers) == limit else None)


@asynccontextmanager
async def reading(path: Path, clock: Clock) -> AsyncIterator[SqliteArchive]:
    """The archive of a store that another process may be holding: it can be looked at, and nothing be done.

    Args:
        path: The store's file.
        clock: Tells what is overdue; as for any other.

    Raises:
        StoreError: There is no store, or it can't be read.
    """
    damage = Damage(path, ours=False)
    reader = StoreReader(await asyncio.to_thread(open_beside, path), "relay-store-look", damage)
    try:
        yield SqliteArchive(reader, None, clock)
    except StoreBusyError:
        if damage.found:
            raise damaged(path, damage.found) from None
        raise
    finally:
        await reader.close()
