"""What the fake Slack takes and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from relay.simulator.chat.blocks import check

DIVIDER = {"type": "divider"}


def mrkdwn(text: str = "x", **more: Any) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, **more}


def plain(text: str = "x", **more: Any) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, **more}


def section(text: object = None, **more: Any) -> dict[str, Any]:
    return {"type": "section", **({} if text is None else {"text": text}), **more}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain("Chart"), "action_id": "chart", **more}


def actions(*elements: object) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def context(*elements: object) -> dict[str, Any]:
    return {"type": "context", "elements": list(elements)}


IMAGE = {"type": "image", "image_url": "https://e.com/a.png", "alt_text": "a chart"}

TAKEN: list[dict[str, Any]] = [
    section(mrkdwn("x" * 3000)),
    section(plain("x", emoji=True)),
    section(fields=[mrkdwn("x" * 1000)] * 10),
    section(fields=[mrkdwn("x" * 2000)]),
    section(mrkdwn(verbatim=True), accessory=button(url="https://e.com", style="primary")),
    section(mrkdwn(), accessory=IMAGE, block_id="x" * 255),
    {"type": "header", "text": plain("x" * 150)},
    context(*[mrkdwn()] * 10),
    context(IMAGE, plain()),
    actions(*[button()] * 25),
    actions(button(url="https://e.com/" + "x" * 2986)),
    {**IMAGE, "title": plain()},
    DIVIDER,
]

REFUSED: list[object] = [
    section(),
    section("x"),
    section(mrkdwn("")),
    section(mrkdwn("x" * 3001)),
    section(mrkdwn("😀" * 1501)),
    section(mrkdwn(emoji=True)),
    section(plain(verbatim=True)),
    section({"type": "markdown", "text": "x"}),
    section(fields=[]),
    section(fields=[mrkdwn()] * 11),
    section(fields=[mrkdwn("x" * 2001)]),
    section(mrkdwn(), block_id="x" * 256),
    section(mrkdwn(), colour="red"),
    section(mrkdwn(), accessory=DIVIDER),
    {"type": "header", "text": plain("x" * 151)},
    {"type": "header", "text": mrkdwn()},
    {"type": "header"},
    context(),
    context(*[mrkdwn()] * 11),
    context("x"),
    actions(),
    actions(*[button()] * 26),
    actions(button(text=plain("x" * 76))),
    actions(button(text=mrkdwn())),
    actions(button(url="javascript:alert(1)")),
    actions(button(url="https://e.com/" + "x" * 2987)),
    actions(button(style="loud")),
    {"type": "image", "image_url": "https://e.com/a.png"},
    {"type": "table"},
    {"text": plain()},
    {"type": ["section"]},
    "section",
]


@pytest.mark.parametrize("block", TAKEN)
def test_blocks_within_every_limit_are_taken(block: dict[str, Any]) -> None:
    assert check({"blocks": [block]}) is None


@pytest.mark.parametrize("block", REFUSED)
def test_a_block_beyond_a_limit_is_refused(block: object) -> None:
    assert check({"text": "x", "blocks": [block]}) == "invalid_blocks"


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        ({"text": "x"}, None),
        ({"text": "x", "blocks": []}, None),
        ({"text": "", "blocks": [DIVIDER]}, None),
        ({"blocks": [DIVIDER] * 50}, None),
        ({"blocks": [DIVIDER] * 51}, "invalid_blocks"),
        ({"blocks": [{**DIVIDER, "block_id": "a"}, {**DIVIDER, "block_id": "a"}]}, "invalid_blocks"),
        ({"text": "x", "blocks": {}}, "invalid_blocks"),
        ({"text": "x" * 1000, "blocks": [section(mrkdwn("x" * 3000))] * 4}, None),
        ({"text": "x" * 1001, "blocks": [section(mrkdwn("x" * 3000))] * 4}, "invalid_blocks"),
        ({"text": "x" * 13_001}, "invalid_payload"),
        ({}, "no_text"),
        ({"text": " "}, "no_text"),
        ({"blocks": []}, "no_text"),
        ({"text": 5}, "invalid_payload"),
        ({"text": "x", "attachments": "y"}, "invalid_payload"),
    ],
)
def test_a_message_is_judged_as_a_whole(payload: dict[str, Any], word: str | None) -> None:
    assert check(payload) == word
