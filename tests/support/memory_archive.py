"""The archive over an outbox in memory: each promise said as plainly as can be."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from relay.clock import Clock, isoformat
from relay.deliveries import WAITING, State, webhook_id
from relay.events import Channel, Event, Source, names_of
from relay.outbox.archive import EVERYTHING, STEP, Count, Page, Selection, Step
from relay.outbox.base import state_of
from relay.rules.conditions import name_fits
from tests.support.memory_kept import Memory, Record, Stored

DROPPED = "dropped by an operator"


class MemoryArchive:
    def __init__(self, kept: Memory, clock: Clock) -> None:
        self._kept = kept
        self._clock = clock
        self.max_ages: Mapping[str, float] = {}

    # --- looking

    async def list_events(
        self, *, selection: Selection = EVERYTHING, before: int | None = None, limit: int = 100
    ) -> Page:
        found = [
            self._event_item(seq, stored)
            for seq, stored in sorted(self._kept.events.items(), reverse=True)
            if (before is None or seq < before) and self._wants_event(selection, seq, stored)
        ]
        return _page(found, limit)

    def _event_item(self, seq: int, stored: Stored) -> dict[str, Any]:
        event = stored.known.event
        own = [record for _, record in sorted(self._kept.records.items()) if record.event_seq == seq]
        return {
            "id": seq,
            "event": stored.key,
            "channel": event.channel.value,
            "upstream_id": event.id,
            "symbol": event.symbol,
            "received_at": isoformat(stored.known.received_at_us),
            "data": _body(event) if stored.body else None,
            "deliveries": {record.delivery.destination: record.state.value for record in own},
            "suppressed": {
                record.delivery.destination: {"last_code": record.code, "last_error": record.error}
                for record in own
                if record.state is State.SUPPRESSED
            },
        }

    def _wants_event(self, selection: Selection, seq: int, stored: Stored) -> bool:
        own = [record for record in self._kept.records.values() if record.event_seq == seq]
        return (
            self._is_event(selection, seq, stored)
            and _in_time(selection, stored.known.received_at_us)
            and (selection.symbol is None or speaks_of(stored.known.event, selection.symbol))
            and (
                (selection.destination is None and selection.rule is None)
                or any(_is_for(selection, record) for record in own)
            )
        )

    def _is_event(self, selection: Selection, seq: int, stored: Stored) -> bool:
        known = stored.known.event
        return selection.event is None or selection.event in {
            str(seq), stored.key, f"{known.channel}:{known.id}"
        }  # fmt: skip

    async def event(self, id_or_key: str) -> dict[str, Any] | None:
        page = await self.list_events(selection=Selection(event=id_or_key), limit=1)
        return next(iter(page.items), None)

    async def list_deliveries(
        self,
        *,
        state: State | None = None,
        selection: Selection = EVERYTHING,
        before: int | None = None,
        limit: int = 100,
    ) -> Page:
        found = [
            self._item(number, record)
            for number, record in sorted(self._kept.records.items(), reverse=True)
            if (before is None or number < before)
            and (state is None or record.state is state)
            and self._wants(selection, record)
        ]
        return _page(found, limit)

    async def delivery(self, number: int) -> dict[str, Any] | None:
        record = self._kept.records.get(number)
        return None if record is None else self._item(number, record)

    def _item(self, number: int, record: Record) -> dict[str, Any]:
        delivery, stored = record.delivery, self._kept.events[record.event_seq]
        return {
            "id": number,
            "event": delivery.event_key,
            "channel": delivery.event.channel.value,
            "symbol": delivery.event.symbol,
            "destination": delivery.destination,
            "state": record.state.value,
            "attempts": delivery.earlier + delivery.attempts,
            "last_code": record.code,
            "last_error": record.error,
            "webhook_id": delivery.webhook_id,
            "sequence": delivery.sequence,
            "rules": [rule.name for rule in delivery.rules],
            "source": delivery.source.value,
            "received_at": isoformat(delivery.received_at_us),
            "parked": delivery.parked,
            "data": _body(delivery.event) if stored.body else None,
        }

    def _wants(self, selection: Selection, record: Record) -> bool:
        stored = self._kept.events[record.event_seq]
        return (
            selection.id in {None, record.delivery.id}
            and self._is_event(selection, record.event_seq, stored)
            and _is_for(selection, record)
            and selection.code in {None, record.code}
            and (selection.symbol is None or speaks_of(stored.known.event, selection.symbol))
            and _in_time(selection, stored.known.received_at_us)
        )

    async def count(
        self, states: Collection[State], selection: Selection, *, copies: bool = False, dropped: bool = False
    ) -> Count:
        found = [
            record
            for record in self._kept.records.values()
            if record.state in states and (copies or not record.again) and self._wants(selection, record)
        ]
        gone = [record for record in found if not self._kept.events[record.event_seq].body]
        let_go = [record for record in found if record not in gone and _was_dropped(record) and not dropped]
        rest = [record.delivery for record in found if record not in gone and record not in let_go]
        times = [delivery.happened_us for delivery in rest]
        return Count(
            Counter(record.state for record in found),
            bodiless=len(gone),
            dropped=len(let_go),
            overdue=sum(
                not delivery.wanted_by(self._clock.now_us(), self.max_ages.get(delivery.destination))
                for delivery in rest
            ),
            sendable=Counter(delivery.destination for delivery in rest),
            earliest=isoformat(min(times)) if times else None,
            latest=isoformat(max(times)) if times else None,
        )

    # --- doing

    async def retry(self, selection: Selection, *, after: int = 0, limit: int = STEP) -> Step:
        return self._step(selection, [State.DEAD], self._retry, after=after, limit=limit)

    def _retry(self, record: Record, now_us: int) -> bool:
        if not self._kept.events[record.event_seq].body:
            return False
        record.state = State.PENDING
        record.delivery = msgspec.structs.replace(
            record.delivery,
            sequence=self._next(record.delivery.destination),
            attempts=0,
            earlier=record.delivery.earlier + record.delivery.attempts,
            first_attempt_at_us=None,
            retry_at_us=0,
            parked=False,
            updated_at_us=now_us,
        )
        return True

    async def drop(self, selection: Selection, *, waiting: bool = False, after: int = 0, limit: int = STEP) -> Step:
        states = [State.DEAD, *(WAITING if waiting else ())]
        return self._step(selection, states, self._drop, after=after, limit=limit)

    def _drop(self, record: Record, now_us: int) -> bool:
        record.state, record.error = State.EXPIRED, DROPPED
        record.delivery = msgspec.structs.replace(record.delivery, updated_at_us=now_us)
        return True

    async def replay(
        self, selection: Selection, *, new_ids: bool = False, dropped: bool = False, after: int = 0, limit: int = STEP
    ) -> Step:
        def again(record: Record, now_us: int) -> bool:
            return (dropped or not _was_dropped(record)) and self._replay(record, now_us, new_ids=new_ids)

        states = [State.DELIVERED, State.EXPIRED, State.DEAD]
        return self._step(selection, states, again, after=after, limit=limit, originals=True)

    def _replay(self, record: Record, now_us: int, *, new_ids: bool) -> bool:
        before = record.delivery
        waits = any(
            other.event_seq == record.event_seq
            and other.delivery.destination == before.destination
            and other.again
            and other.state in WAITING
            for other in self._kept.records.values()
        )
        if waits or not self._kept.events[record.event_seq].body:
            return False
        if record.state is State.DEAD:
            number, target = before.id, record
        else:
            number = self._kept.last_delivery = self._kept.last_delivery + 1
            target = self._kept.records[number] = Record(before, record.event_seq, again=True)
        target.state = state_of(before.rules)
        target.again_us = now_us
        target.delivery = msgspec.structs.replace(
            before,
            id=number,
            sequence=self._next(before.destination),
            attempts=0,
            earlier=before.earlier + before.attempts if target is record else 0,
            first_attempt_at_us=None,
            retry_at_us=0,
            parked=False,
            source=Source.REPLAY,
            updated_at_us=now_us,
        )
        if new_ids:
            told = number if target is not record else -target.delivery.sequence
            fresh = webhook_id(before.event_key, before.destination, again=told)
            target.delivery = msgspec.structs.replace(target.delivery, webhook_id=fresh)
        return True

    def _next(self, destination: str) -> int:
        self._kept.sequences[destination] += 1
        return self._kept.sequences[destination]

    def _step(
        self,
        selection: Selection,
        states: Collection[State],
        act: Callable[[Record, int], bool],
        *,
        after: int,
        limit: int,
        originals: bool = False,
    ) -> Step:
        meant = [
            record
            for number, record in sorted(self._kept.records.items())
            if number > after
            and record.state in states
            and not (originals and record.again)
            and self._wants(selection, record)
        ]
        looked = meant[:limit]
        done = [record.delivery.destination for record in looked if act(record, self._clock.now_us())]
        more = len(meant) > limit
        return Step(len(done), len(looked), looked[-1].delivery.id if more else None, tuple(dict.fromkeys(done)))


def speaks_of(event: Event, symbol: str) -> bool:
    """Whether a rule that lists ``symbol`` would mean it."""
    futures = event.channel is Channel.BREAKS
    return any(name_fits(symbol.upper(), name.upper(), futures=futures) for name in names_of(event))


def _was_dropped(record: Record) -> bool:
    return record.state is State.EXPIRED and record.error == DROPPED


def _is_for(selection: Selection, record: Record) -> bool:
    names = {rule.name for rule in record.delivery.rules}
    return selection.destination in {None, record.delivery.destination} and selection.rule in {None, *names}


def _in_time(selection: Selection, at_us: int) -> bool:
    since_us, until_us = selection.since_us, selection.until_us
    return (since_us is None or at_us >= since_us) and (until_us is None or at_us < until_us)


def _body(event: Event) -> object:
    return json.loads(event.data)


def _page(items: list[dict[str, Any]], limit: int) -> Page:
    shown = items[:limit]
    return Page(shown, shown[-1]["id"] if len(shown) == limit else None)
