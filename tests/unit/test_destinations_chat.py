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
from relay.destinations.texts import width
from relay.events import Source
from relay.secret import Secret
from tests.support.any_alert import messages
from tests.support.clock import START_US, FakeClock
from tests.support.events import in_force
from tests.support.messages import message

MINUTE_US = 60_000_000
DISCORD = DiscordConfig(type="discord", url=Secret("https://discord.example/api/webhooks/1/t"))
SLACK = SlackConfig(type="slack", url=Secret("https://slack.example/services/T/B/x"))


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


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
                    {"name": "Candle", "value": "2U · above the prior high", "inline": True},
                    {"name": "Timeframe", "value": "Daily", "inline": True},
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
                    "Price 214.32 · Candle 2U · above the prior high · Timeframe Daily\n"
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


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return list(itertools.chain.from_iterable(_texts(item) for item in value.values()))
    if isinstance(value, list):
        return list(itertools.chain.from_iterable(map(_texts, value)))
    return [value] if isinstance(value, str) else []


@given(messages)
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


@given(messages)
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
