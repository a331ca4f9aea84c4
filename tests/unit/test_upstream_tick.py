"""What is read of a quote and of a state, and when they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.events import Channel, Event, Instant
from relay.upstream.errors import DecodeError, RejectReason
from relay.upstream.tick import Tick, decode_tick, event_of, time_of

QUOTE = {"symbol": "AAPL", "price": 201.5, "volume": 90210, "event_ts": "2026-04-10T13:45:22.120000+00:00"}
STATE = {"symbol": "AAPL", "price": {"price": 201.5}, "tfc": {"D": "green"}, "setups": []}
ENVELOPE = b'"2026-04-10T14:35:00.123456+00:00"'


def quote(**changes: Any) -> Tick:
    return decode_tick(Channel.QUOTES, json.dumps({**QUOTE, **changes}).encode(), ENVELOPE)


def test_a_quote_is_its_symbol_its_price_and_its_bytes() -> None:
    data = json.dumps(QUOTE).encode()
    assert decode_tick(Channel.QUOTES, data, ENVELOPE) == Tick(Channel.QUOTES, "AAPL", 201.5, data, ENVELOPE)


def test_a_state_is_its_symbol_and_its_bytes() -> None:
    data = json.dumps(STATE).encode()
    assert decode_tick(Channel.STATES, data) == Tick(Channel.STATES, "AAPL", None, data)


@pytest.mark.parametrize(
    ("said", "price"),
    [(201, 201.0), (-1.5, -1.5), ("201.5", 201.5), (" 201.5 ", 201.5), ("2e2", 200.0), (None, None)],
)
def test_a_price_is_a_number_or_a_text_of_one_or_null(said: object, price: float | None) -> None:
    assert quote(price=said).price == price


def test_a_quote_may_tell_no_price() -> None:
    assert decode_tick(Channel.QUOTES, b'{"symbol":"AAPL"}').price is None
    assert decode_tick(Channel.QUOTES, b'{"symbol":7203,"price": null}') == Tick(
        Channel.QUOTES, "7203", None, b'{"symbol":7203,"price": null}'
    )


NO_PRICES = """true false [] [1] {} {"price":1} "" "n/a" "0x10" "null" "nan" "inf" "1e999" 1e999 -1e999"""


@pytest.mark.parametrize("said", [*NO_PRICES.split(), '" "', "1" + "0" * 400])
@pytest.mark.parametrize("symbol", ['"AAPL"', "7203"])
def test_a_price_that_is_no_finite_number_is_of_the_wrong_type(said: str, symbol: str) -> None:
    with pytest.raises(DecodeError, match="price") as caught:
        decode_tick(Channel.QUOTES, f'{{"symbol":{symbol},"price":{said}}}'.encode())
    assert caught.value.reason is RejectReason.WRONG_TYPE


@pytest.mark.parametrize("said", ["true", '"0x10"', "[1]"])
def test_what_a_state_says_as_its_price_may_be_anything(said: str) -> None:
    assert decode_tick(Channel.STATES, f'{{"symbol":7203,"price":{said}}}'.encode()).symbol == "7203"


@pytest.mark.parametrize(("said", "symbol"), [("aapl", "AAPL"), (" Btc-Usd ", "BTC-USD"), (7203, "7203")])
def test_a_symbol_is_folded_as_everywhere(said: object, symbol: str) -> None:
    assert quote(symbol=said).symbol == symbol
    assert decode_tick(Channel.STATES, json.dumps({"symbol": said}).encode()).symbol == symbol


def test_fields_that_nobody_reads_may_be_anything() -> None:
    assert quote(volume={"a": [1]}, id=[], timeframe={}, triggered_at=[], extra="ü").price == 201.5


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{}", RejectReason.UNIDENTIFIABLE),
        (b'{"symbol":""}', RejectReason.UNIDENTIFIABLE),
        (b'{"symbol":null,"id":7}', RejectReason.UNIDENTIFIABLE),
        (b'{"symbol":["AAPL"]}', RejectReason.UNIDENTIFIABLE),
        (b"[]", RejectReason.WRONG_TYPE),
        (b"null", RejectReason.WRONG_TYPE),
        (b"{", RejectReason.NOT_JSON),
        (b'{"symbol":"AAPL","note":"\xff"}', RejectReason.NOT_JSON),
    ],
)
@pytest.mark.parametrize("channel", [Channel.QUOTES, Channel.STATES])
def test_what_names_no_symbol_is_refused(channel: Channel, data: bytes, reason: RejectReason) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_tick(channel, data)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({}, "2026-04-10T13:45:22.120000Z"),
        ({"triggered_at": "2026-04-10T13:00:00Z", "ts": "2026-04-10T13:00:01Z"}, "2026-04-10T13:45:22.120000Z"),
        ({"event_ts": 1775828722}, "2026-04-10T13:45:22Z"),
        ({"event_ts": "1775828722123"}, "2026-04-10T13:45:22.123Z"),
        ({"event_ts": None, "triggered_at": "2026-04-10T13:00:00Z"}, "2026-04-10T13:00:00Z"),
        ({"event_ts": "soon", "ts": "2026-04-10T13:00:01Z"}, "2026-04-10T13:00:01Z"),
        ({"event_ts": {}}, "2026-04-10T14:35:00.123456Z"),
        ({"event_ts": "soon"}, "2026-04-10T14:35:00.123456Z"),
    ],
)
def test_a_tick_tells_its_own_time_or_else_its_envelopes(changes: dict[str, object], at: str) -> None:
    assert time_of(quote(**changes)) == Instant.parse(at)


@pytest.mark.parametrize("at", [b"", b"null", b'"soon"', b"{}", b"1e999", b'"'])
def test_where_neither_tells_a_time_there_is_none(at: bytes) -> None:
    assert time_of(decode_tick(Channel.STATES, b'{"symbol":"AAPL","ts":1e999}', at)) is None


def test_a_tick_that_fired_is_an_event_without_id() -> None:
    data = json.dumps(QUOTE | {"id": 7}).encode()
    assert event_of(decode_tick(Channel.QUOTES, data)) == Event(
        channel=Channel.QUOTES,
        symbol="AAPL",
        price=201.5,
        triggered_at=Instant.parse("2026-04-10T13:45:22.120000Z"),
        data=data,
    )
    state = event_of(decode_tick(Channel.STATES, json.dumps(STATE).encode(), ENVELOPE))
    assert (state.type, state.price, state.key()) == ("state", None, "states:AAPL|?|?|?|2026-04-10T14:35:00.123456Z")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.sampled_from(["symbol", "price", "event_ts", "triggered_at", "ts", "id"]), VALUES)


@given(
    st.sampled_from([Channel.QUOTES, Channel.STATES]),
    OBJECTS.map(lambda value: json.dumps(value).encode()) | st.binary(),
    VALUES.map(lambda value: json.dumps(value).encode()) | st.binary(),
)
def test_whatever_comes_is_a_tick_or_is_refused_for_a_reason(channel: Channel, data: bytes, at: bytes) -> None:
    try:
        tick = decode_tick(channel, data, at)
    except DecodeError:
        return
    event = event_of(tick)
    assert event.symbol
    assert event.data == data
    data.decode()
