"""What a rule can have, and must have, on its channel; and which of its keys exclude each other.

    channel ──KEYS_OF──> a key that it can't have      quotes, states ──> symbols one by one, and what to wait for

These look at plain values, as ``checks`` does, and for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from relay.config.conditions import ALL
from relay.config.values import each, items, rules, text
from relay.config.watchlist import Watchlist
from relay.document.faults import Path, found
from relay.document.yaml import Document
from relay.events import Channel
from relay.rules.conditions import is_glob
from relay.states import COLOUR_OF, HIGHER_TIMEFRAMES

_COMMON: Final = frozenset(
    {"name", "enabled", "channel", "symbol", "symbol_file", "asset", "cooldown", "max_age", "active", "to", "mention"}
)
_LOOKED_UP: Final = frozenset({"tfc", "ftfc", "sector", "enrich", "on_unknown", "otherwise"})
KEYS_OF: Final[Mapping[str, frozenset[str]]] = {
    Channel.IN_FORCE: _COMMON
    | _LOOKED_UP
    | frozenset({"timeframe", "direction", "shape", "cc", "price", "continuation"}),
    Channel.BREAKS: _COMMON | _LOOKED_UP | frozenset({"timeframe", "direction", "threshold"}),
    Channel.STATES: _COMMON | frozenset({"tfc", "ftfc", "sector"}),
    Channel.QUOTES: _COMMON | frozenset({"price"}),
}
"""Which keys a rule on each channel can have."""

_WAITS_FOR: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    Channel.QUOTES: (("price",), "is required on quotes, like {crosses_above: 200}"),
    Channel.STATES: (("tfc", "ftfc"), "this or ftfc is required on states, like {D: green, W: green}"),
}
"""Of which keys a rule on these channels needs one, and what is said where there is none."""

_LEVELS: Final = ("above", "below", "crosses_above", "crosses_below")
_ASKED: Final = ("tfc", "ftfc", "sector")


def check_channels(document: Document) -> None:
    """Faults of rules whose keys do not go with their channel, or with each other."""
    for index, rule in rules(document):
        path: Path = ("rules", index)
        channel = rule.get("channel", Channel.IN_FORCE.value)
        if isinstance(channel, str) and channel in KEYS_OF:
            _keys(document, path, rule, channel)
            if channel in _WAITS_FOR:
                _symbols_one_by_one(document, path, rule, channel)
                _waits_for_something(document, path, rule, channel)
        _colours(document, path, rule)


def _keys(document: Document, path: Path, rule: Mapping[str, object], channel: str) -> None:
    every = frozenset[str]().union(*KEYS_OF.values())
    for key in rule:
        if key in every and key not in KEYS_OF[channel]:
            holders = " and ".join(name for name, keys in KEYS_OF.items() if key in keys)
            _note(document, (*path, key), f"a rule on {channel} can't have this; it belongs to {holders}")
    if channel != Channel.QUOTES:
        for level, _ in items(rule.get("price")):
            if level in _LEVELS:
                why = f"only a rule on quotes can have this; the price of {channel} is asked for with min and max"
                _note(document, (*path, "price", level), why)
    if "on_unknown" in KEYS_OF[channel] and "on_unknown" in rule and not any(key in rule for key in _ASKED):
        why = f"nothing is asked that may be unknown; this goes with {', '.join(_ASKED[:-1])} or {_ASKED[-1]}"
        _note(document, (*path, "on_unknown"), why)


def _symbols_one_by_one(document: Document, path: Path, rule: Mapping[str, object], channel: str) -> None:
    """The upstream sends these channels symbol by symbol, so each must be told by its name."""
    wanted = f"{channel} are subscribed symbol by symbol: names are wanted, like [AAPL, SPY]"
    listed = rule.get("symbol_file")
    for name in listed if isinstance(listed, Watchlist) else ():
        if is_glob(name):
            document.fault((*path, "symbol_file"), f"{wanted}, found '{name}'")
            break
    if "symbol" not in rule:
        if "symbol_file" not in rule:
            why = f"is required on {channel}, which are subscribed symbol by symbol, like [AAPL, SPY]"
            document.fault((*path, "symbol"), why, at_key=True)
        return
    named = [*_named(rule["symbol"], (*path, "symbol"))]
    for place, item in named:
        name = text(item).strip()
        alone = name.lower() == ALL and len(named) == 1
        if (is_glob(name) or alone) and not document.faults.covers(place):
            document.fault(place, f"{wanted}, found {found(item)}")
    if not named and "symbol_file" not in rule and not document.faults.within((*path, "symbol")):
        document.fault((*path, "symbol"), f"{wanted}, with any")


def _named(symbol: object, path: Path) -> Iterator[tuple[Path, object]]:
    """The places and names of the symbols that a rule listens to."""
    if isinstance(symbol, dict):
        if "any" in symbol:
            yield from _named(symbol["any"], (*path, "any"))
    else:
        yield from (((*path, *place), item) for place, item in each(symbol))


def _waits_for_something(document: Document, path: Path, rule: Mapping[str, object], channel: str) -> None:
    keys, message = _WAITS_FOR[channel]
    if not any(key in rule for key in keys):
        document.fault((*path, keys[0]), message, at_key=True)


def _colours(document: Document, path: Path, rule: Mapping[str, object]) -> None:
    """A timeframe has one colour, and full continuity leaves no choice of it."""
    full = COLOUR_OF.get(text(rule.get("ftfc")).lower())
    seen: dict[str, Path] = {}
    for key, item in items(rule.get("tfc") if isinstance(rule.get("tfc"), dict) else None):
        place = (*path, "tfc", key)
        name, colour = str(key).strip().upper(), text(item).lower()
        if name in seen:
            first = document.keys.get(seen[name]) or document.values[seen[name]]
            _note(document, place, f"'{name}' is here twice; first at line {first.line} column {first.column}")
        seen.setdefault(name, place)
        against = full is not None and name in HIGHER_TIMEFRAMES and colour in COLOUR_OF.values() and colour != full
        if against and not document.faults.covers(place):
            document.fault(place, f"ftfc: {text(rule['ftfc'])} wants {name} {full}; this rule could never match")


def _note(document: Document, path: Path, message: str) -> None:
    if not document.faults.covers(path):
        document.fault(path, message, at_key=True)
