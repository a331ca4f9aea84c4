"""Whatever the upstream, or who stands in its place, sends: a reason out of a closed set, and the reader lives on."""

from __future__ import annotations

import json
import time
from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.events import EVENT_TYPES, Channel, Event, same_alert
from relay.rules.match import compile_rules
from relay.rules.rule import Rule, Symbols
from relay.upstream.errors import RejectReason, RestUnavailableError, Unavailability
from relay.upstream.protocol import (
    FRAME_TYPES,
    MAX_FRAME,
    EventReceived,
    FrameRejected,
    SeqGap,
    Session,
    Topic,
    UnknownType,
)
from relay.upstream.rest import _items, _items_mended, _page
from relay.upstream.tick import Tick, event_of
from tests.support.hostile_json import ODD, encoded, mutations, objects, values

FUZZ = settings(derandomize=True, database=None, max_examples=400)

ALERT = (
    b'{"id":98421,"symbol":"AAPL","timeframe":"D","direction":"bullish","shape":"1-2U","price":214.32,'
    b'"triggered_at":"2026-04-10T13:45:22Z","cc":"2U"}'
)
BREAK = (
    b'{"id":4112,"timeframe":"D","direction":"bullish","threshold":3,"symbols":["ES1!","NQ1!","YM1!"],'
    b'"triggered_at":"2026-04-10T13:35:00Z"}'
)
QUOTE = b'{"symbol":"AAPL","price":201.5,"volume":1000,"event_ts":"2026-04-10T13:45:22.120000Z"}'
STATE = b'{"symbol":"AAPL","price":{"price":201.5,"volume":7},"tfc":{"D":"green"},"setups":[]}'


def frame(kind: str, data: bytes, seq: int = 1) -> bytes:
    return b'{"type":"%s","ts":"2026-04-10T13:45:22Z","seq":"%d","data":%s}' % (kind.encode(), seq, data)


GOOD = (
    frame("alert.in_force", ALERT),
    frame("alert.simultaneous_break", BREAK, 2),
    frame("quote", QUOTE, 3),
    frame("state", STATE, 4),
    frame("subscribed", b'{"channels":["alerts.in_force","alerts.simultaneous_breaks","quotes","states"]}', 5),
    frame("error", b'{"code":"slow_down"}', 6),
)
TOPICS = [Topic(channel, ("AAPL",) if channel in {Channel.QUOTES, Channel.STATES} else ()) for channel in Channel]
INDEX = compile_rules(
    [Rule(name=str(channel), to=("a",), channel=channel) for channel in Channel]
    + [Rule(name="globs", to=("a",), symbols=Symbols(any=("*A*", "?S*", "[EN]*"), none=("*-USD",)))]
)

TYPES = st.sampled_from([*EVENT_TYPES.values(), "subscribed", "unsubscribed", "error", ""]).map(json.dumps)
FIELDS = ("id", "symbol", "symbols", "timeframe", "direction", "shape", "price", "cc", "threshold", "triggered_at",
          "continuation", "channels", "event_ts")  # fmt: skip
DATA = objects(*FIELDS)
ENVELOPES = st.tuples(TYPES | values, values, DATA | values).map(
    lambda parts: f'{{"type":{parts[0]},"seq":{parts[1]},"data":{parts[2]},"data":{parts[2]}}}'
)
FRAMES: st.SearchStrategy[str | bytes] = (
    mutations(GOOD)
    | encoded(ENVELOPES)
    | encoded(objects("type", "ts", "seq", "data", inner=values | DATA))
    | encoded(values)
    | st.binary()
    | ENVELOPES
)


@FUZZ
@given(st.lists(FRAMES, min_size=1, max_size=4))
def test_after_any_frames_the_next_good_one_is_read(frames: list[str | bytes]) -> None:
    session = Session(TOPICS)
    session.open()
    for content in frames:
        for signal in session.receive(content):
            look_at(signal)
        assert session.frame_type in FRAME_TYPES
    signals = session.receive(GOOD[0])
    assert [signal for signal in signals if not isinstance(signal, SeqGap)] == [
        EventReceived(Event(channel=Channel.IN_FORCE, id=98421, symbol="AAPL", timeframe="D", direction="bullish",
                            shape="1-2U", price=214.32, cc="2U", continuation=False, data=ALERT,
                            triggered_at=signals[-1].event.triggered_at))  # type: ignore[union-attr]  # told by the comparison
    ]  # fmt: skip
    assert session.frame_type == "alert.in_force"


def look_at(signal: object) -> None:
    """What the parts behind the session do with a signal."""
    match signal:
        case FrameRejected():
            assert signal.reason in RejectReason
            assert isinstance(signal.detail, str)
        case UnknownType():
            assert len(signal.type) <= 80
            assert len(signal.sample) <= 200
        case Tick():
            take(event_of(signal))
        case EventReceived():
            take(signal.event)


