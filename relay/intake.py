"""From sighting to commit: where live and recovered events meet, are judged once, and become durable.

    reader ──offer──> queue ──┐
    edges  ──fired──>   "     ├─> match and judge by the rules of this moment ──> outbox.commit ──> wake lanes, decider
    backfill ──store──────────┘                                                       ^
    edges  ──flipped──> sides on which no rule fired ─────────────────────────────────┘

What holds always:

* ``offer`` never waits: nothing slow stands between a frame and the queue.
* While one commit is being synced, what arrives gathers and goes into the next one together.
* The queue is bounded. When it is full (the store takes nothing for long), new live events are let go and counted,
  and a backfill is asked for as soon as the store writes again: what the upstream still has is not lost.
* One event that the store refuses takes no other with it: it would come again at every start.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Final

import msgspec
import structlog

from relay.clock import Clock
from relay.deliveries import State
from relay.errors import StoreBusyError
from relay.events import Channel, Event, Source
from relay.judging.judge import Judge, Judgement, Sighted
from relay.metrics import Metrics
from relay.outbox.base import Entry, Outbox, Sighting
from relay.outbox.channels import Hole, RoundEnd
from relay.outbox.memory import Side
from relay.rules.rule import Rule
from relay.upstream.errors import RejectReason

_log = structlog.get_logger()

QUEUE_LIMIT: Final = 20_000  # events: some seconds of the largest burst, some ten MB
QUEUE_BYTES: Final = 64 << 20  # of what the upstream wrote, should its alerts be huge
_FIRED: Final = 2
FIRED_LIMIT: Final = _FIRED * QUEUE_LIMIT  # what a quote fired comes only once: it may go beyond, and not without end
_COMMIT_LIMIT: Final = 1_000  # events a commit: bounds how long one takes
_NOTHING: Final = Judgement()
_STORED: Final = frozenset({Sighting.NEW, Sighting.RELEASED})
_KNOWN: Final = frozenset({Sighting.DUPLICATE, Sighting.RELEASED})


class _Arrival(msgspec.Struct, frozen=True):
    """What waits to be judged.

    Attributes:
        sighted: The event as it came.
        sides: What the rules that fired remember.
        old: It is from before the relay's time: stored, and neither judged nor told.
    """

    sighted: Sighted
    sides: tuple[Side, ...] = ()
    old: bool = False


class Intake:
    """Takes events in and commits them with their deliveries.

    Args:
        judge: Judges by the rules of now.
        notify: Told the destinations for which something new was committed.
        on_deciding: Told that something was committed that is to be decided; and whether some of it was stored before.
        on_overflow: Told, once the store writes again, that live events were let go.
    """

    def __init__(
        self,
        outbox: Outbox,
        judge: Judge,
        *,
        clock: Clock,
        metrics: Metrics,
        notify: Callable[[Iterable[str]], None],
        on_deciding: Callable[[bool], None],
        on_overflow: Callable[[], None],
    ) -> None:
        self._outbox = outbox
        self._judge = judge
        self._clock = clock
        self._metrics = metrics
        for channel, source in product(Channel, (Source.LIVE, Source.BACKFILL)):
            metrics.events.labels(channel.value, source.value)
        self._notify = notify
        self._on_deciding = on_deciding
        self._on_overflow = on_overflow
        self._queue: list[_Arrival] = []
        self._bytes = 0  # of what the queue holds
        self._flipped: dict[tuple[str, str], Side] = {}  # each newer than whatever the queue holds for its key
        self._wake = asyncio.Event()
        self._stopping = False
        self._let_go = 0
        self.observers: list[Callable[[Event, Source], None]] = []

    def offer(self, event: Event) -> None:
        """Take a live event. Never waits."""
        self._take(_Arrival(Sighted(event, Source.LIVE, self._clock.now_us())))

    def fired(self, event: Event, rules: tuple[Rule, ...], sides: tuple[Side, ...]) -> None:
        """Take an event that a quote or a state fired, with the rules that want it. Never waits."""
        for side in sides:
            self._flipped.pop((side.rule, side.symbol), None)
        self._take(_Arrival(Sighted(event, Source.LIVE, self._clock.now_us(), rules), sides), times=_FIRED)

    def flipped(self, sides: Iterable[Side]) -> None:
        """Remember sides on which no rule fired. Never waits."""
        self._flipped.update({(side.rule, side.symbol): side for side in sides})
        self._wake.set()

    def _take(self, arrival: _Arrival, *, times: int = 1) -> None:
        """Queue it, unless the queue is so many times as full as it may be."""
        size = len(arrival.sighted.event.data)
        if len(self._queue) >= times * QUEUE_LIMIT or self._bytes + size > times * QUEUE_BYTES:
            self._let_go += 1
            self._metrics.rejected.labels(RejectReason.QUEUE_FULL.value).inc()
            return
        self._queue.append(arrival)
        self._bytes += size
        self._wake.set()

    async def run(self) -> None:
        """Commit what is offered until ``stop``; then commit what is left."""
        while True:
            await self._wake.wait()
            batch, self._queue = self._queue[:_COMMIT_LIMIT], self._queue[_COMMIT_LIMIT:]
            self._bytes -= sum(len(arrival.sighted.event.data) for arrival in batch)
            if not self._queue and not self._stopping:
                self._wake.clear()
            if batch:
                await self._commit(batch)
                self._report_overflow()
            if not self._queue:
                await self._note_flipped()
                if self._stopping and not self._queue:
                    return

    def stop(self) -> None:
        """Let ``run`` return when the queue is empty."""
        self._stopping = True
        self._wake.set()

    async def store(
        self,
        recovered: Sequence[Event],
        old: Sequence[Event],
        *,
        round_end: RoundEnd | None = None,
        holes: Sequence[Hole] = (),
    ) -> int:
        """Commit what a backfill round found; how many of ``recovered`` were new."""
        now_us = self._clock.now_us()
        arrivals = [
            *(_Arrival(Sighted(event, Source.BACKFILL, now_us), old=True) for event in old),
            *(_Arrival(Sighted(event, Source.BACKFILL, now_us)) for event in recovered),
        ]
        sightings = await self._commit(arrivals, round_end=round_end, holes=holes)
        return sightings[len(old) :].count(Sighting.NEW)

    async def _note_flipped(self) -> None:
        if self._flipped:
            sides, self._flipped = list(self._flipped.values()), {}
            await self._outbox.memory.note_sides(sides)

    async def _commit(
        self, arrivals: Sequence[_Arrival], *, round_end: RoundEnd | None = None, holes: Sequence[Hole] = ()
    ) -> Sequence[Sighting | None]:
        """Judge, commit and tell everybody.

        Returns:
            What each arrival turned out to be; None where the store refuses it.
        """
        judged = [_NOTHING if arrival.old else self._judge.judge(arrival.sighted) for arrival in arrivals]
        sightings: Sequence[Sighting | None] = [None] * len(arrivals)
        try:
            entries = [_entry(arrival, judgement) for arrival, judgement in zip(arrivals, judged, strict=True)]
            sightings = await self._write(entries, round_end, holes)
        finally:
            for judgement, sighting in zip(judged, sightings, strict=True):
                self._judge.settle(judgement, stored=sighting in _STORED)
        self._tell(arrivals, judged, sightings)
        return sightings

    def _tell(
        self, arrivals: Sequence[_Arrival], judged: Sequence[Judgement], sightings: Sequence[Sighting | None]
    ) -> None:
        told = list(zip(arrivals, judged, sightings, strict=True))
        self._metrics.duplicates.inc(sum(sighting in _KNOWN for sighting in sightings))
        new = [(arrival, judgement) for arrival, judgement, sighting in told if sighting is Sighting.NEW]
        self._count(new)
        fresh = [
            delivery for _, judgement, sighting in told if sighting in _STORED for delivery in judgement.deliveries
        ]
        self._notify({delivery.destination for delivery in fresh})
        if any(delivery.state is State.DECIDING for delivery in fresh):
            self._on_deciding(Sighting.RELEASED in sightings)
        for arrival, _ in new:
            if not arrival.old:
                for observe in self.observers:
                    observe(arrival.sighted.event, arrival.sighted.source)

    def _count(self, new: Sequence[tuple[_Arrival, Judgement]]) -> None:
        kinds = Counter((arrival.sighted.event.channel.value, arrival.sighted.source.value) for arrival, _ in new)
        for labels, count in kinds.items():
            self._metrics.events.labels(*labels).inc(count)
        for delivery in (delivery for _, judgement in new for delivery in judgement.deliveries):
            if delivery.state is State.SUPPRESSED:
                self._metrics.deliveries.labels(delivery.destination, "suppressed").inc()

    async def _write(
        self, entries: list[Entry], round_end: RoundEnd | None, holes: Sequence[Hole]
    ) -> Sequence[Sighting | None]:
        """Commit together; where that is refused, each alone, and the end of the round after them."""
        try:
            return await self._outbox.commit(entries, round_end=round_end, holes=holes)
        except StoreBusyError:
            raise
        except Exception:  # noqa: BLE001  because whatever is wrong with one event must not hold up the others
            sightings = [await self._write_alone(entry) for entry in entries]
        if round_end is not None or holes:
            await self._outbox.commit([], round_end=round_end, holes=holes)
        return sightings

    async def _write_alone(self, entry: Entry) -> Sighting | None:
        try:
            (sighting,) = await self._outbox.commit([entry])
        except StoreBusyError:
            raise
        except Exception as error:  # noqa: BLE001  because of the same
            self._metrics.rejected.labels(RejectReason.UNSTORABLE.value).inc()
            _log.exception("event let go: the store refuses it", event_key=entry.event.key(), error=str(error))
            return None
        return sighting

    def _report_overflow(self) -> None:
        if self._let_go and len(self._queue) < QUEUE_LIMIT // 2 and self._bytes < QUEUE_BYTES // 2:
            _log.warning("live events were let go while the store took none; fetching them", events=self._let_go)
            self._let_go = 0
            self._on_overflow()


def _entry(arrival: _Arrival, judgement: Judgement) -> Entry:
    sighted = arrival.sighted
    return Entry(
        sighted.event, sighted.source, sighted.received_at_us, judgement.deliveries, judgement.marks, arrival.sides
    )
