"""What there is to see of a demo at one moment, and what it comes to in the end. Plain values."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from relay.demo.chats import Room
from relay.demo.faults import Fault, Mishap
from relay.demo.status import RelayStatus
from relay.demo.tally import Counts
from relay.demo.verify import Receipt


class Phase(StrEnum):
    """Where a demo stands."""

    STARTING = "starting"
    RUNNING = "running"
    OVER = "over"  # the replay is at its end, and nobody said when to stop
    CATCHING_UP = "catching up"  # nothing is fired any more; what is due arrives
    ENDED = "ended"


class Replay(msgspec.Struct, frozen=True):
    """How far the market is: the ``day``, the number of it (from 0), and how many there are."""

    day: date | None = None
    index: int = 0
    days: int = 0


class Arrival(msgspec.Struct, frozen=True):
    """A receipt, and how many seconds after the alert was fired it came."""

    receipt: Receipt
    latency: float


class Scene(msgspec.Struct, frozen=True):
    """One moment.

    Attributes:
        seconds: Since the replay began.
        of_seconds: How long it will be; None for until stopped.
        page: URL of the relay's page; empty before it is there.
        config: The config's file.
        arrivals: What arrived since the last moment shown, oldest first.
        mishaps: Faults so far, oldest first, each as it stands.
        rooms: The chats' channels; none before they are there.
    """

    phase: Phase
    seconds: float
    of_seconds: float | None
    page: str
    config: str
    replay: Replay
    counts: Counts
    status: RelayStatus
    arrivals: tuple[Arrival, ...] = ()
    mishaps: tuple[Mishap, ...] = ()
    rooms: tuple[Room, ...] = ()


class Report(msgspec.Struct, frozen=True):
    """What it came to.

    Attributes:
        replay: Where it stopped; ``index`` is the number of days replayed.
        seconds: How long the replay was.
        counts: At the very end, the relay being stopped; latencies of the whole run.
        injected: What went wrong on purpose, in order.
        seen_again: Sightings of alerts the relay had already.
        rooms: The chats' channels.
        findings: Whatever is not as it should be; empty where all that matched arrived exactly once.
    """

    replay: Replay
    seconds: float
    counts: Counts
    injected: tuple[Fault, ...] = ()
    seen_again: int = 0
    rooms: tuple[Room, ...] = ()
    findings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all that matched arrived exactly once."""
        return not self.findings
