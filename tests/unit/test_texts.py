from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.deliveries import Message
from relay.destinations.enrichment import continuity
from relay.destinations.texts import (
    byline,
    candle_words,
    continuity_row,
    facts,
    fit,
    headline,
    lateness,
    participants,
    price_text,
    remarks,
    rule_names,
    timeframe_words,
    width,
)
from relay.events import Channel, Event, Source
from tests.support.any_alert import messages
from tests.support.clock import START_US
from tests.support.events import a_break, in_force
from tests.support.messages import message

SECOND_US = 1_000_000
OVER = 600.0


@pytest.mark.parametrize(
    ("event", "title"),
    [
        (in_force(1), "AAPL [D] 1-2U"),
        (in_force(1, "BTC-USD", timeframe="4H", shape="3-2D-2U"), "BTC-USD [4H] 3-2D-2U"),
        (in_force(1, shape=None), "AAPL [D] bullish"),
        (in_force(1, timeframe=None, shape=None, direction=None), "AAPL"),
        (in_force(1, symbol=None), "? [D] 1-2U"),
        (a_break(1), "3 of 4 index futures broke up [D]"),
        (
            a_break(1, direction="bearish", timeframe="W", symbols=("ES1!", "NQ1!")),
            "2 of 4 index futures broke down [W]",
        ),
        (Event(Channel.BREAKS), "Index futures broke"),
        (Event(Channel.BREAKS, threshold=7), "Index futures broke"),
        (Event(Channel.STATES, symbol="AAPL"), "AAPL state"),
        (Event(Channel.STATES, symbol="AAPL", data=b'{"tfc": {"D": "green", "W": "red"}}'), "AAPL state"),
        (
            Event(Channel.STATES, symbol="AAPL", data=b'{"tfc": {"60": "red", "D": "green", "Y": "green"}}'),
            "AAPL full continuity up",
        ),
        (Event(Channel.STATES, symbol="SPY", data=b'{"tfc": {"D": "red"}}'), "SPY full continuity down"),
        (Event(Channel.QUOTES, symbol="AAPL", price=200.35), "AAPL 200.35"),
        (Event(Channel.QUOTES, symbol="AAPL"), "AAPL quote"),
    ],
)
def test_a_headline_says_what_happened(event: Event, title: str) -> None:
    assert headline(message(event)) == title


def test_a_test_says_so_before_anything_else() -> None:
    assert headline(message(Event(Channel.IN_FORCE), source=Source.TEST)) == "Test message of the relay"
    assert headline(message(in_force(1), source=Source.TEST)) == "Sample: AAPL [D] 1-2U"
    assert remarks(message(in_force(1), source=Source.TEST), OVER) == ("a test, not an alert",)
    told = message(Event(Channel.BREAKS, threshold=3), source=Source.TEST)
    assert headline(told) == "Sample: 3 of 4 index futures broke"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (in_force(1), "▲ Bullish setup in force"),
        (in_force(1, direction="bearish"), "▼ Bearish setup in force"),
        (in_force(1, direction=None), "Setup in force"),
        (in_force(1, direction="<@everyone>"), "Setup in force"),
        (a_break(1), "▲ Simultaneous break"),
        (a_break(1, direction="bearish"), "▼ Simultaneous break"),
        (a_break(1, direction="?"), "Simultaneous break"),
        (Event(Channel.STATES, symbol="AAPL"), "State"),
        (Event(Channel.QUOTES, symbol="AAPL"), "Quote"),
    ],
)
def test_a_direction_is_told_in_words_and_by_an_arrow(event: Event, said: str) -> None:
    assert byline(message(event)) == said


