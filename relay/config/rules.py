"""``rules:`` of the config: how one is written, and what the matcher gets of it.

    YAML ──RuleConfig──> typed, folded ──rule_of──> relay.rules.rule.Rule

Which key a channel can have is decided in ``channels``, so that it is told beside a rule's other faults.
"""

from __future__ import annotations

from typing import Annotated, Final

from relay.config.conditions import (
    ALL,
    AssetName,
    Candle,
    ChannelName,
    Colours,
    Continuity,
    Direction,
    OnUnknown,
    Price,
    RuleName,
    Shape,
    SymbolForms,
    ThresholdForms,
    Timeframe,
    To,
)
from relay.config.routes import RoutesConfig, routes_of
from relay.config.watchlist import Watchlist
from relay.config.windows import ActiveConfig, window_of
from relay.destinations.config import MentionText
from relay.document.fields import Flag, Leaf, Many, Section, Span, Text, text
from relay.events import Channel
from relay.rules.rule import Levels, PriceRange, Routes, Rule, Symbols, Threshold
from relay.states import StateWanted

_ALL_SYMBOLS: Final = (ALL.upper(),)


def _watchlist(value: object) -> Watchlist:
    return value if isinstance(value, Watchlist) else Watchlist((text(value),))


class RuleConfig(Section):
    """Which events go where. All conditions must hold; one that is left out admits everything."""

    name: RuleName
    """Unique among the rules."""
    enabled: Flag = True
    """A disabled rule is kept and never matches."""
    channel: ChannelName = Channel.IN_FORCE
    """Where its events come from; quotes and states name their symbols one by one."""
    symbol: SymbolForms | None = None
    """A symbol, a list, globs, or {any, not}."""
    symbol_file: Annotated[Watchlist | None, Leaf(_watchlist, {"type": "string"})] = None
    """A file of symbols, one a line; they add to symbol."""
    asset: Many[AssetName] | None = None
    """stocks, futures or crypto, by the symbol's form."""
    timeframe: Many[Timeframe] | None = None
    """15 30 60 4H 12H D W M Q Y."""
    direction: Many[Direction] | None = None
    """bullish or bearish."""
    shape: Many[Shape] | None = None
    """Trigger candles and current candle, 1-2U; globs."""
    cc: Many[Candle] | None = None
    """The current candle: 1, 2U, 2D or 3."""
    threshold: ThresholdForms | None = None
    """Of breaks: how many futures; a number is at least, a list is exactly."""
    price: Price | None = None
    """min and max, both included; on quotes also above, below, crosses_above, crosses_below."""
    continuation: Flag | None = None
    """Whether the last two candles are the same directional 2."""
    tfc: Colours | None = None
    """The colour that the symbol has on each of these timeframes."""
    ftfc: Continuity | None = None
    """Full timeframe continuity, up (bullish) or down (bearish)."""
    sector: Many[Text] | None = None
    """The symbol's sector, as the upstream spells it."""
    enrich: Flag = False
    """Looks the symbol's state up to show it."""
    on_unknown: OnUnknown = "drop"
    """What becomes of an alert whose tfc, ftfc or sector can't be known."""
    cooldown: Span | None = None
    """Within this, a second alert of one symbol, timeframe and direction is suppressed."""
    max_age: Span | None = None
    """Older than this at sending time, it is not sent."""
    active: ActiveConfig | None = None
    """When the rule is awake, by the alert's own time."""
    otherwise: Flag = False
    """Matches only what no rule without this matched."""
    to: To
    """The destination, a list of them, or routes: {by, routes}."""
    mention: Many[MentionText] | None = None
    """Whom its alerts ping in a chat: a mention in the chat's form, or a name of the destination's roles."""


def rule_of(config: RuleConfig) -> Rule:
    """The rule as the matcher sees it."""
    to, routes = _to(config.to)
    return Rule(
        name=config.name,
        to=to,
        enabled=config.enabled,
        channel=config.channel,
        symbols=_symbols(config),
        assets=_listed(config.asset),
        timeframes=_listed(config.timeframe),
        directions=_listed(config.direction),
        shapes=() if config.shape is None or ALL.upper() in config.shape else tuple(dict.fromkeys(config.shape)),
        candles=_listed(config.cc),
        threshold=_threshold(config.threshold),
        price=_range(config.price),
        continuation=config.continuation,
        max_age=config.max_age,
        otherwise=config.otherwise,
        mention=tuple(dict.fromkeys(config.mention or ())),
        routes=routes,
        cooldown=config.cooldown,
        active=None if config.active is None else window_of(config.active),
        state=_state(config),
        enrich=config.enrich,
        on_unknown=config.on_unknown,
        levels=_levels(config.price),
    )


def _to(to: tuple[str, ...] | RoutesConfig) -> tuple[tuple[str, ...], Routes | None]:
    if isinstance(to, tuple):
        return tuple(dict.fromkeys(to)), None
    routes = routes_of(to)
    return routes.every(), routes


def _range(price: Price | None) -> PriceRange | None:
    if price is None or (price.min is None and price.max is None):
        return None
    return PriceRange(price.min, price.max)


def _levels(price: Price | None) -> Levels | None:
    if price is None:
        return None
    levels = Levels(price.above, price.below, price.crosses_above, price.crosses_below)
    return None if levels == Levels() else levels


def _state(config: RuleConfig) -> StateWanted | None:
    sectors = tuple(dict.fromkeys(sector.strip().casefold() for sector in config.sector or ()))
    wanted = StateWanted(tfc=dict(config.tfc or {}), ftfc=config.ftfc, sectors=() if ALL in sectors else sectors)
    return None if wanted == StateWanted() else wanted


def _symbols(config: RuleConfig) -> Symbols:
    """``all`` alone is any symbol; among others it is the ticker ALL."""
    lists = config.symbol
    wanted = () if lists is None else lists.any or ()
    refused = () if lists is None else lists.none or ()
    if wanted == _ALL_SYMBOLS:
        return Symbols((), tuple(dict.fromkeys(refused)))
    return Symbols(tuple(dict.fromkeys((*wanted, *(config.symbol_file or ())))), tuple(dict.fromkeys(refused)))


def _listed(values: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if values is None or ALL in values else frozenset(values)


def _threshold(value: tuple[int, ...] | int | str | None) -> Threshold | None:
    match value:
        case int():
            return Threshold(minimum=value)
        case tuple():
            return Threshold(exactly=frozenset(value))
        case _:
            return None
