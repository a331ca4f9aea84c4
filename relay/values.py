"""JSON that somebody else wrote, as values, whatever is in it.

    text ──shallow──> what is nested too deeply is null ──read──> values
    text that is no JSON ──mended──> JSON, where it only holds what careless writers put into it

An object that was let in may hold what no value can: a number like 1e999, or lists in lists beyond what a program's
stack takes. It spoils nothing else of it: that number is None, and so is what is nested deeper than ``LEVELS``.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final

import msgspec

LEVELS: Final = 200
"""How deep values are nested at most: far more than any alert's, and no more than what reads them further on takes."""

_USUAL: Final = 8  # levels of what people make
_DIGITS: Final = 4000  # of a whole number; Python makes none of more than 4300
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+'  # or what there is of one
_STRINGS: Final = re.compile(_STRING, re.DOTALL)
_TOKENS: Final = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)
_FOREIGN: Final = re.compile(_STRING + rb"|-?\bInfinity\b|\bNaN\b", re.DOTALL)
_CONTROL: Final = re.compile(rb"[\x00-\x1f]")
_ESCAPES: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)
_BOM: Final = b"\xef\xbb\xbf"
_AS_LISTS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def read(text: bytes) -> object:
    """``text`` as values; what none can hold is None.

    Raises:
        ValueError: It is no JSON.
    """
    data = shallow(text)
    try:
        return msgspec.json.decode(data)
    except msgspec.ValidationError:
        pass  # a number out of range
    found = json.loads(data, parse_int=_whole, parse_float=_finite, parse_constant=_no_json)
    msgspec.json.encode(found)  # half a surrogate can't be told
    return found


def shallow(text: bytes, levels: int = LEVELS) -> bytes:
    """``text`` with null in place of what is nested deeper than ``levels``; the same bytes where nothing is.

    What is no JSON stays none, but for what would have stood in that place, which nobody looks at.
    """
    if _is_flat(text, levels):
        return text
    kept: list[bytes] = []
    depth = start = 0  # levels at this place; where what is kept goes on
    for found in _TOKENS.finditer(text):
        match found[0]:
            case b"[" | b"{":
                depth += 1
                if depth == levels + 1:
                    kept += text[start : found.start()], b"null"
            case b"]" | b"}":
                if depth == levels + 1:
                    start = found.end()
                depth -= 1
    return b"".join((*kept, text[start:] if depth <= levels else b""))


def mended(text: bytes) -> bytes:
    """``text`` without what some writers put into JSON and JSON does not have; what else is wrong with it stays wrong.

    NaN and the infinities are null, half a surrogate is U+FFFD, a raw control character is escaped, a BOM is gone.
    """
    return _FOREIGN.sub(_in_json, text.removeprefix(_BOM))


def _in_json(found: re.Match[bytes]) -> bytes:
    token = found[0]
    if not token.startswith(b'"'):
        return b"null"
    if b"\\u" in token:
        token = _ESCAPES.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], token)
    return _CONTROL.sub(lambda control: b"\\u%04x" % control[0][0], token)


def _is_flat(text: bytes, levels: int) -> bool:
    """Whether a quick look tells that not so many pairs of brackets lie in each other."""
    if text.count(b"[") + text.count(b"{") <= levels:
        return True
    brackets = _STRINGS.sub(b"", text).translate(_AS_LISTS, _NO_BRACKETS)
    for _ in range(min(_USUAL, levels)):
        brackets = brackets.replace(b"[]", b"")  # the innermost level
    return not brackets


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= _DIGITS else None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _no_json(word: str) -> None:
    """NaN and the infinities, which Python reads and JSON does not have."""
    raise ValueError(f"{word} is no JSON")
