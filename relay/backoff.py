"""How long to wait before the next attempt, as a number: the doubling is tenacity's strategy, the dice are handed in.

tenacity's retrying wrapper costs tens of microseconds a call and waits by itself; all we want of it is its arithmetic.
"""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Final

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_exponential

_RETRYING: Final = Retrying()


@lru_cache(maxsize=64)
def _strategy(first: float, cap: float) -> wait_exponential:
    return wait_exponential(multiplier=first, max=cap)


def doubled(attempt: int, *, first: float, cap: float) -> float:
    """Seconds: ``first`` for attempt 1, doubled for each one after, at most ``cap``."""
    state = RetryCallState(_RETRYING, None, (), {})
    state.attempt_number = attempt
    return _strategy(first, cap)(state)


def full_jitter(attempt: int, *, first: float, cap: float, rng: random.Random) -> float:
    """Anywhere between nothing and ``doubled``: many clients that failed together don't come back together.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return rng.uniform(0, doubled(attempt, first=first, cap=cap))
