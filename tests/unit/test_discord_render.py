from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.deliveries import Message
from relay.destinations.discord.embeds import ALL, EMBEDS, REMARKS, embed_of, room, size, texts
from relay.destinations.discord.render import DIGEST_ROWS
from relay.destinations.texts import width
from relay.events import Channel, Event, Source
from tests.support.any_alert import batches, messages
from tests.support.clock import START_US
from tests.support.discord import accepted, body_of, renderer
from tests.support.events import a_break, in_force
from tests.support.messages import message

MINUTE_US = 60_000_000
CHART = "https://www.tradingview.com/chart/?symbol="
ROLE, USER = "<@&111>", "<@333>"
TABLE: dict[str, object] = {"digest_over": 12}
SMALL = {"late": {"over": "10m", "as": "digest"}}


def numbered(count: int, **more: Any) -> list[Message]:
    return [message(in_force(number, f"S{number:04d}"), **more) for number in range(count)]


def in_three_minutes(**more: Any) -> Message:
    return message(source=Source.BACKFILL, now_us=START_US + 3 * MINUTE_US, **more)


def test_an_alert_is_an_embed_that_pings_nobody() -> None:
    assert accepted(body_of([in_three_minutes(rules=("daily bulls", "all"))])) == {
        "embeds": [
            {
                "author": {"name": "▲ Bullish setup in force"},
                "title": "AAPL [D] 1-2U",
                "url": f"{CHART}AAPL&interval=D",
                "color": 0x2E9E6B,
                "description": "⚠️ **recovered, 3 min late**",
                "fields": [
                    {"name": "Price", "value": "214.32", "inline": True},
                    {"name": "Candle", "value": "2U · above prior high", "inline": True},
                    {"name": "Timeframe", "value": "Daily", "inline": True},
                ],
                "footer": {"text": "daily bulls · all"},
                "timestamp": "2026-04-10T13:45:22.000Z",
            }
        ],
        "allowed_mentions": {"parse": []},
    }


def test_a_break_says_who_broke_and_who_did_not() -> None:
    [embed] = body_of([message(a_break(1, direction="bearish"))])["embeds"]
    assert (embed["author"]["name"], embed["title"]) == (
        "▼ Simultaneous break",
        "3 of 4 index futures broke down [D]",
    )
    assert embed["url"] == f"{CHART}CME_MINI:ES1!&interval=D"
    assert [(field["name"], field["value"]) for field in embed["fields"]] == [
        ("Timeframe", "Daily"),
        ("Broke", "ES, NQ, YM"),
        ("Did not", "RTY"),
    ]


def test_continuity_is_a_row_of_circles() -> None:
    event = Event(Channel.IN_FORCE, symbol="AAPL", data=b'{"tfc":{"D":"green","W":"red","M":"green"}}')
    assert embed_of(message(event), 600)["fields"] == [{"name": "Continuity", "value": "D🟢 W🔴 M🟢", "inline": False}]


def test_colour_follows_direction() -> None:
    ways = ("bullish", "bearish", None)
    assert len({embed_of(message(in_force(1, direction=way)), 600)["color"] for way in ways}) == 3


def test_a_test_is_clearly_one() -> None:
    [embed] = accepted(body_of([message(Event(Channel.IN_FORCE), source=Source.TEST, rules=())]))["embeds"]
    assert (embed["author"]["name"], embed["title"]) == ("Test", "Test message of the relay")
    assert embed["description"] == "⚠️ **a test, not an alert**"
    [embed] = body_of([message(source=Source.TEST)])["embeds"]
    assert (embed["title"], embed["description"]) == ("Sample: AAPL [D] 1-2U", "⚠️ **a test, not an alert**")


def test_upstream_text_can_not_ping_link_or_format() -> None:
    hostile = in_force(1, "@everyone <@&1> [a](http://x) **b** `c` ||d|| # e\r\n> f\u202e\x00 & g")
    title = embed_of(message(hostile), 600)["title"]
    assert title.startswith("@\u200beveryone \\<@\u200b&1\\> [a]\\(http:\u200b//x\\) \\*\\*b\\*\\* \\`c\\`")
    assert not re.search(r"[\r\n\x00\u202e]", title)


def test_urls_within_a_message_differ() -> None:
    same = [message(in_force(number)) for number in range(3)]
    urls = [embed["url"] for embed in body_of([*same, message(in_force(9, "SPY"))])["embeds"]]
    plain = f"{CHART}AAPL&interval=D"
    assert urls == [plain, f"{plain}#2", f"{plain}#3", f"{CHART}SPY&interval=D"]


def test_the_config_names_the_sender_and_keeps_it_silent() -> None:
    body = accepted(body_of([message()], username="Relay", avatar_url="https://a.example/x.png", silent=True))
    assert (body["username"], body["avatar_url"], body["flags"]) == ("Relay", "https://a.example/x.png", 4096)


# --- who is pinged


def test_content_is_mentions_alone_and_exactly_those_are_allowed() -> None:
    body = accepted(body_of([message(mentions=(ROLE, USER)), message(mentions=("<@!333>",))]))
    assert body["content"] == f"{ROLE} {USER}"
    assert body["allowed_mentions"] == {"parse": [], "roles": ["111"], "users": ["333"]}


@pytest.mark.parametrize("late", [{"as": "mark"}, {"as": "digest"}])
def test_a_message_pings_for_its_fresh_alerts_alone(late: dict[str, str]) -> None:
    old = message(mentions=(ROLE,), now_us=START_US + 11 * MINUTE_US)
    assert "content" not in body_of([old, old], late=late)
    assert body_of([old, message(mentions=(USER,))], late=late)["content"] == USER


