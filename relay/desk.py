"""The running relay as its pages and endpoints see it: every question answered from the parts that know.

    Web, House ──healthy? ready?──> FrontDesk ──memory──> connection, rounds, lanes, reloader
           Web ──status, figures──────> │ ──reads───> Outbox: queues, channels, holes, archive
           Web ──pause, snooze, retry─> │ ──Undertakings──> lanes, snoozes, Outbox ──> lanes and decider hear of it
           Web ──connect, backfill────> │ ──> link, errands

Whether all is well is told from memory alone, for the store may hang. What was asked for by hand is seen through,
whether or not somebody still waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from relay import __version__, standings
from relay.backfill.backfiller import Backfiller
from relay.backfill.errands import Errand, Errands
from relay.clock import MICROS, Clock, isoformat
from relay.config.diff import Changes
from relay.deliveries import State
from relay.delivery.dispatcher import Dispatcher
from relay.delivery.lane import Lane
from relay.errors import RelayError, StoreBusyError
from relay.events import Channel
from relay.judging import silence
from relay.judging.snoozes import Snoozes
from relay.metrics import Metrics
from relay.outbox.archive import Archive, Step
from relay.outbox.base import Outbox, QueueStats
from relay.outbox.memory import Snooze, SnoozeKind
from relay.pulse import Minute
from relay.readiness import Signs, judged, snooze_notes, store_trouble, waiting_notes
from relay.undertakings import Undertakings
from relay.upstream.state import ConnectionState
from relay.web.desk import (
    ChannelStatus,
    ConfigStatus,
    DestinationStatus,
    Readiness,
    Status,
    StoreStatus,
)

_log = structlog.get_logger()


class Reloading(Protocol):
    """Who holds the config that runs, and loads it anew."""

    @property
    def status(self) -> ConfigStatus:
        """The config that runs."""
        ...

    async def reload(self, *, drain: bool) -> Changes:
        """Load its file anew."""
        ...


class Notified(Protocol):
    """Who decides what a look-up has to answer first."""

    def notify(self) -> None:
        """There is something new."""
        ...


@dataclass(frozen=True, slots=True)
class FrontDesk:
    """Implements ``relay.web.desk.Desk``.

    Attributes:
        types: Each destination's type, by name; as of now.
        channels: The channels wanted now.
        rules: The names of the rules of now.
        snoozes: What is snoozed; the judge asks the same.
        decider: Decides what asks; a replay may bring it something.
        minutes: What went through, minute by minute.
        standby: Whether another connection took over and this relay polls.
        take_back: Connects again where it stands by; whether it did.
        errands: Rounds that are asked for by hand.
        refused_lookup: Why the upstream refuses to look up states; None where it does not.
        reloader: None where the config can't be loaded anew.
        config_file: Where the config that runs lies, absolute; empty where it is in no file.
        undertakings: What was asked for by hand and is not done yet.
    """

    outbox: Outbox
    dispatcher: Dispatcher
    backfiller: Backfiller
    connection: ConnectionState
    metrics_registry: Metrics
    clock: Clock
    types: Mapping[str, str]
    channels: Callable[[], Sequence[Channel]]
    rules: Callable[[], Sequence[str]]
    snoozes: Snoozes
    decider: Notified
    minutes: Callable[[], tuple[Minute, ...]]
    standby: Callable[[], bool]
    take_back: Callable[[], bool]
    errands: Errands
    started_at_us: int
    simulated: bool
    refused_lookup: Callable[[], RelayError | None] = lambda: None
    reloader: Reloading | None = None
    config_file: str = ""
    undertakings: Undertakings = field(default_factory=Undertakings)

    def healthy(self) -> tuple[bool, list[str]]:
        """Answering at all shows that the loop turns; the store says whether it writes."""
        trouble = store_trouble(writes=self.outbox.healthy, damage=self.outbox.damage)
        return not trouble, [trouble] if trouble else []

    def ready(self) -> Readiness:
        """Whether alerts can flow, told from memory alone: the store may hang."""
        dispatcher = self.dispatcher
        return judged(
            Signs(
                self.connection,
                standby=self.standby(),
                writes=self.outbox.healthy,
                damage=self.outbox.damage,
                backfills=self.backfiller.status,
                refused_lookup=self.refused_lookup(),
                reload_fault=self.reloader.status.fault if self.reloader else "",
                lanes={name: lane.status() for name, lane in {**dispatcher.lanes, **dispatcher.leaving}.items()},
            )
        )

    async def metrics(self) -> bytes:
        """The exposition text; what it tells of queues is as of now."""
        try:
            self._measure(await self.outbox.stats())
        except StoreBusyError as error:  # the counters are still worth having
            _log.warning("queues can't be measured", error=str(error))
        return self.metrics_registry.render()

    def _measure(self, stats: Mapping[str, QueueStats]) -> None:
        metrics, now_us = self.metrics_registry, self.clock.now_us()
        for name in {*self.dispatcher.lanes, *stats}:  # a gauge that was never set would be missing, not 0
            queue = stats.get(name, QueueStats({}))
            oldest = queue.oldest_pending_us
            metrics.queue_depth.labels(name).set(queue.counts.get(State.PENDING, 0))
            metrics.oldest_pending.labels(name).set(0.0 if oldest is None else max(0.0, (now_us - oldest) / MICROS))

    async def status(self) -> Status:
        """How everything stands now."""
        holes, destinations, now_us = await self.outbox.holes(), await self._destinations(), self.clock.now_us()
        snoozes = tuple(self.snoozed())
        dead = {one.name: one.counts.get(State.DEAD, 0) for one in destinations}
        return Status(
            version=__version__,
            started_at_us=self.started_at_us,
            now_us=now_us,
            connection=standings.of_connection(
                self.connection, standby=self.standby(), started_at_us=self.started_at_us
            ),
            store=StoreStatus(self.outbox.healthy, "; ".join(self.healthy()[1])),
            backfill=standings.of_backfill(self.backfiller.status.values(), holes),
            channels=tuple([await self._channel(channel) for channel in self.channels()]),
            destinations=destinations,
            snoozes=snoozes,
            simulated=self.simulated,
            notes=(
                *waiting_notes(dead, (one.found_at_us for one in holes), now_us=now_us),
                *snooze_notes(snoozes),
            ),
            minutes=self.minutes(),
            config=self.config_file,
        )

    def destinations(self) -> Sequence[str]:
        """Names of those to which something may go: of the config, and those that leave."""
        return [*self.dispatcher.lanes, *self.dispatcher.leaving]

    async def _channel(self, channel: Channel) -> ChannelStatus:
        return standings.of_channel(channel, await self.outbox.channel(channel), self.connection)

    async def _destinations(self) -> tuple[DestinationStatus, ...]:
        stats = await self.outbox.stats()
        names = dict.fromkeys([*self.dispatcher.lanes, *self.dispatcher.leaving, *stats])
        return tuple(self._destination(name, stats.get(name, QueueStats({}))) for name in names)

    def _destination(self, name: str, queue: QueueStats) -> DestinationStatus:
        dispatcher = self.dispatcher
        queued = standings.of_queue(name, queue, in_flight=dispatcher.in_flight(name))
        lane = dispatcher.lanes.get(name) or dispatcher.leaving.get(name)
        if lane is None:
            return queued
        leaving, now_us = name in dispatcher.leaving, self.clock.now_us()
        return standings.of_lane(queued, lane, kind=self.types[name], leaving=leaving, now_us=now_us)

    @property
    def archive(self) -> Archive:
        """What is stored."""
        return self.outbox.archive

    async def queue(self, step: Coroutine[Any, Any, Step]) -> Step:
        """Take a step of the archive to its end, and let what it queued go out."""
        return await self.undertakings.see_through(self._queue(step))

    async def _queue(self, step: Coroutine[Any, Any, Step]) -> Step:
        came = await step
        if came.done:
            self.dispatcher.notify(came.destinations)
            self.decider.notify()
        return came

    async def drop(self, step: Coroutine[Any, Any, Step]) -> Step:
        """Take a step of the archive that lets go of dead letters to its end."""
        return await self.undertakings.see_through(self._drop(step))

    async def _drop(self, step: Coroutine[Any, Any, Step]) -> Step:
        came = await step
        stats = await self.outbox.stats() if came.destinations else {}
        for name in came.destinations:
            lane = self.dispatcher.lanes.get(name)
            if lane is not None and not (name in stats and stats[name].counts.get(State.DEAD)):
                lane.absolve()
        return came

    async def pause(self, name: str) -> None:
        """Stop sending to a destination; what comes is queued."""
        await self.undertakings.see_through(self._lane(name).pause())

    async def resume(self, name: str, *, drop_older: float | None) -> int:
        """Send again to a destination that is paused or off."""
        return await self.undertakings.see_through(self._lane(name).resume(drop_older=drop_older))

    def _lane(self, name: str) -> Lane:
        return {**self.dispatcher.leaving, **self.dispatcher.lanes}[name]

    def snoozed(self) -> Sequence[Snooze]:
        """What is snoozed now."""
        return self.snoozes.active()

    async def snooze(self, name: str, seconds: float, *, kind: SnoozeKind | None) -> Snooze:
        """Suppress what a rule, a destination or a symbol would have sent."""
        return await self.undertakings.see_through(self._snooze(name, seconds, kind))

    async def _snooze(self, name: str, seconds: float, kind: SnoozeKind | None) -> Snooze:
        begun = await silence.silence(self.snoozes, self._names(), name, seconds, kind)
        _log.info("snoozed", kind=begun.kind.value, name=begun.name, until=isoformat(begun.until_us))
        return begun

    async def wake(self, name: str | None, *, kind: SnoozeKind | None) -> Sequence[Snooze]:
        """End the snooze of something, or of all."""
        return await self.undertakings.see_through(self._wake(name, kind))

    async def _wake(self, name: str | None, kind: SnoozeKind | None) -> Sequence[Snooze]:
        ended = await silence.wake(self.snoozes, self._names(), name, kind)
        for snooze in ended:
            _log.info("snooze ended by an operator", kind=snooze.kind.value, name=snooze.name)
        return ended

    def _names(self) -> silence.Names:
        return silence.Names(self.rules(), list(self.dispatcher.lanes))

    def connect(self) -> bool:
        """Take the connection back."""
        return self.take_back()

    def backfill(self, since: float | None) -> Errand:
        """Begin a round of every subscribed channel."""
        return self.errands.begin(since=since)

    def errand(self, number: int) -> Errand | None:
        """How a backfill that was asked for stands."""
        return self.errands.find(number)

    def config(self) -> ConfigStatus:
        """The config that runs."""
        return self._reloader().status

    async def reload(self, *, drain: bool) -> Changes:
        """Load the config's file anew."""
        return await self._reloader().reload(drain=drain)

    def _reloader(self) -> Reloading:
        if self.reloader is None:
            raise RelayError("this relay holds no config that could be loaded anew")
        return self.reloader
