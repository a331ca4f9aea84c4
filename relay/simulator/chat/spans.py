"""Marked-up text as values: what both chats' parsers give and one template draws.

Texts stay plain to the end, so that nothing in a message can become HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, tzinfo
from typing import Final

import msgspec

from relay.simulator.chat.posted import Names


class Span(msgspec.Struct, frozen=True):
    """A piece of a text.

    Attributes:
        kind: ``text``, ``dot``, ``strong``, ``em``, ``u``, ``s``, ``spoiler``, ``code``, ``link``, ``mention``,
            ``time``; and what takes whole lines: ``pre``, ``quote``, ``item``, ``sub``, ``h1``, ``h2``, ``h3``.
        text: What it says; of a ``dot`` its colour, of an ``item`` its bullet.
        href: Where a link leads to, http or https; what a time shows on pointing at it.
        inside: What it holds.
    """

    kind: str
    text: str = ""
    href: str = ""
    inside: tuple[Span, ...] = ()

    @property
    def is_block(self) -> bool:
        """It takes whole lines."""
        return self.kind in _BLOCKS


class Setting(msgspec.Struct, frozen=True):
    """What a text is read in.

    Attributes:
        now_us: What "today" and "3 minutes ago" are told from, µs since the epoch.
        zone: Of times shown.
        names: What ids are called.
    """

    now_us: int
    zone: tzinfo = UTC
    names: Names = Names()


_BLOCKS: Final = frozenset({"pre", "quote", "item", "sub", "h1", "h2", "h3"})
_DOTS: Final[Mapping[str, str]] = {
    "🟢": "green",
    "🔴": "red",
    "🟡": "yellow",
    "🟠": "orange",
    "🔵": "blue",
    "🟣": "purple",
    "🟤": "brown",
    "⚪": "white",
    "⚫": "black",
}
_DOT: Final = re.compile(f"([{''.join(_DOTS)}])\ufe0f?")


def plain(text: str) -> Iterator[Span]:
    """``text`` without any markup, circles drawn as such: not every machine has letters for them."""
    for number, piece in enumerate(_DOT.split(text)):
        if piece:
            yield Span("dot", _DOTS[piece], piece) if number % 2 else Span("text", piece)


def trimmed(spans: list[Span]) -> tuple[Span, ...]:
    """``spans`` without the line ends beside what takes whole lines anyway."""
    shown: list[Span] = []
    for number, span in enumerate(spans):
        if span.kind != "text":
            shown.append(span)
            continue
        text = span.text
        if number and spans[number - 1].is_block:
            text = text.removeprefix("\n")
        if number + 1 < len(spans) and spans[number + 1].is_block:
            text = text.removesuffix("\n")
        if text:
            shown.append(Span("text", text))
    return tuple(shown)
