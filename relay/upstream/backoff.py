"""How long to wait before the next attempt: 1 s, doubled, up to a cap, with jitter on top.

Jitter only adds (up to a quarter), so no wait is shorter than the vendor asks for, and it still spreads clients when
all of them have reached the cap.
"""

from __future__ import annotations

import random
from typing import Final

from relay.backoff import doubled

_JITTER: Final = 0.25


class Backoff:
    """A series of waits; ``reset`` starts it again."""

    def __init__(self, rng: random.Random, *, first: float = 1.0, cap: float = 60.0) -> None:
        self._rng = rng
        self._first = first
        self._cap = cap
        self._failures = 0

    def next(self) -> float:
        """Seconds to wait now, at least ``first`` and at most ``cap``."""
        self._failures += 1
        wait = doubled(self._failures, first=self._first, cap=self._cap / (1 + _JITTER))
        return wait * (1 + self._rng.uniform(0, _JITTER))

    def reset(self) -> None:
        """The next wait is the first again."""
        self._failures = 0
