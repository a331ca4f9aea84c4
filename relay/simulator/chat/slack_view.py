"""A Slack message as it is drawn: its blocks in order, or its text where there are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from relay.simulator.chat.discord_view import host, web_url
from relay.simulator.chat.mrkdwn import read, read_plain
from relay.simulator.chat.posted import Payload, SlackPosted
from relay.simulator.chat.spans import Setting, Span


class Button(msgspec.Struct, frozen=True):
    """A button; without a url it does nothing."""

    text: str
    url: str
    style: str


class Block(msgspec.Struct, frozen=True):
    """A block of a message.

    Attributes:
        kind: ``section``, ``header``, ``context``, ``actions``, ``image`` or ``divider``.
        text: What it says.
        parts: A section's fields, a context's elements.
        buttons: Its buttons.
        image: The host that a picture would come from.
    """

    kind: str
    text: Sequence[Span] = ()
    parts: Sequence[Sequence[Span]] = ()
    buttons: Sequence[Button] = ()
    image: str = ""


def body(message: SlackPosted, setting: Setting) -> list[Block]:
    """A message's blocks."""
    if not message.blocks:
        return [Block("section", read(message.text, setting))]
    return [_block(block, setting) for block in message.blocks]


def _block(block: Payload, setting: Setting) -> Block:
    accessory = block.get("accessory")
    return Block(
        kind=str(block.get("type")),
        text=_text(block.get("text"), setting) or _text(block.get("title"), setting),
        parts=[_text(part, setting) for part in _list(block, "fields") or _list(block, "elements") if _is_text(part)],
        buttons=list(_buttons([*_list(block, "elements"), accessory])),
        image=host(str(block.get("image_url") or "")),
    )


def _buttons(elements: Sequence[object]) -> Iterator[Button]:
    for element in elements:
        if isinstance(element, Mapping) and element.get("type") == "button":
            label = element.get("text")
            text = str(label.get("text", "")) if isinstance(label, Mapping) else ""
            yield Button(text, web_url(str(element.get("url") or "")), str(element.get("style") or ""))


def _text(value: object, setting: Setting) -> Sequence[Span]:
    if not isinstance(value, Mapping) or not isinstance(value.get("text"), str):
        return ()
    return read(value["text"], setting) if value.get("type") == "mrkdwn" else read_plain(value["text"])


def _is_text(value: object) -> bool:
    return isinstance(value, Mapping) and value.get("type") in {"mrkdwn", "plain_text"}


def _list(block: Payload, key: str) -> list[object]:
    value = block.get(key)
    return value if isinstance(value, list) else []
