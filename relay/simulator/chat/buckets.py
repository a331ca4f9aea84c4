"""How many requests are let through: three ways to count, each by times handed in.

A bucket is asked with ``take(now)``; it counts what it lets through and says when the next may come.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Protocol

import msgspec

_MILLI = 1_000
_EPSILON = 1e-9  # sums of floats: a request at the very end of its wait is let through


class Taken(msgspec.Struct, frozen=True):
    """What a bucket says to one request.

    Attributes:
        allowed: It may pass.
        limit: How many a window holds.
        remaining: How many more may pass now.
        reset_after: Seconds until more may pass than now; where nothing remains, until anything may.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_after: float


class Bucket(Protocol):
    """Lets some requests through."""

    def take(self, now: float) -> Taken:
        """Ask for one request at ``now``, monotonic seconds; those refused do not count."""
        ...


class FixedWindow:
    """``limit`` requests in ``per`` seconds from the first of them on; then a new window begins with the next."""

    def __init__(self, limit: int, per: float) -> None:
        self._limit, self._per = limit, per
        self._began = -math.inf
        self._used = 0

    def take(self, now: float) -> Taken:
        """Ask for one request."""
        if now >= self._began + self._per - _EPSILON:
            self._began, self._used = now, 0
        allowed = self._used < self._limit
        self._used += allowed
        return Taken(allowed, self._limit, self._limit - self._used, self._began + self._per - now)


class SlidingWindow:
    """``limit`` requests in any ``per`` seconds: each makes room for one more when it has grown old.

    ``reset_after`` is when the oldest does, which makes room for one, not for ``limit``.
    """

    def __init__(self, limit: int, per: float) -> None:
        self._limit, self._per = limit, per
        self._times: deque[float] = deque()

    def take(self, now: float) -> Taken:
        """Ask for one request."""
        while self._times and now >= self._times[0] + self._per - _EPSILON:
            self._times.popleft()
        allowed = len(self._times) < self._limit
        if allowed:
            self._times.append(now)
        oldest = self._times[0] if self._times else now
        return Taken(allowed, self._limit, self._limit - len(self._times), oldest + self._per - now)


class TokenBucket:
    """One request every ``per`` seconds, and up to ``burst`` at once after a rest."""

    def __init__(self, burst: int, per: float) -> None:
        self._burst, self._per = burst, per
        self._tokens = float(burst)
        self._at = -math.inf

    def take(self, now: float) -> Taken:
        """Ask for one request."""
        self._tokens = min(float(self._burst), self._tokens + (now - self._at) / self._per)
        self._at = now
        allowed = self._tokens >= 1.0 - _EPSILON
        self._tokens -= allowed
        whole = math.floor(self._tokens + _EPSILON)
        return Taken(allowed, self._burst, max(0, whole), (whole + 1 - self._tokens) * self._per)


class Recent:
    """Counts what happened within the last ``per`` seconds."""

    def __init__(self, per: float) -> None:
        self._per = per
        self._times: deque[float] = deque()

    def add(self, now: float) -> int:
        """It happened at ``now``; how often it did of late, this time among them."""
        self._times.append(now)
        while now >= self._times[0] + self._per:
            self._times.popleft()
        return len(self._times)

    def clear(self) -> None:
        """Begin anew."""
        self._times.clear()


def to_millis(seconds: float) -> float:
    """``seconds`` rounded up to milliseconds, at least one: who waits so long has waited enough."""
    return max(1, math.ceil(seconds * _MILLI - _EPSILON)) / _MILLI
