"""A message as its chat would show it, drawn from the JSON that would be sent."""

from __future__ import annotations

import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from relay.cli.preview import preview

DISCORD = {
    "content": "<@&1>",
    "embeds": [
        {
            "author": {"name": "setup"},
            "title": r"BRK\.B \[D] 1\-2U",
            "url": "https://charts.example/",
            "color": 0x2E9E6B,
            "description": "12 min late",
            "fields": [
                {"name": "Price", "value": "214.32", "inline": True},
                {"name": "Candle", "value": "2U", "inline": True},
                {"name": "Rules", "value": "daily bulls"},
            ],
            "footer": {"text": "daily bulls"},
            "timestamp": "2026-04-10T13:45:22Z",
        }
    ],
}
SLACK = {
    "text": "AAPL &amp; more",
    "blocks": [
        {"type": "header", "text": {"type": "plain_text", "text": "3 alerts"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "<https://a.example?a=b&amp;c=d|*AAPL*> &lt;D&gt;"}},
        {"type": "divider"},
        {"type": "section", "fields": [{"text": "*Price* 1"}, {"text": "*Candle* 2U"}, {"text": "*Frame* D"}]},
        {"type": "context", "elements": [{"text": "<!date^1^{date}|2026-04-10>"}, {"text": "rule"}]},
        {"type": "actions", "elements": [{"type": "button", "text": {"text": "Chart"}}]},
        {"type": "of another kind"},
    ],
    "attachments": [{"color": "#2E9E6B", "blocks": [{"type": "section", "text": {"text": "barred"}}]}],
}


def drawn(kind: str, message: object, *, colour: bool = False) -> str:
    """What is printed, without the blanks at the ends of lines."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=80, force_terminal=colour, color_system="truecolor" if colour else None, highlight=False
    )
    found = preview(kind, msgspec.json.encode(message))
    assert found is not None
    console.print(found)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def test_an_embed_is_a_panel_with_its_colour_at_the_left() -> None:
    assert drawn("discord", DISCORD).splitlines() == [
        "<@&1>",
        "▌",
        "▌ setup",
        "▌ BRK.B [D] 1-2U",
        "▌ https://charts.example/",
        "▌ 12 min late",
        "▌ Price    Candle",
        "▌ 214.32   2U",
        "▌ Rules",
        "▌ daily bulls",
        "▌ daily bulls · 2026-04-10T13:45:22Z",
        "▌",
    ]
    assert "\x1b[38;2;46;158;107m▌" in drawn("discord", DISCORD, colour=True)


def test_slacks_blocks_are_drawn_in_order_with_labels_in_place_of_links() -> None:
    assert [line for line in drawn("slack", SLACK).splitlines() if line.strip("─▌ ")] == [
        "notification: AAPL & more",
        "3 alerts",
        "*AAPL* <D>",
        "*Price* 1   *Candle* 2U",
        "*Frame* D",
        "2026-04-10 rule",
        "[Chart]",
        "▌ barred",
    ]


def test_apprise_is_a_title_and_a_text() -> None:
    assert drawn("apprise", {"title": "AAPL", "body": "one\ntwo"}) == "AAPL\none\ntwo"


@pytest.mark.parametrize(
    ("kind", "body"),
    [("webhook", b"{}"), ("discord", b"no json"), ("discord", b"[]"), ("slack", b"\xff"), ("apprise", b"[" * 9999)],
)
def test_what_has_no_picture_is_left_to_its_own_text(kind: str, body: bytes) -> None:
    assert preview(kind, body) is None


def test_no_text_is_taken_for_markup_or_obeyed_by_the_terminal() -> None:
    shown = drawn("discord", {"content": "[red]x[/red] \x1b[2J \x9b31m \u202e", "embeds": [{"title": "[/]"}]})
    assert "[red]x[/red] [2J 31m" in shown
    assert "[/]" in shown


_KEYS = (
    *("content", "embeds", "title", "color", "fields", "name", "value", "footer", "author", "text", "blocks"),
    *("type", "elements", "attachments", "accessory", "body", "inline"),
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner | st.sampled_from(["header", "section", "context", "actions", "divider", "button"]),
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(
    st.sampled_from(["discord", "slack", "apprise"]),
    st.dictionaries(st.sampled_from(["embeds", "blocks", "attachments", "content", "text", "title"]), _json),
)
def test_any_json_that_a_template_gives_can_be_drawn(kind: str, message: dict[str, object]) -> None:
    drawn(kind, message)
