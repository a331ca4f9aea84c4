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
    MAX_MESSAGE_SYMBOLS,
    MAX_SYMBOLS,
    Acknowledged,
    EventReceived,
    FrameRejected,
    SeqGap,
    Session,
    Signal,
    Topic,
    UnknownType,
    subscribe,
    unsubscribe,
)
from relay.upstream.tick import Tick

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
    (message,) = Session([quotes("B"), IN_FORCE, quotes("A", "B"), Topic(Channel.STATES)]).open()
    assert json.loads(message)["topics"] == [
        {"channel": "alerts.in_force"},
        {"channel": "quotes", "symbols": ["A", "B"]},
    ]


def test_with_nothing_wanted_there_is_nothing_to_say() -> None:
    session = Session([])
    assert session.open() == []
    assert session.asked == 0


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (1, [[1]]),
        (250, [[250]]),
        (251, [[250, 1]]),
        (1_000, [[250] * 4]),
        (1_001, [[250] * 4, [1]]),
        (2_100, [[250] * 4, [250] * 4, [100]]),
    ],
)
def test_many_symbols_take_several_topics_and_more_several_messages(count: int, sizes: list[list[int]]) -> None:
    session = Session([quotes(*(f"S{number:05d}" for number in range(count))), IN_FORCE])
    messages = [json.loads(message)["topics"] for message in session.open()]
    assert messages[0].pop(0) == {"channel": "alerts.in_force"}
    assert [[len(topic["symbols"]) for topic in topics] for topics in messages] == sizes
    assert session.asked == len(sizes)
    assert (MAX_SYMBOLS, MAX_MESSAGE_SYMBOLS) == (250, 1_000)


def test_what_is_dropped_is_unsubscribed_in_several_messages_too() -> None:
    names = [f"S{number:05d}" for number in range(1_300)]
    session = Session([quotes(*names), Topic(Channel.STATES, tuple(names))])
    assert len(session.open()) == 3
    messages = [json.loads(message) for message in session.change([quotes(*names[:50])])]
    assert [message["op"] for message in messages] == ["unsubscribe"] * 3
    assert session.asked == 3
    sizes = [[len(topic["symbols"]) for topic in message["topics"]] for message in messages]
    assert sizes == [[250] * 4, [250, 250, 250, 250], [250, 250, 50]]


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


MANY = tuple(f"S{number:05d}" for number in range(2_500))


@pytest.mark.parametrize(
    "answers",
    [
        [["quotes", "alerts.in_force"], ["quotes"], ["quotes"]],
        [["quotes", "alerts.in_force"]] * 3,
        [["alerts.in_force"], ["quotes", "alerts.in_force"], ["quotes", "alerts.in_force"]],
        [["quotes", "alerts.in_force"], [], []],
        [["quotes", "alerts.in_force"]],
    ],
    ids=["each its own", "all so far", "late", "only what is new", "one for all"],
)
def test_a_channel_of_several_messages_is_accepted_once_one_answer_names_it(answers: list[list[str]]) -> None:
    session = Session([quotes(*MANY), IN_FORCE])
    assert len(session.open()) == 3
    for channels in answers:
        session.receive(ack(*channels))
    assert (session.accepted, session.refused) == (frozenset({Channel.QUOTES, Channel.IN_FORCE}), frozenset())
    assert session.answered == len(answers)
    session.change([quotes(*MANY, "ZZ"), IN_FORCE])
    session.receive(ack())
    assert session.accepted == frozenset({Channel.QUOTES, Channel.IN_FORCE})


def test_a_channel_of_several_messages_that_no_answer_names_is_refused() -> None:
    session = Session([quotes(*MANY), IN_FORCE])
    session.open()
    for channels in (["alerts.in_force"], [], []):
        session.receive(ack(*channels))
    assert (session.accepted, session.refused) == (frozenset({Channel.IN_FORCE}), frozenset({Channel.QUOTES}))
    session.change([IN_FORCE])
    assert session.refused == frozenset()


class ModelServer:
    """Keeps subscriptions as the vendor's page tells: by channel, and by symbol where a channel takes symbols."""

    def __init__(self) -> None:
        self.topics: dict[str, set[str]] = {}

    def take(self, messages: list[str]) -> None:
        for message in map(json.loads, messages):
            assert sum(len(topic.get("symbols", ())) for topic in message["topics"]) <= MAX_MESSAGE_SYMBOLS
            for topic in message["topics"]:
                self._change(topic["channel"], topic.get("symbols"), add=message["op"] == "subscribe")

    def _change(self, channel: str, symbols: list[str] | None, *, add: bool) -> None:
        known = self.topics.setdefault(channel, set())
        if symbols is not None:
            assert 0 < len(symbols) <= MAX_SYMBOLS
            assert known.isdisjoint(symbols) if add else known.issuperset(symbols)  # never more than the difference
            known.symmetric_difference_update(symbols)
        if (symbols is None and not add) or (symbols is not None and not known):
            del self.topics[channel]


SOME = st.integers(0, 1_200).flatmap(lambda low: st.integers(0, 1_200).map(lambda size: MANY[low : low + size]))
WANTED = st.lists(
    st.sampled_from([IN_FORCE, BREAKS]) | st.builds(Topic, st.sampled_from([Channel.QUOTES, Channel.STATES]), SOME),
    max_size=4,
)


@given(st.lists(WANTED, min_size=1, max_size=5))
def test_after_every_change_the_server_has_exactly_what_is_wanted(stages: list[list[Topic]]) -> None:
    session, server = Session(stages[0]), ModelServer()
    server.take(session.open())
    for wanted in stages:
        server.take(session.change(wanted))
        expected: dict[str, set[str]] = {}
        for topic in wanted:
            if topic.symbols or topic in (IN_FORCE, BREAKS):
                expected.setdefault(topic.channel.value, set()).update(topic.symbols)
        assert server.topics == expected
        assert session.change(wanted) == []


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


@pytest.mark.parametrize("kind", ["quote", "quotes", "state", "states"])
def test_quotes_and_states_are_ticks_with_their_bytes_and_their_envelopes_time(kind: str) -> None:
    session = Session([])
    channel, price = (Channel.QUOTES, 2.5) if kind.startswith("quote") else (Channel.STATES, None)
    assert session.receive(frame(kind, symbol="a", price=2.5)) == [
        Tick(channel, "A", price, b'{"symbol": "a", "price": 2.5}', b'"2026-04-10T14:35:00.123456+00:00"')
    ]
    assert session.frame_type == kind.removesuffix("s")


def test_a_quote_without_a_symbol_is_rejected() -> None:
    (signal,) = Session([]).receive(frame("quote", price=2.5))
    assert isinstance(signal, FrameRejected)
    assert signal.reason is RejectReason.UNIDENTIFIABLE


@pytest.mark.parametrize("price", [True, [], {}, "", "0x10"])
def test_a_quote_whose_price_is_no_number_is_rejected(price: object) -> None:
    (signal,) = Session([]).receive(frame("quote", symbol="AAPL", price=price))
    assert isinstance(signal, FrameRejected)
    assert signal.reason is RejectReason.WRONG_TYPE


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
