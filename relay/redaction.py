"""The texts of this process's secrets, and any text without them.

    Secret ──register_secret──> what it looks like: itself, its parts, quoted ──> redact: `***` in its place

It imports nothing that takes long: every command needs it for its last words, the quickest too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from relay.secret import Secret

MASK: Final = "***"

_SHORTEST: Final = 4  # replacing anything shorter would eat ordinary words and hide nothing
_SHORTEST_PART: Final = 16  # of a URL: `/webhooks` is a word, a token is not


class Redactor:
    """Knows the secrets of this process and takes them out of any text."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def register(self, secret: Secret) -> None:
        """Replace this secret's text from now on, in every spelling it may come back in."""
        added = {form for text in _parts(secret.reveal()) for form in _spellings(text)} - self._forms
        if not added:
            return
        self._forms |= added
        longest_first = sorted(self._forms, key=len, reverse=True)  # a whole URL goes before its token
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def redact(self, text: str) -> str:
        """``text`` with every registered secret replaced by ``***``."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)


def _parts(text: str) -> Iterable[str]:
    """The secret itself, and those parts of it that are secret alone."""
    if len(text) < _SHORTEST:
        return
    yield text
    prefix, _, key = text.partition("_")
    if prefix == "whsec" and len(key) >= _SHORTEST:  # Standard Webhooks: the key is what follows
        yield key
    if "://" not in text:
        return
    with suppress(ValueError):  # not a URL after all: the whole text is registered already
        url = urlsplit(text)
        if url.password and len(url.password) >= _SHORTEST:
            yield url.password
        if url.username and len(url.username) >= _SHORTEST_PART:  # some put a token there, and no password
            yield url.username
        if url.netloc and len(url.path.strip("/")) >= _SHORTEST_PART:  # clients report host and path apart
            yield text.partition(url.netloc)[2]
        pieces = [*url.path.split("/"), *(value for _, _, value in (p.partition("=") for p in url.query.split("&")))]
        yield from (piece for piece in pieces if len(piece) >= _SHORTEST_PART)


def _spellings(text: str) -> set[str]:
    """How ``text`` looks once quoted into a URL, a JSON string or a ``repr``."""
    forms = {text, quote(text), quote(text, safe=""), unquote(text), json.dumps(text)[1:-1], repr(text)[1:-1]}
    return {form for form in forms if len(form) >= _SHORTEST}


_REDACTOR: Final = Redactor()  # one a process, like logging itself


def register_secret(secret: Secret) -> None:
    """Have this secret's text replaced by ``***`` in everything that is logged or passes ``redact``."""
    _REDACTOR.register(secret)


def redact(text: str) -> str:
    """``text`` without any registered secret; for errors and answers that don't go through a log."""
    return _REDACTOR.redact(text)
