"""The last hour, minute by minute, and the times of the last deliveries."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.deliveries import Outcome, Verdict
from relay.delivery.latencies import SAMPLES, Latencies, nearest_rank
from relay.events import Source
from relay.pulse import MINUTES, Minute, Pulse
from tests.support.clock import START_US, FakeClock
from tests.support.events import in_force
from tests.support.messages import message

INTO = 22  # the seconds of the minute in which the clock starts
MINUTE_US = 60 * MICROS
FIRST_US = START_US - INTO * MICROS
DELIVERY = message().delivery
OK = Outcome(Verdict.DELIVERED, "200", "")
LATER = Outcome(Verdict.RETRY, "503", "503 Service Unavailable")


def test_a_run_begins_with_the_minute_under_way() -> None:
    assert Pulse(FakeClock()).minutes() == (Minute(FIRST_US),)


async def test_alerts_deliveries_and_failures_are_counted_in_their_minute() -> None:
    clock = FakeClock()
    pulse = Pulse(clock)
    pulse.stored(in_force(1), Source.LIVE)
    pulse.attempted(DELIVERY, OK, 0.1)
    await clock.advance(60 - INTO)
    pulse.stored(in_force(2), Source.BACKFILL)
    pulse.attempted(DELIVERY, LATER, 0.1)
    pulse.attempted(DELIVERY, OK, 0.1)
    await clock.advance(120)
    assert pulse.minutes() == (
        Minute(FIRST_US, 1, 1, 0),
        Minute(FIRST_US + MINUTE_US, 1, 1, 1),
        Minute(FIRST_US + 2 * MINUTE_US),
        Minute(FIRST_US + 3 * MINUTE_US),
    )


def test_what_was_told_is_not_changed_by_what_comes() -> None:
    pulse = Pulse(FakeClock())
    told = pulse.minutes()
    pulse.stored(in_force(1), Source.LIVE)
    assert told[-1].events == 0


@given(st.lists(st.floats(0, 10_000), max_size=40))
def test_the_last_hour_has_no_minute_twice_and_none_is_missing(steps: list[float]) -> None:
    clock = FakeClock()
    pulse = Pulse(clock)
    for step in steps:
        clock._pass(step)  # nobody sleeps
        pulse.stored(in_force(1), Source.LIVE)
        told = pulse.minutes()
        assert len(told) <= MINUTES
        assert told[-1].events >= 1
        # to the millisecond: the clock that counts and the clock that is shown are floats and integers
        assert {round((b.at_us - a.at_us) / 1_000) for a, b in pairwise(told)} <= {60_000}


def test_latencies_are_told_by_nearest_rank_of_the_last_ones() -> None:
    latencies = Latencies()
    assert latencies.read() is None
    latencies.note(3.0)
    assert latencies.read() is not None
    for number in range(SAMPLES * 2):
        latencies.note(float(number))
    told = latencies.read()
    assert told is not None
    assert (told.count, told.p50, told.p99) == (SAMPLES, SAMPLES + SAMPLES // 2 - 1, 2 * SAMPLES - 6)


def test_of_a_hundred_one_may_take_longer_than_the_99th_percentile() -> None:
    latencies = Latencies()
    for seconds in (*[0.01] * 99, 5.0):
        latencies.note(seconds)
    told = latencies.read()
    assert told is not None
    assert (told.p50, told.p99, told.count) == (0.01, 0.01, 100)


@pytest.mark.parametrize(
    ("count", "per_cent", "rank"),
    [(1, 50, 1), (1, 99, 1), (2, 50, 1), (3, 50, 2), (100, 99, 99), (101, 99, 100), (512, 99, 507), (4, 100, 4)],
)
def test_a_rank_is_the_nearest_that_so_many_of_a_hundred_do_not_exceed(count: int, per_cent: int, rank: int) -> None:
    assert nearest_rank([float(one) for one in range(1, count + 1)], per_cent) == rank