def take(event: Event) -> None:
    """An event that was let in is one that can be stored, matched and told."""
    assert msgspec.json.decode(msgspec.json.encode(event.key())) == event.key()
    assert event.id is None or 0 < event.id < 2**63
    assert event.threshold is None or 0 < event.threshold < 2**63
    assert event.price is None or abs(event.price) < float("inf")
    for text in (
        event.natural(),
        event.symbol,
        event.timeframe,
        event.direction,
        event.shape,
        event.cc,
        *event.symbols,
    ):
        assert (text or "").encode().decode() == (text or "")
    event.data.decode()
    msgspec.json.decode(event.data, type=dict[str, msgspec.Raw])
    assert same_alert(event, event)
    if event.triggered_at is not None:
        assert -(2**63) <= event.triggered_at.us < 2**63
        assert event.triggered_at.isoformat()
    INDEX.match(event)
    assert event.ordering_key is not None


@pytest.mark.parametrize("kind", [*EVENT_TYPES.values(), "subscribed"])
def test_no_odd_value_in_any_place_ends_the_reading(kind: str) -> None:
    for place, odd in product(["type", "seq", "ts", "data", *FIELDS], ODD):
        envelope = {"type": f'"{kind}"', "ts": '"2026-04-10T13:45:22Z"', "seq": '"1"'}
        data = {"id": "5", "symbol": '"AAPL"'}
        if place in FIELDS:
            data[place] = odd
        session = Session(TOPICS)
        whole = {**envelope, "data": encode(data)}
        for signal in session.receive(encode(whole if place in FIELDS else whole | {place: odd})):
            look_at(signal)
        assert session.receive(GOOD[0])


def encode(fields: dict[str, str]) -> str:
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"


MIB = MAX_FRAME - 200
LARGE = {
    "a symbol": frame("alert.in_force", b'{"symbol":"' + b"A" * MIB + b'"}'),
    "a symbol that grows in upper case": frame("alert.in_force", b'{"symbol":"' + "ﬃ".encode() * (MIB // 3) + b'"}'),
    "a time": frame("alert.in_force", b'{"symbol":"A","triggered_at":"' + b"2" * MIB + b'"}'),
    "a time of spaces": frame("alert.in_force", b'{"symbol":"A","triggered_at":"' + b" " * MIB + b'"}'),
    "an id": frame("alert.in_force", b'{"id":' + b"9" * MIB + b"}"),
    "a price": frame("alert.in_force", b'{"symbol":"A","price":"' + b"9" * MIB + b'"}'),
    "a shape": frame("alert.in_force", b'{"symbol":"A","shape":"' + b"-" * MIB + b'"}'),
    "symbols": frame("alert.simultaneous_break", b'{"symbols":[' + b'"A",' * (MIB // 4) + b'"B"]}'),
    "different symbols": frame(
        "alert.simultaneous_break", b'{"symbols":[%s]}' % b",".join(b'"S%d"' % n for n in range(MIB // 10))
    ),
    "fields": frame("alert.in_force", b"{" + b'"a":1,' * (MIB // 6) + b'"symbol":"A"}'),
    "channels": frame("subscribed", b'{"channels":[' + b"[]," * (MIB // 3) + b"[]]}"),
    "a depth": frame("alert.in_force", b'{"symbol":' + b"[" * MIB + b"}"),
    "a type": frame("x" * MIB, b"{}"),
    "a quote's price": frame("quote", b'{"symbol":"A","price":' + b"9" * MIB + b"}"),
    "a state's setups": frame("state", b'{"symbol":"A","setups":[' + b"{}," * (MIB // 3) + b"{}]}"),
    "a seq": b'{"type":"error","seq":"' + b"9" * MIB + b'"}',
    "white space": b" " * MIB + GOOD[0],
}


@pytest.mark.parametrize("content", LARGE.values(), ids=LARGE)
def test_a_frame_as_large_as_they_may_be_takes_no_more_than_its_length(content: bytes) -> None:
    session = Session(TOPICS)
    began = time.process_time()
    for signal in session.receive(content):
        look_at(signal)
    assert time.process_time() - began < 3  # a hundred times what it takes; what is quadratic takes minutes
    assert any(isinstance(signal, EventReceived) for signal in session.receive(GOOD[0]))


PAGES = (
    b'{"items":[' + ALERT + b"," + ALERT.replace(b"98421", b"98420") + b"]}",
    b'{"items":[' + BREAK + b"]}",
    b'{"items":[]}',
)
ITEMS = st.lists(DATA | values, max_size=4).map(lambda items: f'{{"items":[{",".join(items)}]}}')
REST_ANSWERS = (
    mutations(PAGES) | encoded(ITEMS) | encoded(objects("items", "error", inner=ITEMS | values)) | st.binary()
)


@FUZZ
@given(st.sampled_from([Channel.IN_FORCE, Channel.BREAKS]), REST_ANSWERS)
def test_any_rest_answer_is_a_page_or_is_asked_for_again(channel: Channel, body: bytes) -> None:
    try:
        try:
            items = _items(body)
        except (RecursionError, RestUnavailableError):
            items = _items_mended(body)
        page = _page(channel, items, None)
    except RestUnavailableError as error:
        assert error.reason in {Unavailability.NOT_JSON, Unavailability.NO_ITEMS}  # noqa: PT017  because either outcome is right
        return
    assert page.size == len(page.items) + page.rejected
    for event in page.items:
        take(event)
        assert page.greatest_id is not None or event.id is None
    if page.greatest_id is not None:
        assert 0 < page.greatest_id < 2**63
