from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.events import Channel, Event, Instant
from relay.upstream.decode import decode_event, peek_id
from relay.upstream.errors import DecodeError, RejectReason

ALERT = {
    "id": 98421,
    "symbol": "AAPL",
    "timeframe": "D",
    "direction": "bullish",
    "shape": "1-2U",
    "price": 214.32,
    "triggered_at": "2026-04-10T13:45:22Z",
    "cc": "2U",
}
BREAK = {
    "id": 4112,
    "timeframe": "D",
    "direction": "bullish",
    "threshold": 3,
    "symbols": ["NQ1!", "ES1!", "YM1!"],
    "triggered_at": "2026-04-10T13:35:00Z",
}


def alert(**changes: Any) -> Event:
    return decode_event(Channel.IN_FORCE, json.dumps({**ALERT, **changes}).encode())


def a_break(**changes: Any) -> Event:
    return decode_event(Channel.BREAKS, json.dumps({**BREAK, **changes}).encode())


def reason_of(channel: Channel, data: bytes) -> RejectReason:
    with pytest.raises(DecodeError) as caught:
        decode_event(channel, data)
    return caught.value.reason


def test_an_alert_as_documented_is_read_whole() -> None:
    data = json.dumps(ALERT).encode()
    assert decode_event(Channel.IN_FORCE, data) == Event(
        channel=Channel.IN_FORCE,
        id=98421,
        symbol="AAPL",
        timeframe="D",
        direction="bullish",
        shape="1-2U",
        price=214.32,
        cc="2U",
        continuation=False,
        triggered_at=Instant.parse("2026-04-10T13:45:22Z"),
        data=data,
    )


def test_a_break_as_documented_is_read_whole() -> None:
    data = json.dumps(BREAK).encode()
    assert decode_event(Channel.BREAKS, data) == Event(
        channel=Channel.BREAKS,
        id=4112,
        symbols=("ES1!", "NQ1!", "YM1!"),
        timeframe="D",
        direction="bullish",
        threshold=3,
        triggered_at=Instant.parse("2026-04-10T13:35:00Z"),
        data=data,
    )


def test_the_bytes_are_kept_as_they_came() -> None:
    data = '{ "symbol":"AAPL",  "price": 214.320, "big": 1e400, "name": "Größe" }'.encode()
    assert decode_event(Channel.IN_FORCE, data).data == data


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (98421, 98421),
        ("98421", 98421),
        (" 98421 ", 98421),
        (98421.0, 98421),
        (2**63 - 1, 2**63 - 1),
        (98421.5, None),
        (2**63, None),
        (10**30, None),
        (0, None),
        (-4, None),
        ("-4", None),
        (True, None),
        ("a3f", None),
        ("", None),
        ("٣", None),
        ("9" * 5000, None),
        (None, None),
    ],
)
def test_an_id_is_a_positive_64_bit_number_in_any_dress(said: object, read: int | None) -> None:
    assert alert(id=said).id == read
    assert peek_id(json.dumps({"id": said}).encode()) == read


@pytest.mark.parametrize(
    ("field", "said", "read"),
    [
        ("symbol", " aapl ", "AAPL"),
        ("symbol", "BTC-usd", "BTC-USD"),
        ("timeframe", "d", "D"),
        ("timeframe", 60, "60"),
        ("timeframe", 60.0, "60"),
        ("timeframe", "4h", "4H"),
        ("timeframe", "5", "5"),
        ("timeframe", None, None),
        ("timeframe", "  ", None),
        ("direction", "Bullish", "bullish"),
        ("direction", "BEARISH", "bearish"),
        ("shape", "1-2u", "1-2U"),
        ("cc", 1, "1"),
        ("cc", "2d", "2D"),
        ("cc", False, None),
        ("price", "214.32", 214.32),
        ("price", 214, 214.0),
        ("price", "n/a", None),
        ("price", "NaN", None),
        ("price", True, None),
        ("price", [214], None),
        ("price", {"price": 214}, None),
        ("price", 10**400, None),
        ("continuation", True, True),
        ("continuation", "true", True),
        ("continuation", {}, False),
        ("triggered_at", "yesterday", None),
        ("triggered_at", 1775828722, Instant.parse("2026-04-10T13:45:22Z")),
        ("triggered_at", "1775828722", Instant.parse("2026-04-10T13:45:22Z")),
        ("triggered_at", "9999-12-31T23:59:59-14:00", None),
        ("triggered_at", "0001-01-01T00:00:00+14:00", None),
        ("triggered_at", None, None),
    ],
)
def test_a_field_is_read_in_whatever_form_it_came(field: str, said: object, read: object) -> None:
    event = alert(**{field: said})
    assert getattr(event, field) == read
    assert event.key() == "alerts.in_force:98421"


