"""One channel's rounds, one at a time.

request ──┐                     ┌─ no round yet: FirstRound, at most 10 s; then what it became is durable
every 5 m ┴─> begin ──lock──────┴─ CatchUp ──> Report
                └─ who asks while a round waits for the lock shares that round;
                   who asks while one runs gets another after it, for that one may have looked too early
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from relay.backfill.baseline import beginning_us, has_baseline, provisional
from relay.backfill.first import FirstRound
from relay.backfill.footing import Footing
from relay.backfill.holes import MOST_HOLES, HoleBook
from relay.backfill.ports import Settings, Tools
from relay.backfill.round import CatchUp, Report, Result, finished
from relay.backfill.status import Board, Status
from relay.clock import wait_until
from relay.errors import RelayError
from relay.events import ALERT_CHANNELS, Channel
from relay.metrics import Metrics
from relay.outbox.channels import ChannelState
from relay.upstream.errors import RestRefusedError

log = structlog.get_logger()

BASELINE_TIMEOUT = 10.0


class Worker:
    """Runs a channel's rounds."""

    def __init__(self, channel: Channel, tools: Tools, metrics: Metrics, settings: Callable[[], Settings]) -> None:
        self.channel = channel
        self._tools = tools
        self._settings = settings
        self._board = Board(channel, tools.clock, metrics)
        self._holes: HoleBook | None = None
        self._footing = Footing(tools.clock)
        self._lock = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._settled = asyncio.Event()
        self._reasons: list[str] = []
        self._queued: asyncio.Task[Report] | None = None
        self._tasks: set[asyncio.Task[Report]] = set()
        self._wanted_since_us: int | None = None
        self._look_back_us: int | None = None
        self._floor: int | None = None
        self.baseline_timeout = BASELINE_TIMEOUT

    @property
    def status(self) -> Status:
        """How it stands."""
        return self._board.status

    def request(self, reason: str) -> None:
        """Ask for a round that begins after this moment; several asked at once are one."""
        if reason not in self._reasons:
            self._reasons.append(reason)
        self._wanted.set()

    async def loop(self, subscribed: Callable[[], bool]) -> None:
        """A round a request, and one every ``settings.every`` seconds, while the channel is subscribed."""
        while True:
            if not await wait_until(self._wanted, self._tools.clock, self._settings().every):
                self._reasons.append("reconciliation")
            self._wanted.clear()
            if subscribed():
                await asyncio.shield(self.begin())
            else:
                self._reasons.clear()

    def begin(self, *, since_us: int | None = None) -> asyncio.Task[Report]:
        """The next round that has not begun yet.

        Args:
            since_us: It looks back at least to this time, µs since the epoch, whatever the cursor says.
        """
        if since_us is not None:
            self._look_back_us = since_us if self._look_back_us is None else min(self._look_back_us, since_us)
        if self._queued is None:
            self._queued = asyncio.create_task(self._round(), name=f"backfill {self.channel.value}")
            self._tasks.add(self._queued)
            self._queued.add_done_callback(self._forget)
        return self._queued

    async def settle(self) -> None:
        """Return when the channel's beginning is decided: at once where it was in an earlier run."""
        state = await self._tools.memory.channel(self.channel)
        if state.rounds:
            self._note(state)
            return
        self.begin()
        await self._settled.wait()

    async def close(self) -> None:
        """Cancel what runs; a commit under way is finished first."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, task: asyncio.Task[Report]) -> None:
        self._tasks.discard(task)
        if self._queued is task:
            self._queued = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("backfill broke down", channel=self.channel.value, exc_info=error)

    async def _round(self) -> Report:
        async with self._lock:
            self._queued = None
            reason = ", ".join(self._reasons) or "asked for"
            self._reasons.clear()
            since_us, self._look_back_us = self._look_back_us, None
            self._board.begun()
            try:
                report = await self._first_or_usual(since_us)
            except RestRefusedError as error:
                self._board.refused(error)
                return Report(self.channel, Result.REFUSED, error=str(error))
            except RelayError as error:
                self._board.failed(error)
                return Report(self.channel, Result.FAILED, error=str(error))
            except BaseException:
                self._board.stopped()
                raise
            self._board.completed(report, reason)
            return report

    async def _first_or_usual(self, since_us: int | None) -> Report:
        state = await self._tools.memory.channel(self.channel)
        if not state.rounds:
            report = await self._first(state)
            if report is not None:
                return report
            state = await self._tools.memory.channel(self.channel)
        self._note(state)
        round_ = CatchUp(
            self._tools,
            self.channel,
            state,
            self._settings(),
            observer=self._board,
            holes=await self._hole_book(),
            footing=self._footing,
            floor=self._floor,
            since_us=since_us,
        )
        return await round_.run()

    async def _hole_book(self) -> HoleBook:
        if self._holes is None:
            stored = await self._tools.memory.holes(limit=2 * MOST_HOLES)  # of both channels
            self._holes = HoleBook(hole for hole in reversed(stored) if hole.channel is self.channel)
        return self._holes

    async def _first(self, state: ChannelState) -> Report | None:
        if self._wanted_since_us is None:
            self._wanted_since_us = await self._first_wanted_us()
        first = FirstRound(self._tools, self.channel, state, self._settings(), observer=self._board)
        try:
            report = await first.run(within=self.baseline_timeout)
        except RestRefusedError:
            await self._begin_without_past()
            raise
        self._floor = first.floor
        if report is None:
            await self._begin_without_past()
        self._settled.set()
        return report

    async def _begin_without_past(self) -> None:
        assert self._wanted_since_us is not None
        before_us = beginning_us(self._wanted_since_us, self._settings().on_first_start)
        await finished(self._tools.sink.store((), (), round_end=provisional(self.channel, before_us)))
        self._settled.set()
        log.warning("no baseline over REST yet; live alerts are delivered", channel=self.channel.value)

    async def _first_wanted_us(self) -> int:
        """The relay's first start; for a channel that a rule asked for later, now."""
        others = [channel for channel in ALERT_CHANNELS if channel is not self.channel]
        begun = [(await self._tools.memory.channel(channel)).rounds for channel in others]
        return self._tools.clock.now_us() if any(begun) else self._tools.memory.first_started_at_us

    def _note(self, state: ChannelState) -> None:
        self._settled.set()
        if has_baseline(state):
            self._board.has_baseline()
