"""pydantic's faults as ours: at the right place of the file, in plain words.

pydantic tells a location through its own model (``destinations.bot.type=webhook.url``, ``rules.0.symbol.any.0``);
the steps that the file does not have are left out. It never tells a value here: readers word their own faults,
and what is left are the few kinds of ``_WORDS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from pydantic import ValidationError

from relay.destinations.kinds import KINDS
from relay.document.faults import Path, kind, suggestion
from relay.document.fields import REFUSED_KEY, Leaf, Section
from relay.document.yaml import Document

_IN_KEY: Final = "[key]"  # pydantic's last step where a mapping's key is wrong, not its value
_WORDS: Final = {
    "model_type": "a mapping of keys to values is wanted",
    "model_attributes_type": "a mapping of keys to values is wanted",
    "dict_type": "a mapping of keys to values is wanted",
    "list_type": "a list is wanted",
    "too_short": "at least one is wanted",
}


def translate(error: ValidationError, document: Document, readers: Mapping[int, type[Section]]) -> None:
    """Note every fault of ``error`` in ``document``, but none of a value that has one already."""
    for item in error.errors(include_url=False, include_input=False):
        step, what = item["loc"], item["type"]
        if what == "missing":
            _missing(_place(step[:-1], document), str(step[-1]), document, readers)
        elif what == "extra_forbidden":
            _unknown(_place(step, document), document, readers)
        elif step[-1:] == (_IN_KEY,):
            _note(_place(step[:-1], document), item["msg"], document, at_key=True)
        elif what in _WORDS:
            path = _place(step, document)
            _note(path, f"{_WORDS[what]}, found {kind(value_at(document.root, path))}", document)
        else:
            _note(_place(step, document), item["msg"], document, at_key=what == REFUSED_KEY)


def _note(path: Path, message: str, document: Document, *, at_key: bool = False) -> None:
    if not document.faults.covers(path):
        document.fault(path, message, at_key=at_key)


def _place(location: Path, document: Document) -> Path:
    """``location`` without the steps that only pydantic's models have."""
    path: Path = ()
    for step in location:
        if (*path, step) in document.values:
            path = (*path, step)
    return path


def _missing(holder: Path, key: str, document: Document, readers: Mapping[int, type[Section]]) -> None:
    path = (*holder, key)
    reader = readers.get(id(value_at(document.root, holder)))
    field = reader.model_fields.get(key) if reader else None
    also = f", or {key}_file" if reader and key in reader.secret_keys else ""
    leaf = next((data for data in field.metadata if isinstance(data, Leaf)), None) if field else None
    allowed = leaf.options if leaf else ()
    like = f", like {reader.examples[key]}" if reader and key in reader.examples else ""
    _note(path, f"is required{also}{like}{suggestion(None, allowed)}", document, at_key=True)


def _unknown(path: Path, document: Document, readers: Mapping[int, type[Section]]) -> None:
    reader = readers.get(id(value_at(document.root, path[:-1])))
    key = str(path[-1])
    others = [other for other in KINDS.values() if key in other.known_keys()] if reader in KINDS.values() else []
    if others:
        types = [get_args(other.model_fields["type"].annotation)[0] for other in others]
        _note(path, f"only destinations of type {' and '.join(types)} have this", document, at_key=True)
        return
    _note(path, f"unknown key{suggestion(key, reader.known_keys() if reader else [])}", document, at_key=True)


def value_at(root: object, path: Path) -> object:
    """The plain value at ``path``, None where there is none."""
    value = root
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
