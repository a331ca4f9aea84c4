from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.backoff import Backoff, doubled, full_jitter


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (100, 60), (10_000, 60)]
)
def test_a_wait_doubles_up_to_the_cap(attempt: int, seconds: float) -> None:
    assert doubled(attempt, first=1.0, cap=60.0) == seconds


@given(st.integers(1, 2000), st.integers())
def test_full_jitter_lies_between_nothing_and_the_doubled_wait(attempt: int, seed: int) -> None:
    wait = full_jitter(attempt, first=1.0, cap=300.0, rng=random.Random(seed))
    assert 0 <= wait <= doubled(attempt, first=1.0, cap=300.0)


def test_waits_double_from_one_second_to_a_minute_with_jitter_on_top() -> None:
    backoff = Backoff(random.Random(1))
    waits = [backoff.next() for _ in range(12)]
    for wait, least in zip(waits, (1, 2, 4, 8, 16, 32, 48, 48, 48, 48, 48, 48), strict=True):
        assert least <= wait <= least * 1.25
    assert len(set(waits)) == len(waits)
    backoff.reset()
    assert 1 <= backoff.next() <= 1.25
