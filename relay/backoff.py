"""How long to wait before the next attempt: the doubling is tenacity's wait strategy, the dice are handed in.

    full_jitter   anywhere from nothing to the doubled wait: lanes, each beside many others
    Backoff       never less than the doubled wait, up to a quarter more: the upstream, which asks for at least that

tenacity's retrying wrapper costs tens of microseconds a call and waits by itself; all we want of it is its arithmetic.
"""

from __future__ import annotations

import random
from typing import Final

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_exponential

_RETRYING: Final = Retrying()
_JITTER: Final = 0.25


def doubled(attempt: int, *, first: float, cap: float) -> float:
    """Seconds: ``first`` for attempt 1, doubled for each one after, at most ``cap``."""
    state = RetryCallState(_RETRYING, None, (), {})
    state.attempt_number = attempt
    return wait_exponential(multiplier=first, max=cap)(state)


def full_jitter(attempt: int, *, first: float, cap: float, rng: random.Random) -> float:
    """Anywhere between nothing and ``doubled``: many clients that failed together don't come back together.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return rng.uniform(0, doubled(attempt, first=first, cap=cap))


class Backoff:
    """A series of waits with jitter on top; ``reset`` starts it again.

    No wait is shorter than the vendor asks for, and clients that have all reached the cap still spread.
    """

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
