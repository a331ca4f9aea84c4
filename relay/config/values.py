"""A config's plain values as the checks see them: tolerant, for what is of another sort has its fault already."""

from __future__ import annotations

from collections.abc import Iterator

from relay.document.faults import Path
from relay.document.scalars import WrittenFloat, WrittenInt
from relay.document.yaml import Document


def items(value: object) -> Iterator[tuple[str | int, object]]:
    """Keys and values of a mapping, places and items of a list; none of anything else."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def each(value: object) -> Iterator[tuple[Path, object]]:
    """The places and items of one value or a list."""
    if isinstance(value, list):
        yield from (((place,), item) for place, item in enumerate(value))
    else:
        yield (), value


def leads_to(to: object) -> Iterator[tuple[Path, object]]:
    """The places and names of all destinations in a rule's ``to``, those of its routes too."""
    if isinstance(to, dict):
        yield from _leaves(to.get("routes"), ("routes",))
    else:
        yield from each(to)


def _leaves(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    else:
        yield from (((*path, *place), item) for place, item in each(value))


def rules(document: Document) -> Iterator[tuple[int, dict[str, object]]]:
    """The rules that are mappings, and where they stand."""
    listed = document.root.get("rules")
    for index, rule in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(rule, dict):
            yield index, rule


def text(value: object) -> str:
    """A text, or a number as it was written; nothing of anything else."""
    if isinstance(value, WrittenInt | WrittenFloat):
        return value.written
    return value if isinstance(value, str) else ""
