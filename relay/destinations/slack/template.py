"""A user's own Slack message: what their template gives for one alert, as blocks.

    variables ──template──> JSON with text and blocks, or plain text ──read──> Part
                                                                      └──> RenderError: a dead letter

Plain text is mrkdwn, a section; so is a JSON ``text`` without blocks. The parts of several alerts go into one message,
one after the other. What is longer than Slack takes is cut, as far as the relay knows its limits. The alert's values
reach the template with ``&``, ``<`` and ``>`` as entities: nothing upstream pings there either. That an alert is a
test, a replay, late or simulated stands before it whatever the template writes, and room is kept for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from relay.deliveries import Message
from relay.destinations import digest
from relay.destinations.body import chat_variables, unsaid
from relay.destinations.slack.mrkdwn import entities
from relay.destinations.slack.render import (
    BLOCKS,
    MESSAGE,
    PINGS,
    SECTION,
    WARNING,
    Block,
    section,
    size,
    warning_block,
)
from relay.destinations.texts import fit
from relay.mentions import Mention
from relay.template import BodyTemplate, RenderError

_KEYS: Final = frozenset({"text", "blocks"})
_OURS: Final = ("mentions", "chart")  # the relay's own, ready for mrkdwn
_MOST_BLOCKS: Final = BLOCKS - 2  # beside mentions and remarks
_MOST: Final = MESSAGE - PINGS - WARNING
_TEXTS: Final[dict[str, int]] = {"section": SECTION, "header": 150}


class Part(msgspec.Struct, frozen=True):
    """What one alert puts into a message.

    Attributes:
        blocks: Its blocks, at least one.
        text: What a notification says where the alert goes alone; empty for the relay's own words.
    """

    blocks: list[Block]
    text: str = ""


def part_of(template: BodyTemplate, message: Message, *, pinged: Iterable[Mention], late_over: float) -> Part:
    """Render ``template`` for one alert.

    Raises:
        RenderError: It fails, gives nothing, or gives what can't go into a message.
    """
    variables = chat_variables(message, pinged=pinged, late_over=late_over)
    ours = {name: variables[name] for name in _OURS}
    safe = {name: _escaped(value) for name, value in variables.items()} | ours
    try:
        given = template.render(safe).decode().strip()
    except UnicodeError:
        raise RenderError("the template's text is not Unicode") from None
    part = _read_json(given) if given.startswith("{") else Part(_sections(given))
    if not part.blocks:
        raise RenderError("the template gives nothing to show")
    if len(part.blocks) > _MOST_BLOCKS or size(part.blocks) > _MOST:
        raise RenderError(
            f"the template gives more than a Slack message holds: {_MOST_BLOCKS} blocks, {_MOST:,} characters"
        )
    said = unsaid(template, message, late_over)
    text = part.text and fit(" · ".join((*said, part.text)), SECTION)
    return Part([*warning_block(said), *part.blocks], text)


def _read_json(given: str) -> Part:
    try:
        message = msgspec.json.decode(given, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise RenderError("the template begins with a brace, and is not JSON; texts in it want | tojson") from None
    if unknown := sorted(set(message) - _KEYS):
        raise RenderError(f"the template gives {fit(unknown[0], 40)!r}; a Slack message here has text and blocks")
    text, blocks = message.get("text") or "", message.get("blocks") or []
    if not isinstance(text, str):
        raise RenderError("the template's text is not a text")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise RenderError("the template's blocks are not a list of blocks")
    return Part([_bounded(block) for block in blocks] or _sections(text), fit(text, SECTION))


def _sections(text: str) -> list[Block]:
    lines = [fit(line, SECTION) for line in text.split("\n")]
    return [section(page) for page in digest.pages(lines, SECTION) if page.strip()]


def _bounded(block: Block) -> Block:
    """A user's block with its main text cut; without ``block_id``, which must not come twice in a message."""
    bounded = {key: value for key, value in block.items() if key != "block_id"}
    most, inner = _TEXTS.get(str(block.get("type"))), block.get("text")
    if most is not None and isinstance(inner, dict) and isinstance(inner.get("text"), str):
        bounded["text"] = inner | {"text": fit(inner["text"], most)}
    return bounded


def _escaped(value: object) -> object:
    match value:
        case str():
            return entities(value[:MESSAGE])  # no message holds more of it, and a megabyte takes long
        case dict():
            return {entities(str(key)): _escaped(item) for key, item in value.items()}
        case list() | tuple():
            return [_escaped(item) for item in value]
        case _:
            return value
