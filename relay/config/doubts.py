"""What is no fault in a rule, or beside the rules, and may still not be what was meant; ``relay check`` notes it.

Rule   ──doubts_of──> a sentence each: a kind of alert without a route, symbols that exclude each other, a shape that no
                      alert has, a zone that knows no summer time
Config ──unused, however_late, in_the_clear──> a destination that nothing is sent to, a webhook that takes the oldest
                      alert, a key that others can read
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from relay.assets import ASSETS, asset_of
from relay.config.model import Config
from relay.config.routes import COUNTS
from relay.destinations.webhook.config import WebhookConfig
from relay.events import CANDLES, DIRECTIONS, TIMEFRAMES, Channel
from relay.loopback import is_loopback_url
from relay.rules.conditions import is_glob, name_fits, threshold_holds
from relay.rules.rule import ELSE, Routes, Rule
from relay.rules.words import listing
from relay.secret import Secret

_CANDLES: Final = frozenset({*CANDLES, "2"})  # the vendor's pages show a bare 2, too
_LONG_ENOUGH: Final = 16  # characters of a token: of random hex digits, 64 bits
_SECURE: Final = {"websocket_url": "wss", "rest_url": "https"}
_NO_SUMMER_TIME: Final = {"EST": "America/New_York", "MST": "America/Denver"}
"""Zones that are not what their name makes people think of, and those that are."""


def in_the_clear(config: Config) -> Iterator[str]:
    """The upstream's addresses without TLS, where the key goes along with every request; a ca_file that is for none."""
    upstream = config.stratalerts
    bare = {
        key: is_loopback_url(url)
        for key, url in (("websocket_url", upstream.websocket_url), ("rest_url", upstream.rest_url))
        if not url.lower().startswith(f"{_SECURE[key]}:")
    }
    for key, here in bare.items():
        if not here:
            yield f"stratalerts.{key}: others on the way can read the API key; use {_SECURE[key]}://"
    if upstream.ca_file is not None and len(bare) == len(_SECURE):
        yield "stratalerts.ca_file is never used: neither url has TLS"


def unused(config: Config) -> Iterator[str]:
    """The destinations that nothing is sent to: no rule's alert, and not the relay's own troubles."""
    used = {config.alerts_to, *(name for rule in config.rules if rule.enabled for name in rule.to)}
    for name in config.destinations:
        if name not in used:
            yield f"no enabled rule sends to {name}"


def however_late(config: Config) -> Iterator[str]:
    """One sentence about all the webhooks where no age is too great: who places orders there must know."""
    rules = [rule for rule in config.rules if rule.enabled]
    names = []
    for name, destination in config.destinations.items():
        senders = [rule for rule in rules if name in rule.to]
        bounded = destination.max_age is not None or any(rule.max_age is not None for rule in senders)
        if isinstance(destination, WebhookConfig) and senders and not bounded:
            names.append(name)
    if names:
        yield (
            f"{listing(names, 'and')} may be sent an alert long after it fired, as after an outage; "
            "where an order follows, set max_age, like 10s"
        )


def doubts_of_token(token: Secret | None) -> Iterator[str]:
    """What is to be said of the token that opens the relay's own HTTP: guessing is slowed down, not stopped."""
    if token is not None and len(token.reveal()) < _LONG_ENOUGH:
        yield "http.token is so short that it may be guessed; `openssl rand -hex 32` makes one that can't be"


def doubts_of(rule: Rule) -> Iterator[str]:
    """One sentence for each doubt about ``rule``."""
    if rule.active is not None and rule.active.timezone in _NO_SUMMER_TIME:
        zone = rule.active.timezone
        yield f"{rule.name}: the time zone {zone} knows no summer time; {_NO_SUMMER_TIME[zone]} does"
    if rule.symbols.any and not any(_possible(rule, name) for name in rule.symbols.any):
        yield f"{rule.name} matches nothing: none of its symbols is left by asset and not"
    for shape in rule.shapes:
        if not is_glob(shape) and not set(shape.split("-")) <= _CANDLES:
            yield f"{rule.name}: no alert has the shape {shape}: it is candles ({listing(CANDLES, 'or')}) joined by '-'"
    if rule.routes is not None:
        yield from _doubts_of_routes(rule, rule.routes)


def _possible(rule: Rule, name: str) -> bool:
    """Whether a symbol that ``name`` stands for may match; in doubt it may."""
    futures = rule.channel is Channel.BREAKS
    if is_glob(name):
        return True
    if any(name_fits(refused, name, futures=futures) for refused in rule.symbols.none):
        return False
    return rule.assets is None or ("futures" if futures else asset_of(name)) in rule.assets


def _doubts_of_routes(rule: Rule, routes: Routes) -> Iterator[str]:
    for gap in _gaps(routes, rule, ""):
        yield f"{rule.name}: no route for {gap}: such alerts go nowhere"
    if rule.channel is Channel.BREAKS and "asset" in routes.fields():
        yield f"{rule.name}: asset chooses nothing in its routes: simultaneous breaks are all of futures"


def _gaps(routes: Routes, rule: Rule, before: str) -> Iterator[str]:
    """What the rule may match and has no route for: ``timeframe M, Q or Y``."""
    values = _admitted(rule, routes.by)
    gap = [value for value in values if value not in routes.to] if ELSE not in routes.to else []
    if gap:
        yield f"{before}{routes.by} {listing(gap, 'or')}"
    for value, found in routes.to.items():
        others = value == ELSE and any(other not in routes.to for other in values)
        if isinstance(found, Routes) and (value in values or others):
            yield from _gaps(found, rule, f"{before}{_branch(routes, value)} and ")


def _branch(routes: Routes, value: str) -> str:
    if value != ELSE:
        return f"{routes.by} {value}"
    return f"any other {routes.by}" if len(routes.to) > 1 else f"any {routes.by}"


def _admitted(rule: Rule, field: str) -> tuple[str, ...]:
    """The values of ``field`` that an event which ``rule`` matches can have, as far as the rule tells."""
    match field:
        case "asset":
            return tuple(asset for asset in ASSETS if asset in _assets(rule))
        case "timeframe":
            return tuple(name for name in TIMEFRAMES if rule.timeframes is None or name in rule.timeframes)
        case "direction":
            return tuple(name for name in DIRECTIONS if rule.directions is None or name in rule.directions)
        case _:
            return tuple(count for count in COUNTS if threshold_holds(rule.threshold, int(count)))


def _assets(rule: Rule) -> frozenset[str]:
    if rule.channel is Channel.BREAKS:
        return frozenset({"futures"})
    every = frozenset[str](ASSETS) if rule.assets is None else rule.assets
    if not rule.symbols.any or any(map(is_glob, rule.symbols.any)):
        return every
    return every & frozenset(map(asset_of, rule.symbols.any))
