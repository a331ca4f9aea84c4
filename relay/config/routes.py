"""``to: {by: …, routes: …}`` of a rule: destinations chosen by fields of the alert.

    by: [asset, timeframe]                           Routes("asset", {
    routes:                                ──────>     "crypto": ("coins",),
      crypto: coins                                    "else": Routes("timeframe", {
      else: {"D, W": swing, else: scalps}                 "D": ("swing",), "W": ("swing",), "else": ("scalps",)})})

A level of the mapping stands for each field of ``by``, in its order; a branch may end before the last one. Keys are
read as the field's values are anywhere else. What is wrong in the tree is found on its plain values, key by key, so
that it is told where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from relay.assets import ASSETS
from relay.config.values import each, rules, text
from relay.document import fields
from relay.document.faults import Path, kind
from relay.document.fields import JsonSchema, Leaf, Many, Section, as_tuple, choice, wrong
from relay.document.timeframes import timeframe
from relay.document.yaml import Document
from relay.events import DIRECTIONS, TIMEFRAMES, Channel
from relay.rules.rule import ELSE, Routes

COUNTS: Final = ("2", "3", "4")
VALUES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "asset": ASSETS,
    "timeframe": TIMEFRAMES,
    "direction": DIRECTIONS,
    "threshold": COUNTS,
}
"""The fields that choose a route, and their values."""

FIELDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    Channel.IN_FORCE: ("asset", "timeframe", "direction"),
    Channel.BREAKS: tuple(VALUES_OF),
    Channel.STATES: ("asset",),
    Channel.QUOTES: ("asset",),
}
"""By which fields each channel's events can be routed."""

_READERS: Final[Mapping[str, Leaf]] = {
    "asset": choice(*ASSETS, ELSE, fold=str.lower),
    "timeframe": timeframe(ELSE),
    "direction": choice(*DIRECTIONS, ELSE, fold=str.lower),
    "threshold": choice(*COUNTS, ELSE, fold=str.lower),
}
_OTHERS: Final = frozenset({"all", "any", "*", "default", "other", "others", "rest"})
_NAMES_SCHEMA: Final[JsonSchema] = {"type": ["string", "number"], "minLength": 1}


def _tree_schema(depth: int) -> JsonSchema:
    forms: list[Any] = [_NAMES_SCHEMA, {"type": "array", "items": _NAMES_SCHEMA, "minItems": 1}]
    if depth:
        forms.append(_level_schema(depth))
    return {"anyOf": forms}


def _level_schema(depth: int) -> JsonSchema:
    return {"type": "object", "additionalProperties": _tree_schema(depth - 1), "minProperties": 1}


class RoutesConfig(Section):
    """Destinations chosen by fields of the alert."""

    wanted: ClassVar[str] = "routes are wanted, like {by: timeframe, routes: {D: swing, else: scalps}}"

    by: Many[Annotated[str, choice(*VALUES_OF)]]
    """asset, timeframe, direction or threshold, or several: the first chooses first."""
    routes: Annotated[object, Leaf(lambda value: value, _level_schema(len(VALUES_OF)))]
    """For each value, or several with commas, or else: a destination, a list, or routes by the next field."""

    @model_validator(mode="before")
    @classmethod
    def _is_one(cls, data: object) -> object:
        """One fault, not many, where the fields' values stand in ``to`` itself."""
        if isinstance(data, dict) and not data.keys() & {"by", "routes"}:
            raise wrong(cls.wanted, data)
        return data


def routes_of(config: RoutesConfig) -> Routes:
    """The routes as a rule has them; those of a config without a fault."""
    return _routes(config.by, config.routes)


def _routes(by: Sequence[str], level: object) -> Routes:
    assert isinstance(level, dict)  # else it is a fault
    to: dict[str, tuple[str, ...] | Routes] = {}
    for key, found in level.items():
        leads = _routes(by[1:], found) if isinstance(found, dict) else _names(found)
        to.update((value, leads) for value, _ in _read_key(key, by[0]) if value is not None)
    return Routes(by[0], to)


