"""The faults of a demo: they happen by themselves, one after the other.

    drop     the socket's TCP connection is aborted
    swallow  frames are counted in ``seq`` and not sent
    outage   a receiver answers 503 for a while
    refuse   a chat answers its next messages with 503

Each becomes a line that is filled in as the relay mends it. What it cost is known by number: alerts are counted as they
are fired, and a fault is mended once none that was fired before its end is still on its way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle
from typing import Final, TypeAlias

from relay.clock import Clock, wait_until
from relay.demo.chats import Chats
from relay.demo.scenario import DISCORD, FAILING, TIMED
from relay.demo.tally import Tally
from relay.events import ALERT_CHANNELS
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator

OUTAGE_SECONDS: Final = 2.0
SWALLOWED: Final = 20  # frames
REFUSED: Final = 2  # messages
_SPACING: Final = 6.0  # seconds
_CLOSEST: Final = 2.5  # by then a drop is mended
_MENDED_WITHIN: Final = 60.0
_OK, _UNAVAILABLE = 200, 503

Until: TypeAlias = Callable[[Callable[[], bool], float], Awaitable[None]]
"""Returns once a condition of the tally holds, or fails with TimeoutError after so many seconds."""


class Fault(StrEnum):
    """What goes wrong."""

    DROP = "drop"
    SWALLOW = "swallow"
    OUTAGE = "outage"
    REFUSE = "refuse"


@dataclass(slots=True)
class Mishap:
    """A fault that happened.

    Attributes:
        kind: What went wrong.
        at: Seconds into the replay.
        took: Seconds until the relay was connected again, or all that waited had arrived; None while it has not.
        count: Alerts recovered since, or deliveries that waited at most.
        over: How many alerts were fired when it was over; None while it lasts.
        mended: Nothing that it cost or held up is still to come: ``count`` is final.
    """

    kind: Fault
    at: float
    took: float | None = None
    count: int = 0
    over: int | None = None
    mended: bool = False

    def __str__(self) -> str:
        back = "still behind" if self.took is None else f"all there after {self.took:.1f} s"
        recovered = f"{self.count} alerts recovered by backfill{'' if self.mended else ' so far'}"
        match self.kind:
            case Fault.DROP:
                back = "reconnecting" if self.took is None else f"back after {self.took:.1f} s"
                return f"socket dropped, {back}, {recovered}"
            case Fault.SWALLOW:
                return f"{SWALLOWED} frames lost on the way, {recovered}"
            case Fault.OUTAGE:
                return (
                    f"receiver {FAILING} answers 503 for {OUTAGE_SECONDS:g} s, {self.count} deliveries waited, {back}"
                )
            case Fault.REFUSE:
                return f"chat {DISCORD} answers 503 {REFUSED} times, {self.count} alerts waited, {back}"


def timetable(seconds: float | None) -> Iterator[tuple[float, Fault]]:
    """When what goes wrong, in seconds from the start of the replay.

    Args:
        seconds: How long the demo is; the end of it stays quiet. None for without end.
    """
    at = _SPACING if seconds is None else min(_SPACING, seconds * 0.3)
    last = float("inf") if seconds is None else seconds * 0.85
    spacing = max(at, _CLOSEST)
    for fault in cycle(Fault):
        if at >= last:
            return
        yield at, fault
        at += spacing


_SLOW: Final = {Fault.OUTAGE: FAILING, Fault.REFUSE: DISCORD}
"""Where deliveries wait, by the fault that makes them."""


class FaultInjector:
    """Causes the faults and watches them mend.

    Args:
        simulator: Whose socket fails.
        inbox: A receiver of which fails.
        chats: One of which refuses.
        tally: Tells what is still to come.
        until: Waits for that.
        clock: Tells when.

    Attributes:
        mishaps: What happened so far, oldest first.
    """

    def __init__(
        self, simulator: Simulator, inbox: Inbox, chats: Chats, *, tally: Tally, until: Until, clock: Clock
    ) -> None:
        self._simulator, self._inbox, self._chats, self._tally, self._clock = simulator, inbox, chats, tally, clock
        self._until = until
        self._began = 0.0
        self._quiet = asyncio.Event()
        self.mishaps: list[Mishap] = []

    async def run(self, seconds: float | None) -> None:
        """Cause one fault after the other."""
        self._began = self._clock.monotonic()
        for due, kind in timetable(seconds):
            await self._clock.sleep(due - self._seconds())
            if self._quiet.is_set():
                return
            mishap = Mishap(kind, self._seconds())
            self.mishaps.append(mishap)
            with suppress(TimeoutError):  # it shows as not mended, and in what is missing at the end
                await self._cause(mishap)
            self.watch()

    def watch(self) -> None:
        """Fill in what mishaps came to so far."""
        for number, mishap in enumerate(self.mishaps):
            if not mishap.mended:
                self._look(mishap, self.mishaps[:number])

    def settle(self) -> None:
        """Cause no more, and undo what is wrong; what is not mended is watched until it is."""
        self._quiet.set()
        self._simulator.faults.clear()
        self._inbox.always(_OK, path=f"/{FAILING}")

    def _look(self, mishap: Mishap, earlier: Sequence[Mishap]) -> None:
        tally, slow = self._tally, _SLOW.get(mishap.kind)
        if mishap.kind is Fault.SWALLOW and mishap.over is None and not self._simulator.faults.mangles:
            mishap.over = tally.fired
        if slow is None:
            first = next((one.over for one in reversed(earlier) if one.over is not None), 0)
            mishap.count = tally.recovered(first, mishap.over)
        else:
            mishap.count = max(mishap.count, tally.waiting(slow))
        there = mishap.over is not None and not tally.behind(slow or TIMED, mishap.over)
        mishap.mended = there or (self._quiet.is_set() and tally.complete)
        if mishap.mended and mishap.took is None and slow is not None:
            mishap.took = self._seconds() - mishap.at

    async def _cause(self, mishap: Mishap) -> None:
        """Let it happen; return when it is over, and what it held up has arrived.

        Raises:
            TimeoutError: That takes too long.
        """
        match mishap.kind:
            case Fault.DROP:
                opened = self._simulator.opened
                self._simulator.faults.drop()
                await self._simulator.wait_until(
                    lambda: self._simulator.opened > opened and subscribed(self._simulator), _MENDED_WITHIN
                )
                mishap.took = self._seconds() - mishap.at
                mishap.over = self._tally.fired
            case Fault.SWALLOW:
                self._simulator.faults.swallow(SWALLOWED)
                mishap.took = 0.0
            case Fault.OUTAGE:
                self._inbox.always(_UNAVAILABLE, path=f"/{FAILING}")
                await wait_until(self._quiet, self._clock, OUTAGE_SECONDS)
                self._inbox.always(_OK, path=f"/{FAILING}")
                await self._caught_up(mishap, FAILING)
            case Fault.REFUSE:
                failed = self._chats.answered(DISCORD, _UNAVAILABLE) + REFUSED
                self._chats.fail(DISCORD, *[_UNAVAILABLE] * REFUSED)
                await self._chats.wait_until(
                    DISCORD, lambda: self._chats.answered(DISCORD, _UNAVAILABLE) >= failed, _MENDED_WITHIN
                )
                await self._caught_up(mishap, DISCORD)

    async def _caught_up(self, mishap: Mishap, destination: str) -> None:
        """It is over: wait until what it held up at ``destination`` is there, while more is fired."""
        before = mishap.over = self._tally.fired
        await self._until(lambda: not self._tally.behind(destination, before), _MENDED_WITHIN)

    def _seconds(self) -> float:
        """Since the replay began."""
        return self._clock.monotonic() - self._began


def subscribed(simulator: Simulator) -> bool:
    """Whether the relay listens to all alerts."""
    return all(simulator.subscribed(channel) for channel in ALERT_CHANNELS)
