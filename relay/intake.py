"""From sighting to commit: where live and recovered events meet, are matched once, and become durable.

    reader ──offer──> queue ─┐
                             ├─> match with the rules of this moment ──> outbox.commit ──> wake the lanes
    backfill ──store─────────┘

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
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
import structlog

from relay.clock import MICROS, Clock
from relay.deliveries import RuleMatch
from relay.errors import StoreBusyError
from relay.events import Event, Source
from relay.metrics import Metrics
from relay.outbox.base import Entry, Hole, NewDelivery, Outbox, RoundEnd, Sighting
from relay.rules.match import RuleIndex
from relay.rules.merge import merge
from relay.rules.rule import Rule
from relay.upstream.errors import RejectReason

_log = structlog.get_logger()

QUEUE_LIMIT: Final = 20_000  # events: some seconds of the largest burst, some ten MB
_COMMIT_LIMIT: Final = 1_000  # events a commit: bounds how long one takes


class Terms(msgspec.Struct, frozen=True):
    """What a destination takes.

    Attributes:
        sources: How an event may have come.
        max_age: Seconds after the trigger at which nothing is sent there any more; None is for ever.
    """

    sources: frozenset[Source] = frozenset({Source.LIVE, Source.BACKFILL})
    max_age: float | None = None


class Plan(msgspec.Struct, frozen=True):
    """The rules and destinations of one config, swapped as a whole."""

    index: RuleIndex
    terms: Mapping[str, Terms]

    def deliveries(self, event: Event, source: Source, received_at_us: int) -> tuple[NewDelivery, ...]:
        """What is to be sent where: each destination once, with all rules that meet there."""
        matched = self.index.match(event)
        if not matched:
            return ()
        triggered_us = event.triggered_at.us if event.triggered_at else received_at_us
        return tuple(
            NewDelivery(
                name,
                tuple(_match(rule, self.terms[name], triggered_us) for rule in rules),
                withheld=source not in self.terms[name].sources,
            )
            for name, rules in merge(matched).items()
            if name in self.terms
        )


def _match(rule: Rule, terms: Terms, triggered_us: int) -> RuleMatch:
    ages = [age for age in (rule.max_age, terms.max_age) if age is not None]
    return RuleMatch(rule.name, triggered_us + round(min(ages) * MICROS) if ages else None, rule.mention)


class Intake:
    """Takes events in and commits them with their deliveries.

    Args:
        plan: The rules of now; ``plan`` may be set anew at any time.
        notify: Told the destinations for which something new was committed.
        on_overflow: Told, once the store writes again, that live events were let go.
    """

    def __init__(
        self,
        outbox: Outbox,
        plan: Plan,
        *,
        clock: Clock,
        metrics: Metrics,
        notify: Callable[[Iterable[str]], None],
        on_overflow: Callable[[], None],
    ) -> None:
        self.plan = plan
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self._notify = notify
        self._on_overflow = on_overflow
        self._queue: list[tuple[Event, int]] = []
        self._wake = asyncio.Event()
        self._stopping = False
        self._let_go = 0
        self.observers: list[Callable[[Event, Source], None]] = []

    def offer(self, event: Event) -> None:
        """Take a live event. Never waits."""
        if len(self._queue) >= QUEUE_LIMIT:
            self._let_go += 1
            self._metrics.rejected.labels(RejectReason.QUEUE_FULL.value).inc()
            return
        self._queue.append((event, self._clock.now_us()))
        self._wake.set()

    async def run(self) -> None:
        """Commit what is offered until ``stop``; then commit what is left."""
        while True:
            await self._wake.wait()
            batch, self._queue = self._queue[:_COMMIT_LIMIT], self._queue[_COMMIT_LIMIT:]
            if not self._queue and not self._stopping:
                self._wake.clear()
            if batch:
                await self._commit([self._entry(event, Source.LIVE, at_us) for event, at_us in batch])
                self._report_overflow()
            elif self._stopping:
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
        entries = [
            *(Entry(event, Source.BACKFILL, now_us) for event in old),
            *(self._entry(event, Source.BACKFILL, now_us) for event in recovered),
        ]
        sightings = await self._commit(entries, round_end=round_end, holes=holes, quiet=len(old))
        return sightings[len(old) :].count(Sighting.NEW)

    def _entry(self, event: Event, source: Source, received_at_us: int) -> Entry:
        return Entry(event, source, received_at_us, self.plan.deliveries(event, source, received_at_us))

    async def _commit(
        self,
        entries: list[Entry],
        *,
        round_end: RoundEnd | None = None,
        holes: Sequence[Hole] = (),
        quiet: int = 0,
    ) -> Sequence[Sighting | None]:
        """Commit and tell everybody; the first ``quiet`` entries are old and of no interest to observers.

        Returns:
            What each entry turned out to be; None where the store refuses it.
        """
        sightings = await self._write(entries, round_end, holes)
        new = [entry for entry, sighting in zip(entries, sightings, strict=True) if sighting is Sighting.NEW]
        self._metrics.duplicates.inc(sightings.count(Sighting.DUPLICATE))
        kinds = Counter((entry.event.channel.value, entry.source.value) for entry in new)
        for labels, count in kinds.items():
            self._metrics.events.labels(*labels).inc(count)
        for entry in new:
            for delivery in entry.deliveries:
                if delivery.withheld:
                    self._metrics.deliveries.labels(delivery.destination, "suppressed").inc()
        self._notify({delivery.destination for entry in entries for delivery in entry.deliveries})
        for entry, sighting in zip(entries[quiet:], sightings[quiet:], strict=True):
            if sighting is Sighting.NEW:
                for observe in self.observers:
                    observe(entry.event, entry.source)
        return sightings

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
        if self._let_go and len(self._queue) < QUEUE_LIMIT // 2:
            _log.warning("live events were let go while the store took none; fetching them", events=self._let_go)
            self._let_go = 0
            self._on_overflow()
