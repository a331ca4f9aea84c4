from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.destinations.slack.limiter import BURST, INTERVAL, QUIET, SlackLimiter, SlackLimits
from relay.limiter import Limiter
from relay.secret import Secret
from relay.simulator.chat.buckets import TokenBucket
from tests.support.clock import FakeClock


class Ticking(FakeClock):
    """Nobody sleeps by it, so it needs no loop."""

    def tick(self, seconds: float) -> None:
        self._pass(seconds)


def sent_within(limiter: SlackLimiter, clock: Ticking, seconds: float) -> list[float]:
    """When messages begin, as soon as they may, each answered at once."""
    start = clock.monotonic()
    times = []
    while (wait := max(0.0, limiter.ready_at() - clock.monotonic())) + clock.monotonic() - start <= seconds:
        clock.tick(wait)
        limiter.note(clock.monotonic())
        limiter.answered(clock.monotonic())
        times.append(clock.monotonic() - start)
    return times


def test_a_burst_of_a_few_and_then_one_a_second() -> None:
    clock = Ticking()
    limiter: Limiter = SlackLimiter(clock)
    assert limiter.ready_at() == float("-inf")
    assert isinstance(limiter, SlackLimiter)
    assert sent_within(limiter, clock, 3.0) == pytest.approx([0, 0, 0, 0, 1, 2, 3])


def test_after_a_rest_there_is_a_burst_again() -> None:
    clock = Ticking()
    limiter = SlackLimiter(clock)
    sent_within(limiter, clock, 2.0)
    clock.tick(BURST * INTERVAL)
    assert sent_within(limiter, clock, 0.5) == [0, 0, 0, 0]


@pytest.mark.parametrize(("wait", "until"), [(30.0, 30.0), (0.5, 0.5), (None, INTERVAL)])
def test_a_refusal_is_waited_for_and_halves_the_burst(wait: float | None, until: float) -> None:
    clock = Ticking()
    limiter = SlackLimiter(clock)
    limiter.note(clock.monotonic())
    limiter.refused(clock.monotonic(), wait)
    assert limiter.burst == BURST // 2
    assert sent_within(limiter, clock, until + 3.0)[:3] == pytest.approx([until, until + 1, until + 2])
    clock.tick(60.0)
    assert sent_within(limiter, clock, 1.0) == pytest.approx([0, 0, 1])


def test_without_a_burst_the_pace_is_halved_down_to_a_floor() -> None:
    clock = Ticking()
    limiter = SlackLimiter(clock)
    gaps = []
    for _ in range(7):
        limiter.refused(clock.monotonic(), 1.0)
        clock.tick(60.0)
        times = sent_within(limiter, clock, 30.0)
        gaps.append(times[-1] - times[-2])
    assert limiter.burst == 1
    assert gaps == pytest.approx([1, 1, 2, 4, 8, 8, 8])


def test_one_step_is_taken_back_after_ten_quiet_minutes() -> None:
    clock = Ticking()
    limiter = SlackLimiter(clock)
    for _ in range(3):
        limiter.refused(clock.monotonic(), 1.0)
    steps = []
    for _ in range(6):
        times = sent_within(limiter, clock, 9.0)
        steps.append((limiter.burst, times[-1] - times[-2]))
        clock.tick(QUIET - times[-1])
    assert steps == [(1, 2.0), (1, 1.0), (2, 1.0), (3, 1.0), (4, 1.0), (4, 1.0)]
    limiter.refused(clock.monotonic(), 1.0)
    clock.tick(QUIET - 1)
    assert limiter.burst == 2


def test_a_refusal_does_not_shorten_a_longer_wait() -> None:
    clock = Ticking()
    limiter = SlackLimiter(clock)
    limiter.refused(clock.monotonic(), 60.0)
    limiter.refused(clock.monotonic(), 1.0)
    assert limiter.ready_at() >= clock.monotonic() + 60.0


def test_a_webhook_has_one_limiter_whoever_posts_to_it() -> None:
    limits = SlackLimits(Ticking())
    assert limits.of(Secret("https://slack.example/1")) is limits.of(Secret("https://slack.example/1"))
    assert limits.of(Secret("https://slack.example/1")) is not limits.of(Secret("https://slack.example/2"))


@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 2), st.just(0.0) | st.floats(0, 9)), min_size=1, max_size=40),
    st.integers(BURST, 9),
)
def test_whatever_the_latency_a_server_that_allows_the_burst_never_refuses(
    delays: list[tuple[float, float, float]], allowed: int
) -> None:
    clock = Ticking()
    limiter = SlackLimiter(clock)
    bucket = TokenBucket(allowed, INTERVAL)
    for there, back, idle in delays:
        clock.tick(max(0.0, limiter.ready_at() - clock.monotonic()) + idle)
        limiter.note(clock.monotonic())
        clock.tick(there)
        assert bucket.take(clock.monotonic()).allowed
        clock.tick(back)
        limiter.answered(clock.monotonic())


def test_a_person_who_says_go_on_need_not_wait_for_what_slack_asked() -> None:
    clock = Ticking()
    limiter = SlackLimiter(clock)
    limiter.note(clock.monotonic())
    limiter.refused(clock.monotonic(), 86_400.0)
    limiter.release()
    assert sent_within(limiter, clock, 1.0) == pytest.approx([0, 1])


def test_a_webhook_that_nobody_posts_to_any_more_is_forgotten() -> None:
    limits = SlackLimits(Ticking())
    kept = limits.of(Secret("https://hooks.slack.test/kept"))
    for number in range(100):
        limits.of(Secret(f"https://hooks.slack.test/{number}"))
    gc.collect()
    assert list(limits._of.values()) == [kept]
