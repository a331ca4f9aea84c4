"""How the fake chats count requests."""

from __future__ import annotations

import pytest

from relay.simulator.chat.buckets import Bucket, FixedWindow, Recent, SlidingWindow, TokenBucket, to_millis


def allowed(bucket: Bucket, *times: float) -> list[bool]:
    return [bucket.take(time).allowed for time in times]


def test_a_fixed_window_begins_with_the_first_request_and_ends_at_once() -> None:
    bucket = FixedWindow(2, 2.0)
    assert allowed(bucket, 10.0, 11.9, 11.9, 12.0, 12.0, 12.0) == [True, True, False, True, True, False]


def test_a_fixed_window_tells_what_is_left_and_when_it_ends() -> None:
    bucket = FixedWindow(2, 2.0)
    told = [bucket.take(time) for time in (10.0, 10.5, 11.5)]
    assert [(taken.limit, taken.remaining, taken.reset_after) for taken in told] == [
        (2, 1, 2.0),
        (2, 0, 1.5),
        (2, 0, 0.5),
    ]


def test_a_sliding_window_makes_room_for_one_at_a_time() -> None:
    bucket = SlidingWindow(2, 2.0)
    assert allowed(bucket, 10.0, 11.0, 11.5, 12.0, 12.0, 13.0) == [True, True, False, True, False, True]
    assert bucket.take(13.5).reset_after == pytest.approx(0.5)


def test_refused_requests_do_not_count() -> None:
    for bucket in (FixedWindow(1, 1.0), SlidingWindow(1, 1.0)):
        assert allowed(bucket, 0.0, *[0.1 * number for number in range(1, 10)], 1.0) == [True, *[False] * 9, True]


def test_a_token_bucket_allows_a_burst_and_then_one_for_each_token() -> None:
    bucket = TokenBucket(3, 1.0)
    assert allowed(bucket, 5.0, 5.0, 5.0, 5.0, 5.9, 6.0, 6.5, 7.0) == [True] * 3 + [False, False, True, False, True]
    assert allowed(bucket, *[100.0] * 4) == [True] * 3 + [False]
    assert bucket.take(100.25).reset_after == pytest.approx(0.75)


def test_who_waits_as_long_as_told_is_let_through() -> None:
    for bucket in (FixedWindow(3, 0.7), SlidingWindow(3, 0.7), TokenBucket(3, 0.7)):
        now, refused = 3.1, 0
        for _ in range(200):
            taken = bucket.take(now)
            refused = 0 if taken.allowed else refused + 1
            assert refused <= 1
            now += 0.013 if taken.allowed else to_millis(taken.reset_after)


def test_waits_are_rounded_up_to_milliseconds() -> None:
    assert [to_millis(seconds) for seconds in (0.0, 0.0001, 1.0, 1.23449, 64.57)] == [0.001, 0.001, 1.0, 1.235, 64.57]


def test_what_is_long_ago_does_not_count_any_more() -> None:
    recent = Recent(10.0)
    assert [recent.add(time) for time in (0.0, 5.0, 9.9, 10.0, 15.0)] == [1, 2, 3, 3, 3]
    recent.clear()
    assert recent.add(15.0) == 1
