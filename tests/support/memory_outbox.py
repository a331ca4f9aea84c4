"""An outbox in memory: the plainest thing that keeps the contract, and no thread in it.

It lets lanes be tested under a fake clock, and it is the second implementation that keeps the contract suite honest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import msgspec

from relay.clock import Clock
from relay.deliveries import Delivery, Outcome, State, Suppression, webhook_id
from relay.events import Channel, Source
from relay.outbox.base import Decision, DestinationState, Entry, QueueStats, Sighting, Switch, state_of
from relay.outbox.channels import ChannelState, Hole, RoundEnd
from relay.outbox.identity import Known, Resolution, resolve
from relay.outbox.memory import Mark, Side, Snooze, SnoozeKind
from relay.outbox.rows import event_key
from tests.support.clock import FakeClock
from tests.support.memory_archive import MemoryArchive
from tests.support.memory_kept import Memory, Record, Stored

__all__ = ["Memory", "MemoryOutbox", "Record", "Stored"]

HOUR_US = 3_600_000_000


class Recollection:
    """What rules remember."""

    def __init__(self, kept: Memory) -> None:
        self._kept = kept

    async def marks(self, *, since_us: int, limit: int) -> list[Mark]:
        late = sorted((m for m in self._kept.marks if m.noted_us >= since_us), key=lambda mark: mark.noted_us)
        return late[-limit:]

    async def sides(self) -> list[Side]:
        return list(self._kept.sides.values())

    async def note_sides(self, sides: Sequence[Side]) -> None:
        self._kept.sides.update({(side.rule, side.symbol): side for side in sides})

    async def forget_sides(self, *, but: Sequence[Side]) -> None:
        kept = {(side.rule, side.symbol) for side in but}
        self._kept.sides = {key: side for key, side in self._kept.sides.items() if key in kept}

    async def snoozes(self) -> list[Snooze]:
        return sorted(self._kept.snoozes.values(), key=lambda snooze: (snooze.since_us, snooze.kind, snooze.name))

    async def snooze(self, snooze: Snooze) -> None:
        self._kept.snoozes[snooze.kind, snooze.name] = snooze

    async def wake(self, kind: SnoozeKind, name: str) -> bool:
        return self._kept.snoozes.pop((kind, name), None) is not None


class MemoryOutbox:
    healthy = True
    damage = ""

    def __init__(self, kept: Memory, clock: Clock | None = None) -> None:
        self.kept = kept
        self.memory = Recollection(kept)
        self.archive = MemoryArchive(kept, clock or FakeClock())

    @property
    def first_started_at_us(self) -> int:
        return self.kept.first_started_at_us

    async def commit(
        self, entries: Sequence[Entry], *, round_end: RoundEnd | None = None, holes: Sequence[Hole] = ()
    ) -> list[Sighting]:
        memory = self.kept
        resolution = resolve(entries, [s.known for s in memory.events.values()], next_seq=memory.last_event + 1)
        for index, known in resolution.new:
            self._store(entries[index], known)
        for seq, upstream_id in resolution.claims.items():
            self._fill_in(seq, upstream_id)
        sightings = list(resolution.sightings)
        for index in self._release(_wanted(entries, resolution)):
            sightings[index] = Sighting.RELEASED
        for entry, sighting in zip(entries, sightings, strict=True):
            if sighting is not Sighting.DUPLICATE:
                memory.marks.extend(entry.marks)
            await self.memory.note_sides(entry.sides)
        self._note_holes(holes)
        if round_end is not None:
            self._end_round(round_end)
        return sightings

    def _end_round(self, done: RoundEnd) -> None:
        rounds = self.kept.rounds.setdefault(done.channel, [])
        rounds.append(msgspec.structs.replace(done, baseline=None))
        old = (known.completed_at_us for known in rounds if known.completed_at_us <= done.completed_at_us - HOUR_US)
        keep_from = max(old, default=0)
        rounds[:] = [known for known in rounds if known.completed_at_us >= keep_from]
        if done.baseline is not None:
            self.kept.baselines[done.channel] = done.baseline

    def _note_holes(self, holes: Sequence[Hole]) -> None:
        for hole in holes:
            ranges = {(known.channel, known.after_id, known.up_to_id, known.part) for known in self.kept.holes}
            if (hole.channel, hole.after_id, hole.up_to_id, hole.part) not in ranges:
                self.kept.holes.append(hole)

    def _store(self, entry: Entry, known: Known) -> None:
        memory = self.kept
        key = event_key(entry.event, entry.received_at_us)
        memory.events[known.seq] = Stored(known, key, entry.source)
        memory.last_event = known.seq
        for new in entry.deliveries:
            sequence = memory.sequences[new.destination] = memory.sequences.get(new.destination, 0) + 1
            number = memory.last_delivery = memory.last_delivery + 1
            memory.records[number] = Record(
                Delivery(
                    id=number,
                    destination=new.destination,
                    sequence=sequence,
                    ordering_key=entry.event.ordering_key,
                    webhook_id=webhook_id(key, new.destination),
                    rules=new.rules,
                    attempts=0,
                    first_attempt_at_us=None,
                    retry_at_us=0,
                    parked=False,
                    source=entry.source,
                    received_at_us=entry.received_at_us,
                    updated_at_us=entry.received_at_us,
                    event_key=key,
                    event=known.event,
                ),
                known.seq,
                new.state,
                new.suppressed or "",
                new.detail,
            )

    async def deciding(self, *, after: int, limit: int) -> list[Delivery]:
        waiting = [record.delivery for record in self.kept.records.values() if record.state is State.DECIDING]
        return [delivery for delivery in waiting if delivery.id > after][:limit]

    async def decide(self, decisions: Sequence[Decision], *, at_us: int) -> frozenset[int]:
        numbers = {decision.delivery.id for decision in decisions}
        still = frozenset(n for n in numbers if n in self.kept.records and self.kept.records[n].state is State.DECIDING)
        noted = (mark for decision in decisions if decision.delivery.id in still for mark in decision.marks)
        self.kept.marks.extend(dict.fromkeys(noted))
        for decision in decisions:
            record = self.kept.records.get(decision.delivery.id)
            if record is None or record.state is not State.DECIDING:
                continue
            if not decision.rules:
                del self.kept.records[decision.delivery.id]
                continue
            name, sequence = record.delivery.destination, record.delivery.sequence
            if decision.suppressed is None:
                sequence = self.kept.sequences[name] = self.kept.sequences[name] + 1
            record.state = State.PENDING if decision.suppressed is None else State.SUPPRESSED
            record.code, record.error = decision.suppressed or "", decision.detail
            record.delivery = msgspec.structs.replace(
                record.delivery, sequence=sequence, rules=decision.rules, states=decision.states, updated_at_us=at_us
            )
        return still

    def _release(self, wanted: Mapping[tuple[int, str], int]) -> set[int]:
        """Queue what was withheld of these events for these destinations, in the order in which it was stored."""
        released: set[int] = set()
        for record in self.kept.records.values():
            name = record.delivery.destination
            withheld = record.state is State.SUPPRESSED and record.code == Suppression.SOURCE
            if withheld and (record.event_seq, name) in wanted:
                released.add(wanted[record.event_seq, name])
                self.kept.sequences[name] += 1
                record.state = state_of(record.delivery.rules)
                record.code = record.error = ""
                record.delivery = msgspec.structs.replace(
                    record.delivery, sequence=self.kept.sequences[name], source=Source.LIVE
                )
        return released

    def _fill_in(self, seq: int, upstream_id: int) -> None:
        known = self.kept.events[seq].known
        known.event = msgspec.structs.replace(known.event, id=upstream_id)
        for record in self.kept.records.values():
            if record.event_seq == seq:
                record.delivery = msgspec.structs.replace(record.delivery, event=known.event)

    def _waiting(self, destination: str, *, parked: bool) -> list[Delivery]:
        found = [
            record.delivery
            for record in self.kept.records.values()
            if record.delivery.destination == destination
            and record.state is State.PENDING
            and record.delivery.parked is parked
        ]
        return sorted(found, key=lambda delivery: delivery.sequence)

    async def claim(
        self, destination: str, *, after: int, limit: int, skip: Collection[str] = ()
    ) -> tuple[list[Delivery], int]:
        found = [
            delivery
            for delivery in self._waiting(destination, parked=False)
            if delivery.sequence > after and delivery.ordering_key not in skip
        ][:limit]
        newest = self.kept.sequences.get(destination, 0)
        return found, found[-1].sequence if len(found) == limit else max(after, newest)

    async def claim_key(self, destination: str, key: str, *, after: int, limit: int) -> list[Delivery]:
        return [
            delivery
            for delivery in self._waiting(destination, parked=False)
            if delivery.sequence > after and delivery.ordering_key == key
        ][:limit]

    async def claim_parked(self, destination: str, *, due_us: int, latest_us: int, limit: int) -> list[Delivery]:
        parked = sorted(self._waiting(destination, parked=True), key=lambda delivery: delivery.retry_at_us)
        return [delivery for delivery in parked if not due_us < delivery.retry_at_us <= latest_us][:limit]

    async def next_parked_us(self, destination: str, *, after_us: int) -> int | None:
        times = (delivery.retry_at_us for delivery in self._waiting(destination, parked=True))
        return min((at_us for at_us in times if at_us > after_us), default=None)

    def _end(self, delivery: Delivery, state: State, outcome: Outcome, at_us: int) -> Record | None:
        """Note what came of an attempt; None where the delivery was not pending any more."""
        record = self.kept.records.get(delivery.id)
        if record is None or record.state is not State.PENDING:
            return None
        record.state, record.code, record.error = state, outcome.code, outcome.detail
        record.delivery = msgspec.structs.replace(record.delivery, attempts=delivery.attempts + 1, updated_at_us=at_us)
        return record

    def _expire(self, delivery: Delivery, error: str, at_us: int) -> Record | None:
        record = self.kept.records.get(delivery.id)
        if record is None or record.state is not State.PENDING:
            return None
        record.state, record.error = State.EXPIRED, error
        record.delivery = msgspec.structs.replace(record.delivery, updated_at_us=at_us)
        return record

    async def ack(self, delivery: Delivery, outcome: Outcome, *, at_us: int) -> None:
        self._end(delivery, State.DELIVERED, outcome, at_us)

    async def retry(self, delivery: Delivery, outcome: Outcome, *, at_us: int, retry_at_us: int, parked: bool) -> None:
        record = self._end(delivery, State.PENDING, outcome, at_us)
        if record is None:
            return
        record.delivery = msgspec.structs.replace(
            record.delivery,
            first_attempt_at_us=at_us if delivery.first_attempt_at_us is None else delivery.first_attempt_at_us,
            retry_at_us=retry_at_us,
            parked=parked,
        )

    async def bury(self, delivery: Delivery, outcome: Outcome, *, at_us: int) -> None:
        self._end(delivery, State.DEAD, outcome, at_us)

    async def expire(self, delivery: Delivery, *, at_us: int) -> None:
        record = self._expire(delivery, "older than max_age", at_us)
        if record is not None:
            record.code = ""

    async def drop_older(self, destination: str, *, before_us: int, at_us: int) -> int:
        old = [
            record.delivery
            for record in self.kept.records.values()
            if record.delivery.destination == destination
            and record.state is State.PENDING
            and record.queued_us < before_us
        ]
        for delivery in old:
            self._expire(delivery, "dropped by an operator", at_us)
        return len(old)

    async def destination(self, name: str) -> DestinationState:
        return self.kept.destinations.get(name, DestinationState())

    async def switch(self, name: str, state: DestinationState) -> None:
        before = self.kept.destinations.get(name, DestinationState())
        if before.switch is not Switch.ON and state.switch is Switch.ON:
            away_us = max(0, state.since_us - before.since_us)
            for record in self.kept.records.values():
                first = record.delivery.first_attempt_at_us
                if record.delivery.destination == name and record.state is State.PENDING and first is not None:
                    record.delivery = msgspec.structs.replace(record.delivery, first_attempt_at_us=first + away_us)
        held = (0, 0) if state.switch is Switch.ON else (before.held_since_us, before.held_until_us)
        self.kept.destinations[name] = msgspec.structs.replace(state, held_since_us=held[0], held_until_us=held[1])

    async def hold(self, name: str, *, since_us: int, until_us: int) -> None:
        before = self.kept.destinations.get(name, DestinationState())
        self.kept.destinations[name] = msgspec.structs.replace(before, held_since_us=since_us, held_until_us=until_us)

    async def channel(self, channel: Channel) -> ChannelState:
        return ChannelState(
            tuple(self.kept.rounds.get(channel, ())),
            self.kept.baselines.get(channel),
            self.kept.pages.get(channel, 0),
        )

    async def learn_page(self, channel: Channel, size: int) -> None:
        self.kept.pages[channel] = max(size, self.kept.pages.get(channel, 0))

    async def known_symbols(self) -> list[str]:
        events = (stored.known.event for stored in self.kept.events.values())
        return sorted({event.symbol for event in events if event.channel is Channel.IN_FORCE and event.symbol})

    async def stats(self) -> dict[str, QueueStats]:
        by_name: dict[str, list[Record]] = {name: [] for name in self.kept.pruned}
        for record in self.kept.records.values():
            by_name.setdefault(record.delivery.destination, []).append(record)
        return {name: self._stats(name, found) for name, found in by_name.items()}

    def _stats(self, name: str, found: list[Record]) -> QueueStats:
        waiting = [record.queued_us for record in found if record.state is State.PENDING]
        return QueueStats(
            counts={State.PENDING: 0, **Counter(record.state for record in found)},
            oldest_pending_us=min(waiting, default=None),
            suppressed=Counter(record.code for record in found if record.state is State.SUPPRESSED),
            replays=Counter(record.state for record in found if record.again),
            pruned=self.kept.pruned.get(name, {}),
        )

    async def holes(self, *, limit: int = 100) -> list[Hole]:
        return self.kept.holes[::-1][:limit]

    async def prune(
        self, *, finished_before_us: int, identities_before_us: int, marks_before_us: int, limit: int = 500
    ) -> bool:
        del limit
        memory = self.kept
        finished = (State.DELIVERED, State.EXPIRED, State.SUPPRESSED)
        for number, record in list(memory.records.items()):
            if record.state in finished and record.delivery.updated_at_us < finished_before_us:
                del memory.records[number]
                pruned = memory.pruned.setdefault(record.delivery.destination, Counter())
                pruned[record.state] += not record.again
        wanted = {record.event_seq for record in memory.records.values()}
        for seq, stored in list(memory.events.items()):
            if seq in wanted:
                continue
            if stored.known.received_at_us < finished_before_us:
                stored.body = False
            rounds = memory.rounds.get(stored.known.event.channel, [])
            if stored.known.event.id is None:
                below = not rounds or stored.known.received_at_us < rounds[0].began_at_us
            else:
                below = stored.known.event.id <= (rounds[0].position if rounds else 0)
            if not stored.body and stored.known.received_at_us < identities_before_us and below:
                del memory.events[seq]
        memory.marks[:] = [mark for mark in memory.marks if mark.noted_us >= marks_before_us]
        for key, snooze in list(memory.snoozes.items()):
            if snooze.until_us < finished_before_us:
                del memory.snoozes[key]
        return False

    async def close(self) -> None:
        return


def _wanted(entries: Sequence[Entry], resolution: Resolution) -> dict[tuple[int, str], int]:
    """Which event a live repetition would have had go where, with the place of the first that would."""
    wanted: dict[tuple[int, str], int] = {}
    for index, (entry, seq) in enumerate(zip(entries, resolution.seqs, strict=True)):
        if resolution.sightings[index] is Sighting.DUPLICATE and entry.source is Source.LIVE:
            for new in entry.deliveries:
                if new.suppressed is None:
                    wanted.setdefault((seq, new.destination), index)
    return wanted