@pytest.mark.parametrize(
    ("event", "known"),
    [
        (in_force(1), (("Price", "214.32"), ("Candle", "2U · above prior high"), ("Timeframe", "Daily"))),
        (
            a_break(1, timeframe="60"),
            (("Timeframe", "1 hour"), ("Broke", "ES, NQ, YM"), ("Did not", "RTY")),
        ),
        (Event(Channel.IN_FORCE), ()),
        (
            Event(Channel.IN_FORCE, price=1.0, data=b'{"tfc":{"W":"red","D":"green","M":"na"}}'),
            (("Price", "1.00"), ("Continuity", "D🟢 W🔴 M⚪")),
        ),
        (Event(Channel.QUOTES, symbol="AAPL", price=200.35), (("Price", "200.35"),)),
        (
            Event(Channel.STATES, symbol="AAPL", data=b'{"price":{"price":"214.32"},"tfc":{"D":"green"}}'),
            (("Price", "214.32"), ("Continuity", "D🟢")),
        ),
        (Event(Channel.STATES, symbol="AAPL", data=b'{"price":{},"tfc":{"D":"red"}}'), (("Continuity", "D🔴"),)),
        (Event(Channel.STATES, symbol="AAPL", data=b'{"price":214.32}'), ()),
    ],
)
def test_what_is_known_is_told_and_nothing_else(event: Event, known: tuple[tuple[str, str], ...]) -> None:
    assert facts(message(event).delivery) == known


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (214.32, "214.32"),
        (532.1, "532.10"),
        (5300.0, "5,300.00"),
        (64250.125, "64,250.125"),
        (0.00001234, "0.00001234"),
        (0.0, "0.00"),
        (-37.63, "-37.63"),
        (float("inf"), "inf"),
    ],
)
def test_a_price_has_two_decimals_or_as_many_as_it_needs(price: float, text: str) -> None:
    assert price_text(price) == text


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("15", "15 minutes"),
        ("60", "1 hour"),
        ("4H", "4 hours"),
        ("4h", "4 hours"),
        ("12H", "12 hours"),
        ("D", "Daily"),
        ("W", "Weekly"),
        ("M", "Monthly"),
        ("Q", "Quarterly"),
        ("Y", "Yearly"),
        ("2D", "2D"),
        (" od\nd\x00 ", "od d"),
        ("", ""),
    ],
)
def test_a_timeframe_is_told_in_words_where_it_is_known(sent: str, words: str) -> None:
    assert timeframe_words(sent) == words


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("1", "1 · inside bar"),
        ("2U", "2U · above prior high"),
        ("2d", "2d · below prior low"),
        ("3", "3 · outside bar"),
        ("4", "4"),
        ("", ""),
    ],
)
def test_a_candle_is_told_in_words_where_it_is_known(sent: str, words: str) -> None:
    assert candle_words(sent) == words


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (b'{"tfc":{"M":"GREEN","d":"red","60":" na "}}', (("60", "na"), ("D", "red"), ("M", "green"))),
        (b'{"tfc":{"D":1,"W":null,"X":"green","M":""}}', ()),
        (b'{"tfc":[]}', ()),
        (b'{"tfc":null}', ()),
        (b"{}", ()),
        (b"[]", ()),
        (b"", ()),
        (b"\xff", ()),
        (b'{"tfc":' + b"[" * 50_000, ()),
        (b'{"other":' + b"[" * 50_000, ()),
    ],
)
def test_continuity_is_read_from_whatever_was_sent(data: bytes, known: tuple[tuple[str, str], ...]) -> None:
    assert continuity(message(Event(Channel.IN_FORCE, data=data)).delivery) == known


@pytest.mark.parametrize(
    ("symbols", "threshold", "broke", "held"),
    [
        (("ES1!", "NQ1!", "YM1!"), 3, ("ES", "NQ", "YM"), ("RTY",)),
        (("YM=F", "es1!"), None, ("ES", "YM"), ("NQ", "RTY")),
        (("ES1!", "NQ1!", "RTY1!", "YM1!"), 4, ("ES", "NQ", "RTY", "YM"), ()),
        (("ES1!",), 3, ("ES",), ()),
        (("ES1!", "CL1!"), 2, ("ES", "CL"), ("NQ", "RTY", "YM")),
        (("", "\u200b"), None, (), ()),
        ((), 3, (), ()),
    ],
)
def test_who_did_not_break_is_told_only_where_all_that_did_are_known(
    symbols: tuple[str, ...], threshold: int | None, broke: tuple[str, ...], held: tuple[str, ...]
) -> None:
    assert participants(Event(Channel.BREAKS, symbols=symbols, threshold=threshold)) == (broke, held)


