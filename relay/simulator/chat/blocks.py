"""What Slack takes as a message, checked as it checks it (docs.slack.dev: Block Kit, incoming webhooks).

payload ──check──> None, or the word it is refused with: no_text, invalid_payload, invalid_blocks
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeGuard

from relay.simulator.chat.form import units

BLOCKS: Final = 50
SECTION: Final = 3000
FIELDS: Final = 10
FIELD: Final = 2000
HEADER: Final = 150
ELEMENTS: Final = 10
BUTTONS: Final = 25
BUTTON: Final = 75
URL: Final = 3000
ID: Final = 255
ALT: Final = 2000
MESSAGE: Final = 13_000
"""Characters of all texts of one message; Slack names no number, this is where it was seen to refuse."""

_MRKDWN: Final = frozenset({"mrkdwn", "plain_text"})
_PLAIN: Final = frozenset({"plain_text"})
_STYLES: Final = frozenset({None, "primary", "danger"})
_WEB: Final = re.compile(r"https?://[^\s/]+\S*")


def check(payload: Mapping[str, object]) -> str | None:
    """The word that a message is refused with; None where it is taken."""
    text, blocks = payload.get("text"), payload.get("blocks")
    if not isinstance(text, str | None) or not isinstance(payload.get("attachments", []), list):
        return "invalid_payload"
    if not blocks and not payload.get("attachments") and not (text or "").strip():
        return "no_text"
    if blocks is not None and not _are_blocks(blocks):
        return "invalid_blocks"
    if sum(map(units, texts(payload))) > MESSAGE:
        return "invalid_blocks" if blocks else "invalid_payload"
    return None


def texts(payload: Mapping[str, object]) -> Iterator[str]:
    """Every text of a message: the fallback's, and those of all text objects within its blocks."""
    fallback = payload.get("text")
    if isinstance(fallback, str):
        yield fallback
    yield from (text for text, _ in _within(payload.get("blocks")))


def pinging(payload: Mapping[str, object]) -> Iterator[str]:
    """The texts in which a mention notifies: all but ``plain_text``."""
    fallback = payload.get("text")
    if isinstance(fallback, str):
        yield fallback
    yield from (text for text, kind in _within(payload.get("blocks")) if kind != "plain_text")


def _within(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, list):
        for item in value:
            yield from _within(item)
    elif isinstance(value, dict):
        text = value.get("text")
        if isinstance(text, str):
            yield text, value.get("type")
        for item in value.values():
            if isinstance(item, list | dict):
                yield from _within(item)


def _are_blocks(blocks: object) -> bool:
    if not isinstance(blocks, list) or len(blocks) > BLOCKS:
        return False
    ids = [block.get("block_id") for block in blocks if isinstance(block, dict) and block.get("block_id") is not None]
    return len(set(map(str, ids))) == len(ids) and all(map(_is_block, blocks))


def _is_block(block: object) -> bool:
    if not _is_object(block):
        return False
    kind = block.get("type")
    if not isinstance(kind, str) or kind not in _KINDS:
        return False
    keys, holds = _KINDS[kind]
    return set(block) <= keys | {"type", "block_id"} and _is_text(block.get("block_id", ""), ID) and holds(block)


def _section(block: Mapping[str, object]) -> bool:
    text, fields = block.get("text"), block.get("fields")
    return (
        (text is not None or fields is not None)
        and (text is None or _is_text_object(text, SECTION, _MRKDWN))
        and (fields is None or _are(fields, FIELDS, lambda field: _is_text_object(field, FIELD, _MRKDWN)))
        and ("accessory" not in block or _is_button(block["accessory"]) or _is_image(block["accessory"]))
    )


def _header(block: Mapping[str, object]) -> bool:
    return _is_text_object(block.get("text"), HEADER, _PLAIN)


def _context(block: Mapping[str, object]) -> bool:
    return _are(
        block.get("elements"),
        ELEMENTS,
        lambda element: _is_text_object(element, SECTION, _MRKDWN) or _is_image(element),
    )


def _actions(block: Mapping[str, object]) -> bool:
    return _are(block.get("elements"), BUTTONS, _is_button)


def _picture(block: Mapping[str, object]) -> bool:
    title = block.get("title")
    return _is_picture(block) and (title is None or _is_text_object(title, ALT, _PLAIN))


def _divider(_block: Mapping[str, object]) -> bool:
    return True


_KINDS: Final[Mapping[str, tuple[frozenset[str], Callable[[Mapping[str, object]], bool]]]] = {
    "section": (frozenset({"text", "fields", "accessory", "expand"}), _section),
    "header": (frozenset({"text"}), _header),
    "context": (frozenset({"elements"}), _context),
    "actions": (frozenset({"elements"}), _actions),
    "image": (frozenset({"image_url", "alt_text", "title"}), _picture),
    "divider": (frozenset(), _divider),
}


def _is_button(value: object) -> bool:
    return (
        _is_object(value)
        and value.get("type") == "button"
        and set(value) <= {"type", "text", "action_id", "url", "value", "style", "accessibility_label"}
        and _is_text_object(value.get("text"), BUTTON, _PLAIN)
        and _is_text(value.get("action_id", ""), ID)
        and _is_text(value.get("value", ""), FIELD)
        and ("url" not in value or _is_url(value["url"]))
        and value.get("style") in _STYLES
    )


def _is_image(value: object) -> bool:
    return _is_object(value) and value.get("type") == "image" and _is_picture(value)


def _is_picture(value: Mapping[str, object]) -> bool:
    alt = value.get("alt_text")
    return _is_url(value.get("image_url")) and _is_text(alt, ALT) and bool(alt)


def _is_text_object(value: object, longest: int, kinds: frozenset[str]) -> bool:
    if not _is_object(value) or value.get("type") not in kinds:
        return False
    more = {"emoji"} if value["type"] == "plain_text" else {"verbatim"}
    text = value.get("text")
    return set(value) <= {"type", "text"} | more and _is_text(text, longest) and bool(text)


def _are(value: object, most: int, holds: Callable[[object], bool]) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= most and all(map(holds, value))


def _is_url(value: object) -> bool:
    return _is_text(value, URL) and _WEB.fullmatch(value) is not None


def _is_text(value: object, longest: int) -> TypeGuard[str]:
    return isinstance(value, str) and units(value) <= longest


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)
