"""What no single value tells: names that must exist, names that may be there once.

``channels``, ``routes`` and ``mentions`` add what is their own. All look at the plain values, not at the models, so
that they speak beside the models' own faults. A value that has a fault already, or is of another sort than meant, is
passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from relay.config.channels import check_channels
from relay.config.mentions import check_mentions
from relay.config.routes import check_routes
from relay.config.values import items, leads_to, rules, text
from relay.document.addresses import parse_url
from relay.document.faults import Path, found, suggestion
from relay.document.listening import DEFAULT_LISTEN, split_address
from relay.document.scalars import FromOutside, resolve
from relay.document.yaml import Document
from relay.loopback import is_loopback_host
from relay.private import is_private_literal

_WITH_DEFAULTS: Final = ("storage", "backfill", "http", "log")


def check_before(document: Document) -> None:
    """Faults to find before the models look: keys without a value."""
    for name in _WITH_DEFAULTS:
        if name in document.root and document.root[name] is None:
            del document.root[name]  # a section whose lines are all commented out
    for path in list(_nothings(document.root, ())):
        document.fault(path, f"a value is wanted, found nothing; {_why_nothing(path)}")


def check_after(document: Document) -> None:
    """Faults to find beside those of the models."""
    for check in (
        _listen,
        check_channels,
        check_routes,
        _destinations_exist,
        _names_once,
        _headers_once,
        check_mentions,
        _deny_what_they_name,
    ):
        check(document)


def _nothings(value: object, path: Path) -> Iterator[Path]:
    if value is None:
        yield path
    for key, item in items(value):
        yield from _nothings(item, (*path, key))


def _why_nothing(path: Path) -> str:
    if path[:1] == ("rules",) and path[2:4] == ("to", "routes"):
        return 'several values in one key are quoted: "D, W"'
    return "take the line out if none is meant"


def _listen(document: Document) -> None:
    http = document.root.get("http")
    if not isinstance(http, dict) or "token" in http:
        return
    listen = http.get("listen", DEFAULT_LISTEN)
    address = split_address(listen) if isinstance(listen, str) else None
    if address is not None and not is_loopback_host(address[0]):
        document.fault(
            ("http", "listen"), "others can reach this address: set http.token or http.token_file, or stay on 127.0.0.1"
        )


def _destinations_exist(document: Document) -> None:
    destinations = document.root.get("destinations")
    if not isinstance(destinations, dict):
        return
    names = [str(name) for name in destinations]
    named: list[tuple[Path, object]] = [
        (("rules", index, "to", *place), item)
        for index, rule in rules(document)
        for place, item in leads_to(rule.get("to"))
    ]
    for path, item in [*named, (("alerts_to",), document.root.get("alerts_to"))]:
        name = text(item)
        if name and name not in names and not document.faults.within(path):
            near = suggestion(None if isinstance(item, FromOutside) else name, names)
            document.fault(path, f"there is no destination {found(item)}{near}")


def _names_once(document: Document) -> None:
    seen: dict[str, Path] = {}
    for index, rule in rules(document):
        path: Path = ("rules", index, "name")
        name = text(rule.get("name")).strip()
        if name and name in seen and not document.faults.within(path):
            first = document.values[seen[name]]
            document.fault(path, f"another rule has this name, at line {first.line} column {first.column}")
        elif name:
            seen.setdefault(name, path)


def _headers_once(document: Document) -> None:
    destinations = document.root.get("destinations")
    for name, destination in items(destinations):
        headers = destination.get("headers") if isinstance(destination, dict) else None
        seen: set[str] = set()
        for header, _ in items(headers):
            folded = str(header).lower()
            if folded in seen:
                path = ("destinations", name, "headers", header)
                document.fault(path, "this header is here twice; capitals make no difference", at_key=True)
            seen.add(folded)


def _deny_what_they_name(document: Document) -> None:
    """A url that names a private address itself, which the same destination refuses: nothing could ever be sent."""
    for name, destination in items(document.root.get("destinations")):
        place: Path = ("destinations", name, "deny_private")
        if not isinstance(destination, dict) or document.faults.within(place):
            continue
        denies = destination.get("deny_private")
        denies = resolve(denies) if isinstance(denies, FromOutside) else denies
        if denies is True and _leads_inside(destination.get("url")):
            document.fault(place, "the url names a private address, which this refuses")


def _leads_inside(url: object) -> bool:
    try:
        host = parse_url(url).host if isinstance(url, str) else None
    except ValueError:
        return False  # it has a fault of its own, or its destination has
    return host is not None and (is_loopback_host(host) or is_private_literal(host))
