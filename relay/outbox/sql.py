"""Named statements and numbered migrations, read from the ``.sql`` files beside this one."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_PART: Final = re.compile(r"/\* (\w+) \*/")
_COMMENT: Final = re.compile(r"^--.*\n", re.MULTILINE)
_FILES: Final = ("queries.sql", "archive.sql")
_MIGRATION: Final = re.compile(r"(\d{4})_\w+\.sql")

Queries = MappingProxyType[str, str]


@cache
def queries() -> Queries:
    """Every statement of the files by its name; ``/* name */`` in one is another, or what ``with_rows`` puts there.

    A part may have parts of its own. Comments are left out: a part stands within a line.
    """
    found: dict[str, str] = {}
    for name in _FILES:
        parts = _NAME.split(resources.files(__package__).joinpath(name).read_text("utf-8"))[1:]
        named = dict(zip(parts[::2], (_COMMENT.sub("", part).strip() for part in parts[1::2]), strict=True))
        assert found.keys().isdisjoint(named), "a name means one statement"
        found |= named

    def whole(text: str) -> str:
        return _PART.sub(lambda part: whole(found[part[1]]) if part[1] in found else part[0], text)

    return MappingProxyType({name: whole(text) for name, text in found.items()})


def with_rows(statement: str, count: int, width: int) -> str:
    """``statement`` with ``/* rows */`` turned into ``count`` groups of ``width`` parameters."""
    group = f"({', '.join('?' * width)})"
    return statement.replace("/* rows */", ", ".join([group] * count))


@cache
def migrations() -> tuple[str, ...]:
    """The scripts that lead from an empty file to the newest schema, in order; the n-th makes version n."""
    folder = resources.files(__package__).joinpath("migrations")
    found = sorted((entry.name, entry) for entry in folder.iterdir() if _MIGRATION.fullmatch(entry.name))
    numbers = [int(name[:4]) for name, _ in found]
    assert numbers == list(range(1, len(found) + 1)), "migrations are numbered without gaps"
    return tuple(entry.read_text("utf-8") for _, entry in found)
