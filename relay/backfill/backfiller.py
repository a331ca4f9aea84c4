"""When rounds are made: after every acknowledgement, after a gap or an overflow, and every now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

from relay.backfill.ports import Settings, Tools
from relay.backfill.round import Report
from relay.backfill.status import Status
from relay.backfill.worker import BASELINE_TIMEOUT, Worker
from relay.events import ALERT_CHANNELS, Channel
from relay.metrics import Metrics


class Backfiller:
    """A worker for each alert channel, so that an endpoint in trouble holds up no other.

    Args:
        tools: What rounds work with.
        metrics: Where rounds and holes are counted.
        settings: The ``backfill`` section; ``configure`` replaces it.
        channels: The channels that are subscribed to now (others are passed over).
    """

    def __init__(
        self, tools: Tools, metrics: Metrics, settings: Settings, *, channels: Callable[[], Collection[Channel]]
    ) -> None:
        self._clock = tools.clock
        self._settings = settings
        self._channels = channels
        self._workers = {channel: Worker(channel, tools, metrics, lambda: self._settings) for channel in ALERT_CHANNELS}

    @property
    def status(self) -> Mapping[Channel, Status]:
        """How each channel's backfill stands."""
        return {channel: worker.status for channel, worker in self._workers.items()}

    def configure(self, settings: Settings) -> None:
        """Use other settings from the next round on."""
        self._settings = settings

    def request(self, reason: str) -> None:
        """Ask for a round of every subscribed channel, soon; ``reason`` is for the log. Never waits."""
        for worker in self._workers.values():
            worker.request(reason)

    async def run(self) -> None:
        """Make rounds until cancelled; then a commit under way is finished, and nothing is left running."""
        try:
            async with asyncio.TaskGroup() as group:
                for channel, worker in self._workers.items():
                    group.create_task(worker.loop(self._subscribed(channel)), name=f"backfill loop {channel.value}")
        finally:
            await self.close()

    async def run_now(self, *, since_us: int | None = None) -> list[Report]:
        """A round of every subscribed channel that begins after this moment; what came of each.

        Args:
            since_us: It looks back at least to this time, µs since the epoch, whatever the cursor says.
        """
        rounds = [
            worker.begin(since_us=since_us) for channel, worker in self._workers.items() if channel in self._channels()
        ]
        return list(await asyncio.gather(*map(asyncio.shield, rounds)))

    async def ensure_baseline(self, channels: Collection[Channel], within: float = BASELINE_TIMEOUT) -> None:
        """Decide where channels begin before they are first subscribed.

        Returns when each has its baseline, at once where it has one, when REST refuses, and after ``within`` seconds
        in any case; then the rounds go on in the background.
        """
        workers = [worker for channel, worker in self._workers.items() if channel in channels]
        for worker in workers:
            worker.baseline_timeout = within
        settling = asyncio.ensure_future(self._settle(workers))
        timer = asyncio.ensure_future(self._clock.sleep(within))
        try:
            await asyncio.wait((settling, timer), return_when=asyncio.FIRST_COMPLETED)
            if settling.done():
                settling.result()
        finally:
            timer.cancel()
            settling.cancel()

    async def _settle(self, workers: Collection[Worker]) -> None:
        await asyncio.gather(*(worker.settle() for worker in workers))

    async def close(self) -> None:
        """Cancel every round; a commit under way is finished first."""
        await asyncio.gather(*(worker.close() for worker in self._workers.values()))

    def _subscribed(self, channel: Channel) -> Callable[[], bool]:
        return lambda: channel in self._channels()
