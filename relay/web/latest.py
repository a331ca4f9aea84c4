"""The last alerts that fit what a person looks for, in bounded work however much is stored.

    query ──wanted_in──> Wanted ──latest──> a page of the newest that fit, among so many looked at

The newest ``LOOKED`` events are looked at and filtered here, whatever the filter: one that nothing fits costs a few
milliseconds, not a look at the whole store. ``before`` goes on with older ones. Of what fits, no more is held than is
shown, and of large alerts fewer are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from relay.events import symbol_root
from relay.outbox.archive import PAGE, Archive
from relay.outbox.selecting import stored_number
from relay.web.rows import brief

SHOWN: Final = 50
LOOKED: Final = 500
READ: Final = 40  # pages at most; they are short where alerts are large

FIELDS: Final = ("symbol", "timeframe", "direction", "channel", "destination", "state")
QUERY: Final = (*FIELDS, "before")


class Wanted(msgspec.Struct, frozen=True):
    """What a person looks for; an empty text is anything.

    Attributes:
        symbol: Of an alert, or among a break's; as typed, ``es`` finds ``ES1!``.
        destination: Those that go there.
        state: Those with a delivery in this state; to ``destination``, where that is given.
        before: Events with a lesser number.
    """

    symbol: str = ""
    timeframe: str = ""
    direction: str = ""
    channel: str = ""
    destination: str = ""
    state: str = ""
    before: int | None = None

    @property
    def anything(self) -> bool:
        """No filter is set."""
        return not any(getattr(self, name) for name in FIELDS)

    @property
    def fields(self) -> dict[str, str]:
        """The filters that are set, as a query has them."""
        return {name: value for name in FIELDS if (value := getattr(self, name))}

    def fits(self, event: Mapping[str, Any]) -> bool:
        """Whether this event, as a listing shows it, is looked for."""
        if any(getattr(self, name) not in {"", event.get(name)} for name in ("timeframe", "direction", "channel")):
            return False
        named = [event.get("symbol"), *(event.get("symbols") or ())]
        if self.symbol and _root(self.symbol) not in {_root(name) for name in named if isinstance(name, str)}:
            return False
        fates = event.get("deliveries") or {}
        if self.destination:
            fates = {name: fate for name, fate in fates.items() if name == self.destination}
        if self.state:
            return self.state in fates.values()
        return bool(fates) or not self.destination


class Latest(msgspec.Struct, frozen=True):
    """The newest that fit.

    Attributes:
        items: As a listing shows them, but ``brief``; newest first.
        looked: How many events were looked at.
        next: Where to go on, as ``before``; None at the end.
    """

    items: list[dict[str, Any]]
    looked: int
    next: int | None


def wanted_in(query: Mapping[str, str]) -> Wanted:
    """What a query looks for; what means nothing is left out."""
    texts = {name: query.get(name, "").strip() for name in FIELDS}
    return Wanted(**texts, before=stored_number(query.get("before", "")))


async def latest(archive: Archive, wanted: Wanted) -> Latest:
    """The newest ``SHOWN`` at most that fit, among ``LOOKED`` at most."""
    found: list[dict[str, Any]] = []
    before, looked = wanted.before, 0
    for _ in range(READ):
        page = await archive.list_events(before=before, limit=SHOWN if wanted.anything else PAGE)
        for item in page.items:
            looked += 1
            if wanted.fits(item):
                found.append(brief(item))
                if len(found) == SHOWN:
                    last = item is page.items[-1] and page.next is None
                    return Latest(found, looked, None if last else _number(item))
        before = page.next
        if before is None or looked >= LOOKED:
            break
    return Latest(found, looked, before)


def _root(symbol: str) -> str:
    return symbol_root(symbol.strip().upper())


def _number(item: Mapping[str, Any]) -> int:
    number = item["id"]
    assert isinstance(number, int)
    return number
