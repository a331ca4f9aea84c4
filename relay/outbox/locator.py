"""Where in the SQLite store a selection lies: a Search for it, or nothing where nothing can be meant.

    Selection ──┬─ event: a number or a key ──> the event's number
                └─ a span of time ──────────> a range of numbers, found once and remembered ──> Search

The numbers of events and of their deliveries rise together, because a commit gives out both; what a person sends again
gets a number of its own later. So a span of time is a range of numbers.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection
from typing import Final, cast

from relay.deliveries import State
from relay.outbox.archive import Selection
from relay.outbox.opened import StoreReader
from relay.outbox.search import NEWEST, Search, Span

_SPANS: Final = 16
_NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)  # what SQLite's integers hold whatever the digits
_NO_EVENT: Final = 0


class Locator:
    """Finds what selections speak of.

    Args:
        reader: Of the store.
    """

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._spans: OrderedDict[tuple[int, int], tuple[int, int | None, int | None]] = OrderedDict()

    async def deliveries(
        self, selection: Selection, states: Collection[State] | None, *, originals: bool = False
    ) -> Search | None:
        """A search for deliveries in ``states``, any where that is None; None where it is known that there are none.

        Args:
            selection: Which.
            states: In these.
            originals: Without those that were sent again by hand.
        """
        event = None if selection.event is None else await self.event(selection.event) or _NO_EVENT
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
        return Search(selection, states, event=event, span=span, originals=originals)

    async def events(self, selection: Selection) -> Search | None:
        """A search for events; None where it is known that there are none."""
        span = await self._span(selection)
        if selection.event is not None:
            seq = await self.event(selection.event)
            span = None if seq is None or span is None else Span(seq - 1, seq + 1)
        return None if span is None else Search(selection, None, event=None, span=span)

    async def event(self, id_or_key: str) -> int | None:
        """The number of an event, as given or found by its key; None where no event has that key."""
        if _NUMBER.fullmatch(id_or_key):
            return int(id_or_key)
        channel, _, rest = id_or_key.partition(":")
        if _NUMBER.fullmatch(rest):
            row = await self._reader.row_or_none("event_by_id", channel=channel, id=int(rest))
            if row is not None:
                return cast("int", row[0])
        (seq,) = await self._reader.row("event_by_key", channel=channel, key=id_or_key)
        return cast("int | None", seq)

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
