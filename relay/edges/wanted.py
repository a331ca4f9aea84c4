"""Which symbols the rules on quotes and states want: what the relay subscribes to, and all that the engine remembers.

    rules ──symbols_of──> the names a rule listens to ──wanted_symbols──> channel to its symbols

These channels are subscribed symbol by symbol, so a rule on them names its symbols; the config refuses globs there
(they may still exclude), and a rule's ``asset`` only narrows what it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from relay.assets import asset_of
from relay.events import Channel
from relay.rules.conditions import is_glob, name_fits
from relay.rules.rule import Rule

EDGE_CHANNELS: Final = (Channel.QUOTES, Channel.STATES)


def symbols_of(rule: Rule) -> tuple[str, ...]:
    """The symbols an edge rule listens to, upper case, each once, in its own order; none where it is disabled."""
    if not rule.enabled or rule.channel not in EDGE_CHANNELS:
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
    return {channel: tuple(sorted(wanted[channel])) for channel in EDGE_CHANNELS if channel in wanted}
