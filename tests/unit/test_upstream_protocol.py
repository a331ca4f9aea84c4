from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.events import Channel
from relay.upstream.errors import RejectReason
from relay.upstream.protocol import (
    FRAME_TYPES,
    MAX_FRAME,
    Acknowledged,
    EventReceived,
    FrameRejected,
    Ignored,
    SeqGap,
    Session,
    Signal,
    Topic,
    UnknownType,
    subscribe,
    unsubscribe,
)

IN_FORCE = Topic(Channel.IN_FORCE)
BREAKS = Topic(Channel.BREAKS)


def quotes(*symbols: str) -> Topic:
    return Topic(Channel.QUOTES, symbols)


def frame(kind: object = "alert.in_force", seq: object = None, **data: Any) -> bytes:
    envelope = {"type": kind, "ts": "2026-04-10T14:35:00.123456+00:00", "seq": seq, "data": data}
    return json.dumps({name: value for name, value in envelope.items() if value is not None}).encode()


def ack(*channels: str, seq: object = None) -> bytes:
    return frame("subscribed", seq, channels=list(channels))


def gaps(session: Session, *seqs: object) -> list[Signal]:
    return [
        signal for seq in seqs for signal in session.receive(frame("quote", seq, symbol="A")) if type(signal) is SeqGap
    ]


def test_symbols_go_only_with_the_channels_that_take_them() -> None:
    topics = [quotes("AAPL", "TSLA"), Topic(Channel.IN_FORCE, ("AAPL",)), BREAKS]
    assert json.loads(subscribe(topics)) == {
        "op": "subscribe",
        "topics": [
            {"channel": "quotes", "symbols": ["AAPL", "TSLA"]},
            {"channel": "alerts.in_force"},
            {"channel": "alerts.simultaneous_breaks"},
        ],
    }
    assert json.loads(unsubscribe([BREAKS])) == {
        "op": "unsubscribe",
        "topics": [{"channel": "alerts.simultaneous_breaks"}],
    }


def test_the_first_message_asks_for_everything_once() -> None:
    message = Session([IN_FORCE, quotes("B"), quotes("A", "B"), Topic(Channel.STATES)]).open()
    assert message is not None
    assert json.loads(message)["topics"] == [
        {"channel": "alerts.in_force"},
        {"channel": "quotes", "symbols": ["A", "B"]},
    ]


def test_with_nothing_wanted_there_is_nothing_to_say() -> None:
    assert Session([]).open() is None


def test_a_change_sends_only_the_difference() -> None:
    session = Session([IN_FORCE, quotes("A", "B")])
    session.open()
    messages = [json.loads(message) for message in session.change([BREAKS, quotes("B", "C")])]
    assert messages == [
        {
            "op": "subscribe",
            "topics": [{"channel": "alerts.simultaneous_breaks"}, {"channel": "quotes", "symbols": ["C"]}],
        },
        {"op": "unsubscribe", "topics": [{"channel": "alerts.in_force"}, {"channel": "quotes", "symbols": ["A"]}]},
    ]
    assert session.change([quotes("C", "B"), BREAKS]) == []


def test_a_channel_missing_in_the_acknowledgement_is_refused() -> None:
    session = Session([IN_FORCE, BREAKS, quotes("A")])
    session.open()
    assert session.receive(ack("alerts.in_force", "quotes", "something.new", seq="1")) == [
        Acknowledged(frozenset({Channel.IN_FORCE, Channel.QUOTES}), frozenset({Channel.BREAKS}))
    ]


def test_a_channel_acknowledged_later_is_accepted_after_all() -> None:
    session = Session([IN_FORCE, BREAKS])
    session.open()
    session.receive(ack("alerts.in_force"))
    assert session.receive(ack("alerts.simultaneous_breaks")) == [
        Acknowledged(frozenset({Channel.IN_FORCE, Channel.BREAKS}), frozenset())
    ]


def test_an_acknowledgement_of_a_change_leaves_the_other_channels_as_they_were() -> None:
    session = Session([IN_FORCE])
    session.open()
    session.receive(ack("alerts.in_force"))
    session.change([IN_FORCE, quotes("A")])
    assert (session.asked, session.answered) == (2, 1)
    assert session.receive(ack()) == [Acknowledged(frozenset({Channel.IN_FORCE}), frozenset({Channel.QUOTES}))]
    assert session.answered == 2


def test_what_is_no_longer_wanted_is_neither_accepted_nor_refused() -> None:
    session = Session([IN_FORCE, BREAKS])
    session.open()
    session.change([IN_FORCE])
    session.receive(ack("alerts.in_force", "alerts.simultaneous_breaks"))
    assert (session.accepted, session.refused) == (frozenset({Channel.IN_FORCE}), frozenset())
    session.change([])
    assert session.accepted == frozenset()


def test_an_unsubscribe_answer_says_nothing_new() -> None:
    session = Session([IN_FORCE])
    assert session.receive(frame("unsubscribed", channels=["quotes"])) == []
    assert session.frame_type == "unsubscribed"


def test_an_acknowledgement_that_is_no_list_answers_nothing() -> None:
    session = Session([IN_FORCE])
    session.open()
    (signal,) = session.receive(frame("subscribed", channels="alerts.in_force"))
    assert isinstance(signal, FrameRejected)
    assert session.answered == 0


