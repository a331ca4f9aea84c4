"""Guessing is slowed down, whoever guesses and from however many addresses."""

from __future__ import annotations

import pytest

from relay.web.throttle import FAILURES_WINDOW, LOGIN_FAILURES, Throttle
from tests.support.clock import FakeClock


async def test_wrong_tokens_are_slowed_down_for_their_peer_alone_and_for_a_while() -> None:
    clock = FakeClock()
    throttle = Throttle(clock, allowed=LOGIN_FAILURES)
    for _ in range(LOGIN_FAILURES):
        assert throttle.wait("10.0.0.1") == 0
        throttle.failed("10.0.0.1")

    assert throttle.wait("10.0.0.1") == FAILURES_WINDOW
    assert throttle.wait("10.0.0.2") == 0
    await clock.advance(FAILURES_WINDOW)
    assert throttle.wait("10.0.0.1") == 0


async def test_one_more_may_be_tried_as_each_of_the_old_ones_is_forgotten() -> None:
    clock = FakeClock()
    throttle = Throttle(clock, allowed=2)
    throttle.failed("10.0.0.1")
    await clock.advance(20)
    throttle.failed("10.0.0.1")
    assert throttle.wait("10.0.0.1") == FAILURES_WINDOW - 20
    await clock.advance(FAILURES_WINDOW - 20)
    assert throttle.wait("10.0.0.1") == 0
    throttle.failed("10.0.0.1")
    assert throttle.wait("10.0.0.1") == 20


def test_a_guesser_with_many_addresses_is_slowed_down_over_all() -> None:
    throttle = Throttle(FakeClock(), allowed=LOGIN_FAILURES, overall=50)
    for number in range(50):
        assert throttle.wait(f"10.0.0.{number}") == 0
        throttle.failed(f"10.0.0.{number}")
    assert throttle.wait("10.0.1.1") == FAILURES_WINDOW


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("10.0.0.1", "10.0.0.2", False),
        (None, "", True),
    ],
)
def test_who_has_one_address_of_a_network_has_them_all(first: str | None, second: str, same: bool) -> None:
    throttle = Throttle(FakeClock(), allowed=1)
    throttle.failed(first)
    assert (throttle.wait(second) > 0) is same


def test_it_remembers_a_bounded_number_of_peers() -> None:
    throttle = Throttle(FakeClock(), allowed=LOGIN_FAILURES)
    for number in range(5_000):
        throttle.failed(f"10.0.{number // 250}.{number % 250}")
    assert len(throttle._failures) <= 1_000
    assert len(throttle._all) <= 1_000
