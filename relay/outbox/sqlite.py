"""The outbox in one SQLite file.

    callers ──> GroupWriter ──one transaction at a time──> writing connection ┐
    lanes   ──claims──────────────────────────────────────> reading connection ├─ one WAL file
    pages   ──listings, stats─────────────────────────────> listing connection ┘

A page that nobody hurries for delays no claim and no commit: each connection has a thread of its own.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, cast

import structlog

from relay.clock import Clock
from relay.deliveries import Delivery, Outcome, State
from relay.events import Channel
from relay.outbox import listings, rows
from relay.outbox.base import Decision, DestinationState, Entry, QueueStats, Sighting, Switch
from relay.outbox.channels import ChannelState, Hole, RoundEnd
from relay.outbox.file import StoreLock, leave, resolve
from relay.outbox.former import was_here
from relay.outbox.moved import MovedError
from relay.outbox.opened import Opened, StoreReader, open_all
from relay.outbox.recollection import SqliteMemory
from relay.outbox.sqlite_archive import SqliteArchive
from relay.outbox.transaction import Change, Commit, Counters, Operation, Settle, Transaction, apply, decide
from relay.outbox.vacuum import give_back
from relay.outbox.writer import GroupWriter
from relay.turning import Sign

_log = structlog.get_logger()

_LOOKED: Final = 5_000  # waiting deliveries a query looks at for those to be dropped
_DROPPED: Final = 250  # and a transaction expires: tens of milliseconds


class SqliteOutbox:
    """An ``Outbox`` in one file; see ``relay.outbox.base`` for what each call promises.

    Attributes:
        follows_a_lost_one: The store is new, and in the place of one that was here before and is gone.
        memory: What rules remember.
        archive: What was stored, for who looks it up.
    """

    def __init__(self, path: Path, opened: Opened, lock: StoreLock, clock: Clock) -> None:
        self._path = path
        self._db = opened.db
        self._lock = lock
        self._counters = opened.counters
        self._first_started_at_us = opened.first_started_at_us
        self._damage = opened.damage
        self._check = opened.check
        self._writer: GroupWriter[Operation, object] = GroupWriter(self._apply, clock, opened.damage)
        self._claims = StoreReader(opened.claims, "relay-store-claim", opened.damage)
        self._listings = StoreReader(opened.listings, "relay-store-list", opened.damage)
        self.follows_a_lost_one = False
        self.memory = SqliteMemory(self._writer, self._listings)
        self.archive = SqliteArchive(self._listings, self._writer, clock)
        self._pruned_to = 0
        self._clock = clock
        self._place = opened.place
        self._loop = asyncio.get_running_loop()
        self._has_moved = asyncio.Event()

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> SqliteOutbox:
        """Lock, open and if need be create the store.

        Raises:
            LockedError: Another relay holds it.
            StoreError: It can't be used; the message says why and the hint what to do.
        """
        path = await asyncio.to_thread(resolve, path)  # two names of one file share one lock
        lost = await asyncio.to_thread(was_here, path)  # before the lock is there by our own hand
        lock = StoreLock(path)
        lock.acquire()
        try:
            outbox = cls(path, await asyncio.to_thread(open_all, path, clock.now_us()), lock, clock)
        except BaseException:
            lock.release()
            raise
        outbox.follows_a_lost_one = lost
        outbox._writer.start()
        return outbox

    @property
    def healthy(self) -> bool:
        """False while a write waits because the store can't take it."""
        return self._writer.healthy and not self._damage.found

    @property
    def damage(self) -> str:
        """What is wrong with the file itself, and what to do; empty while nothing is known."""
        return self._damage.told

    def sign(self) -> Sign:
        """Whether what writes turns."""
        return self._writer.sign()

    @property
    def first_started_at_us(self) -> int:
        """When this store was made, µs since the epoch."""
        return self._first_started_at_us

    async def commit(
        self, entries: Sequence[Entry], *, round_end: RoundEnd | None = None, holes: Sequence[Hole] = ()
    ) -> list[Sighting]:
        """Store new events with their deliveries, and the end of a round."""
        return cast("list[Sighting]", await self._writer.submit(Commit(entries, round_end, holes)))

    async def deciding(self, *, after: int, limit: int) -> list[Delivery]:
        """Deliveries that wait for a look-up."""
        (text,) = await self._claims.row("deciding", after=after, limit=limit)
        return rows.deliveries(text)

    async def decide(self, decisions: Sequence[Decision], *, at_us: int) -> frozenset[int]:
        """Note what look-ups came to."""

        def write(transaction: Transaction) -> frozenset[int]:
            return decide(transaction, decisions, at_us=at_us)

        return cast("frozenset[int]", await self._writer.submit(Change(write)))

    async def claim(
        self, destination: str, *, after: int, limit: int, skip: Collection[str] = ()
    ) -> tuple[list[Delivery], int]:
        """The next deliveries of a queue."""
        newest, text = await self._claims.row(
            "claim",
            destination=destination,
            after=after,
            limit=limit,
            skip=rows.json_text(list(skip)) if skip else None,
        )
        found = rows.deliveries(text)
        return found, found[-1].sequence if len(found) == limit else max(after, newest)

    async def claim_key(self, destination: str, key: str, *, after: int, limit: int) -> list[Delivery]:
        """The next deliveries of one ordering key."""
        (text,) = await self._claims.row("claim_key", destination=destination, key=key, after=after, limit=limit)
        return rows.deliveries(text)

    async def claim_parked(self, destination: str, *, due_us: int, latest_us: int, limit: int) -> list[Delivery]:
        """Parked deliveries that are due."""
        (text,) = await self._claims.row(
            "claim_parked", destination=destination, due=due_us, latest=latest_us, limit=limit
        )
        return rows.deliveries(text)

    async def next_parked_us(self, destination: str, *, after_us: int) -> int | None:
        """When the next parked delivery is due."""
        (due,) = await self._claims.row("next_parked", destination=destination, after=after_us)
        return cast("int | None", due)

    async def ack(self, delivery: Delivery, outcome: Outcome, *, at_us: int) -> None:
        """It was delivered."""
        await self._settle(delivery, State.DELIVERED, outcome, at_us=at_us)

    async def retry(self, delivery: Delivery, outcome: Outcome, *, at_us: int, retry_at_us: int, parked: bool) -> None:
        """It failed; not again before ``retry_at_us``."""
        await self._settle(delivery, State.PENDING, outcome, at_us=at_us, retry_at_us=retry_at_us, parked=parked)

    async def bury(self, delivery: Delivery, outcome: Outcome, *, at_us: int) -> None:
        """It is dead."""
        await self._settle(delivery, State.DEAD, outcome, at_us=at_us)

    async def expire(self, delivery: Delivery, *, at_us: int) -> None:
        """No rule wants it any more."""
        row = (
            delivery.id, State.EXPIRED.value, delivery.attempts, delivery.first_attempt_at_us, 0, 0,
            "", "older than max_age", "", at_us,
        )  # fmt: skip
        await self._writer.submit(Settle(row))

    async def _settle(
        self,
        delivery: Delivery,
        state: State,
        outcome: Outcome,
        *,
        at_us: int,
        retry_at_us: int = 0,
        parked: bool = False,
    ) -> None:
        first = at_us if delivery.first_attempt_at_us is None else delivery.first_attempt_at_us
        row = (
            delivery.id, state.value, delivery.attempts + 1, first, retry_at_us, int(parked),
            outcome.code, outcome.detail, outcome.answer, at_us,
        )  # fmt: skip
        await self._writer.submit(Settle(row))

    async def drop_older(self, destination: str, *, before_us: int, at_us: int) -> int:
        """Expire what was received before ``before_us`` and still waits."""
        after: int | None = 0
        dropped = 0
        while after is not None:
            last, text, looked = await self._listings.row(
                "waiting", destination=destination, before=before_us, after=after, limit=_LOOKED
            )
            old: list[int] = rows.json_value(text)
            for start in range(0, len(old), _DROPPED):
                dropped += await self._drop(old[start : start + _DROPPED], at_us)
            after = last if looked == _LOOKED else None
        return dropped

    async def _drop(self, ids: list[int], at_us: int) -> int:
        def write(transaction: Transaction) -> int:
            return transaction.run("drop_waiting", ids=rows.json_text(ids), at=at_us).rowcount

        return cast("int", await self._writer.submit(Change(write)))

    async def destination(self, name: str) -> DestinationState:
        """Whether a destination is on, and why not."""
        return rows.destination_state(await self._claims.row_or_none("destination", name=name))

    async def switch(self, name: str, state: DestinationState) -> None:
        """Switch a destination; turning it on takes the time it was off out of what its deliveries have waited."""

        def write(transaction: Transaction) -> None:
            row = transaction.run("destination", name=name).fetchone()
            if row is not None and Switch(row[0]) is not Switch.ON and state.switch is Switch.ON:
                away_us = max(0, state.since_us - cast("int", row[2]))
                transaction.run("add_away", name=name, by=away_us)
            transaction.run(
                "switch",
                name=name,
                switch=state.switch.value,
                reason=state.reason,
                since=state.since_us,
                fingerprint=state.fingerprint,
            )
            if state.switch is Switch.ON:
                transaction.run("hold", name=name, since=0, until=0)

        await self._writer.submit(Change(write))

    async def hold(self, name: str, *, since_us: int, until_us: int) -> None:
        """Remember that a destination asked for nothing before ``until_us``."""

        def write(transaction: Transaction) -> None:
            transaction.run("hold", name=name, since=since_us, until=until_us)

        await self._writer.submit(Change(write))

    async def channel(self, channel: Channel) -> ChannelState:
        """Cursor, baseline and learnt page size of a channel."""
        facts, rounds = await self._claims.row("channel", channel=channel.value)
        return rows.channel_state(channel, facts, rounds)

    async def learn_page(self, channel: Channel, size: int) -> None:
        """Remember the largest answer seen from a channel's endpoint."""

        def write(transaction: Transaction) -> None:
            transaction.run("learn_page", channel=channel.value, size=size)

        await self._writer.submit(Change(write))

    async def known_symbols(self) -> list[str]:
        """Symbols of stored in-force alerts."""
        (text,) = await self._listings.row("known_symbols")
        return cast("list[str]", rows.json_value(text))

    async def stats(self) -> dict[str, QueueStats]:
        """Every destination's deliveries."""
        (tallies,) = await self._listings.row("tallies")
        (oldest,) = await self._listings.row("oldest_waiting")
        return listings.queue_stats(tallies, oldest)

    async def holes(self, *, limit: int = 100) -> list[Hole]:
        """Recorded holes, newest first."""
        (text,) = await self._listings.row("holes", limit=limit)
        return rows.holes(text)

    async def prune(
        self, *, finished_before_us: int, identities_before_us: int, marks_before_us: int, limit: int = 500
    ) -> bool:
        """One small step of retention."""
        since, until = self._pruned_to, self._pruned_to + limit

        def write(transaction: Transaction) -> bool:
            gone = transaction.run("prune_deliveries", before=finished_before_us, limit=limit).rowcount
            window = {"from_seq": since, "to_seq": until}
            transaction.run("prune_bodies", before=finished_before_us, **window)
            transaction.run("prune_identities", before=identities_before_us, **window)
            transaction.run("prune_marks", before=marks_before_us, limit=limit)
            transaction.run("prune_snoozes", before=finished_before_us)
            return give_back(transaction.db) or gone == limit or until < transaction.counters.event

        more = cast("bool", await self._writer.submit(Change(write)))
        self._pruned_to = until if until < self._counters.event else 0
        return more

    async def stays(self) -> None:
        """Return never, as long as the file that is open is the one that a next start would find.

        Raises:
            StoreError: It was deleted or moved; what it held is in the file that the message names.
        """
        await self._has_moved.wait()
        assert self._place.moved is not None
        raise self._place.moved.explained()

    async def close(self) -> None:
        """Finish what was asked for and let go of the file."""
        try:
            await self._writer.close()
            if self._place.moved is None:  # what was noted last must be there, too
                await asyncio.to_thread(self._make_sure)
        except MovedError as error:
            told = error.explained()
            _log.error("the store's file is gone", problem=str(told), hint=told.hint)
        finally:
            await self._claims.close()
            await self._listings.close()
            await asyncio.to_thread(self._check.close)
            await asyncio.to_thread(self._close_last)
            self._lock.release()

    def _close_last(self) -> None:
        if self.damage:
            leave(self._db, self._path)
        else:
            self._db.close()

    def _apply(self, operations: Sequence[Operation]) -> Sequence[object]:
        """Runs in the writer's thread."""
        try:
            answers, self._counters = apply(self._db, self._counters, operations)
        except sqlite3.IntegrityError:  # a commit that seemed to fail may have come through: then the numbers are taken
            answers, self._counters = apply(self._db, Counters.load(self._db), operations)
        self._make_sure()
        return answers

    def _make_sure(self) -> None:
        """Runs in the writer's thread, or when that has ended."""
        try:
            self._place.make_sure(self._db, now_us=self._clock.now_us())
        except MovedError as error:
            self._damage.meets(error)
            if self._place.moved:
                self._loop.call_soon_threadsafe(self._has_moved.set)
            raise
