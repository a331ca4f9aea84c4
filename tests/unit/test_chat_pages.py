"""Channels drawn as the chats show them."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.simulator.chat.discord_view import rows
from relay.simulator.chat.message import posted
from relay.simulator.chat.page import SHOWN, index, render_discord, render_slack
from relay.simulator.chat.posted import DiscordPosted, Names, SlackPosted, Webhook
from tests.support.clock import START_US
from tests.support.html import Page

MINUTE_US = 60_000_000
HOOK = Webhook("Relay", "swing", "1", "tok", "/api/webhooks/1/tok")


def discord(payload: dict[str, Any], at_us: int = START_US, thread_id: str | None = None) -> DiscordPosted:
    return posted(HOOK, payload, id_="1", thread_id=thread_id, arrived_at=0.0, at_us=at_us)


def slack(*blocks: dict[str, Any], text: str = "", username: str = "Relay", at_us: int = START_US) -> SlackPosted:
    payload = {"text": text, "blocks": list(blocks)}
    return SlackPosted(
        id="1", webhook="Relay", channel="swing", arrived_at=0.0, at_us=at_us, payload=payload,
        username=username, text=text, blocks=blocks,
    )  # fmt: skip


ALERT: dict[str, Any] = {
    "username": "Strat Alerts",
    "content": "<@&7>",
    "embeds": [
        {
            "title": r"AAPL \[D\] 1-2U",
            "url": "https://www.tradingview.com/chart/?symbol=AAPL&interval=D",
            "color": 0x2E9E6B,
            "description": "**recovered, 12 min late**\n```\nTIME  SYMBOL\n13:44 NVDA\n```",
            "fields": [{"name": name, "value": "1", "inline": True} for name in ("Price", "Candle", "Timeframe")],
            "author": {"name": "ann"},
            "image": {"url": "https://pictures.example/a.png"},
            "footer": {"text": "daily bulls · *swing*"},
            "timestamp": "2026-04-10T13:33:00Z",
        }
    ],
}


def test_a_discord_message_shows_all_its_parts() -> None:
    html = render_discord([discord(ALERT)], title="swing", names=Names(roles={"7": "swing"}))
    page = Page(html)
    assert page.broken == []
    for shown in (
        "Strat Alerts", "APP", "Today at 1:45 PM", "@swing", "AAPL [D] 1-2U", "recovered, 12 min late",
        "TIME  SYMBOL\n13:44 NVDA", "Price", "Candle", "Timeframe", "ann", "daily bulls · *swing*•Today at 1:33 PM",
        "April 10, 2026", "pictures.example",
    ):  # fmt: skip
        assert shown in page.text
    assert page.links == ["data:,", "https://www.tradingview.com/chart/?symbol=AAPL&interval=D"]
    assert "--bar: #2e9e6b" in html
    assert html.count('class="of4"') == 3
    assert '<article class="first mentioned">' in html


def test_messages_of_one_sender_stand_together_for_seven_minutes() -> None:
    at = [0, 6 * MINUTE_US, 14 * MINUTE_US, 20 * 60 * MINUTE_US]
    html = render_discord([discord({"content": "x"}, START_US + us) for us in at], title="swing")
    assert html.count('class="avatar"') == 3
    assert html.count('class="day"') == 2
    assert "Yesterday at 1:45 PM" in html


def test_times_are_told_in_the_zone_given() -> None:
    html = render_discord([discord(ALERT)], title="swing", zone=timezone(timedelta(hours=-4)))
    assert "Today at 9:45 AM" in html
    assert "Today at 9:33 AM" in html


def test_silent_messages_and_threads_say_so() -> None:
    html = render_discord([discord({"content": "@here", "flags": 4096}, thread_id="77")], title="swing")
    assert "silent" in Page(html).text
    assert "in thread 77" in Page(html).text
    assert '<article class="first ">' in html


@pytest.mark.parametrize(
    ("inline", "laid"),
    [
        ([], []),
        ([True] * 3, [[0, 1, 2]]),
        ([True] * 4, [[0, 1, 2], [3]]),
        ([True, True, False, True], [[0, 1], [2], [3]]),
        ([False, False], [[0], [1]]),
        ([False, True, True], [[0], [1, 2]]),
    ],
)
def test_inline_fields_stand_three_in_a_row(inline: list[bool], laid: list[list[int]]) -> None:
    assert rows(inline) == laid


def test_a_slack_message_shows_all_its_blocks() -> None:
    message = slack(
        {"type": "header", "text": {"type": "plain_text", "text": "AAPL [D] 1-2U"}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Price*\n214.32"}]},
        {"type": "divider"},
        {"type": "section", "text": {"type": "mrkdwn", "text": "<https://e.com/?a&amp;b|chart> <!here>"}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "_late_ &lt;x&gt;"}]},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "https://e.com"},
                {"type": "button", "text": {"type": "plain_text", "text": "Not"}},
            ],
        },
        {"type": "image", "image_url": "https://pictures.example/a.png", "alt_text": "x"},
        text="only where there are no blocks",
    )
    page = Page(render_slack([message], title="swing", channels=["swing", "scalps"]))
    assert page.broken == []
    for shown in ("Relay", "APP", "1:45 PM", "AAPL [D] 1-2U", "214.32", "chart", "@here", "late", "<x>", "Open", "Not"):
        assert shown in page.text
    assert "only where" not in page.text
    assert "hr" in page.tags
    assert page.links == ["data:,", "/channels/swing", "/channels/scalps", "https://e.com/?a&b", "https://e.com"]


def test_a_slack_message_without_blocks_shows_its_text() -> None:
    assert "hello & bye" in Page(render_slack([slack(text="*hello &amp; bye*")], title="swing")).text


def test_a_page_shows_the_newest_and_refreshes_only_where_asked_to() -> None:
    messages = [discord({"content": f"number {number};"}) for number in range(SHOWN + 1)]
    html = render_discord(messages, title="swing", refresh=2)
    assert "number 0;" not in html
    assert f"number {SHOWN};" in html
    assert '<meta http-equiv="refresh" content="2">' in html
    for empty in (render_discord([], title="swing"), render_slack([], title="swing"), index([], [], title="x")):
        assert "http-equiv" not in empty
        assert Page(empty).broken == []


def test_the_index_counts_the_messages_of_each_channel() -> None:
    page = Page(index(["swing", "a/b"], [discord({"content": "x"})], title="Discord"))
    assert page.links == ["data:,", "/channels/swing", "/channels/a/b"]
    assert "# swing1" in page.text
    assert page.broken == []


MARKUP = st.sampled_from([
    "<script>", "</style>", "</div>", "<img src=x onerror=alert(1)>", '"', "'", "&lt;", "&#60;", "<!--", "-->", "<b>",
    "{{ x }}",
    "javascript:", "[x](", "](", "https://e.com/", ")", "**", "```", "`", "<t:1:R>", "<@&1>", "<#1>", "🟢",
    '<https://e.com/"onx=', "<!date^1^{date}^https://e.com/'", "|", "x>", "\n", "> ", "- ", "\\", "# ", "\x00",
    "\u202e",
])  # fmt: skip
TEXT = st.lists(MARKUP | st.text(max_size=5), max_size=12).map("".join)


@settings(max_examples=60)
@given(TEXT, TEXT, TEXT, TEXT)
def test_no_text_of_a_discord_message_becomes_html(one: str, two: str, three: str, title: str) -> None:
    embed = {
        "title": one,
        "description": two,
        "url": f"https://e.com/{one}",
        "author": {"name": two, "url": three},
        "fields": [{"name": three, "value": one}, {"name": one, "value": two, "inline": True}],
        "image": {"url": f"https://[{two}"},
        "footer": {"text": three},
        "timestamp": one,
    }
    payload = {"content": one, "username": two, "avatar_url": three, "thread_name": one, "embeds": [embed]}
    names = Names(roles={"1": two}, channels={"1": three})
    page = Page(render_discord([discord(payload)], title=title, channels=[title, one], names=names))
    assert page.broken == []
    assert "script" not in page.tags
    assert all(link.startswith(("https://", "http://", "/channels/", "data:,")) for link in page.links)
    assert three.replace("\x00", "\ufffd").strip() in page.text.replace("\x00", "\ufffd")


@settings(max_examples=60)
@given(TEXT, TEXT, TEXT, TEXT)
def test_no_text_of_a_slack_message_becomes_html(one: str, two: str, three: str, title: str) -> None:
    message = slack(
        {"type": "header", "text": {"type": "plain_text", "text": one}},
        {"type": "section", "text": {"type": "mrkdwn", "text": two}, "fields": [{"type": "mrkdwn", "text": three}]},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": one}]},
        {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": two}, "url": one}]},
        {"type": one},
        username=two,
    )
    page = Page(render_slack([message, slack(text=three)], title=title, channels=[title, one]))
    assert page.broken == []
    assert "script" not in page.tags
    assert all(link.startswith(("https://", "http://", "mailto:", "/channels/", "data:,")) for link in page.links)
