"""What no single value tells: names that must exist, names that may be there once, keys that exclude each other.

These look at the plain values, not at the models, so that they speak beside the models' own faults. A value that
has a fault already, or is of another sort than meant, is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from relay.config.model import Http
from relay.document.addresses import split_address
from relay.document.faults import Path, found, suggestion
from relay.document.scalars import FromOutside, WrittenFloat, WrittenInt
from relay.document.yaml import Document
from relay.events import Channel
from relay.loopback import is_loopback_host
from relay.mentions import parse_mention

_WITH_DEFAULTS: Final = ("storage", "backfill", "http", "log")

_COMMON: Final = frozenset(
    {"name", "enabled", "channel", "symbol", "symbol_file", "asset", "cooldown", "max_age", "active", "to", "mention"}
)
_LOOKED_UP: Final = frozenset({"tfc", "ftfc", "sector", "enrich", "on_unknown", "otherwise"})
KEYS_OF: Final[dict[str, frozenset[str]]] = {
    Channel.IN_FORCE: _COMMON
    | _LOOKED_UP
    | frozenset({"timeframe", "direction", "shape", "cc", "price", "continuation"}),
    Channel.BREAKS: _COMMON | _LOOKED_UP | frozenset({"timeframe", "direction", "threshold"}),
    Channel.STATES: _COMMON | frozenset({"tfc", "ftfc", "sector"}),
    Channel.QUOTES: _COMMON | frozenset({"price"}),
}
"""Which keys a rule on each channel can have."""


def check_before(document: Document) -> None:
    """Faults to find before the models look: keys without a value."""
    for name in _WITH_DEFAULTS:
        if name in document.root and document.root[name] is None:
            del document.root[name]  # a section whose lines are all commented out
    for path in list(_nothings(document.root, ())):
        document.fault(path, "a value is wanted, found nothing; take the line out if none is meant")


def check_after(document: Document) -> None:
    """Faults to find beside those of the models."""
    for check in (_listen, _channel_keys, _destinations_exist, _names_once, _headers_once, _mentions_known, _chats_own):
        check(document)


def _nothings(value: object, path: Path) -> Iterator[Path]:
    if value is None:
        yield path
    for key, item in _items(value):
        yield from _nothings(item, (*path, key))


def _listen(document: Document) -> None:
    http = document.root.get("http")
    if not isinstance(http, dict) or "token" in http:
        return
    listen = http.get("listen", Http.model_fields["listen"].default)
    address = split_address(listen) if isinstance(listen, str) else None
    if address is not None and not is_loopback_host(address[0]):
        document.fault(
            ("http", "listen"), "others can reach this address: set http.token or http.token_file, or stay on 127.0.0.1"
        )


def _channel_keys(document: Document) -> None:
    for index, rule in _rules(document):
        channel = rule.get("channel", Channel.IN_FORCE.value)
        if not isinstance(channel, str) or channel not in KEYS_OF:
            continue
        every = frozenset().union(*KEYS_OF.values())
        for key in rule:
            if key in every and key not in KEYS_OF[channel]:
                holders = " and ".join(name for name, keys in KEYS_OF.items() if key in keys)
                path = ("rules", index, key)
                document.fault(path, f"a rule on {channel} can't have this; it belongs to {holders}", at_key=True)


def _destinations_exist(document: Document) -> None:
    destinations = document.root.get("destinations")
    if not isinstance(destinations, dict):
        return
    names = [str(name) for name in destinations]
    for index, rule in _rules(document):
        to = rule.get("to")
        for place, item in _each(to):
            path: Path = ("rules", index, "to", *place)
            name = _text(item)
            if name and name not in names and not document.faults.within(path):
                near = suggestion(None if isinstance(item, FromOutside) else name, names)
                document.fault(path, f"there is no destination {found(item)}{near}")


def _mentions_known(document: Document) -> None:
    """A rule's mention by name is explained by the roles of a destination that it goes to."""
    destinations = document.root.get("destinations")
    for index, rule in _rules(document):
        names = {_text(item) for _, item in _each(rule.get("to"))}
        chats = [item for name, item in _items(destinations) if str(name) in names and isinstance(item, dict)]
        roles = [str(role) for chat in chats for role, _ in _items(chat.get("roles"))]
        _names_of_roles(document, ("rules", index, "mention"), rule.get("mention"), roles)


def _chats_own(document: Document) -> None:
    """A chat's mentions are names of its own roles or in its own form, and so are the roles."""
    for name, destination in _items(document.root.get("destinations")):
        if not isinstance(destination, dict):
            continue
        chat, path = destination.get("type"), ("destinations", name)
        roles = [str(role) for role, _ in _items(destination.get("roles"))]
        for role, item in _items(destination.get("roles")):
            _of_this_chat(document, (*path, "roles", role), item, chat)
        for timeframe, item in _items(destination.get("mentions")):
            _names_of_roles(document, (*path, "mentions", timeframe), item, roles)
            for place, mention in _each(item):
                _of_this_chat(document, (*path, "mentions", timeframe, *place), mention, chat)


def _names_of_roles(document: Document, path: Path, value: object, roles: list[str]) -> None:
    for place, item in _each(value):
        name = _text(item)
        if name and name not in roles and parse_mention(name) is None and not document.faults.within((*path, *place)):
            near = suggestion(None if isinstance(item, FromOutside) else name, roles) if roles else ""
            where = "here" if path[0] == "destinations" else "of a destination that this rule goes to"
            document.fault((*path, *place), f"the roles {where} have no {found(item)}{near}")


def _of_this_chat(document: Document, path: Path, value: object, chat: object) -> None:
    mention = parse_mention(_text(value))
    if mention is not None and mention.chat != chat and not document.faults.within(path):
        document.fault(path, f"a mention in {str(chat).title()}'s form is wanted; this is {mention.chat.title()}'s")


def _each(value: object) -> Iterator[tuple[Path, object]]:
    """The places and items of one value or a list."""
    if isinstance(value, list):
        yield from (((place,), item) for place, item in enumerate(value))
    else:
        yield (), value


def _names_once(document: Document) -> None:
    seen: dict[str, Path] = {}
    for index, rule in _rules(document):
        path: Path = ("rules", index, "name")
        name = _text(rule.get("name")).strip()
        if name and name in seen and not document.faults.within(path):
            first = document.values[seen[name]]
            document.fault(path, f"another rule has this name, at line {first.line} column {first.column}")
        elif name:
            seen.setdefault(name, path)


def _headers_once(document: Document) -> None:
    destinations = document.root.get("destinations")
    for name, destination in _items(destinations):
        headers = destination.get("headers") if isinstance(destination, dict) else None
        seen: set[str] = set()
        for header, _ in _items(headers):
            folded = str(header).lower()
            if folded in seen:
                path = ("destinations", name, "headers", header)
                document.fault(path, "this header is here twice; capitals make no difference", at_key=True)
            seen.add(folded)


def _items(value: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _rules(document: Document) -> Iterator[tuple[int, dict[str, object]]]:
    rules = document.root.get("rules")
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        if isinstance(rule, dict):
            yield index, rule


def _text(value: object) -> str:
    if isinstance(value, WrittenInt | WrittenFloat):
        return value.written
    return value if isinstance(value, str) else ""
