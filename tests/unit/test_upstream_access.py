from __future__ import annotations

import pytest

from relay.secret import Secret
from relay.upstream.access import AuthStyle, auth_headers, clean, environment_proxy
from relay.upstream.state import HISTORY, ConnectionState, Phase
from relay.upstream.throttle import LogThrottle
from tests.support.clock import FakeClock

KEY = Secret("sk_live_abcdef")


def test_the_key_goes_into_the_header_that_was_chosen() -> None:
    assert auth_headers(KEY, AuthStyle.BEARER) == {"Authorization": "Bearer sk_live_abcdef"}
    assert auth_headers(KEY, AuthStyle("x-api-key")) == {"X-API-Key": "sk_live_abcdef"}


def test_loopback_is_never_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "internal.example")
    assert environment_proxy("https://app.stratalerts.com/api") == "http://proxy.example:3128"
    assert environment_proxy("https://internal.example/api") is None
    assert environment_proxy("http://127.0.0.1:80/api") is None


def test_a_text_is_told_without_the_key_and_without_control_characters() -> None:
    assert clean("bad key sk_live_abcdef\x1b[2J\n", KEY) == "bad key *** [2J "
    assert len(clean("x" * 10_000, KEY)) == 300
    assert clean("text", Secret("")) == "text"


async def test_a_line_is_admitted_once_a_minute_and_tells_what_was_held_back() -> None:
    clock = FakeClock()
    throttle = LogThrottle(clock)
    assert [throttle.admit("not_json") for _ in range(4)] == [0, None, None, None]
    assert throttle.admit("oversized") == 0
    await clock.advance(59)
    assert throttle.admit("not_json") is None
    await clock.advance(1)
    assert throttle.admit("not_json") == 4
    await clock.advance(60)
    assert throttle.admit("not_json") == 0


def test_the_history_is_bounded_and_newest_last() -> None:
    state = ConnectionState()
    for number in range(200):
        state.enter(Phase.WAITING, number, f"attempt {number}")
    assert len(state.history) == HISTORY
    assert (state.history[-1].at_us, state.since_us, state.connected) == (199, 199, False)
