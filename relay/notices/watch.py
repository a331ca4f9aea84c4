"""Looks at the relay every few seconds, and offers what is newly wrong.

    lanes, backfiller, store, disk, reloader ──look──> View ──troubles──> offer
                                         └──now──> whoever tells, for what waited may have healed

It reads what the parts know anyway, in memory: it sees as much when the store is stuck. Only how many dead letters are
left does the store know; it is asked before that is told, and not for long.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from msgspec.structs import replace

from relay.backfill.backfiller import Backfiller
from relay.backfill.status import Standing
from relay.clock import MICROS, Clock
from relay.deliveries import State
from relay.delivery.dispatcher import Dispatcher
from relay.destinations.notice import Trouble, TroubleKind
from relay.errors import RelayError
from relay.metrics import Metrics
from relay.notices.troubles import Disk, Off, Refused, View, troubles
from relay.outbox.base import Outbox, Switch

_log = structlog.get_logger()

LOOK_SECONDS: Final = 2.0
_DISK_EVERY: Final = 15  # looks
_ANSWER_SECONDS: Final = 1.0  # for the store to say how many dead letters are left
_ANSWERS: Final = 2
_DAY_US: Final = 86_400 * MICROS


@dataclass(frozen=True, slots=True)
class Sources:
    """What is looked at.

    Attributes:
        store_path: The store's file; its file system is measured.
        standby: Whether another connection took over and this relay polls.
        reload_fault: Why the last reload changed nothing; empty where it worked.
        started_at_us: When this relay started, µs since the epoch.
    """

    dispatcher: Dispatcher
    backfiller: Backfiller
    outbox: Outbox
    metrics: Metrics
    store_path: Path
    standby: Callable[[], bool]
    reload_fault: Callable[[], str]
    started_at_us: int


class Watch:
    """Looks."""

    def __init__(self, sources: Sources, offer: Callable[[Iterable[Trouble]], None], clock: Clock) -> None:
        self._sources = sources
        self._offer = offer
        self._clock = clock
        self._today = Today()
        self._seen = View(since_us=sources.started_at_us)
        self._disk: Disk | None = None

    async def run(self) -> None:
        """Look for ever."""
        look = 0
        while True:
            if look % _DISK_EVERY == 0:
                await self._measure()
            look += 1
            self._look()
            await self._clock.sleep(LOOK_SECONDS)

    async def now(self, kinds: Collection[TroubleKind]) -> View:
        """How the relay stands, as far as it matters to these; what is newly wrong has been offered."""
        if TroubleKind.DISK in kinds:
            await self._measure()
        now = self._look()
        if TroubleKind.DEAD_LETTERS not in kinds:
            return now
        for _ in range(_ANSWERS):
            before, left = now, await self._left()
            now = self._look()
            if left is None or now.dead == before.dead:
                return replace(now, left=left)
        return now  # they come faster than the store can tell of them

    async def _measure(self) -> None:
        self._disk = await asyncio.to_thread(disk_of, self._sources.store_path)

    async def _left(self) -> dict[str, int] | None:
        outbox = self._sources.outbox
        if not outbox.healthy:
            return None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                stats = await outbox.stats()
        except (TimeoutError, RelayError):
            return None
        return {name: queue.counts.get(State.DEAD, 0) for name, queue in stats.items()}

    def _look(self) -> View:
        """Look, and offer what was well at the last look, whoever took that."""
        before, after = self._seen, self._view(self._disk)
        self._seen = after
        found = troubles(before, after)
        for trouble in found:
            if trouble.kind is TroubleKind.DISK:  # the others are logged where they happen
                _log.warning(trouble.text, hint=trouble.hint)
        self._offer(found)
        return after

    def _view(self, disk: Disk | None) -> View:
        sources = self._sources
        lanes = {name: lane.status() for name, lane in sources.dispatcher.lanes.items()}
        backfills = sources.backfiller.status
        return View(
            since_us=sources.started_at_us,
            standby=sources.standby(),
            off={name: Off(s.reason, s.since_us) for name, s in lanes.items() if s.switch is Switch.OFF},
            dead=self._today.count(dead_letters(sources.metrics), self._clock.now_us()),
            holes={channel.value: status.holes for channel, status in backfills.items()},
            refused={
                channel.value: Refused(status.last_error, status.hint)
                for channel, status in backfills.items()
                if status.standing is Standing.REFUSED
            },
            store_writes=sources.outbox.healthy,
            damage=sources.outbox.damage,
            disk=disk,
            reload_fault=sources.reload_fault(),
        )


class Today:
    """Counts that begin anew each day, UTC, out of counts that only rise."""

    def __init__(self) -> None:
        self._day = -1
        self._base: Mapping[str, int] = {}
        self._last: Mapping[str, int] = {}

    def count(self, totals: Mapping[str, int], now_us: int) -> dict[str, int]:
        """Of ``totals`` what came today."""
        if now_us // _DAY_US != self._day:
            self._day, self._base = now_us // _DAY_US, self._last
        self._last = dict(totals)
        return {name: total - self._base.get(name, 0) for name, total in totals.items()}


def dead_letters(metrics: Metrics) -> dict[str, int]:
    """Deliveries that became dead letters in this run, by destination."""
    return {
        sample.labels["destination"]: int(sample.value)
        for family in metrics.deliveries.collect()
        for sample in family.samples
        if sample.name == "relay_deliveries_total" and sample.labels["result"] == "dead" and sample.value
    }


def disk_of(store: Path) -> Disk | None:
    """The file system that ``store`` lies on; None where it can't be asked."""
    try:
        usage = shutil.disk_usage(store.parent)
    except OSError:
        return None
    return Disk(usage.free, usage.total)
