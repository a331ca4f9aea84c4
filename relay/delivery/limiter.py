"""A configured rate, ``50/1s``: never more than that many in any span of that length, and no sooner than needed."""

from __future__ import annotations

from collections import deque


class Limiter:
    """A sliding log of the last ``count`` sendings; a token bucket would let twice as many through at its seam."""

    def __init__(self, count: int, seconds: float) -> None:
        self._seconds = seconds
        self._sent: deque[float] = deque(maxlen=count)

    def ready_at(self) -> float:
        """The monotonic time from which one more may go out."""
        if len(self._sent) < (self._sent.maxlen or 0):
            return float("-inf")
        return self._sent[0] + self._seconds

    def note(self, now: float) -> None:
        """One went out."""
        self._sent.append(now)
