"""How often something may be done: what every limiter answers, a configured rate, and an even pace.

    ready_at() ──> not before this        note(now) ──> it is being done        release() ──> a person says go on
    words() ──> the limit as a person reads it

Times are monotonic seconds. A limiter may be shared: then another's ``note`` moves ``ready_at``, too.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from relay.durations import format_duration


class Limiter(Protocol):
    """Tells when one more may begin."""

    def ready_at(self) -> float:
        """The monotonic time from which one more may begin; minus infinity where nothing is in the way."""
        ...

    def note(self, now: float) -> None:
        """One begins."""
        ...

    def release(self) -> None:
        """Somebody says go on: forget a wait that was asked for; a rate that is kept to stays."""
        ...

    def words(self) -> str:
        """What is known of the limit, in a few words; empty where nothing is."""
        ...


class SlidingLog:
    """``50/1s``: never more than that many in any span of that length, and no sooner than needed.

    It keeps the times of the last ``count``; a token bucket would let twice as many through at its seam.
    """

    def __init__(self, count: int, seconds: float) -> None:
        self._seconds = seconds
        self._noted: deque[float] = deque(maxlen=count)

    def ready_at(self) -> float:
        """When the oldest of the last ``count`` is ``seconds`` ago."""
        if len(self._noted) < (self._noted.maxlen or 0):
            return float("-inf")
        return self._noted[0] + self._seconds

    def note(self, now: float) -> None:
        """One more, at ``now``."""
        self._noted.append(now)

    def release(self) -> None:
        """Nothing was asked for."""

    def words(self) -> str:
        """As the config says it: ``50/1s``."""
        return f"{self._noted.maxlen}/{format_duration(self._seconds)}"


class EvenPace:
    """``burst`` at once after a rest, then one each ``interval``: no span sees more than those and its share.

    A virtual schedule (GCRA). Where requests take different times to arrive, an even pace still arrives as one, and a
    burst at the end of a span does not meet the next one at its beginning.
    """

    def __init__(self, burst: int, interval: float) -> None:
        self._burst = burst
        self._interval = interval
        self._whole_at = float("-inf")  # when the burst is whole again

    def ready_at(self) -> float:
        """When there is room for one more."""
        return self._whole_at - (self._burst - 1) * self._interval

    def note(self, now: float) -> None:
        """One more, at ``now``."""
        self._whole_at = max(self._whole_at, now) + self._interval

    def release(self) -> None:
        """Nothing was asked for."""

    def words(self) -> str:
        """As a rate with its burst."""
        return f"1/{format_duration(self._interval)}, {self._burst} at once"
