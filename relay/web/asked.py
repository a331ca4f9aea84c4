"""What a request asks for besides its path: values of the query, a form or a JSON object, and what is wrong with them.

request ──body_of──> {"drop_older": "90s"}        ──snooze_asked──> (name, kind, seconds)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

import msgspec
from aiohttp import web

from relay.judging.silence import length
from relay.outbox.memory import SnoozeKind

_YES: Final = frozenset({"true", "yes", "on", "1"})
_NO: Final = frozenset({"false", "no", "off", "0", ""})


class BadQueryError(ValueError):
    """A request's value can't be used; the text names it and says what would do."""


class UnknownError(LookupError):
    """The thing a request names is not there."""


async def body_of(request: web.Request) -> Mapping[str, object]:
    """A form or a JSON object; empty where there is no body.

    Raises:
        BadQueryError: It is not what its content type says.
    """
    if not request.body_exists:
        return {}
    try:
        match request.content_type:
            case "application/json":
                return msgspec.json.decode(await request.read(), type=dict[str, object])
            case "application/x-www-form-urlencoded":
                return dict(await request.post())
            case _:
                raise web.HTTPUnsupportedMediaType
    except (ValueError, LookupError, RecursionError):  # not what it says it is, or in a charset nobody knows
        raise BadQueryError("the body can't be read as its content type says") from None


def route_of(request: web.Request) -> str:
    """What will answer, not how the path happens to be spelt: ``/api/dead/{id}/retry``; the path where nothing will."""
    resource = request.match_info.route.resource
    return request.path if resource is None else resource.canonical


def query_of(request: web.Request, *, many: Collection[str] = ()) -> dict[str, str]:
    """The values of the query, by name; of ``many``, which may come several times, the first.

    Raises:
        BadQueryError: Another comes twice: one of them would be passed over in silence, and more or less be meant.
    """
    for key in set(request.query):
        if key not in many and len(request.query.getall(key)) > 1:
            raise BadQueryError(f"`{key}` is given twice")
    return dict(request.query)


async def value_of(request: web.Request, name: str) -> str | None:
    """A value from the query, else from the body.

    Raises:
        BadQueryError: It is no text.
    """
    text = query_of(request).get(name)
    return text if text is not None else _text(await body_of(request), name)


def flag(given: Mapping[str, object], name: str) -> bool:
    """True or false; left out or empty is false.

    Raises:
        BadQueryError: It is neither.
    """
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in _YES | _NO:
        return value.lower() in _YES
    raise BadQueryError(f"`{name}` is true or false")


class SnoozeAsked(NamedTuple):
    """What a request to snooze wants.

    Attributes:
        name: Of what; None is everything, to be ended.
        kind: What it must be a name of; None leaves that open.
        seconds: For how long; 0 ends it.
    """

    name: str | None
    kind: SnoozeKind | None
    seconds: float


async def snooze_asked(request: web.Request) -> SnoozeAsked:
    """``name``, also with ``kind``, or ``rule``, ``destination`` or ``symbol``; ``for`` or ``duration``, or ``clear``.

    An empty field is one left out, as a form has it, except where that would end all.

    Raises:
        BadQueryError: It says too little, or contradicts itself.
    """
    given = {**await body_of(request), **query_of(request)}
    named = {key: text for key in ("name", *SnoozeKind) if (text := _text(given, key))}
    spans = {key: text for key in ("for", "duration") if (text := _text(given, key))}
    if len(named) > 1 or len(spans) > 1:
        raise BadQueryError(f"`{'`, `'.join(named if len(named) > 1 else spans)}`: only one of them")
    ends = flag(given, "clear")
    if "name" not in named and len(named) == 1 and _text(given, "kind") not in {None, "", *named}:
        raise BadQueryError(f"`kind`, `{next(iter(named))}`: only one of them")
    if ends and not named and any(key in given for key in ("name", *SnoozeKind)):
        raise BadQueryError("a name is empty; to end all, leave it out")  # a script's empty variable must not end all
    if ends and spans:
        raise BadQueryError("`clear` ends a snooze: it goes without a duration")
    if not ends and not named:
        raise BadQueryError("`name` says what to snooze: a rule, a destination or a symbol")
    if not ends and not spans:
        raise BadQueryError("`for` says how long, like 2h; `clear` ends a snooze")
    key, name = next(iter(named.items()), ("name", None))
    kind = _kind(given) if key == "name" else SnoozeKind(key)
    if name is None and kind is not None:
        raise BadQueryError("`kind` says what `name` is a name of, and there is no name")
    return SnoozeAsked(name, kind, 0.0 if ends else _length(*spans.popitem()))


def _kind(given: Mapping[str, object]) -> SnoozeKind | None:
    text = _text(given, "kind")
    if not text:
        return None
    if text not in set(SnoozeKind):
        raise BadQueryError(f"`kind` is {', '.join(SnoozeKind)}: one of them")
    return SnoozeKind(text)


def _text(given: Mapping[str, object], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise BadQueryError(f"`{name}` is text")
    return value


def _length(key: str, text: str) -> float:
    try:
        return length(text)
    except ValueError as fault:
        raise BadQueryError(f"`{key}`: {fault}") from None
