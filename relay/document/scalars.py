"""YAML 1.2's core schema: what a plain scalar means (https://yaml.org/spec/1.2.2/#103-core-schema).

Only ``true`` and ``false`` are booleans, so the tickers ``ON``, ``NO`` and ``Y`` stay text; ``09:30`` and
``2026-04-10`` are text. A number keeps how it was written, for the places where text is meant.
"""

from __future__ import annotations

import math
import re
from typing import Final, TypeAlias

_NULL: Final = re.compile(r"null|Null|NULL|~|")
_TRUE: Final = re.compile(r"true|True|TRUE")
_FALSE: Final = re.compile(r"false|False|FALSE")
_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)")
_NAN: Final = re.compile(r"\.(?:nan|NaN|NAN)")
_BASES: Final = {"0o": 8, "0x": 16}
_LONGEST_NUMBER: Final = 400  # digits; longer ones stay text, for Python refuses to convert them


class WrittenInt(int):
    """An integer and how it was written."""

    written: str


class WrittenFloat(float):
    """A number with a fraction or exponent and how it was written."""

    written: str


class FromOutside(str):
    """A text from the environment or a file and how it was written; faults show that, never the text."""

    __slots__ = ("written",)
    written: str


Scalar: TypeAlias = str | bool | WrittenInt | WrittenFloat | None


def resolve(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    return text if len(text) > _LONGEST_NUMBER else _number(text)


def _number(text: str) -> Scalar:
    if _INT.fullmatch(text):
        whole = WrittenInt(int(text[2:], _BASES[text[:2]]) if text[:2] in _BASES else int(text))
        whole.written = text
        return whole
    if _FLOAT.fullmatch(text):
        return _written(float(text), text)
    if _INFINITE.fullmatch(text):
        return _written(-math.inf if text.startswith("-") else math.inf, text)
    return _written(math.nan, text) if _NAN.fullmatch(text) else text


def _written(value: float, text: str) -> WrittenFloat:
    number = WrittenFloat(value)
    number.written = text
    return number
