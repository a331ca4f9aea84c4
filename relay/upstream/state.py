"""What is known of the connection right now, for ``/readyz`` and the page.

The reader writes it, everybody else only reads it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from relay.events import Channel

HISTORY: Final = 50


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

    @property
    def connected(self) -> bool:
        """The socket is open."""
        return self.phase in {Phase.OPEN, Phase.ACKNOWLEDGED}

    @property
    def acknowledged(self) -> bool:
        """The socket is open and the subscription was answered."""
        return self.phase is Phase.ACKNOWLEDGED

    def enter(self, phase: Phase, at_us: int, detail: str = "") -> None:
        """Note a step."""
        self.connections += phase is Phase.ACKNOWLEDGED and not self.acknowledged
        self.phase = phase
        self.since_us = at_us
        self.history.append(Transition(at_us, phase, detail))
