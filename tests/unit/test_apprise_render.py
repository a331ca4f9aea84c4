"""What apprise is given: a title and a text that every service takes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.deliveries import Message
from relay.destinations.apprise.render import BODY, MOST, TITLE, fits, note_of
from relay.destinations.texts import width
from relay.events import Channel, Event, Source
from relay.template import BodyTemplate, RenderError
from tests.support.any_alert import messages
from tests.support.clock import START_US
from tests.support.events import a_break, in_force
from tests.support.messages import message

MINUTE_US = 60_000_000


def test_a_lone_alert_tells_all_that_is_known_of_it() -> None:
    note = note_of([message()], None)
    assert note.title == "AAPL [D] 1-2U"
    assert note.body.splitlines() == [
        "▲ Bullish setup in force",
        "Price 214.32 · Candle 2U · above prior high · Timeframe Daily",
        "2026-04-10 13:45:22 UTC",
        "daily bulls",
        "https://www.tradingview.com/chart/?symbol=AAPL&interval=D",
    ]


def test_several_are_two_lines_each_in_order() -> None:
    batch = [message(in_force(1)), message(in_force(2, "MSFT")), message(a_break(3, at="2026-04-10T13:45:20Z"))]
    note = note_of(batch, None)
    assert note.title == "3 alerts"
    assert note.body.splitlines() == [
        "AAPL [D] 1-2U",
        "214.32 · 2026-04-10 13:45:22 UTC",
        "MSFT [D] 1-2U",
        "214.32 · 2026-04-10 13:45:22 UTC",
        "3 of 4 index futures broke up [D]",
        "2026-04-10 13:45:20 UTC",
    ]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (message(source=Source.BACKFILL, now_us=START_US + 12 * MINUTE_US), "recovered, 12 min late"),
        (message(now_us=START_US + 12 * MINUTE_US), "12 min late"),
        (message(simulated=True), "simulated"),
        (message(source=Source.REPLAY), "replay"),
    ],
)
def test_what_must_be_known_before_acting_on_it_is_said_first(sent: Message, said: str) -> None:
    assert note_of([sent], None).body.splitlines()[0].endswith(f" · {said}")
    assert f"AAPL [D] 1-2U · {said}" in note_of([sent, sent], None).body


def test_a_test_message_says_so_and_nothing_else() -> None:
    note = note_of([message(Event(Channel.IN_FORCE), source=Source.TEST, rules=())], None)
    assert note.title == "Test message of the relay"
    assert note.body.splitlines() == ["Test · a test, not an alert", "2026-04-10 13:45:22 UTC"]


def test_nothing_upstream_pings_where_apprise_speaks_to_a_chat() -> None:
    hostile = message(Event(Channel.IN_FORCE, symbol="<@&961700198785118228>", direction="@everyone"))
    for batch in ([hostile], [hostile, hostile]):
        note = note_of(batch, None)
        assert "@" not in note.title + note.body
        assert "everyone" in note.title + note.body


def test_a_template_gives_the_text_and_the_headline_is_the_title() -> None:
    note = note_of([message()], BodyTemplate("{{ symbol }} at {{ price }}{{ late }} {{ chart }}\n"))
    assert note.title == "AAPL [D] 1-2U"
    assert note.body == "AAPL at 214.32 https://www.tradingview.com/chart/?symbol=AAPL&interval=D"


@pytest.mark.parametrize(
    ("template", "body"),
    [("{{ symbol }}", "12 min late\nAAPL"), ("{{ symbol }}, {{ late }}", "AAPL, 12 min late")],
)
def test_what_a_template_does_not_say_stands_above_its_text(template: str, body: str) -> None:
    late = message(simulated=True, now_us=START_US + 12 * MINUTE_US)
    assert note_of([late], BodyTemplate(template)).body == body


@pytest.mark.parametrize("template", ["{{ nothing_of_the_kind }}", " \n{% if false %}x{% endif %}"])
def test_a_template_that_fails_or_gives_nothing_is_an_error(template: str) -> None:
    with pytest.raises(RenderError):
        note_of([message()], BodyTemplate(template))


@given(st.lists(messages, min_size=1, max_size=12))
def test_whatever_the_alerts_are_what_fits_is_within_the_limits(waiting: list[Message]) -> None:
    count = fits(waiting)
    assert 1 <= count <= min(len(waiting), MOST)
    note = note_of(waiting[:count], None)
    assert 0 < width(note.title) <= TITLE
    assert 0 < width(note.body) <= BODY
    assert all(char.isprintable() or char == "\n" for char in note.title + note.body)
    assert msgspec.json.decode(msgspec.json.encode(note), type=type(note)) == note


def test_ten_usual_alerts_go_together() -> None:
    assert fits([message(in_force(number)) for number in range(1, 14)]) == MOST
