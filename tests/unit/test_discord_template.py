from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.deliveries import Message
from relay.destinations.discord.embeds import ALL
from relay.destinations.discord.template import CONTENT, write
from relay.destinations.texts import remarks, width
from relay.events import Channel, Event, Source
from relay.template import BodyTemplate, RenderError
from tests.support.any_alert import messages
from tests.support.clock import START_US
from tests.support.discord import accepted, body_of, renderer
from tests.support.events import in_force
from tests.support.messages import message

ROLE, USER = "<@&111>", "<@333>"
EMBED = (
    '{"content": {{ mentions | tojson }}, "embeds": [{"title": {{ symbol | tojson }}, "url": {{ chart | tojson }}}]}'
)


def gives(text: str) -> Any:
    return write(BodyTemplate(f"{{% raw %}}{text}{{% endraw %}}"), {})


def test_a_plain_text_is_the_content() -> None:
    template = "{{ symbol }} {{ timeframe }} at {{ price }} {{ late }} {{ relay.rules | join }} {{ chart }}"
    body = accepted(body_of([message()], template=template))
    chart = "https://www.tradingview.com/chart/?symbol=AAPL&interval=D"
    assert body == {
        "content": f"AAPL D at 214.32  daily bulls {chart}",
        "allowed_mentions": {"parse": []},
    }


def test_a_json_object_gives_content_and_embeds() -> None:
    body = accepted(body_of([message(mentions=(ROLE,))], template=EMBED))
    assert body["content"] == ROLE
    assert body["embeds"][0]["title"] == "AAPL"
    assert body["allowed_mentions"] == {"parse": [], "roles": ["111"]}


def test_lateness_is_told_to_the_template() -> None:
    late = message(source=Source.BACKFILL, now_us=START_US + 720 * 1_000_000)
    assert body_of([late], template="{{ late }}")["content"] == "recovered, 12 min late"


NOW_LATE = START_US + 720 * 1_000_000
MARKED = [
    (message(source=Source.TEST), "a test, not an alert"),
    (message(source=Source.REPLAY), "replay"),
    (message(source=Source.TEST, simulated=True), "a test, not an alert"),
    (message(now_us=NOW_LATE), "12 min late"),
    (message(source=Source.BACKFILL, now_us=NOW_LATE, simulated=True), "recovered, 12 min late"),
]


@pytest.mark.parametrize(("sent", "said"), MARKED)
def test_what_is_not_a_new_and_real_alert_says_so_in_a_first_line(sent: Message, said: str) -> None:
    body = accepted(body_of([sent], template="{{ symbol }}"))
    assert body["content"] == f"⚠️ **{said}**\nAAPL"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ symbol }} {{ late }}", "AAPL 12 min late"),
        ("{{ symbol }}{% if late %} too late{% endif %}", "AAPL too late"),
        ("{{ symbol }} late", "⚠️ **12 min late**\nAAPL late"),
        ("{{ symbol }} {{ 'late' }}", "⚠️ **12 min late**\nAAPL late"),
    ],
)
def test_lateness_is_left_to_a_template_that_uses_it(template: str, said: str) -> None:
    assert body_of([message(now_us=NOW_LATE, simulated=True)], template=template)["content"] == said


def test_each_alert_of_a_message_is_marked_by_itself_and_named_where_its_content_is_empty() -> None:
    replayed = [message(in_force(number, symbol), source=Source.REPLAY) for number, symbol in ((1, "AAPL"), (2, "SPY"))]
    batch = [*replayed, message(in_force(3, "QQQ"), simulated=True)]
    lines = body_of(batch, template="{{ symbol }}")["content"].split("\n")
    assert lines == ["⚠️ **replay**", "AAPL", "⚠️ **replay**", "SPY", "QQQ"]
    body = accepted(body_of(batch, template='{"embeds": [{"title": {{ symbol | tojson }}}]}'))
    assert body["content"].split("\n") == [
        "⚠️ **replay · AAPL [D] 1-2U**",
        "⚠️ **replay · SPY [D] 1-2U**",
    ]
    assert [embed["title"] for embed in body["embeds"]] == ["AAPL", "SPY", "QQQ"]


def test_mentions_stand_before_the_mark() -> None:
    body = accepted(body_of([message(mentions=(ROLE,), now_us=NOW_LATE)], template="{{ symbol }}", late={"over": "1h"}))
    assert body["content"] == f"{ROLE} AAPL"


