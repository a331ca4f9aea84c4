"""Takes a destination's secrets out of what it answers.

Many servers repeat what they were asked (``Cannot POST /hooks/TOKEN``), and an answer is stored and shown. So
everything of the url below the host, and every secret we send, becomes ``***`` before the answer goes anywhere.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Final

from yarl import URL

SHORTEST: Final = 4
"""Shorter words (``/in``, ``1``) are no secrets, and hiding them would make any answer unreadable."""

_PLAIN: Final = frozenset({"true", "false", "null"})  # ``wait=true`` in a query must not hide JSON's own words

_LONG_SEGMENT: Final = 10
"""Parts of the path as long as a token are hidden by themselves, the last part always; ``services`` is no secret."""


class Redactor:
    """Replaces a fixed set of words; ``repr`` does not show them."""

    __slots__ = ("_pattern",)

    def __init__(self, url: URL, secrets: Iterable[str] = ()) -> None:
        words = {word for word in (*_of_url(url), *_of_secrets(secrets)) if len(word) >= SHORTEST} - _PLAIN
        longest_first = sorted(words, key=lambda word: (-len(word), word))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if words else None

    def __call__(self, text: str) -> str:
        """``text`` with every known secret replaced by ``***``."""
        return self._pattern.sub("***", text) if self._pattern else text


def printable(text: str) -> str:
    """``text`` fit for a terminal and a page: control characters other than line breaks and tabs are replaced."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def _of_url(url: URL) -> Iterator[str]:
    yield from (str(url), url.human_repr(), url.raw_path_qs, url.path_qs, url.raw_path, url.path)
    yield from (url.raw_query_string, url.query_string, url.raw_fragment, url.fragment)
    for segments in (url.raw_parts, url.parts):
        yield from (segment for segment in segments if len(segment) >= _LONG_SEGMENT)
        yield from segments[-1:]
    yield from url.query.values()
    yield from (pair.partition("=")[2] for pair in url.raw_query_string.split("&"))
    if url.user or url.password:
        yield from (url.raw_user or "", url.user or "", url.raw_password or "", url.password or "")
        yield base64.b64encode(f"{url.user or ''}:{url.password or ''}".encode()).decode()


def _of_secrets(secrets: Iterable[str]) -> Iterator[str]:
    for secret in secrets:
        yield secret
        yield secret.removeprefix("whsec_")
