"""A message as its chat would show it, in a terminal: from the very JSON that would be sent.

    discord ──> content, a panel an embed, its colour at the left        slack   ──> headers, sections, context
    apprise ──> title and text                                           webhook ──> nothing: its JSON is the message

It reads any JSON, because a user's template may give what it likes; what it does not know it passes over. Texts go
into rich as texts, never as markup, and without what a terminal would obey.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from itertools import groupby
from typing import Final

import msgspec
from rich.box import Box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.style import Style
from rich.table import Table
from rich.text import Text

WIDTH: Final = 78

_BAR: Final = Box("\n".join(["▌   "] * 8) + "\n")
_FIELDS_IN_A_ROW: Final = 3
_SLACK_FIELDS_IN_A_ROW: Final = 2
_ESCAPED: Final = re.compile(r"\\([\\*_~`|<>()\[\]#.:@&!+-])")
_LABELLED: Final = re.compile(r"<[^<>|]+\|([^<>]*)>")
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_GREY: Final = "#7a828c"
_LARGEST_COLOUR: Final = 0xFFFFFF

_Fields = dict[str, object]


def preview(kind: str, body: bytes) -> Group | None:
    """``body`` to be looked at; None where there is nothing to see but itself.

    Args:
        kind: The ``type`` of the destination.
        body: What would be sent to it.
    """
    try:
        message = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    draw = {"discord": _discord, "slack": _slack, "apprise": _apprise}.get(kind)
    if draw is None or not isinstance(message, dict):
        return None
    return Group(*draw(message))


def _apprise(message: _Fields) -> Iterator[RenderableType]:
    yield _text(message.get("title"), "bold")
    yield _text(message.get("body"))


def _discord(message: _Fields) -> Iterator[RenderableType]:
    if message.get("content"):
        yield _markdown(message["content"])
    for embed in _items(message, "embeds"):
        colour = embed.get("color")
        known = isinstance(colour, int) and 0 <= colour <= _LARGEST_COLOUR
        yield _barred(_embed(embed), f"#{colour:06x}" if known else _GREY)


def _embed(embed: _Fields) -> Iterator[RenderableType]:
    author = embed.get("author")
    if isinstance(author, dict):
        yield _markdown(author.get("name"), "dim")
    if embed.get("title"):
        yield _markdown(embed["title"], "bold")
    if embed.get("url"):
        yield _text(embed["url"], "dim")
    if embed.get("description"):
        yield _markdown(embed["description"])
    for inline, fields in groupby(_items(embed, "fields"), key=lambda field: field.get("inline") is True):
        cells = [Text.assemble(_markdown(f.get("name"), "bold"), "\n", _markdown(f.get("value"))) for f in fields]
        yield _grid(cells, _FIELDS_IN_A_ROW if inline else 1)
    footer = embed.get("footer")
    said = [footer.get("text") if isinstance(footer, dict) else None, embed.get("timestamp")]
    if any(said):
        yield _text(" · ".join(str(part) for part in said if part), "dim")


def _slack(message: _Fields) -> Iterator[RenderableType]:
    if message.get("text"):
        yield _mrkdwn(message["text"], "dim", before="notification: ")
    yield from _blocks(message)
    for attachment in _items(message, "attachments"):
        colour = str(attachment.get("color"))
        yield _barred(_blocks(attachment), colour if _COLOUR.fullmatch(colour) else _GREY)


def _blocks(holder: _Fields) -> Iterator[RenderableType]:
    for block in _items(holder, "blocks"):
        match block.get("type"):
            case "header":
                yield _mrkdwn(block.get("text"), "bold")
            case "divider":
                yield Rule(style="dim")
            case "context":
                said = [_mrkdwn(element, "dim") for element in _items(block, "elements")]
                yield Text(" ", "dim").join(said)
            case "actions":
                yield Text(" ").join(_button(element) for element in _items(block, "elements"))
            case _:
                yield from _section(block)


def _section(block: _Fields) -> Iterator[RenderableType]:
    if block.get("text"):
        yield _mrkdwn(block["text"])
    fields = [_mrkdwn(field) for field in _items(block, "fields")]
    if fields:
        yield _grid(fields, _SLACK_FIELDS_IN_A_ROW)
    accessory = block.get("accessory")
    if isinstance(accessory, dict) and accessory.get("type") == "button":
        yield _button(accessory)


def _button(element: _Fields) -> Text:
    return Text.assemble("[", _mrkdwn(element), "]")


def _barred(parts: Iterator[RenderableType], colour: str) -> Panel:
    return Panel(Group(*parts), box=_BAR, border_style=Style(color=colour), width=WIDTH)


def _grid(cells: list[Text], columns: int) -> Table:
    grid = Table.grid(*([""] * columns), padding=(0, 3))
    for start in range(0, len(cells), columns):
        grid.add_row(*cells[start : start + columns])
    return grid


def _items(holder: _Fields, key: str) -> list[_Fields]:
    found = holder.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _markdown(value: object, style: str = "") -> Text:
    """Discord's text without its escapes."""
    return _text(_ESCAPED.sub(r"\1", value) if isinstance(value, str) else value, style)


def _mrkdwn(value: object, style: str = "", *, before: str = "") -> Text:
    """Slack's text, bare or in a text object: labels in place of links and dates, and without its entities."""
    while isinstance(value, dict):
        value = value.get("text", value.get("alt_text", ""))
    return _text(before + unescape(_LABELLED.sub(r"\1", str(value))), style)


def _text(value: object, style: str = "") -> Text:
    shown = "".join(char for char in str(value or "") if char.isprintable() or char == "\n")
    return Text(shown, style)