def _names(leaf: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(fields.text, as_tuple(leaf))))


def _read_key(key: str, field: str) -> Iterator[tuple[str | None, str]]:
    """Each value that a key of the tree names, or None and why it is none."""
    for part in key.split(","):
        name = part.strip()
        try:
            if not name and "," in key:
                raise wrong("a value is missing beside the comma")
            if name.lower() in _OTHERS:
                raise wrong(f"the route of all that no other one names is '{ELSE}'", name)
            yield str(_READERS[field].read(name)), ""
        except PydanticCustomError as error:
            yield None, error.message()


def check_routes(document: Document) -> None:
    """Faults inside of routes, but not of the destinations that they name."""
    for index, rule in rules(document):
        to = rule.get("to")
        if isinstance(to, dict):
            path: Path = ("rules", index, "to")
            by = _check_by(document, (*path, "by"), to.get("by"), rule.get("channel", Channel.IN_FORCE.value))
            routes = (*path, "routes")
            if "routes" in to and not document.faults.covers(routes) and not document.faults.within((*path, "by")):
                _check_level(document, routes, to["routes"], by)


def _check_by(document: Document, path: Path, by: object, channel: object) -> tuple[str, ...]:
    """The fields of ``by``, where nothing is wrong with them."""
    names: list[str] = []
    for place, item in each(by):
        name, where = text(item), (*path, *place)
        if name not in VALUES_OF or document.faults.covers(where):
            continue
        if name in names:
            document.fault(where, f"'{name}' is here twice")
        elif isinstance(channel, str) and name not in FIELDS_OF.get(channel, (name,)):
            allowed = ", ".join(FIELDS_OF[channel])
            document.fault(where, f"events on {channel} can't be routed by {name}; allowed: {allowed}")
        names.append(name)
    return tuple(names)


def _check_level(document: Document, path: Path, level: object, by: Sequence[str]) -> None:
    if not by:
        return
    if not isinstance(level, dict) or not level:
        document.fault(path, f"routes are wanted, like {{{_example(by[0])}: NAME, else: NAME}}, found {kind(level)}")
        return
    seen: dict[str, Path] = {}
    for key, found in level.items():
        where = (*path, key)
        for value, why in _read_key(key, by[0]):
            if value is None:
                document.fault(where, why + _misplaced(key, by), at_key=True)
            elif value in seen and not document.faults.covers(where):
                first = document.keys.get(seen[value]) or document.values[seen[value]]
                message = f"'{value}' has a route already, at line {first.line} column {first.column}"
                document.fault(where, message, at_key=True)
            else:
                seen.setdefault(value, where)
        if not document.faults.covers(where):
            _check_branch(document, where, found, by)


def _check_branch(document: Document, path: Path, found: object, by: Sequence[str]) -> None:
    if isinstance(found, dict) and by[1:]:
        _check_level(document, path, found, by[1:])
        return
    if isinstance(found, dict):
        document.fault(path, f"a destination or a list of them is wanted: by names no field after {by[-1]}")
        return
    try:
        as_tuple(found)
    except PydanticCustomError as error:
        document.fault(path, error.message())
    for place, item in each(found):
        if not document.faults.covers((*path, *place)):
            try:
                fields.text(item)
            except PydanticCustomError as error:
                document.fault((*path, *place), error.message())


def _misplaced(key: str, by: Sequence[str]) -> str:
    """What ``key`` would be at another level."""
    for field in VALUES_OF:
        if field != by[0] and all(value is not None for value, _ in _read_key(key, field)):
            return f"; routes stand in the order of by: this level is of {by[0]}, '{key}' is of {field}"
    return ""


def _example(field: str) -> str:
    return "D" if field == "timeframe" else VALUES_OF[field][0]
