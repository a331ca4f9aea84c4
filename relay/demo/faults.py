"""The faults of a demo: they happen by themselves, one after the other.

    drop     the socket's TCP connection is aborted
    swallow  frames are counted in ``seq`` and not sent
    outage   a receiver answers 503 for a while
    refuse   a chat answers its next messages with 503

Each becomes a line that is filled in as the relay mends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle
from typing import Final

from relay.clock import Clock
from relay.demo.chats import Chats
from relay.demo.scenario import DISCORD, FAILING
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
    """

    kind: Fault
    at: float
    took: float | None = None
    count: int = 0

    def __str__(self) -> str:
        back = "still behind" if self.took is None else f"all there after {self.took:.1f} s"
        match self.kind:
            case Fault.DROP:
                back = "reconnecting" if self.took is None else f"back after {self.took:.1f} s"
                return f"socket dropped, {back}, {self.count} alerts recovered by backfill"
            case Fault.SWALLOW:
                return f"{SWALLOWED} frames lost on the way, {self.count} alerts recovered by backfill"
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

    Attributes:
        mishaps: What happened so far, oldest first.
    """

    def __init__(self, simulator: Simulator, inbox: Inbox, chats: Chats, tally: Tally, clock: Clock) -> None:
        self._simulator, self._inbox, self._chats, self._tally, self._clock = simulator, inbox, chats, tally, clock
        self._recovered_before = 0
        self._quiet = False
        self.mishaps: list[Mishap] = []

    async def run(self, seconds: float | None) -> None:
        """Cause one fault after the other."""
        began = self._clock.monotonic()
        for due, kind in timetable(seconds):
            await self._clock.sleep(began + due - self._clock.monotonic())
            if self._quiet:
                return
            mishap = Mishap(kind, self._clock.monotonic() - began)
            self._recovered_before = self._tally.recovered
            self.mishaps.append(mishap)
            try:
                await self._cause(mishap)
            except TimeoutError:  # it shows as not mended, and in what is missing at the end
                continue

    def watch(self) -> None:
        """Fill in what the last mishap came to so far."""
        if not self.mishaps:
            return
        last = self.mishaps[-1]
        slow = _SLOW.get(last.kind)
        if slow is None:
            last.count = self._tally.recovered - self._recovered_before
        elif last.took is None:
            last.count = max(last.count, self._tally.waiting(slow))

    def settle(self) -> None:
        """Cause no more, and undo what is wrong; the last fault is watched until it is mended."""
        self._quiet = True
        self._simulator.faults.clear()
        self._inbox.always(_OK, path=f"/{FAILING}")

    async def _cause(self, mishap: Mishap) -> None:
        began = self._clock.monotonic()
        match mishap.kind:
            case Fault.DROP:
                opened = self._simulator.opened
                self._simulator.faults.drop()
                await self._simulator.wait_until(
                    lambda: self._simulator.opened > opened and subscribed(self._simulator), _MENDED_WITHIN
                )
            case Fault.SWALLOW:
                self._simulator.faults.swallow(SWALLOWED)
            case Fault.OUTAGE:
                self._inbox.always(_UNAVAILABLE, path=f"/{FAILING}")
                await self._clock.sleep(OUTAGE_SECONDS)
                self._inbox.always(_OK, path=f"/{FAILING}")
                await self._inbox.wait_until(lambda: not self._tally.waiting(FAILING), _MENDED_WITHIN)
            case Fault.REFUSE:
                await self._refuse()
        mishap.took = self._clock.monotonic() - began

    async def _refuse(self) -> None:
        """Let a chat fail, and wait until nothing waits there any more."""
        chats, tally = self._chats, self._tally
        failed = chats.answered(DISCORD, _UNAVAILABLE) + REFUSED
        chats.fail(DISCORD, *[_UNAVAILABLE] * REFUSED)
        await chats.wait_until(
            DISCORD,
            lambda: chats.answered(DISCORD, _UNAVAILABLE) >= failed and not tally.waiting(DISCORD),
            _MENDED_WITHIN,
        )


def subscribed(simulator: Simulator) -> bool:
    """Whether the relay listens to all alerts."""
    return all(simulator.subscribed(channel) for channel in ALERT_CHANNELS)
