from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from relay.deliveries import Message
from relay.destinations.slack.render import section
from relay.destinations.slack.template import Part, part_of
from relay.mentions import Mention
from relay.template import BodyTemplate, RenderError
from tests.support.any_alert import messages
from tests.support.block_kit import judge
from tests.support.events import in_force
from tests.support.messages import message

GROUP = Mention("slack", "role", "S1", "<!subteam^S1>")


def part(template: str, sent: Message | None = None) -> Part:
    return part_of(BodyTemplate(template), sent or message(), pinged=(GROUP,), late_over=600.0)


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("*{{ symbol }}* at {{ price }}", Part([section("*AAPL* at 214.32")])),
        ("\n{{ symbol }}\n\n", Part([section("AAPL")])),
        ("{{ symbol }} {D}", Part([section("AAPL {D}")])),
        ("{{ mentions }} <{{ chart }}|{{ symbol }}>", None),
        ('{"text": {{ symbol | tojson }}}', Part([section("AAPL")], "AAPL")),
        (
            '{"text": "t", "blocks": [{"type": "divider"}, {"type": "section", "text": {{ {"x": symbol} | tojson }}}]}',
            Part([{"type": "divider"}, {"type": "section", "text": {"x": "AAPL"}}], "t"),
        ),
        ('{"blocks": [{"type": "divider", "block_id": "1"}]}', Part([{"type": "divider"}])),
    ],
)
def test_a_template_gives_blocks_or_text(template: str, made: Part | None) -> None:
    if made is None:
        chart = "https://www.tradingview.com/chart/?symbol=AAPL&interval=D"
        made = Part([section(f"<!subteam^S1> <{chart}|AAPL>")])
    assert part(template) == made


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ nope }}", "'nope' is undefined"),
        ("  ", "gives nothing"),
        ("{}", "gives nothing"),
        ('{"blocks": []}', "gives nothing"),
        ("{broken}", "JSON"),
        ('{"text": "hi"', "JSON"),
        ("{D} {{ symbol }}", "JSON"),
        ('{"text": "x", "channel": "#other"}', "'channel'"),
        ('{"text": ["x"]}', "not a text"),
        ('{"blocks": {"type": "divider"}}', "not a list"),
        ('{"blocks": ["divider"]}', "not a list"),
        ('{"blocks": {{ ([{"type": "divider"}] * 50) | tojson }}}', "more than a Slack message holds"),
        ("{{ 'xxxxxxxxx\n' * 2000 }}", "more than a Slack message holds"),
    ],
)
def test_what_no_message_can_be_made_of_is_refused(template: str, said: str) -> None:
    with pytest.raises(RenderError, match=said):
        part(template)


def test_long_texts_are_cut_or_go_into_several_sections() -> None:
    lines = part("{% for _ in range(40) %}{{ 'x' * 100 }}\n{% endfor %}{{ 'y' * 3500 }}").blocks
    assert [len(block["text"]["text"]) for block in lines] == [2928, 1110, 3000]
    header = {"type": "header", "text": {"type": "plain_text", "text": "h" * 200}}
    [block] = part('{"blocks": [' + msgspec.json.encode(header).decode() + "]}").blocks
    assert len(block["text"]["text"]) == 150


def test_values_of_the_alert_can_not_ping() -> None:
    hostile = in_force(1, "<!channel> <@U012ABC> & {{ 7 * 7 }}")
    [block] = part("*{{ symbol }}* {{ data.symbol }} {{ relay.rules[0] }}", message(hostile, rules=("<!here>",))).blocks
    shown = "&lt;!channel&gt; &lt;@U012ABC&gt; &amp; {{ 7 * 7 }}"
    assert block["text"]["text"] == f"*{shown}* {shown} &lt;!here&gt;"


@given(messages)
def test_whatever_a_template_of_text_shows_is_what_slack_takes(sent: Message) -> None:
    try:
        made = part("{{ relay.rules | join(' ') }} {{ relay.key }} {{ late }}", sent)
    except RenderError as error:
        assert "more than" in str(error) or "nothing" in str(error)  # noqa: PT017  because either is right here
        return
    judge({"text": "x", "blocks": made.blocks, "unfurl_links": False, "unfurl_media": False})
    assert not any("<" in block["text"]["text"] for block in made.blocks)