def test_an_id_that_discord_can_not_have_gets_no_message_refused() -> None:
    body = accepted(body_of([message(mentions=("<@0>", "<@99999999999999999999>", USER))]))
    assert (body["content"], body["allowed_mentions"]["users"]) == (USER, ["333"])


def test_the_most_mentions_fit() -> None:
    many = tuple(f"<@&{10**18 + number}>" for number in range(500))
    body = accepted(body_of([message(mentions=many)]))
    assert len(body["allowed_mentions"]["roles"]) == body["content"].count("<@&") == 50


# --- how many go out together


def test_up_to_ten_go_out_in_full() -> None:
    renders = renderer()
    assert [renders.fits(numbered(count)) for count in (1, 2, 10)] == [1, 2, 10]
    assert renders.capacity == EMBEDS
    body = accepted(renders.payload(numbered(10)).body)
    assert [embed["title"][:5] for embed in body["embeds"]] == [f"S{number:04d}" for number in range(10)]


def test_long_ones_go_out_in_fewer() -> None:
    rules = ("x" * 1000,)
    fitting = renderer().fits(numbered(10, rules=rules))
    assert 2 <= fitting < 10
    accepted(body_of(numbered(fitting, rules=rules)))


def test_what_fits_still_fits_when_it_has_become_late() -> None:
    rules = ("x" * 450,)
    renders = renderer(late={"over": "1m"})
    fitting = renders.fits(numbered(10, rules=rules))
    later = numbered(10, rules=rules, now_us=START_US + 10**14, simulated=True, source=Source.BACKFILL)
    assert fitting == renders.fits(later) < 10
    accepted(renders.payload(later[:fitting]).body)


@pytest.mark.parametrize(
    ("more", "capacity"),
    [
        ({}, EMBEDS),
        ({"late": {"as": "digest"}}, DIGEST_ROWS),
        ({"digest_over": 60}, DIGEST_ROWS),
        ({"digest_over": 900}, 901),
    ],
)
def test_a_message_may_carry_as_many_as_the_digest_has_rows(more: dict[str, object], capacity: int) -> None:
    assert renderer(**more).capacity == capacity


def test_many_go_out_as_a_table_newest_first() -> None:
    renders = renderer(digest_over=60)
    assert renders.fits(numbered(60)) == 10
    waiting = numbered(300)[: renders.capacity]
    count = renders.fits(waiting)
    assert 150 <= count <= DIGEST_ROWS
    first, second = accepted(renders.payload(waiting[:count]).body)["embeds"]
    assert first["title"] == f"{count} alerts"
    table = first["description"] + second["description"]
    shown = re.findall(r"S\d{4}", table)
    assert shown == sorted((f"S{number:04d}" for number in range(count)), reverse=True)
    assert second["footer"]["text"] == "daily bulls"


def test_a_small_digest_is_one_embed() -> None:
    late = [message(in_force(number), now_us=START_US + 11 * MINUTE_US) for number in range(3)]
    renders = renderer(late={"as": "digest"})
    assert renders.fits([*late, message()]) == 3
    [embed] = accepted(renders.payload(late).body)["embeds"]
    assert embed["description"].count("AAPL") == 3
    assert embed["description"].endswith("\n```")


# --- whatever comes


def _shares(body: dict[str, Any]) -> None:
    for embed in body.get("embeds", []):
        assert size(embed) == sum(map(width, texts(embed)))
    assert sum(map(size, body.get("embeds", []))) <= ALL


def _pings_nobody_else(body: dict[str, Any], due: set[str]) -> None:
    allowed = body["allowed_mentions"]
    assert allowed.pop("parse") == []
    assert {f"<@&{role}>" for role in allowed.pop("roles", [])} | {
        f"<@{user}>" for user in allowed.pop("users", [])
    } == due
    assert allowed == {}
    if due:
        assert set(body["content"].split()) == due
    else:
        assert "content" not in body


@given(messages)
def test_any_alert_fits_alone_however_late(sent: Message) -> None:
    embed = embed_of(sent, 600)
    assert width(embed.get("description", "")) <= REMARKS
    assert size(embed) <= room(embed) <= ALL
    _pings_nobody_else(accepted(body_of([sent])), set())


@settings(deadline=None)
@given(
    batches,
    st.sampled_from([{}, TABLE, SMALL]),
    st.lists(st.sampled_from([(), (ROLE,), (USER, "<@U012ABC>"), ("nobody",)]), min_size=30, max_size=30),
)
def test_any_batch_renders_within_every_limit_and_pings_those_who_are_due(
    batch: list[Message], more: dict[str, object], asked: list[tuple[str, ...]]
) -> None:
    waiting = [
        Message(m.delivery, m.rules, None, 1, m.now_us, m.simulated, mentions)
        for m, mentions in zip(batch, asked, strict=False)
    ]
    renders = renderer(**more)
    count = renders.fits(waiting[: renders.capacity])
    assert 1 <= count <= len(waiting)
    payload = renders.payload(waiting[:count])
    body = accepted(payload.body)
    _shares(body)
    _pings_nobody_else(body, {mention.text for mention in payload.pinged})
    tables = [embed["description"] for embed in body["embeds"] if "```\n" in embed.get("description", "")]
    rows = "\n".join(tables).replace("```", "").splitlines()
    if tables:
        assert sum(bool(re.match(r"(\d\d-\d\d )?\d\d:\d\d:\d\d ", row)) for row in rows) == count
    else:
        assert len(body["embeds"]) == count
