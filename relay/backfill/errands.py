"""Rounds that a person asks for: begun at once, told of when they are over.

    begin(since) ──> Errand, running ──every subscribed channel's round──> Errand with its reports

Nobody waits for a round in a request: REST may take minutes, and it goes on when whoever asked has left.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

import msgspec
import structlog

from relay.backfill.backfiller import Backfiller
from relay.backfill.round import Report
from relay.clock import MICROS, Clock
from relay.durations import format_duration, parse_duration

_log = structlog.get_logger()

MOST: Final = 16
"""Errands that are remembered; of more, the oldest is forgotten, whether it runs or not."""


LONGEST: Final = 3_650 * 86_400.0
"""Seconds that a person may ask to look back."""


def looking_back(text: str) -> float:
    """How many seconds to look back, as a person writes it.

    Raises:
        ValueError: It is no duration, or longer than anything REST could still show.
    """
    seconds = parse_duration(text)
    if seconds > LONGEST:
        raise ValueError(f"a backfill looks back {format_duration(LONGEST)} at most")
    return seconds


class Errand(msgspec.Struct, frozen=True):
    """Rounds that were asked for by hand.

    Attributes:
        number: Of this run.
        since_us: How far back was asked for, µs since the epoch; None leaves that to the cursor.
        begun_at_us: When.
        reports: One for each channel; None while it runs.
        failed: Why there are none though it is over; empty otherwise.
    """

    number: int
    since_us: int | None
    begun_at_us: int
    reports: tuple[Report, ...] | None = None
    failed: str = ""

    @property
    def running(self) -> bool:
        """Whether it is not over yet."""
        return self.reports is None and not self.failed


class Errands:
    """Begins them, and remembers the last ones."""

    def __init__(self, backfiller: Backfiller, clock: Clock) -> None:
        self._backfiller = backfiller
        self._clock = clock
        self._known: OrderedDict[int, Errand] = OrderedDict()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._last = 0

    def begin(self, *, since: float | None = None) -> Errand:
        """A round of every subscribed channel; who asks while one is waiting to begin shares it.

        Args:
            since: Look back so many seconds, ``LONGEST`` at most, whatever the cursors say.
        """
        errand = self._new(since)
        task = asyncio.create_task(self._run(errand), name=f"backfill by hand {errand.number}")
        self._tasks[errand.number] = task
        task.add_done_callback(lambda _: self._tasks.pop(errand.number, None))
        return errand

    async def run(self, *, since: float | None = None) -> Errand:
        """Likewise, for who can wait: how it ended."""
        errand = self._new(since)
        await self._run(errand)
        return self._known[errand.number]

    def find(self, number: int) -> Errand | None:
        """How it stands; None where it is not known any more."""
        return self._known.get(number)

    async def close(self) -> None:
        """Wait for none of them any longer; their rounds are the backfiller's."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _new(self, since: float | None) -> Errand:
        now_us = self._clock.now_us()
        self._last += 1
        return self._note(Errand(self._last, None if since is None else now_us - round(since * MICROS), now_us))

    async def _run(self, errand: Errand) -> None:
        try:
            reports = await self._backfiller.run_now(since_us=errand.since_us)
        except asyncio.CancelledError:
            if errand.number in self._known:
                self._note(msgspec.structs.replace(errand, failed="the relay ended"))
            raise
        except Exception as error:  # noqa: BLE001  because whoever asked is to hear of it, whatever it is
            self._note(msgspec.structs.replace(errand, failed=f"the round broke down ({type(error).__name__})"))
            _log.exception("backfill asked for by hand broke down")
        else:
            self._note(msgspec.structs.replace(errand, reports=tuple(reports)))

    def _note(self, errand: Errand) -> Errand:
        self._known[errand.number] = errand
        while len(self._known) > MOST:
            forgotten, _ = self._known.popitem(last=False)
            if task := self._tasks.pop(forgotten, None):
                task.cancel()  # its rounds go on; nobody can ask how they end
        return errand
