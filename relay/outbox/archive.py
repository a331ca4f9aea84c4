"""The archive: what is stored, as people look it up, and what they may do with it.

    Selection ──┬─ list_deliveries, count        looking changes nothing
                ├─ retry    dead letters go back to the end of their queues
                ├─ drop     dead letters, and what waits for a destination that is gone, are expired by hand
                └─ replay   what was decided once is sent once more, as deliveries of its own

What holds always:

* Whatever may touch many rows goes in steps: each is one short transaction, so no lane and no commit waits long, and
  says where the next one goes on. Nothing that a step makes is found by a later step of the same selection.
* A replay repeats what was decided then (destination, rules, order), under the same ``webhook_id`` unless new ones are
  asked for. What waits anyway is not queued twice, what was held back or dropped by hand stays so, and a dead letter is
  not copied but sent at last.
* A dead letter that is queued again is the same delivery: its attempts are counted on, and whatever is decided by them
  (``give_up_after``, how long it waits, when its successors go on) begins anew.
* Whatever is done to a delivery leaves it in exactly one state, and visible until retention takes it.

There is one suite for it (``tests/contract/test_archive_contract.py``): SQLite, memory, and HTTP to a running relay.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, Protocol, TypeAlias

import msgspec

from relay.deliveries import State

PAGE: Final = 100
"""Rows of a listing that are given at once."""

PAGE_BYTES: Final = 1 << 20
"""Of the upstream's objects in a listing: it ends with the row that comes to so many, and there is always one."""

STEP: Final = 500
"""Deliveries a step looks at."""

REPLAYED: Final = (State.DELIVERED, State.EXPIRED, State.DEAD)
"""The states out of which a replay takes deliveries, as far as their event's body is still there."""


class Page(msgspec.Struct, frozen=True):
    """A page of a listing, newest first; ``next`` continues it, None at the end.

    Where there is more, it may be shorter than was asked for: only ``next`` tells whether there is.
    """

    items: list[dict[str, Any]]
    next: int | None


Fetch: TypeAlias = Callable[[int | None, int], Awaitable[Page]]
"""Looks up a page of so many rows below a number; None begins with the newest."""


class Selection(msgspec.Struct, frozen=True):
    """Which deliveries are meant: all for which everything that is said here holds.

    Attributes:
        id: The one with this number.
        event: Those of one event: its number in a listing, or its key.
        destination: Those to this destination.
        rule: Those that this rule, by its name in the config, wanted.
        symbol: Those of this symbol, of breaks too, written as the config may write it.
        code: Those whose last answer was this, like ``404`` or ``timeout``; of the suppressed, for this reason.
        since_us: Received at this time or later, µs since the epoch.
        until_us: Received before this time.
    """

    id: int | None = None
    event: str | None = None
    destination: str | None = None
    rule: str | None = None
    symbol: str | None = None
    code: str | None = None
    since_us: int | None = None
    until_us: int | None = None


EVERYTHING: Final = Selection()


class Step(msgspec.Struct, frozen=True):
    """What a step came to.

    Attributes:
        done: Deliveries that were queued again, or dropped.
        looked: Deliveries that were looked at.
        next: What to give as ``after`` to go on; None at the end.
        destinations: Those it was done for.
    """

    done: int
    looked: int
    next: int | None
    destinations: tuple[str, ...] = ()


DROPPED_BY_HAND: Final = "dropped by an operator"
"""The ``last_error`` of an expired delivery that a person let go of; what expires by itself keeps its last answer's."""


class Count(msgspec.Struct, frozen=True):
    """How many deliveries a selection holds.

    Attributes:
        states: By state.
        bodiless: Those among them whose event's body is gone: they can't be sent any more.
        dropped: Of the others, the expired that a person let go of; none where those would be sent, too.
        overdue: Of what could be sent, the ones that no rule wants any more (``max_age``): sent now, they would expire.
        sendable: What could be sent, being neither bodiless nor dropped, by destination.
        earliest: When the oldest alert of what could be sent triggered (or was received, where it told no time),
            RFC 3339 with milliseconds; None where there is none.
        latest: And the newest.
    """

    states: Mapping[State, int]
    bodiless: int = 0
    dropped: int = 0
    overdue: int = 0
    sendable: Mapping[str, int] = {}
    earliest: str | None = None
    latest: str | None = None

    @property
    def total_sendable(self) -> int:
        """What could be sent, to whichever destination."""
        return sum(self.sendable.values())


class Archive(Protocol):
    """What is stored, for people."""

    async def list_events(
        self, *, selection: Selection = EVERYTHING, before: int | None = None, limit: int = 100
    ) -> Page:
        """Stored events, newest first, as ``/api/events`` shows them.

        Args:
            selection: Of it, ``event``, ``symbol``, ``since_us`` and ``until_us`` are looked at, and, where they are
                given, ``destination`` and ``rule``: events that have such a delivery.
            before: Events with a lesser number.
            limit: How many at most; fewer, where the upstream's objects are large.
        """
        ...

    async def event(self, id_or_key: str) -> dict[str, Any] | None:
        """One stored event, as a listing shows it; None where there is none such.

        Args:
            id_or_key: Its number in a listing, or its key; ``alerts.in_force:98421`` finds an alert whose id became
                known after its key was fixed, too.
        """
        ...

    async def list_deliveries(
        self,
        *,
        state: State | None = None,
        selection: Selection = EVERYTHING,
        before: int | None = None,
        limit: int = 100,
    ) -> Page:
        """Deliveries, newest first, as ``/api/deliveries`` shows them."""
        ...

    async def delivery(self, number: int) -> dict[str, Any] | None:
        """One delivery, as a listing shows it, whatever its state; None where there is none such."""
        ...

    async def count(
        self, states: Collection[State], selection: Selection, *, copies: bool = False, dropped: bool = False
    ) -> Count:
        """How many deliveries in ``states`` are selected.

        Args:
            states: Those in these.
            selection: Which.
            copies: What a replay made counts, too; a dead letter that was sent at last is no copy, and always counts.
            dropped: What a person let go of would be sent, too.
        """
        ...

    async def retry(self, selection: Selection, *, after: int = 0, limit: int = STEP) -> Step:
        """Put dead letters back at the end of their queues, their attempts counted on, to be tried for as long anew."""
        ...

    async def drop(self, selection: Selection, *, waiting: bool = False, after: int = 0, limit: int = STEP) -> Step:
        """Expire dead letters by hand.

        Args:
            selection: Which.
            waiting: What still waits, or is being decided, as well: for a destination that is gone from the config.
            after: Where to go on.
            limit: How many are looked at.
        """
        ...

    async def replay(
        self, selection: Selection, *, new_ids: bool = False, dropped: bool = False, after: int = 0, limit: int = STEP
    ) -> Step:
        """Queue what was delivered or has expired once more, and dead letters at last, marked as replay.

        Args:
            selection: Which; what is itself a replay is never among them.
            new_ids: Under new ``webhook_id``s, so that receivers which drop repetitions take them.
            dropped: What a person let go of (``drop``, ``relay resume --drop-older``) as well: it stays so otherwise.
            after: Where to go on.
            limit: How many are looked at.
        """
        ...


async def page_by_page(fetch: Fetch, limit: int, *, before: int | None = None) -> Page:
    """So many of a listing, a page at a time, however short a page is."""
    items: list[dict[str, Any]] = []
    while True:
        page = await fetch(before, min(PAGE, limit - len(items)))
        items += page.items
        before = page.next
        if before is None or len(items) >= limit:
            return Page(items, before)