def test_alerts_of_one_message_are_joined_in_order_and_ping_once() -> None:
    batch = [
        message(in_force(1), mentions=(ROLE,)),
        message(in_force(2, "SPY"), mentions=(ROLE, USER)),
        message(in_force(3), mentions=(USER,)),
    ]
    body = accepted(body_of(batch, template="{{ mentions }} {{ symbol }}"))
    assert body["content"] == f"{ROLE} AAPL\n{USER} SPY\nAAPL"
    body = accepted(body_of(batch, template=EMBED))
    assert [embed["title"] for embed in body["embeds"]] == ["AAPL", "SPY", "AAPL"]
    assert len({embed["url"] for embed in body["embeds"]}) == 3


def test_a_content_that_is_cut_costs_nobody_a_ping() -> None:
    body = accepted(body_of([message(mentions=(ROLE, USER))], template="{{ 'x' * 3000 }} {{ mentions }}"))
    assert body["content"].startswith(f"{ROLE} {USER} xxx")
    assert body["content"].endswith("x…")
    assert body["allowed_mentions"] == {"parse": [], "roles": ["111"], "users": ["333"]}


def test_whom_the_template_does_not_mention_stands_before_its_content() -> None:
    batch = [message(mentions=(ROLE, USER))]
    assert body_of(batch, template="{{ symbol }}")["content"] == f"{ROLE} {USER} AAPL"
    assert body_of(batch, template=f"{{{{ symbol }}}} {USER}")["content"] == f"{ROLE} AAPL {USER}"
    only_embeds = '{"embeds": [{"title": "x"}]}'
    assert body_of(batch, template=only_embeds)["content"] == f"{ROLE} {USER}"


def test_the_embeds_of_one_alert_may_share_a_url() -> None:
    gallery = '{"embeds": [{"title": "x", "url": "https://a.example/"}, {"title": "y", "url": "https://a.example/"}]}'
    urls = [embed["url"] for embed in body_of([message(), message()], template=gallery)["embeds"]]
    assert urls == ["https://a.example/"] * 2 + ["https://a.example/#2"] * 2


def test_upstream_text_in_a_content_pings_and_formats_nothing() -> None:
    hostile = [message(in_force(1, "@everyone <@&111> **b** http://x"))]
    shown = "@\u200beveryone \\<@\u200b&111\\> \\*\\*b\\*\\* http:\u200b//x"
    for template in ("{{ symbol }}", "{{ data.symbol }}", "{{ data['symbol'] | string }}"):
        body = accepted(body_of(hostile, template=template))
        assert body == {"content": shown, "allowed_mentions": {"parse": []}}
    assert "**" not in body_of(hostile, template="{{ relay.key }} {{ relay.event }}")["content"]


def test_the_relays_own_words_are_as_they_are() -> None:
    template = "{% if type == 'alert.in_force' and 'a_b' in relay.rules %}{{ timestamp }}{% endif %}"
    assert body_of([message(rules=("a_b",))], template=template)["content"] == "2026-04-10T13:45:22Z"


def test_a_value_that_is_nested_without_end_is_cut_off() -> None:
    deep = Event(Channel.IN_FORCE, data=b'{"x":' + b"[" * 200 + b"]" * 200 + b"}")
    assert body_of([message(deep)], template="{{ x | string | length }}")["content"] == str(2 * 50 + len("None"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "neither content nor embeds"),
        (" \n", "neither content nor embeds"),
        ("{}", "neither content nor embeds"),
        ('{"content": " ", "embeds": []}', "neither content nor embeds"),
        ("{broken}", "is not JSON"),
        ('{"content": "hi"', "is not JSON"),
        ("{AAPL} fired", "is not JSON"),
        ("{" * 3000 + "}", "is not JSON"),
        ('{"content": "\\ud800"}', "is not JSON"),
        ('{"username": "x", "content": "y"}', "content and embeds alone, not username"),
        ('{"allowed_mentions": {"parse": ["everyone"]}, "content": "y"}', "alone, not allowed_mentions"),
        ('{"content": 5}', "content is no text"),
        ('{"content": "x", "embeds": {}}', "no list of objects"),
        ('{"embeds": ["x"]}', "no list of objects"),
    ],
)
def test_what_is_no_message_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(RenderError, match=reason):
        gives(text)


@pytest.mark.parametrize("text", ['"quoted"', "[1]", "AAPL {fired}", "null"])
def test_what_is_no_object_is_a_text(text: str) -> None:
    assert gives(text).content == text