@pytest.mark.parametrize(
    ("source", "late", "over", "said"),
    [
        (Source.BACKFILL, 59.999, 600, None),
        (Source.BACKFILL, 60, 600, "recovered, 60 s late"),
        (Source.BACKFILL, 75, 600, "recovered, 75 s late"),
        (Source.BACKFILL, 12 * 60 + 30, 600, "recovered, 12 min late"),
        (Source.BACKFILL, 30, 30, "recovered, 30 s late"),
        (Source.BACKFILL, 0, 600, None),
        (Source.BACKFILL, -500, 600, None),
        (Source.LIVE, 599, 600, None),
        (Source.LIVE, 600, 600, "10 min late"),
        (Source.LIVE, 119.9, 60, "119 s late"),
        (Source.LIVE, 120, 60, "2 min late"),
        (Source.LIVE, 7199, 60, "119 min late"),
        (Source.LIVE, 7200, 60, "2 h late"),
        (Source.LIVE, 47 * 3600 + 3599, 60, "47 h late"),
        (Source.LIVE, 48 * 3600, 60, "2 days late"),
        (Source.REPLAY, 86400, 60, None),
        (Source.TEST, 86400, 60, None),
    ],
)
def test_a_late_alert_says_how_late_it_is(source: Source, late: float, over: float, said: str | None) -> None:
    assert lateness(message(source=source, now_us=START_US + round(late * SECOND_US)), over) == said


def test_lateness_counts_from_the_receipt_where_no_time_was_told() -> None:
    untold = message(in_force(1, at=None), received_at_us=START_US, now_us=START_US + 3600 * SECOND_US)
    assert lateness(untold, OVER) == "60 min late"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (message(), ()),
        (message(simulated=True), ("simulated",)),
        (message(source=Source.REPLAY, simulated=True), ("replay", "simulated")),
        (message(now_us=START_US + 720 * SECOND_US), ("12 min late",)),
    ],
)
def test_what_a_reader_must_know_first_is_remarked(sent: Message, said: tuple[str, ...]) -> None:
    assert remarks(sent, OVER) == said


def test_rules_are_named_once_each() -> None:
    assert rule_names(message(rules=("a", "b\n")), message(rules=("b", " ", "c"))) == "a · b · c"


@pytest.mark.parametrize(
    ("pieces", "limit", "text"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abcd", 1, "…"),
        ("", 3, ""),
        ("😀😀", 4, "😀😀"),
        ("😀😀", 3, "😀…"),
        ("😀😀", 2, "…"),
        (["&amp;", "&amp;"], 9, "&amp;…"),
        (["&amp;", "&amp;"], 5, "…"),
    ],
)
def test_a_text_is_cut_between_whole_pieces(pieces: list[str] | str, limit: int, text: str) -> None:
    assert fit(pieces, limit) == text


@given(st.lists(st.text(max_size=4), max_size=30), st.integers(1, 40))
def test_a_cut_text_is_never_too_long_and_never_cut_without_need(pieces: list[str], limit: int) -> None:
    text = fit(pieces, limit)
    assert width(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2
    assert width(text) <= limit
    assert text == "".join(pieces) or (text.endswith("…") and width("".join(pieces)) > limit)


@given(messages)
def test_every_text_is_one_line_that_can_be_seen(sent: Message) -> None:
    texts = [headline(sent), byline(sent), rule_names(sent), *remarks(sent, OVER), continuity_row(sent.delivery)]
    for text in [*texts, *(text for fact in facts(sent.delivery) for text in fact)]:
        assert text == " ".join(text.split())
        assert text.isprintable()
        text.encode()
    assert headline(sent)
    assert byline(sent)
