"""Is it the destination that fails, or one message? Times are monotonic seconds, by hand."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.delivery.condition import Condition


@pytest.fixture
def condition() -> Condition:
    return Condition(first=1.0, cap=60.0, rng=random.Random(3))


def may_begin(condition: Condition, now: float, in_flight: int) -> bool:
    """Whether a lane that sends eight at once begins another attempt."""
    return now >= condition.held_until and in_flight < condition.at_once(8)


def test_it_begins_open(condition: Condition) -> None:
    assert may_begin(condition, 0.0, 0)
    assert condition.at_once(99) == 99


def test_a_failure_holds_it_then_lets_one_probe_out_at_a_time(condition: Condition) -> None:
    until = condition.failed(10.0, began=9.0)
    assert 10.0 <= until <= 11.0
    assert not may_begin(condition, until - 1e-6, 0)
    assert may_begin(condition, until, 0)
    assert not may_begin(condition, until, 1)


def test_a_success_opens_it(condition: Condition) -> None:
    until = condition.failed(10.0, began=9.0)
    condition.succeeded(until + 1)
    assert condition.failures == 0
    assert may_begin(condition, until + 1, 7)


def test_what_was_in_flight_together_counts_once(condition: Condition) -> None:
    first = condition.failed(10.0, began=9.0)
    for began in (9.0, 9.5, 10.0):
        assert condition.failed(10.5, began=began) == first
    assert condition.failures == 1
    condition.failed(12.0, began=first + 0.5)
    assert condition.failures == 2


def test_the_hold_grows_to_its_cap_and_no_further(condition: Condition) -> None:
    now, longest = 0.0, 0.0
    for _ in range(40):
        until = condition.failed(now, began=now - 0.1 if now else 0.0)
        longest = max(longest, until - now)
        now = until + 1.0
    assert 20 < longest <= 60


def test_a_wait_that_was_asked_for_is_kept_in_full_even_after_a_success(condition: Condition) -> None:
    assert condition.hold(0.0, 90.0)
    condition.succeeded(1.0)
    assert not may_begin(condition, 89.0, 0)
    assert may_begin(condition, 90.0, 7)


def test_a_shorter_wait_does_not_cut_a_longer_one(condition: Condition) -> None:
    assert condition.hold(0.0, 90.0)
    assert not condition.hold(1.0, 5.0)
    assert condition.held_until == 90.0
    assert condition.hold(2.0, 100.0)
    assert condition.held_until == 102.0


def test_a_wait_is_longer_than_what_was_asked_before_though_a_back_off_is_longer_still(condition: Condition) -> None:
    now = 0.0
    for _ in range(12):
        now = condition.failed(now, began=now - 1e-3 if now else 0.0) + 1.0
    until = condition.failed(now, began=now - 1e-3)
    assert until > now + 1
    assert condition.hold(now, 1.0)
    assert condition.held_until == until


@pytest.mark.parametrize(
    ("succeeded_at", "began", "last_failed", "own"),
    [
        (None, 5.0, None, False),
        (4.0, 5.0, None, False),  # that was before: the destination may have died since
        (5.0, 5.0, None, False),
        (6.0, 5.0, None, True),  # others got through while this one was under way
        (4.0, 5.0, 3.0, True),  # or since it failed last
        (2.0, 5.0, 3.0, False),
    ],
)
def test_a_failure_while_others_succeed_is_the_messages_own(
    condition: Condition, succeeded_at: float | None, began: float, last_failed: float | None, own: bool
) -> None:
    if succeeded_at is not None:
        condition.succeeded(succeeded_at)
    assert condition.is_own_fault(began=began, last_failed=last_failed) is own


def test_a_release_lets_go_of_everything_and_the_next_failure_counts_anew(condition: Condition) -> None:
    condition.failed(10.0, began=9.0)
    condition.hold(10.0, 3600.0)
    condition.release()
    assert may_begin(condition, 10.0, 3)
    until = condition.failed(11.0, began=9.5)  # it was under way at the release
    assert condition.failures == 1
    assert 11.0 <= until <= 12.0
    assert condition.hold(11.0, 5.0)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(("fail", "late", "succeed", "hold", "release")), st.floats(0, 100)), max_size=40
    )
)
def test_a_failure_never_holds_it_without_end_or_into_the_past(steps: list[tuple[str, float]]) -> None:
    condition = Condition(first=1.0, cap=60.0, rng=random.Random(1))
    now, began, asked = 100.0, 0.0, -math.inf
    for kind, seconds in steps:
        now += seconds
        if kind in {"fail", "late"}:
            began = now if kind == "fail" else began
            until = condition.failed(now + 0.01, began=began)
            assert math.isfinite(until)
            assert until <= max(now + 0.01 + 60.0, asked)
        elif kind == "succeed":
            condition.succeeded(now)
        elif kind == "hold":
            condition.hold(now, seconds)
            asked = max(asked, now + seconds)
        else:
            condition.release()
            asked = -math.inf
        assert condition.held_until >= asked


def test_a_failure_of_which_nothing_else_is_said_leaves_it_in_doubt(condition: Condition) -> None:
    condition.failed(10.0, began=9.0)
    assert condition.in_doubt


def test_it_is_in_doubt_after_a_failure_that_gave_no_reason_and_not_after_one_that_asked_for_patience(
    condition: Condition,
) -> None:
    doubts = [condition.in_doubt]
    for now, asked in ((10.0, False), (20.0, True), (30.0, False)):
        condition.failed(now, began=now - 1, asked=asked)
        doubts.append(condition.in_doubt)
    condition.succeeded(40.0)
    assert [*doubts, condition.in_doubt] == [False, True, False, True, False]


def test_the_same_wait_asked_for_once_more_is_no_longer_one(condition: Condition) -> None:
    assert condition.hold(10.0, 5.0)
    assert not condition.hold(10.0, 5.0)
    assert not condition.hold(12.0, 3.0)
    assert condition.hold(12.0, 3.5)


def test_it_knows_for_how_long_it_has_failed(condition: Condition) -> None:
    assert condition.failing_seconds(5.0) == 0.0
    condition.failed(10.0, began=9.0)
    condition.failed(70.0, began=60.0)
    assert condition.failing_seconds(610.0) == 600.0
    condition.succeeded(611.0)
    assert condition.failing_seconds(700.0) == 0.0
    condition.failed(720.0, began=715.0)
    assert condition.failing_seconds(721.0) == 1.0, "the time before the success is over"
    condition.release()
    assert condition.failing_seconds(730.0) == 0.0
