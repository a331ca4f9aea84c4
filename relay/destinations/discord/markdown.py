"""Upstream text, so that Discord shows it as it is: no formatting, no links, no mentions, no lists.

A backslash takes the meaning from a character; where there is none to take (an address, a mention), a space without
width breaks it up. (Source: Discord's help page on text formatting, and its reference on message formatting.)
"""

from __future__ import annotations

import re
from typing import Final

_NOTHING: Final = "\N{ZERO WIDTH SPACE}"

_SPECIAL: Final = re.compile(
    r"""
    (?P<before>^[ \t]*) (?P<list>[-+]) (?=[\s\#]|$)     # what begins a list, or small print
    | (?P<count>^[ \t]*\d+) (?P<dot>[.)]) (?=\s|$)
    | (?P<sign>[\\*_~`|<>()\#])                         # brackets alone link nothing
    | (?P<split>:(?=//) | \bwww(?=\.) | @)
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE | re.ASCII,
)


def escape(text: str) -> list[str]:
    """The pieces of ``text``, each whole in itself, with Discord's markdown, links and mentions defused."""
    pieces: list[str] = []
    end = 0
    for found in _SPECIAL.finditer(text):
        pieces.extend(text[end : found.start()])
        end = found.end()
        if found["split"]:
            pieces.append(found["split"] + _NOTHING)
        else:
            pieces.extend(found["before"] or found["count"] or "")
            pieces.append("\\" + (found["list"] or found["dot"] or found["sign"]))
    pieces.extend(text[end:])
    return pieces
