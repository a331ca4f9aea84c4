"""What is known of the connection right now, for ``/readyz`` and the page.

The reader writes it, everybody else only reads it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from relay.clock import MICROS
from relay.events import Channel, Instant

HISTORY: Final = 50
_LONGEST_STAMP: Final = 64  # of a time's text; a longer one is none, and would be kept


class Phase(StrEnum):
    """Where the connection stands."""

    IDLE = "idle"
    CONNECTING = "connecting"
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    WAITING = "waiting"  # for the next attempt
    EVICTED = "evicted"
    REJECTED = "rejected"
    STOPPED = "stopped"


class Transition(msgspec.Struct, frozen=True):
    """A step of the connection's history."""

    at_us: int
    phase: Phase
    detail: str = ""


@dataclass(slots=True)
class ConnectionState:
    """The connection as it is now.

    Attributes:
        phase: Where it stands.
        since_us: Since when, µs since the epoch; 0 before the first attempt.
        accepted: Channels the server has acknowledged on this connection.
        refused: Channels it left out: the key lacks their scope.
        last_seq: ``seq`` of the newest frame of this connection.
        last_frame_us: When the newest frame came, over all connections.
        attempts: Connection attempts of this run.
        connections: Connections of this run that were acknowledged.
        last_error: Why the last connection or attempt ended, with its hint; empty before there was one.
        history: The last transitions, oldest first.
    """

    phase: Phase = Phase.IDLE
    since_us: int = 0
    accepted: frozenset[Channel] = frozenset()
    refused: frozenset[Channel] = frozenset()
    last_seq: int | None = None
    last_frame_us: int | None = None
    attempts: int = 0
    connections: int = 0
    last_error: str = ""
    history: deque[Transition] = field(default_factory=lambda: deque(maxlen=HISTORY))
    _stamped: tuple[bytes, int] | None = None

    @property
    def connected(self) -> bool:
        """The socket is open."""
        return self.phase in {Phase.OPEN, Phase.ACKNOWLEDGED}

    @property
    def acknowledged(self) -> bool:
        """The socket is open and the subscription was answered."""
        return self.phase is Phase.ACKNOWLEDGED

    @property
    def lag_seconds(self) -> float | None:
        """How long the newest frame of this connection was on its way, by both clocks; None where it told no time.

        It is read when somebody asks: most frames are never asked about.
        """
        if self._stamped is None:
            return None
        ts, came_us = self._stamped
        try:
            sent = Instant.parse(msgspec.json.decode(ts))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        return None if sent is None else (came_us - sent.us) / MICROS

    def stamp(self, ts: bytes) -> None:
        """Note the time that the newest frame tells of itself: JSON; empty where it tells none, or there is none."""
        came_us = self.last_frame_us
        self._stamped = (ts, came_us) if came_us is not None and 0 < len(ts) < _LONGEST_STAMP else None

    def enter(self, phase: Phase, at_us: int, detail: str = "") -> None:
        """Note a step."""
        self.connections += phase is Phase.ACKNOWLEDGED and not self.acknowledged
        self.phase = phase
        self.since_us = at_us
        self.history.append(Transition(at_us, phase, detail))
