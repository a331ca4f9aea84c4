"""How long a lane's last deliveries took: a ring of seconds, and what lies in the middle and near the top of it.

    attempt ──delivered──> note(seconds) ──the last 512──> read() ──> Latency

One sample a message. The histogram of the metrics keeps everything since the start; this tells of now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

SAMPLES: Final = 512


class Latency(msgspec.Struct, frozen=True):
    """How long the last deliveries took, from the event's receipt to the 2xx; seconds.

    Attributes:
        p50: Half of them took no longer.
        p99: 99 of 100 of them took no longer.
        count: How many they are.
    """

    p50: float
    p99: float
    count: int


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
        if not ordered:
            return None
        return Latency(nearest_rank(ordered, 50), nearest_rank(ordered, 99), len(ordered))


def nearest_rank(ordered: Sequence[float], per_cent: int) -> float:
    """The least of ``ordered`` that is no less than so many of a hundred of them; there is one at least."""
    rank = -(-len(ordered) * per_cent // 100)  # rounded up
    return ordered[rank - 1]
