from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.deliveries import Message
from relay.destinations.discord import discord
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.discord.discord import Discord, embed_of
from relay.destinations.http import HttpClient
from relay.destinations.slack import slack
from relay.destinations.slack.config import SlackConfig
from relay.destinations.slack.slack import Slack, fallback_of, section_of
from relay.destinations.texts import fit, headline, price_text, remarks, width
from relay.events import Channel, Event, Instant, Source
from relay.secret import Secret
from tests.support.clock import START_US, FakeClock
from tests.support.events import a_break, in_force
from tests.support.messages import message

MINUTE_US = 60_000_000
DISCORD = DiscordConfig(type="discord", url=Secret("https://discord.example/api/webhooks/1/t"))
SLACK = SlackConfig(type="slack", url=Secret("https://slack.example/services/T/B/x"))


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


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
        (Event(Channel.STATES, symbol="AAPL"), "AAPL state"),
    ],
)
def test_a_title_says_what_happened(event: Event, title: str) -> None:
    assert headline(message(event)) == title
    assert embed_of(message(event))["title"] == title
    assert section_of(message(event)).splitlines()[0] == f"*{title}*"


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
    ("source", "late_us", "said"),
    [
        (Source.BACKFILL, 12 * MINUTE_US + 1, ("recovered, 12 min late",)),
        (Source.BACKFILL, MINUTE_US, ()),
        (Source.BACKFILL, 0, ()),
        (Source.LIVE, 12 * MINUTE_US, ()),
        (Source.REPLAY, 12 * MINUTE_US, ("replay",)),
    ],
)
def test_a_recovered_alert_says_how_late_it_is(source: Source, late_us: int, said: tuple[str, ...]) -> None:
    assert remarks(message(source=source, now_us=START_US + late_us)) == said


def test_an_invented_alert_says_so() -> None:
    assert remarks(message(simulated=True)) == ("simulated",)


async def test_a_discord_message_is_one_embed_that_pings_nobody(client: HttpClient) -> None:
    destination = Discord("swing", DISCORD, client, FakeClock())
    sent = message(source=Source.BACKFILL, now_us=START_US + 3 * MINUTE_US, rules=("daily bulls", "all"))
    assert msgspec.json.decode(destination.render(sent)) == {
        "embeds": [
            {
                "title": "AAPL [D] 1-2U",
                "color": 0x2E9E6B,
                "timestamp": "2026-04-10T13:45:22.000Z",
                "fields": [
                    {"name": "Price", "value": "214.32", "inline": True},
                    {"name": "Candle", "value": "2U", "inline": True},
                    {"name": "Timeframe", "value": "D", "inline": True},
                    {"name": "Direction", "value": "bullish", "inline": True},
                ],
                "description": "recovered, 3 min late",
                "footer": {"text": "daily bulls · all"},
            }
        ],
        "allowed_mentions": {"parse": []},
    }


async def test_a_slack_message_is_one_section_with_a_fallback(client: HttpClient) -> None:
    destination = Slack("desk", SLACK, client, FakeClock())
    sent = message(source=Source.BACKFILL, now_us=START_US + 3 * MINUTE_US, rules=("R&D", "all"))
    assert msgspec.json.decode(destination.render(sent)) == {
        "text": "AAPL [D] 1-2U · recovered, 3 min late",
        "blocks": [
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": "*AAPL [D] 1-2U*\n"
                    "Price 214.32 · Candle 2U · Timeframe D · Direction bullish\n"
                    "recovered, 3 min late\n"
                    "R&amp;D · all",
                },
            }
        ],
        "unfurl_links": False,
    }


def test_colour_follows_direction() -> None:
    colours = {embed_of(message(in_force(1, direction=way)))["color"] for way in ("bullish", "bearish", None)}
    assert len(colours) == 3


def test_upstream_text_can_not_ping_link_or_format() -> None:
    hostile = in_force(1, "@everyone <@&1> <!channel> [a](http://x) **b** `c` ||d|| # e\r\n> f\u202e\x00 & g")
    title = str(embed_of(message(hostile))["title"])
    assert title.startswith("@\u200beveryone \\<@\u200b&1\\> \\<!channel\\> [a]\\(http://x\\) \\*\\*b\\*\\* \\`c\\`")
    assert not re.search(r"[\r\n\x00\u202e]", title)
    section = section_of(message(hostile))
    assert "<" not in section
    assert ">" not in section
    assert section.startswith("*@everyone &lt;@&amp;1&gt; &lt;!channel&gt; [a](http://x)")


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


_text = st.text(max_size=20) | st.sampled_from(["<&>@everyone", "😀" * 260, "&" * 700, "*_" * 260, " \n "])
_maybe = st.none() | _text
_events = st.builds(
    Event,
    channel=st.sampled_from(Channel),
    id=st.none() | st.integers(),
    symbol=_maybe,
    symbols=st.lists(_text, max_size=9).map(tuple),
    timeframe=_maybe,
    direction=_maybe,
    shape=_maybe,
    threshold=st.none() | st.integers(),
    price=st.none() | st.floats(),
    cc=_maybe,
    triggered_at=st.none() | st.builds(Instant, st.integers(-(10**15), 10**17)),
)
_messages = st.builds(
    message,
    _events,
    rules=st.lists(_text, max_size=40).map(tuple),
    source=st.sampled_from(Source),
    now_us=st.integers(0, 10**17),
    simulated=st.booleans(),
)


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return list(itertools.chain.from_iterable(_texts(item) for item in value.values()))
    if isinstance(value, list):
        return list(itertools.chain.from_iterable(map(_texts, value)))
    return [value] if isinstance(value, str) else []


@given(_messages)
def test_no_alert_exceeds_a_limit_of_discord(sent: Message) -> None:
    embed: dict[str, Any] = embed_of(sent)
    assert 1 <= width(embed["title"]) <= discord.TITLE <= 256
    assert width(embed.get("description", "")) <= discord.DESCRIPTION <= 4096
    assert len(embed["fields"]) <= 25
    for item in embed["fields"]:
        assert 1 <= width(item["name"]) <= 256
        assert 1 <= width(item["value"]) <= discord.FIELD <= 1024
    assert width(embed.get("footer", {"text": ""})["text"]) <= discord.FOOTER <= 2048
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", embed["timestamp"])
    del embed["timestamp"]
    assert sum(map(width, _texts(embed))) <= 6000
    msgspec.json.encode(embed)


@given(_messages)
def test_no_alert_exceeds_a_limit_of_slack(sent: Message) -> None:
    assert 1 <= width(section_of(sent)) <= 3000
    assert width(section_of(sent).splitlines()[0]) <= slack.HEADLINE + 2
    assert 1 <= width(fallback_of(sent)) <= 3000
    msgspec.json.encode(section_of(sent))


@pytest.mark.parametrize("escape", [discord.escape, slack.escape])
@given(text=st.text())
def test_escaping_keeps_every_character(escape: Callable[[str], list[str]], text: str) -> None:
    plain = "".join(escape(text)).replace("\u200b", "")
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        plain = plain.replace(entity, char) if escape is slack.escape else plain
    assert (plain if escape is slack.escape else re.sub(r"\\([^\w\s])|\\(_)", r"\1\2", plain)) == text.replace(
        "\u200b", ""
    )
