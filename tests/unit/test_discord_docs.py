"""What docs/discord.md says of keys, limits and answers is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from relay.deliveries import Verdict
from relay.destinations.answer import Answer
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.discord.embeds import ALL, EMBEDS
from relay.destinations.discord.limiter import GLOBAL, INVALID
from relay.destinations.discord.outcome import judge_discord
from relay.destinations.discord.render import MENTIONS
from relay.destinations.discord.template import CONTENT
from tests.support.discord import accepted, body_of, renderer
from tests.support.events import in_force
from tests.support.messages import message

TEXT = (Path(__file__).parents[2] / "docs/discord.md").read_text()


def row(first: str) -> str:
    found = re.search(rf"^\| {re.escape(first)}.*$", TEXT, re.MULTILINE)
    assert found, first
    return found[0]


def test_every_key_is_shown() -> None:
    shown = TEXT.split("## All keys")[1].split("```")[1] + TEXT.split("## Your own message")[1]
    assert [key for key in DiscordConfig.model_fields if f"{key}:" not in shown] == []


def test_the_limits_are_those_of_the_code() -> None:
    assert f"{CONTENT:,} characters | mentions alone, {MENTIONS} at most" in row("text")
    assert f"{EMBEDS} a message | {EMBEDS}," in row("embeds")
    assert f"{ALL:,} characters" in row("all texts")
    assert f"| {GLOBAL}, over all" in row("one address")
    assert f"stops at {INVALID[0]:,}, over all" in row("wrong answers")


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        ("200", Verdict.DELIVERED),
        ("404 with code 10015", Verdict.SWITCH_OFF),
        ("400 with code 50035", Verdict.DEAD),
        ("403 with code 40333", Verdict.DEAD),
        ("429 |", Verdict.RETRY),
    ],
)
def test_every_answer_has_the_meaning_that_is_told(first: str, verdict: Verdict) -> None:
    answers = re.findall(r"(\d{3})(?: with code (\d+))?", row(first).split("|")[1])
    for status, code in answers:
        body = msgspec.json.encode({"code": int(code)} if code else {"retry_after": 1}).decode()
        assert judge_discord(Answer(int(status), {}, body), 0).verdict is verdict


def test_the_template_renders() -> None:
    block = TEXT.split("## Your own message")[1].split("```yaml\n")[1].split("```")[0]
    template = yaml.safe_load(block)["destinations"]["swing"]["template"]
    body = accepted(body_of([message(mentions=("<@&1>",))], template=template))
    assert body["content"] == "<@&1>"
    assert body["embeds"][0]["title"] == "AAPL bullish"


def test_a_digest_holds_about_as_many_as_is_told() -> None:
    renders = renderer(digest_over=60)
    told = re.search(r"newest first, about (\d+)", TEXT)
    assert told
    waiting = [message(in_force(number, f"S{number:03}")) for number in range(renders.capacity)]
    assert abs(renders.fits(waiting) - int(told[1])) < 10
