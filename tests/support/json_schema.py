"""What a JSON Schema says of a value, for the keywords that ours uses; any other keyword is an error of the test.

(Source: JSON Schema draft 2020-12, core and validation.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_TYPES: Final[Mapping[str, Callable[[object], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_SAYS_NOTHING: Final = frozenset({"$schema", "$defs", "description", "default"})


def against(value: object, schema: Schema) -> list[str]:
    """Each way in which ``value`` is not what ``schema`` wants: the path, and the keyword that says so."""
    return list(_against(value, schema, schema, "$"))


def _fits(value: object, form: Schema, root: Schema) -> bool:
    return next(_against(value, form, root, ""), None) is None


def _against(value: object, form: Schema, root: Schema, path: str) -> Iterator[str]:
    for keyword, wanted in form.items():
        if keyword in _SAYS_NOTHING:
            continue
        if keyword == "$ref":
            yield from _against(value, root["$defs"][wanted.removeprefix("#/$defs/")], root, path)
        elif keyword == "allOf":
            for part in wanted:
                yield from _against(value, part, root, path)
        elif keyword in {"properties", "additionalProperties", "items"}:
            yield from _inside(value, keyword, form, root, path)
        elif not _KEYWORDS[keyword](value, wanted, root):
            yield f"{path}: {keyword}"


def _inside(value: object, keyword: str, form: Schema, root: Schema, path: str) -> Iterator[str]:
    if keyword == "items" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _against(item, form["items"], root, f"{path}[{index}]")
    if keyword == "items" or not isinstance(value, dict):
        return
    named = form.get("properties", {})
    for key, item in value.items():
        inner = f"{path}.{key}"
        if keyword == "properties" and str(key) in named:
            yield from _against(item, named[str(key)], root, inner)
        elif keyword == "additionalProperties" and str(key) not in named:
            if form[keyword] is False:
                yield f"{inner}: additionalProperties"
            else:
                yield from _against(item, form[keyword], root, inner)


def _is_of(value: object, types: list[str] | str) -> bool:
    return any(_TYPES[name](value) for name in ([types] if isinstance(types, str) else types))


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


_KEYWORDS: Final[Mapping[str, Callable[[Any, Any, Schema], bool]]] = {
    "type": lambda value, wanted, _: _is_of(value, wanted),
    "enum": lambda value, wanted, _: any(_same(value, one) for one in wanted),
    "const": lambda value, wanted, _: _same(value, wanted),
    "pattern": lambda value, wanted, _: not isinstance(value, str) or re.search(wanted, value) is not None,
    "minLength": lambda value, wanted, _: not isinstance(value, str) or len(value) >= wanted,
    "minimum": lambda value, wanted, _: not _is_of(value, "number") or value >= wanted,
    "maximum": lambda value, wanted, _: not _is_of(value, "number") or value <= wanted,
    "minItems": lambda value, wanted, _: not isinstance(value, list) or len(value) >= wanted,
    "minProperties": lambda value, wanted, _: not isinstance(value, dict) or len(value) >= wanted,
    "required": lambda value, wanted, _: not isinstance(value, dict) or value.keys() >= set(wanted),
    "not": lambda value, wanted, root: not _fits(value, wanted, root),
    "anyOf": lambda value, wanted, root: any(_fits(value, one, root) for one in wanted),
    "oneOf": lambda value, wanted, root: sum(_fits(value, one, root) for one in wanted) == 1,
}
