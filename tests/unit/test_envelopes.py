"""Events in a text: in whatever form somebody kept them."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.cli.envelopes import events_in
from relay.errors import UsageError
from relay.events import Channel

ALERT = {"id": 98421, "symbol": "AAPL", "timeframe": "D", "direction": "bullish", "shape": "1-2U"}
BREAK = {"id": 5, "timeframe": "D", "threshold": 2, "symbols": ["ES1!", "NQ1!"]}
QUOTE = {"symbol": "AAPL", "price": "201.5", "volume": 5, "event_ts": "2026-04-10T13:45:22Z"}
STATE = {"symbol": "AAPL", "tfc": {"D": "green"}, "price": {}, "setups": []}
ENVELOPE = {"type": "alert.in_force", "ts": "2026-04-10T13:45:22Z", "seq": "5", "data": ALERT}
ACK = {"type": "subscribed", "seq": "1", "data": {"channels": ["quotes"]}}
STORED = {"id": 17, "event": "alerts.in_force:98421", "channel": "alerts.in_force", "symbol": "AAPL", "data": ALERT}


def _text(*values: object) -> bytes:
    return "\n".join(json.dumps(value) for value in values).encode()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (_text(ENVELOPE), [Channel.IN_FORCE]),
        (json.dumps(ENVELOPE, indent=2).encode(), [Channel.IN_FORCE]),
        (_text({"type": "alert.simultaneous_breaks", "data": BREAK}), [Channel.BREAKS]),
        (_text({"type": "quote", "data": QUOTE}), [Channel.QUOTES]),
        (_text({"type": "state", "data": STATE}), [Channel.STATES]),
        (_text(ALERT), [Channel.IN_FORCE]),
        (_text(BREAK), [Channel.BREAKS]),
        (_text(QUOTE), [Channel.QUOTES]),
        (_text(STATE), [Channel.STATES]),
        (_text({**ALERT, "tfc": {"D": "green"}, "threshold": None}), [Channel.IN_FORCE]),
        (_text(STORED), [Channel.IN_FORCE]),
        (_text({"items": [ALERT, BREAK]}), [Channel.IN_FORCE, Channel.BREAKS]),
        (_text({"items": [STORED], "next": None}), [Channel.IN_FORCE]),
        (_text([ALERT, QUOTE]), [Channel.IN_FORCE, Channel.QUOTES]),
        (_text(ACK, ENVELOPE, {"type": "quote", "data": QUOTE}), [Channel.IN_FORCE, Channel.QUOTES]),
        (b"\n" + _text(ENVELOPE) + b"\n\nnot json\n" + _text(BREAK) + b"\r\n", [Channel.IN_FORCE, Channel.BREAKS]),
    ],
)
def test_every_form_is_read(data: bytes, expected: list[Channel]) -> None:
    assert [event.channel for event in events_in("f", data)] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (QUOTE, "2026-04-10T13:45:22Z"),
        ({"type": "quote", "ts": "2026-04-10T13:59:59Z", "data": QUOTE}, "2026-04-10T13:45:22Z"),
        ({"type": "state", "ts": "2026-04-10T13:59:59Z", "data": STATE}, "2026-04-10T13:59:59Z"),
        (STATE, None),
    ],
)
def test_a_quote_or_a_state_has_its_own_time_or_its_envelope_s(value: object, expected: str | None) -> None:
    (event,) = events_in("f", _text(value))
    assert (event.triggered_at and event.triggered_at.isoformat()) == expected


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "f holds no event: it is empty"),
        (b" \n", "f holds no event: it is empty"),
        (b"[]", "f holds no event: it is empty"),
        (b"no json", "no JSON object"),
        (b'"text"', "no JSON object"),
        (b"\xff", "no JSON object"),
        (_text({"symbol": "AAPL"}), "neither an envelope nor an alert, a quote or a state"),
        (_text(ACK), "a message of the type 'subscribed'; an event's is one of alert.in_force, alert.sim"),
        (_text({"type": "alert.in_force", "data": {}}), "neither an id nor a symbol"),
        (_text({"type": "alert.in_force", "data": {"id": 5}}), "nothing in it names a symbol"),
        (_text({"type": "alert.simultaneous_break", "data": {"id": 5, "symbol": "ES1!"}}), "or how many broke"),
        (_text({"type": "alert", "data": {}}), "a message of the type 'alert'"),
        (_text({"type": "alert.in_force", "data": [1]}), "Expected `object`"),
        (_text({"type": 5, "data": ALERT}), "a message without a type"),
    ],
)
def test_what_is_no_event_is_said(data: bytes, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        events_in("f", data)
    assert said in str(caught.value)
    assert "envelope" in caught.value.hint


@given(
    st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_no_text_breaks_the_reading(data: bytes) -> None:
    with suppress(UsageError):
        assert events_in("f", data)
