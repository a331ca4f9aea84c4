"""How long a lane's last deliveries took: a ring of seconds, and what lies in the middle and near the top of it.

    attempt ──delivered──> note(seconds) ──the last 512──> read() ──> Latency

One sample a message. The histogram of the metrics keeps everything since the start; this tells of now.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from relay.delivery.settings import Latency

SAMPLES: Final = 512


class Latencies:
    """The last ``SAMPLES`` of one lane."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=SAMPLES)

    def note(self, seconds: float) -> None:
        """One was delivered, so long after it was received."""
        self._seconds.append(seconds)

    def read(self) -> Latency | None:
        """As of now, by nearest rank; None before the first."""
        ordered = sorted(self._seconds)
        count = len(ordered)
        if not count:
            return None
        return Latency(ordered[(count - 1) // 2], ordered[-(-count * 99 // 100) - 1], count)
