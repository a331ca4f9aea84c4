"""Rules back to YAML, in the fullest form that says the same: for the round trip from rule to text to rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from relay.durations import format_duration
from relay.rules.active import DAYS, Active
from relay.rules.rule import Routes, Rule, Symbols, Threshold
from relay.states import StateWanted

MAPPING = Mapping[str, object]


def config_of(rules: Sequence[Rule], destinations: Sequence[str]) -> str:
    """A config of ``rules``; every destination is a Discord channel."""
    chats = {name: {"type": "discord", "url": "http://127.0.0.1/x"} for name in destinations}
    whole = {
        "stratalerts": {"api_key": "k"},
        "destinations": chats,
        "rules": [_without_none(_rule(rule)) for rule in rules],
    }
    return yaml.safe_dump(whole, allow_unicode=True, sort_keys=False)


def _rule(rule: Rule) -> MAPPING:
    return {
        "name": _escaped(rule.name),
        "enabled": rule.enabled,
        "channel": rule.channel.value,
        "symbol": _symbols(rule.symbols),
        "asset": _listed(rule.assets),
        "timeframe": _listed(rule.timeframes),
        "direction": _listed(rule.directions),
        "shape": list(rule.shapes) or None,
        "cc": _listed(rule.candles),
        "threshold": _threshold(rule.threshold),
        "price": _price(rule),
        "continuation": rule.continuation,
        "otherwise": rule.otherwise or None,
        **_state(rule.state),
        "enrich": rule.enrich or None,
        "on_unknown": None if rule.on_unknown == "drop" else rule.on_unknown,
        "cooldown": None if rule.cooldown is None else format_duration(rule.cooldown),
        "max_age": None if rule.max_age is None else format_duration(rule.max_age),
        "active": None if rule.active is None else _active(rule.active),
        "mention": list(rule.mention) or None,
        "to": list(rule.to) if rule.routes is None else {"by": _fields(rule.routes), "routes": _routes(rule.routes)},
    }


def _without_none(mapping: MAPPING) -> MAPPING:
    return {key: value for key, value in mapping.items() if value is not None}


def _escaped(text: str) -> str:
    """``$`` would begin a variable."""
    return text.replace("$", "$$")


def _listed(values: frozenset[str] | None) -> list[str] | None:
    return None if values is None else sorted(values)


def _symbols(symbols: Symbols) -> MAPPING | None:
    lists = {"any": list(symbols.any) or None, "not": list(symbols.none) or None}
    return _without_none(lists) or None


def _threshold(threshold: Threshold | None) -> object:
    if threshold is None:
        return None
    return sorted(threshold.exactly) if threshold.minimum is None else threshold.minimum


def _price(rule: Rule) -> MAPPING | None:
    price, levels = rule.price, rule.levels
    bounds = {
        "min": price and price.minimum,
        "max": price and price.maximum,
        "above": levels and levels.above,
        "below": levels and levels.below,
        "crosses_above": levels and levels.crosses_above,
        "crosses_below": levels and levels.crosses_below,
    }
    return _without_none(bounds) or None


def _state(state: StateWanted | None) -> MAPPING:
    if state is None:
        return {}
    return {"tfc": dict(state.tfc) or None, "ftfc": state.ftfc, "sector": list(state.sectors) or None}


def _active(active: Active) -> MAPPING:
    return (
        {
            "timezone": active.timezone,
            "days": [DAYS[day] for day in sorted(active.days)],
            "hours": [str(hours) for hours in active.hours],
        }
        if active.hours
        else {"timezone": active.timezone, "days": [DAYS[day] for day in sorted(active.days)]}
    )


def _fields(routes: Routes) -> list[str]:
    """The fields of all levels, in their order; every branch that goes deeper goes the same way."""
    deeper = [_fields(found) for found in routes.to.values() if isinstance(found, Routes)]
    return [routes.by, *max(deeper, key=len, default=[])]


def _routes(routes: Routes) -> MAPPING:
    return {value: _routes(found) if isinstance(found, Routes) else list(found) for value, found in routes.to.items()}
