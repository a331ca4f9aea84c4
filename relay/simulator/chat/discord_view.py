"""A Discord message as it is drawn: its texts read, its embeds' fields laid out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec

from relay.simulator.chat import times
from relay.simulator.chat.markdown import read, read_line
from relay.simulator.chat.posted import DiscordPosted, Payload
from relay.simulator.chat.spans import Setting, Span

_ROW: Final = 3  # inline fields side by side
_COLUMNS: Final = 12
_WHITE: Final = 0xFFFFFF


class Field(msgspec.Struct, frozen=True):
    """A field of an embed, over so many of twelve columns."""

    name: Sequence[Span]
    value: Sequence[Span]
    columns: int


class Embed(msgspec.Struct, frozen=True):
    """An embed; what it lacks is empty.

    Attributes:
        bar: Colour of its left edge, as CSS has it.
        author: Its small first line.
        author_url: Where that leads to.
        title: Its title.
        url: Where the title leads to.
        description: Its text.
        fields: Its fields, in reading order.
        image: The host that a picture would come from.
        footer: Its last line.
        time: What stands beside that.
    """

    bar: str
    author: str
    author_url: str
    title: Sequence[Span]
    url: str
    description: Sequence[Span]
    fields: Sequence[Field]
    image: str
    footer: str
    time: str


class Body(msgspec.Struct, frozen=True):
    """What stands below a message's sender."""

    content: Sequence[Span]
    embeds: Sequence[Embed]


def body(message: DiscordPosted, setting: Setting) -> Body:
    """A message's content and embeds."""
    return Body(read(message.text, setting), [_embed(embed, setting) for embed in message.embeds])


def _embed(embed: Payload, setting: Setting) -> Embed:
    author, image = _part(embed, "author"), _part(embed, "image")
    colour = embed.get("color")
    fields = embed.get("fields")
    return Embed(
        bar=f"#{colour & _WHITE:06x}" if isinstance(colour, int) else "",
        author=_text(author, "name"),
        author_url=web_url(_text(author, "url")),
        title=read_line(_text(embed, "title"), setting),
        url=web_url(_text(embed, "url")),
        description=read(_text(embed, "description"), setting),
        fields=list(_fields(fields if isinstance(fields, list) else [], setting)),
        image=host(_text(image, "url")),
        footer=_text(_part(embed, "footer"), "text"),
        time=_time(_text(embed, "timestamp"), setting),
    )


def _fields(fields: Sequence[Payload], setting: Setting) -> Iterator[Field]:
    for row in rows([field.get("inline") is True for field in fields]):
        for number in row:
            name, value = _text(fields[number], "name"), _text(fields[number], "value")
            yield Field(read_line(name, setting), read(value, setting), _COLUMNS // len(row))


def rows(inline: Sequence[bool]) -> list[list[int]]:
    """Which fields stand side by side: up to three inline ones in a row, any other by itself."""
    laid: list[list[int]] = []
    joining = False
    for number, here in enumerate(inline):
        if here and joining and len(laid[-1]) < _ROW:
            laid[-1].append(number)
        else:
            laid.append([number])
        joining = here
    return laid


def web_url(url: str) -> str:
    """``url`` where a browser may follow it, else nothing."""
    return url if url.startswith(("https://", "http://")) else ""


def host(url: str) -> str:
    """Where ``url`` would be fetched from; empty where it can't be."""
    try:
        return urlsplit(web_url(url)).netloc
    except ValueError:
        return ""


def _time(text: str, setting: Setting) -> str:
    if not text:
        return ""
    now = times.moment(setting.now_us, setting.zone)
    try:
        at = datetime.fromisoformat(text)
        at = (at if at.tzinfo else at.replace(tzinfo=setting.zone)).astimezone(setting.zone)
    except (ValueError, OverflowError):
        return ""
    return times.calendar(at, now) if now is not None else ""


def _part(embed: Payload, key: str) -> Payload:
    value = embed.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(part: Payload, key: str) -> str:
    value = part.get(key)
    return value if isinstance(value, str) else ""
