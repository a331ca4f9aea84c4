"""How the fake chats read marked-up texts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.simulator.chat import markdown, mrkdwn
from relay.simulator.chat.posted import Names
from relay.simulator.chat.spans import Setting, Span
from tests.support.clock import START_US

SETTING = Setting(START_US, names=Names(roles={"7": "swing", "S7": "swing"}, users={"8": "ann"}, channels={"9": "ops"}))
AT = START_US // 1_000_000

Tree = str | tuple[object, ...]


def tree(spans: Sequence[Span]) -> list[Tree]:
    """Spans as short literals: text, or kind, text and link, what is inside."""
    return [
        span.text
        if span.kind == "text"
        else (span.kind, *filter(None, (span.text, span.href if span.kind != "time" else "")), *tree(span.inside))
        for span in spans
    ]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("", []),
        ("a **b** *c* _d_", ["a ", ("strong", "b"), " ", ("em", "c"), " ", ("em", "d")]),
        ("__e__ ~~f~~", [("u", "e"), " ", ("s", "f")]),
        ("***x***", [("strong", ("em", "x"))]),
        ("**a *b* c**", [("strong", "a ", ("em", "b"), " c")]),
        ("snake_case_name 2 * 3 * 4", ["snake_case_name 2 * 3 * 4"]),
        ("||end||", [("spoiler", "end")]),
        (r"AAPL \[D\] \*x\* \<@&7\>", ["AAPL ", "[", "D", "]", " ", "*", "x", "*", " ", "<", "@&7", ">"]),
        (r"\\*x*", ["\\", ("em", "x")]),
        ("`**a**` ``b`c``", [("code", "**a**"), " ", ("code", "b`c")]),
        ("```py\nx = 1\n```", [("pre", "x = 1")]),
        ("```**a**```\nb", [("pre", "**a**"), "b"]),
        ("```\n a\n\n b\n```", [("pre", " a\n\n b")]),
        ("[chart](https://e.com/?a=1&b=2)", [("link", "https://e.com/?a=1&b=2", "chart")]),
        ('[**c**](<https://e.com/(x)> "t")', [("link", "https://e.com/(x)", ("strong", "c"))]),
        ("[c](javascript:alert)", ["[c](javascript:alert)"]),
        ("see https://e.com/a.", ["see ", ("link", "https://e.com/a", "https://e.com/a"), "."]),
        ("<https://e.com>", [("link", "https://e.com", "https://e.com")]),
        ("<@&7> <#9>", [("mention", "@swing"), " ", ("mention", "#ops")]),
        ("<@8><@!8><@&1>", [("mention", "@ann"), ("mention", "@ann"), ("mention", "@unknown-role")]),
        ("@everyone @here @you", [("mention", "@everyone"), " ", ("mention", "@here"), " @you"]),
        ("<:up:123> D🟢", [":up:", " D", ("dot", "green", "🟢")]),
        ("# A\n## B\n-# c\nd", [("h1", "A"), ("h2", "B"), ("sub", "c"), "d"]),
        ("a\n> b\n> c\nd", ["a", ("quote", "b"), ("quote", "c"), "d"]),
        (">>> a\nb", [("quote", "a\nb")]),
        ("- a\n  - b\n3. c", [("item", "•", "a"), ("item", "◦", "b"), ("item", "3.", "c")]),
        ("**a\nb**", [("strong", "a\nb")]),
        (f"<t:{AT}:t>", [("time", "1:45 PM")]),
        (f"<t:{AT}>", [("time", "April 10, 2026 at 1:45 PM")]),
        (f"<t:{AT}:F>", [("time", "Friday, April 10, 2026 at 1:45 PM")]),
        (f"<t:{AT - 180}:R> <t:{AT + 7200}:R>", [("time", "3 minutes ago"), " ", ("time", "in 2 hours")]),
        (f"<t:{AT}:d> <t:{AT}:T>", [("time", "04/10/2026"), " ", ("time", "1:45:22 PM")]),
        ("<t:999999999999999>", ["<t:999999999999999>"]),
    ],
)  # fmt: skip
def test_markdown_of_discord(text: str, spans: list[Tree]) -> None:
    assert tree(markdown.read(text, SETTING)) == spans


def test_a_title_has_emphasis_but_no_links_and_no_mentions() -> None:
    spans = markdown.read_line("**A** [x](https://e.com) <@&7> https://e.com\n# b", SETTING)
    assert tree(spans) == [("strong", "A"), " ", "[x](https://e.com)", " ", "<@&7>", " ", "https://e.com", "\n# b"]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("a *b* _c_ ~d~ `e`", ["a ", ("strong", "b"), " ", ("em", "c"), " ", ("s", "d"), " ", ("code", "e")]),
        ("*_b_* snake_case_x 2*3*4", [("strong", ("em", "b")), " snake_case_x 2*3*4"]),
        ("A &amp; B &lt;b&gt; &quot;", ["A & B <b> &quot;"]),
        ("```\na &lt; b\n```\nc", [("pre", "a < b"), "c"]),
        ("<https://e.com/?a&amp;b|chart>", [("link", "https://e.com/?a&b", "chart")]),
        ("<https://e.com>", [("link", "https://e.com", "https://e.com")]),
        ("*<https://e.com|AAPL [D]>*", [("strong", ("link", "https://e.com", "AAPL [D]"))]),
        ("<javascript:alert|x>", ["<javascript:alert|x>"]),
        ("<@U1|bob> <!subteam^S7>", [("mention", "@bob"), " ", ("mention", "@swing")]),
        ("<!here> <#C1|ops>", [("mention", "@here"), " ", ("mention", "#ops")]),
        (":red_circle: 🟢 :nothing:", [("dot", "red", "🔴"), " ", ("dot", "green", "🟢"), " ", ":nothing:"]),
        ("&gt; quoted\nnot", [("quote", "quoted"), "not"]),
        (f"<!date^{AT}^{{date_short_pretty}} at {{time}}|then>", [("time", "Today at 1:45 PM")]),
        (f"<!date^{AT - 864000}^{{date_long}}, {{date_num}}|x>", [("time", "Tuesday, March 31st, 2026, 2026-03-31")]),
        (f"<!date^{AT}^{{time_secs}}^https://e.com/|then>", [("link", "https://e.com/", "1:45:22 PM")]),
        ("<!date^999999999999999^{date}|then>", ["then"]),
    ],
)  # fmt: skip
def test_mrkdwn_of_slack(text: str, spans: list[Tree]) -> None:
    assert tree(mrkdwn.read(text, SETTING)) == spans


def test_plain_text_of_slack_knows_emoji_alone() -> None:
    assert tree(mrkdwn.read_plain("*x* <!here> :red_circle:")) == ["*x* <!here> ", ("dot", "red", "🔴")]


MARKS = st.text(st.sampled_from("*_~`|<>[]()\\#-@&!:t1 \nah/.🟢"), max_size=60)


@given(MARKS | st.text(max_size=60))
def test_links_lead_to_the_web_and_nowhere_else(text: str) -> None:
    for spans in (markdown.read(text, SETTING), markdown.read_line(text, SETTING), mrkdwn.read(text, SETTING)):
        for span in every(spans):
            assert span.kind != "link" or span.href.startswith(("https://", "http://", "mailto:"))


@given(MARKS)
def test_an_escaped_text_of_discord_shows_as_it_was(text: str) -> None:
    escaped = "".join(f"\\{char}" if char in "*_~`|<>[]()\\#-@&!:/." else char for char in text)
    assert "".join(span.text if span.kind != "dot" else span.href for span in markdown.read(escaped, SETTING)) == text


def test_hostile_texts_are_read_in_time() -> None:
    for piece in ("*", "**", "_", "[", "`", "||", "<", "\\", "~~", "***a", "[a](", "> ", "```", ">>> "):
        markdown.read(piece * (4096 // len(piece)), SETTING)
        mrkdwn.read(piece * (3000 // len(piece)), SETTING)


def every(spans: Sequence[Span]) -> list[Span]:
    return [found for span in spans for found in (span, *every(span.inside))]
