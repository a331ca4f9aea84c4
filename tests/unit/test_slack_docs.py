"""What docs/slack.md says of limits and answers is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from relay.deliveries import Verdict
from relay.destinations.answer import Answer
from relay.destinations.slack.config import SlackConfig
from relay.destinations.slack.limiter import BURST
from relay.destinations.slack.outcome import judge_slack
from relay.destinations.slack.render import BLOCKS, FIELDS, MESSAGE, SECTION

TEXT = (Path(__file__).parents[2] / "docs/slack.md").read_text()


def row(first: str) -> str:
    found = re.search(rf"^\| {re.escape(first)}.*$", TEXT, re.MULTILINE)
    assert found, first
    return found[0]


def test_the_limits_are_those_of_the_code() -> None:
    assert f"{BLOCKS} a message" in row("blocks")
    assert f"{SECTION:,} characters, {FIELDS} fields" in row("a section")
    assert f"at most {MESSAGE:,}" in row("a message")
    assert f"bursts of {BURST};" in row("messages")


def test_every_word_of_slack_has_the_meaning_that_is_told() -> None:
    for first, status, verdict in (
        ("`invalid_payload`", 400, Verdict.DEAD),
        ("`no_service`", 404, Verdict.SWITCH_OFF),
        ("`rollup_error`", 500, Verdict.RETRY),
    ):
        words = re.findall(r"`(\w+)`", row(first).split("|")[1])
        assert {judge_slack(Answer(status, {}, word), 0).verdict for word in words} == {verdict}


def test_every_key_is_shown() -> None:
    shown = TEXT.split("## All keys")[1].split("```")[1] + TEXT.split("## Your own message")[1]
    assert [key for key in SlackConfig.model_fields if f"{key}:" not in shown] == []