@pytest.mark.parametrize(
    ("kind", "channel", "label"),
    [
        ("alert.in_force", Channel.IN_FORCE, "alert.in_force"),
        ("alerts.in_force", Channel.IN_FORCE, "alert.in_force"),
        ("alert.simultaneous_break", Channel.BREAKS, "alert.simultaneous_break"),
        ("alert.simultaneous_breaks", Channel.BREAKS, "alert.simultaneous_break"),
        ("alerts.simultaneous_break", Channel.BREAKS, "alert.simultaneous_break"),
        ("alerts.simultaneous_breaks", Channel.BREAKS, "alert.simultaneous_break"),
    ],
)
def test_every_spelling_of_an_alert_is_its_channel(kind: str, channel: Channel, label: str) -> None:
    session = Session([])
    (signal,) = session.receive(frame(kind, id=7).decode())
    assert isinstance(signal, EventReceived)
    assert (signal.event.channel, signal.event.id, signal.event.data) == (channel, 7, b'{"id": 7}')
    assert session.frame_type == label


def test_quotes_and_states_are_known_and_passed_over() -> None:
    session = Session([])
    assert session.receive(frame("quote", symbol="A")) == [Ignored(Channel.QUOTES)]
    assert session.receive(frame("state", symbol="A")) == [Ignored(Channel.STATES)]


def test_an_unknown_type_is_named_with_a_sample_and_a_bounded_label() -> None:
    session = Session([])
    (signal,) = session.receive(frame("error" * 100, code="x" * 1000))
    assert isinstance(signal, UnknownType)
    assert (len(signal.type), len(signal.sample)) == (80, 200)
    assert session.frame_type == "other"


@pytest.mark.parametrize("seqs", [("1", "2", "3"), (1, 2, "3"), ("1", "1", "2"), ("1", "2", "1", "2")])
def test_a_rising_or_falling_seq_is_no_gap(seqs: tuple[object, ...]) -> None:
    assert gaps(Session([]), *seqs) == []


@pytest.mark.parametrize(
    ("seqs", "expected"),
    [
        (("1", "3"), [SeqGap(2, 3)]),
        (("1", "2", "9", "10", "12"), [SeqGap(3, 9), SeqGap(11, 12)]),
        (("4",), [SeqGap(1, 4)]),
        (("1", "5", "2", "3", "5"), [SeqGap(2, 5), SeqGap(4, 5)]),
        (("1", None, "3"), [SeqGap(2, 3)]),
    ],
)
def test_a_step_upward_is_a_gap(seqs: tuple[object, ...], expected: list[Signal]) -> None:
    assert gaps(Session([]), *seqs) == expected


@pytest.mark.parametrize("odd", ["x", "-1", "", 1.5, True, [1], {"a": 1}, "9" * 5000, "1_0"])
def test_an_odd_seq_sets_a_new_base_and_drops_nothing(odd: object) -> None:
    session = Session([])
    session.receive(frame("quote", "1"))
    signals = session.receive(frame(seq=odd, id=7))
    assert [type(signal) for signal in signals] == [EventReceived]
    assert gaps(session, "50", "51") == []


def test_a_gap_is_told_before_the_event_that_shows_it() -> None:
    signals = Session([]).receive(frame(seq="3", id=7))
    assert [type(signal) for signal in signals] == [SeqGap, EventReceived]


def test_the_seq_of_a_frame_with_bad_data_counts() -> None:
    session = Session([])
    session.receive(frame("quote", "1"))
    assert [type(signal) for signal in session.receive(b'{"type":"alert.in_force","seq":"2","data":[]}')] == [
        FrameRejected
    ]
    assert gaps(session, "3") == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", RejectReason.NOT_JSON),
        (b"hello", RejectReason.NOT_JSON),
        (b"\xff\xfe", RejectReason.NOT_JSON),
        (b'{"type":"\xff"}', RejectReason.NOT_JSON),
        (b'{"type":"alert.in_force","data":{"symbol":"\xff"}}', RejectReason.NOT_JSON),
        ("\ud800", RejectReason.NOT_JSON),
        (b"[" * 200_000, RejectReason.NOT_OBJECT),
        (b'{"a":' * 200_000, RejectReason.NOT_JSON),
        (b"[]", RejectReason.NOT_OBJECT),
        (b" null", RejectReason.NOT_OBJECT),
        ('"text"', RejectReason.NOT_OBJECT),
        (b"42", RejectReason.NOT_OBJECT),
        (b"{}", RejectReason.WRONG_TYPE),
        (b' {"type":5}', RejectReason.WRONG_TYPE),
        ('{"type":null}', RejectReason.WRONG_TYPE),
        (b'{"type":"alert.in_force"}', RejectReason.WRONG_TYPE),
        (b'{"type":"alert.in_force","data":null}', RejectReason.WRONG_TYPE),
        (b'{"type":"alert.in_force","data":"x"}', RejectReason.WRONG_TYPE),
        (b'{"type":"alert.in_force","data":{}}', RejectReason.UNIDENTIFIABLE),
        (b'{"type":"quote","data":"' + b"x" * MAX_FRAME + b'"}', RejectReason.OVERSIZED),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_frame_that_cannot_be_used_is_rejected_with_its_reason(content: str | bytes, reason: RejectReason) -> None:
    (signal,) = Session([]).receive(content)
    assert isinstance(signal, FrameRejected)
    assert signal.reason is reason


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["subscribed", "unsubscribed", "quote", "alert.in_force", "error"]) | SCALARS,
        "seq": SCALARS | st.lists(SCALARS),
        "data": SCALARS | st.lists(SCALARS) | st.dictionaries(st.sampled_from(["channels", "id", "symbol"]), SCALARS),
    },
).map(json.dumps)


@given(st.lists(st.text() | st.binary() | ENVELOPES | st.text(st.characters(categories=["Cs"])), max_size=5))
def test_no_frame_makes_the_session_raise(frames: list[str | bytes]) -> None:
    session = Session([IN_FORCE, BREAKS])
    session.open()
    for content in frames:
        session.receive(content)
        assert session.frame_type in FRAME_TYPES