@pytest.mark.parametrize(
    ("shape", "continues"),
    [("2U-2U", True), ("3-2D-2D", True), ("2D-2U", False), ("1-2U", False), ("2U", False), ("3-3", False)],
)
def test_continuation_follows_from_the_shape(shape: str, *, continues: bool) -> None:
    assert alert(shape=shape).continuation is continues


def test_without_a_shape_continuation_is_not_known() -> None:
    assert alert(shape=None).continuation is None


@pytest.mark.parametrize(("said", "read"), [(4, 4), ("4", 4), (None, 3), ("all", 3), (True, 3)])
def test_a_threshold_that_is_not_said_is_the_number_of_participants(said: object, read: int) -> None:
    assert a_break(threshold=said).threshold == read


def test_a_break_without_threshold_and_symbols_is_known_by_its_id() -> None:
    event = decode_event(Channel.BREAKS, b'{"id": 7}')
    assert (event.id, event.threshold, event.symbols) == (7, None, ())


def test_a_number_out_of_range_costs_the_field_and_not_the_alert() -> None:
    event = decode_event(Channel.IN_FORCE, b'{"id": 7, "symbol": "AAPL", "price": 1e400}')
    assert (event.id, event.symbol, event.price) == (7, "AAPL", None)


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b'"AAPL"',
        b"5",
        b"null",
        b'{"symbol": ["AAPL"]}',
        b'{"symbol": {"name": "AAPL"}}',
        b'{"symbol": "AAPL", "id": [1]}',
        b'{"symbol": "AAPL", "timeframe": {}}',
        b'{"symbol": "AAPL", "triggered_at": []}',
    ],
)
def test_a_container_where_a_scalar_identifies_the_alert_is_a_wrong_type(data: bytes) -> None:
    assert reason_of(Channel.IN_FORCE, data) is RejectReason.WRONG_TYPE


@pytest.mark.parametrize(
    "data", [b'{"symbols": "ES1!"}', b'{"symbols": {"ES1!": 1}}', b'{"symbols": [1]}', b'{"id": 1, "symbols": [null]}']
)
def test_symbols_are_a_list_of_texts(data: bytes) -> None:
    assert reason_of(Channel.BREAKS, data) is RejectReason.WRONG_TYPE


@pytest.mark.parametrize(
    ("channel", "data"),
    [
        (Channel.IN_FORCE, b"{}"),
        (Channel.IN_FORCE, b'{"id": true, "symbol": " "}'),
        (Channel.BREAKS, b"{}"),
        (Channel.BREAKS, b'{"symbols": [], "direction": "bullish"}'),
    ],
)
def test_an_object_that_names_no_alert_is_unidentifiable(channel: Channel, data: bytes) -> None:
    assert reason_of(channel, data) is RejectReason.UNIDENTIFIABLE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b'{"id": 1',
        b'{"id": 1, "name": "\xff"}',
        b'{"id": 1, "symbol": "\xff"}',
        b'{"id": 1, "x": NaN}',
        b'{"id": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_json_is_told_so(data: bytes) -> None:
    assert reason_of(Channel.IN_FORCE, data) is RejectReason.NOT_JSON


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(list(Channel)), st.dictionaries(st.sampled_from([*ALERT, *BREAK, "continuation"]), JSON))
def test_any_object_is_an_event_or_a_reasoned_refusal(channel: Channel, fields: dict[str, Any]) -> None:
    try:
        data = json.dumps(fields).encode()
        event = decode_event(channel, data)
    except DecodeError as error:
        assert error.reason in RejectReason  # noqa: PT017  either outcome is right; only others are not
        return
    assert event.data == data
    assert event.id is None or 0 < event.id < 2**63
    assert msgspec.json.decode(msgspec.json.encode(event.natural())) == event.natural()


@given(st.binary())
def test_any_bytes_are_an_event_or_a_reasoned_refusal(data: bytes) -> None:
    peek_id(data)
    with pytest.raises(DecodeError):
        decode_event(Channel.IN_FORCE, data)
