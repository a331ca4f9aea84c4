"""A configured rate holds in every span, and nothing waits longer than that asks for."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from relay.limiter import EvenPace, Limiter, SlidingLog


def _send_all(limiter: Limiter, arrivals: list[float]) -> list[float]:
    """When each goes out that wants to at ``arrivals``: at once, or as soon as the limiter lets it."""
    times: list[float] = []
    now = 0.0
    for arrival in arrivals:
        now = max(now, arrival, limiter.ready_at())
        limiter.note(now)
        times.append(now)
    return times


arrivals = st.lists(st.floats(0, 50), max_size=80).map(sorted)


@given(count=st.integers(1, 10), seconds=st.floats(0.01, 10), arrivals=arrivals)
def test_no_span_ever_sees_more_than_the_count(count: int, seconds: float, arrivals: list[float]) -> None:
    times = _send_all(SlidingLog(count, seconds), arrivals)
    assert all(later >= earlier + seconds for earlier, later in zip(times, times[count:], strict=False))


@given(count=st.integers(1, 10), seconds=st.floats(0.01, 10), arrivals=arrivals)
def test_nothing_waits_longer_than_it_must(count: int, seconds: float, arrivals: list[float]) -> None:
    times = _send_all(SlidingLog(count, seconds), arrivals)
    for place, (arrival, at) in enumerate(zip(arrivals, times, strict=True)):
        earliest = times[place - count] + seconds if place >= count else arrival
        assert at == max(arrival, earliest, *times[:place])


def test_a_burst_up_to_the_count_goes_out_at_once() -> None:
    assert _send_all(SlidingLog(3, 1.0), [0.0] * 7) == [0, 0, 0, 1, 1, 1, 2]


def test_the_seam_between_two_spans_lets_no_double_through() -> None:
    times = _send_all(SlidingLog(5, 1.0), [0.5] * 5 + [1.0] * 5)
    assert all(b - a >= 1.0 for a, b in zip(times, times[5:], strict=False))
    assert list(itertools.islice(times, 5, None)) == [1.5] * 5


@given(burst=st.integers(1, 10), interval=st.floats(0.01, 2), span=st.floats(0.1, 10), arrivals=arrivals)
def test_an_even_pace_lets_no_span_see_more_than_a_burst_and_its_share(
    burst: int, interval: float, span: float, arrivals: list[float]
) -> None:
    times = _send_all(EvenPace(burst, interval), arrivals)
    for first in times:
        seen = sum(first <= at < first + span for at in times)
        assert seen <= burst + span / interval + 1e-6


def test_an_even_pace_lets_a_burst_out_at_once_and_then_one_each_interval() -> None:
    assert _send_all(EvenPace(3, 0.5), [0.0] * 6) == [0, 0, 0, 0.5, 1.0, 1.5]
    assert _send_all(EvenPace(3, 0.5), [10.0, 10.0, 20.0]) == [10, 10, 20]
