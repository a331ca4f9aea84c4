"""What rules want of the upstream: which channels, and of those that are subscribed symbol by symbol, which symbols.

    rules ──channels_of──> alert channels, subscribed whole and backfilled
          ──wanted_symbols──> quotes, states: the symbols whose rules ``relay.edges`` looks at
          ──literal_symbols──> names that a backfill may ask for one by one
          ──asks_for_states──> whether states are looked up over REST

A rule on quotes or states names its symbols; the config refuses globs there (they may still exclude), and its ``asset``
only narrows what it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from relay.assets import asset_of
from relay.events import ALERT_CHANNELS, PER_SYMBOL_CHANNELS, Channel
from relay.rules.conditions import is_glob, name_fits
from relay.rules.rule import Rule


def channels_of(rules: Iterable[Rule]) -> Sequence[Channel]:
    """The alert channels that an enabled rule listens to."""
    wanted = {rule.channel for rule in rules if rule.enabled}
    return [channel for channel in ALERT_CHANNELS if channel in wanted]


def literal_symbols(rules: Iterable[Rule]) -> set[str]:
    """Symbols that rules on any channel name outright."""
    return {symbol for rule in rules for symbol in rule.symbols.any if not is_glob(symbol)}


def asks_for_states(rules: Iterable[Rule]) -> bool:
    """Whether an enabled rule has states looked up."""
    return any(rule.enabled and rule.asks for rule in rules)


def symbols_of(rule: Rule) -> tuple[str, ...]:
    """The symbols that a rule on quotes or states listens to, upper case, each once; none where it is disabled."""
    if not rule.enabled or rule.channel not in PER_SYMBOL_CHANNELS:
        return ()
    named = (name for name in rule.symbols.any if not is_glob(name))
    return tuple(dict.fromkeys(name for name in named if _admitted(rule, name)))


def _admitted(rule: Rule, name: str) -> bool:
    if rule.assets is not None and asset_of(name) not in rule.assets:
        return False
    return not any(name_fits(refused, name, futures=False) for refused in rule.symbols.none)


def wanted_symbols(rules: Iterable[Rule]) -> Mapping[Channel, tuple[str, ...]]:
    """What enabled rules want of the channels that are subscribed by symbol, sorted; what nobody wants is left out."""
    wanted: dict[Channel, set[str]] = {}
    for rule in rules:
        if symbols := symbols_of(rule):
            wanted.setdefault(rule.channel, set()).update(symbols)
    return {channel: tuple(sorted(wanted[channel])) for channel in PER_SYMBOL_CHANNELS if channel in wanted}
