from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from relay.deliveries import Message
from relay.destinations.slack.render import (
    MESSAGE,
    PINGS,
    alert_blocks,
    digest_blocks,
    fallback,
    mention_block,
    size,
)
from relay.events import Channel, Event, Source
from relay.mentions import Mention
from tests.support.any_alert import batches, messages
from tests.support.block_kit import judge
from tests.support.clock import START_US
from tests.support.events import a_break, in_force
from tests.support.messages import message

OVER = 600.0
MINUTE_US = 60_000_000


def mrkdwn(text: str) -> dict[str, object]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def head(sent: Message) -> str:
    return str(alert_blocks(sent, OVER)[0]["text"]["text"])


def fields(sent: Message) -> list[str]:
    return [field["text"] for field in alert_blocks(sent, OVER)[0].get("fields", [])]


def test_an_alert_is_a_section_and_a_context() -> None:
    assert alert_blocks(message(rules=("daily bulls", "R&D")), OVER) == [
        {
            "type": "section",
            "text": mrkdwn(
                "🟢 *<https://www.tradingview.com/chart/?symbol=AAPL&amp;interval=D|AAPL [D] 1-2U>* ▲ bullish · Daily"
            ),
            "fields": [
                mrkdwn("*Price*  214.32"),
                mrkdwn("*Candle*  2U · above prior high"),
            ],
        },
        {
            "type": "context",
            "elements": [
                mrkdwn("<!date^1775828722^{date_short_pretty} {time_secs}|2026-04-10 13:45:22 UTC>"),
                mrkdwn("daily bulls · R&amp;D"),
            ],
        },
    ]


def test_a_break_says_who_broke_and_who_did_not() -> None:
    sent = message(a_break(1, direction="bearish"))
    assert head(sent).startswith(
        "🔴 *<https://www.tradingview.com/chart/?symbol=CME_MINI:ES1!&amp;interval=D|"
        "3 of 4 index futures broke down [D]>* ▼ bearish"
    )
    assert fields(sent) == ["*Broke*  ES, NQ, YM", "*Did not*  RTY"]


def test_continuity_is_a_row_when_it_is_known() -> None:
    data = b'{"tfc": {"W": "red", "D": "green", "M": "na"}}'
    sent = message(msgspec.structs.replace(in_force(1), data=data))
    assert fields(sent)[-1] == "*Continuity*  D🟢 W🔴 M⚪"


@pytest.mark.parametrize(
    ("source", "minutes", "simulated", "second_line"),
    [
        (Source.LIVE, 0, False, None),
        (Source.LIVE, 12, False, "⚠️ *12 min late*"),
        (Source.BACKFILL, 12, False, "⚠️ *recovered, 12 min late*"),
        (Source.REPLAY, 12, False, "⚠️ *replay*"),
        (Source.LIVE, 0, True, "⚠️ *simulated*"),
        (Source.TEST, 0, True, "⚠️ *a test, not an alert · simulated*"),
    ],
)
def test_what_a_reader_must_know_first_stands_below_the_headline(
    source: Source, minutes: int, simulated: bool, second_line: str | None
) -> None:
    sent = message(source=source, now_us=START_US + minutes * MINUTE_US, simulated=simulated)
    assert head(sent).splitlines()[1:] == ([] if second_line is None else [second_line])


def test_a_test_is_no_alert() -> None:
    sent = message(Event(Channel.IN_FORCE), source=Source.TEST, rules=())
    assert head(sent).splitlines()[0] == "🔵 *Test message of the relay*"
    assert len(alert_blocks(sent, OVER)[1]["elements"]) == 1
    assert fallback([sent], OVER) == "Test message of the relay · a test, not an alert"


@pytest.mark.parametrize(("way", "sign"), [("bullish", "🟢"), ("bearish", "🔴"), (None, "⚪"), ("sideways", "⚪")])
def test_the_circle_follows_the_direction(way: str | None, sign: str) -> None:
    assert head(message(in_force(1, direction=way))).startswith(sign)


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ([message()], "AAPL [D] 1-2U bullish · 214.32"),
        ([message(in_force(1, shape=None))], "AAPL [D] bullish · 214.32"),
        ([message(in_force(1, direction=None, price=None))], "AAPL [D] 1-2U"),
        ([message(a_break(1))], "3 of 4 index futures broke up [D] bullish · 10 min late"),
        (
            [message(source=Source.BACKFILL, now_us=START_US + 12 * MINUTE_US)],
            "AAPL [D] 1-2U bullish · 214.32 · recovered, 12 min late",
        ),
        ([message(), message(in_force(2, "R&D"))], "2 alerts: AAPL [D] 1-2U, R&amp;D [D] 1-2U"),
        ([message()] * 12, "12 alerts: AAPL [D] 1-2U, AAPL [D] 1-2U, AAPL [D] 1-2U …"),
        ([message(simulated=True)] * 2, "2 alerts, simulated: AAPL [D] 1-2U, AAPL [D] 1-2U"),
        (
            [message(source=Source.REPLAY, simulated=True)] * 2,
            "2 alerts, replay, simulated: AAPL [D] 1-2U, AAPL [D] 1-2U",
        ),
        ([message(source=Source.REPLAY), message()], "2 alerts: AAPL [D] 1-2U, AAPL [D] 1-2U"),
    ],
)
def test_a_notification_reads_well(batch: list[Message], said: str) -> None:
    assert fallback(batch, OVER) == said


def test_a_digest_is_a_table_in_code_blocks() -> None:
    assert digest_blocks([message(), message(in_force(2, "M&M", price=2.5, at="2026-04-10T13:45:23Z"))], OVER) == [
        {"type": "header", "text": {"type": "plain_text", "text": "2 alerts"}},
        {
            "type": "context",
            "elements": [mrkdwn("2026-04-10 13:45:22 to 13:45:23 UTC · 2 ▲ · newest first")],
        },
        {
            "type": "section",
            "text": mrkdwn("```\n13:45:23 M&amp;M  D 1-2U ▲ 2.50\n13:45:22 AAPL D 1-2U ▲ 214.32\n```"),
        },
    ]


def test_mentions_are_one_section() -> None:
    group, user = Mention("slack", "role", "S1", "<!subteam^S1>"), Mention("slack", "user", "U1", "<@U1>")
    assert mention_block([group, user]) == [{"type": "section", "text": mrkdwn("<!subteam^S1> <@U1>")}]
    assert mention_block([]) == []


@given(messages)
def test_one_alert_always_fits(sent: Message) -> None:
    blocks = alert_blocks(sent, OVER)
    assert size(blocks) <= MESSAGE - PINGS
    judge({"text": fallback([sent], OVER), "blocks": blocks, "unfurl_links": False, "unfurl_media": False})


@given(batches)
def test_a_digest_of_anything_is_what_slack_takes(batch: list[Message]) -> None:
    blocks = digest_blocks(batch, OVER)
    assert size(blocks) <= MESSAGE - PINGS
    judge({"text": fallback(batch, OVER), "blocks": blocks, "unfurl_links": False, "unfurl_media": False})
    code = "\n".join(block["text"]["text"] for block in blocks[2:])
    assert code.count("```") == 2 * len(blocks[2:])
    assert sum(text.count("\n") - 1 for text in (block["text"]["text"] for block in blocks[2:])) == len(batch)
