"""Slack's own models judge what we send it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from slack_sdk.models.basic_objects import JsonObject
from slack_sdk.models.blocks import Block, ContextBlock, HeaderBlock, SectionBlock

from relay.destinations.texts import width

MESSAGE: Final = 13_000
_KINDS: Final[Mapping[str, type[JsonObject]]] = {
    "section": SectionBlock,
    "context": ContextBlock,
    "header": HeaderBlock,
}


def judge(body: Mapping[str, Any]) -> None:
    """Fail where Slack would refuse ``body``: by its models, and by the limits that they don't know."""
    assert set(body) == {"text", "blocks", "unfurl_links", "unfurl_media"}
    assert 1 <= width(body["text"]) <= 3000
    blocks = body["blocks"]
    assert 1 <= len(blocks) <= 50
    for block in blocks:
        model: JsonObject | None = Block.parse(block)
        assert isinstance(model, _KINDS[block["type"]])
        model.validate_json()
        assert model.to_dict() == block
    for text in texts_of(blocks):
        assert 1 <= width(text) <= 3000
    for block in blocks:
        for field in block.get("fields", ()):
            assert width(field["text"]) <= 2000
        assert len(block.get("elements", ())) <= 10
    assert sum(map(width, texts_of(body))) <= MESSAGE


def texts_of(value: object) -> Iterator[str]:
    """Every text in a body: the fallback's and those of all text objects."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "text" and isinstance(item, str):
                yield item
            else:
                yield from texts_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)