def test_what_is_too_long_is_cut() -> None:
    embed = {
        "title": "t" * 300,
        "description": "d" * 5000,
        "author": {"name": "a" * 300},
        "footer": {"text": "f" * 3000},
        "fields": [{"name": "", "value": " ", "inline": True}, *[{"name": "n" * 300, "value": 5}] * 30],
    }
    template = (
        json.dumps({"content": "😀" * 1500, "embeds": [embed, embed] * 6}).replace("{{", "{ {").replace("}}", "} }")
    )
    body = accepted(body_of([message(mentions=(ROLE,))], template=template))
    assert width(body["content"]) <= CONTENT
    first = body["embeds"][0]
    assert [len(first["title"]), len(first["description"]), len(first["author"]["name"])] == [256, 4096, 256]
    assert first["fields"][0] == {"name": "\u200b", "value": "\u200b", "inline": True}
    assert first["fields"][1]["value"] == "5"


def test_as_many_go_out_as_their_contents_have_room() -> None:
    renders = renderer(template="{{ 'x' * 600 }}")
    waiting = [message(mentions=(ROLE,)) for _ in range(10)]
    assert renders.fits(waiting) == 3
    assert renders.payload(waiting[:3]).body["content"].count("x") == 1800
    assert renderer(template="{{ 'x' * 6000 }}").fits(waiting) == 1
    assert renderer(template='{"embeds": [{"title":"a"},{"title":"b"},{"title":"c"}]}').fits(waiting) == 3


def test_one_that_fails_goes_alone() -> None:
    renders = renderer(template="{{ symbol }} {{ price + 1 }}")
    good, bad = message(), message(in_force(1, price=None))
    assert renders.fits([good, good, bad, good]) == 2
    assert renders.fits([bad, good]) == 1
    with pytest.raises(RenderError):
        renders.payload([bad])


_words = st.text(max_size=30) | st.sampled_from(["x" * 4500, "😀" * 1100, "", " "])
_embeds = st.fixed_dictionaries(
    {"title": _words},
    optional={
        "description": _words,
        "author": st.fixed_dictionaries({"name": _words}),
        "footer": st.fixed_dictionaries({"text": _words}),
        "fields": st.lists(st.fixed_dictionaries({"name": _words, "value": _words}), max_size=8),
    },
)


@given(
    st.lists(messages, min_size=1, max_size=6),
    st.fixed_dictionaries({"content": _words}, optional={"embeds": st.lists(_embeds, max_size=5)}),
)
def test_whatever_a_template_writes_is_within_the_limits(batch: list[Message], given: dict[str, Any]) -> None:
    template = f"{{% raw %}}{json.dumps(given, ensure_ascii=False)}{{% endraw %}}"
    asking = [Message(m.delivery, m.rules, None, 1, m.now_us, simulated=False, mentions=(ROLE, USER)) for m in batch]
    renders = renderer(template=template)
    count = renders.fits(asking[:10])
    try:
        payload = renders.payload(asking[:count])
    except RenderError:
        assert not given["content"].strip()
        return
    body = payload.body
    assert width(body.get("content", "")) <= CONTENT
    assert len(body.get("embeds", [])) <= 10
    texts = json.loads(json.dumps(body.get("embeds", [])))
    assert sum(width(str(embed.get("description", ""))) for embed in texts) <= ALL
    assert {mention.text for mention in payload.pinged} <= {ROLE, USER}
    needed = sum(bool(remarks(one, 600.0)) for one in asking[:count])
    assert body.get("content", "").count("⚠️ **") == needed


def test_a_url_that_a_template_leaves_empty_is_left_out() -> None:
    author = '{"name": "a", "url": "", "icon_url": ""}'
    template = '{"embeds": [{"title": "t", "url": "{{ chart }}", "author": ' + author + "}]}"
    [embed] = body_of([message(in_force(1, "X" * 300))], template=template)["embeds"]
    assert (embed["title"], embed["author"]) == ("t", {"name": "a"})
    assert "url" not in embed


@pytest.mark.parametrize("blank", ["", " ", "\n"])
def test_a_footer_or_author_that_a_template_leaves_blank_is_left_out(blank: str) -> None:
    given = {
        "embeds": [{"title": "t", "footer": {"text": blank}, "author": {"name": blank, "url": "https://a.example"}}]
    }
    [embed] = accepted(body_of([message()], template=json.dumps(given)))["embeds"]
    assert embed == {"title": "t"}
