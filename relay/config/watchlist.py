"""Watchlists: the files that a rule's ``symbol_file`` names, read once while the config is.

One symbol a line; commas, semicolons and blanks separate too, and ``#`` begins a comment.
"""

from __future__ import annotations

import re
from pathlib import Path as FilePath
from typing import Final

from relay.document.faults import Path, shown
from relay.document.reading import read_named
from relay.document.yaml import BROKEN, Document

_LARGEST: Final = 4 * 1024 * 1024  # bytes; every symbol there is fits in
_COMMENT: Final = re.compile(r"#.*")


class Watchlist(tuple[str, ...]):
    """Symbols that came from a file, in upper case."""

    __slots__ = ()


def read_watchlists(document: Document, beside: FilePath) -> None:
    """Put the symbols of every ``symbol_file`` in its place; relative names are beside the config."""
    rules = document.root.get("rules")
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        name = rule.get("symbol_file") if isinstance(rule, dict) else None
        if isinstance(name, str):
            rule["symbol_file"] = _read(name, ("rules", index, "symbol_file"), document, beside)


def _read(name: str, path: Path, document: Document, beside: FilePath) -> object:
    content = read_named(name, beside, path=path, document=document, limit=_LARGEST)
    if content is None:
        return BROKEN
    symbols = parse(content)
    if not symbols:
        document.fault(path, f"the file '{shown(name)}' holds no symbol")
        return BROKEN
    return symbols


def parse(content: str) -> Watchlist:
    """The symbols in ``content``, each once, in the order of their first line."""
    words = re.split(r"[\s,;]+", _COMMENT.sub("", content))
    return Watchlist(dict.fromkeys(word.upper() for word in words if word))
