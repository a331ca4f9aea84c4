"""What was looked up shows in every message: in a webhook's body, to templates, and as a row in the chats."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from relay.deliveries import Message
from relay.destinations.apprise.render import note_of
from relay.destinations.body import body_of, variables_of
from relay.destinations.discord.embeds import embed_of
from relay.destinations.enrichment import continuity
from relay.destinations.slack.render import alert_blocks, fallback
from relay.destinations.texts import continuity_row, facts
from relay.events import Channel, Event
from relay.template import BodyTemplate
from tests.support.events import a_break, in_force
from tests.support.messages import message

SNAPSHOT = (
    b'{"symbol": "AAPL",  "price": {"price": 214.3200, "volume": 1e3}, "tfc": {"D": "green", "W": "red"}, "x": [1]}'
)
ENRICHED = message(states=b'{"AAPL": ' + SNAPSHOT + b"}")
BREAK = message(
    a_break(1),
    states=b'{"ES=F": {"symbol": "ES=F", "tfc": {"D": "green"}}, "NQ1!": {"tfc": {"D": "red", "M": "na"}}, "YM1!": {}}',
)


def relay_of(sent: Message) -> dict[str, Any]:
    """The ``relay`` object of the body, as a receiver reads it."""
    found = msgspec.json.decode(msgspec.json.encode(body_of(sent)), type=dict[str, Any])["relay"]
    assert isinstance(found, dict)
    return found


def test_the_body_has_the_snapshot_byte_for_byte() -> None:
    assert b'"state":' + SNAPSHOT in msgspec.json.encode(body_of(ENRICHED))
    assert "states" not in relay_of(ENRICHED)


def test_the_body_of_a_break_has_each_participant_s() -> None:
    found = relay_of(BREAK)
    assert "state" not in found
    assert found["states"]["NQ1!"] == {"tfc": {"D": "red", "M": "na"}}
    assert list(found["states"]) == ["ES=F", "NQ1!", "YM1!"]


@pytest.mark.parametrize("states", [None, b"{}", b"", b"[]", b'{"AAPL": '])
@pytest.mark.parametrize("event", [in_force(1), a_break(1)])
def test_without_a_snapshot_the_body_is_as_it_always_was(event: Event, states: bytes | None) -> None:
    assert list(relay_of(message(event, states=states))) == [
        "event",
        "key",
        "rules",
        "destination",
        "source",
        "received_at",
        "expires_at",
        "sequence",
        "attempt",
        "simulated",
    ]


@pytest.mark.parametrize(
    ("sent", "template", "body"),
    [
        (ENRICHED, "{{ relay.state.tfc.D }} {{ relay.state.price.volume }}", b"green 1000.0"),
        (ENRICHED, "{{ relay.states is none }}", b"True"),
        (BREAK, "{{ relay.states['NQ1!'].tfc.D }}", b"red"),
        (message(), "{% if relay.state %}known{% else %}not known{% endif %}", b"not known"),
        (message(states=b'{"AAPL": {"x": "%s"}}' % (b"x" * (64 << 10))), "{{ relay.state }}", b"None"),
        (message(states=b'{"AAPL": {"volume": 1e999, "tfc": {"D": "red"}}}'), "{{ relay.state.tfc.D }}", b"red"),
    ],
)
def test_templates_see_it(sent: Message, template: str, body: bytes) -> None:
    assert BodyTemplate(template).render(variables_of(body_of(sent))) == body


def test_the_snapshot_is_found_by_whatever_spelling_it_was_looked_up() -> None:
    sent = message(in_force(1, "ES1!"), states=b'{"ES=F": {"tfc": {"D": "green"}}}')
    assert relay_of(sent)["state"] == {"tfc": {"D": "green"}}


def test_the_alert_s_own_colours_come_first() -> None:
    event = Event(Channel.IN_FORCE, symbol="AAPL", data=b'{"tfc": {"D": "red"}}')
    assert continuity(message(event, states=b'{"AAPL": ' + SNAPSHOT + b"}").delivery) == (("D", "red"),)


def test_a_break_tells_the_continuity_of_those_that_took_part() -> None:
    assert continuity_row(BREAK.delivery) == "ES D🟢 · NQ D🔴 M⚪"
    assert facts(BREAK.delivery)[-1] == ("Continuity", "ES D🟢 · NQ D🔴 M⚪")


def test_every_chat_shows_the_row() -> None:
    assert {"name": "Continuity", "value": "D🟢 W🔴", "inline": False} in embed_of(ENRICHED, 600)["fields"]
    assert alert_blocks(ENRICHED, 600)[0]["fields"][-1]["text"] == "*Continuity*  D🟢 W🔴"
    assert "Continuity D🟢 W🔴" in note_of([ENRICHED], None).body


def test_a_quote_and_a_state_read_well_in_every_chat() -> None:
    quote = message(Event(Channel.QUOTES, symbol="AAPL", price=200.35, data=b'{"symbol":"AAPL","price":200.35}'))
    state = message(Event(Channel.STATES, symbol="AAPL", data=SNAPSHOT.replace(b"red", b"green")))
    chart = "https://www.tradingview.com/chart/?symbol=AAPL"
    for sent, title in ((quote, "AAPL 200.35"), (state, "AAPL full continuity up")):
        embed = embed_of(sent, 600)
        assert (embed["title"], embed["url"]) == (title, chart)
        assert f"<{chart}|{title}>" in alert_blocks(sent, 600)[0]["text"]["text"]
        note = note_of([sent], None)
        assert (note.title, note.body.splitlines()[-1]) == (title, chart)
        assert fallback([sent], 600) == title
    assert "Price 200.35" in note_of([quote], None).body
    assert "Price 214.32 · Continuity D🟢 W🟢" in note_of([state], None).body
