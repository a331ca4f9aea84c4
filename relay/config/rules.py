"""``rules:`` of the config: how one is written, and what the matcher gets of it.

    YAML ──RuleConfig──> typed, folded ──rule_of──> relay.rules.rule.Rule

Which key a channel can have is decided in ``checks``, so that it is told beside a rule's other faults.
"""

from __future__ import annotations

from typing import Annotated, Final

from relay.config.conditions import (
    ALL,
    Active,
    AlertChannel,
    AssetName,
    Candle,
    Colour,
    Direction,
    Price,
    RuleName,
    Shape,
    SymbolForms,
    ThresholdForms,
    Timeframe,
    To,
)
from relay.config.watchlist import Watchlist
from relay.destinations.config import MentionText
from relay.document.fields import Flag, Later, Leaf, Many, Section, Span, Text, choice, text
from relay.events import Channel
from relay.rules.rule import PriceRange, Rule, Symbols, Threshold

_ALL_SYMBOLS: Final = (ALL.upper(),)


def _watchlist(value: object) -> Watchlist:
    return value if isinstance(value, Watchlist) else Watchlist((text(value),))


class RuleConfig(Section):
    """Which alerts go where. All conditions must hold; one that is left out admits everything."""

    name: RuleName
    """Unique among the rules."""
    enabled: Flag = True
    """A disabled rule is kept and never matches."""
    channel: AlertChannel = Channel.IN_FORCE
    """Where the alerts come from."""
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
    """Inclusive bounds, in the instrument's currency."""
    continuation: Flag | None = None
    """Whether the last two candles are the same directional 2."""
    tfc: Annotated[dict[Timeframe, Colour] | None, Later()] = None
    ftfc: Annotated[Direction | None, Later()] = None
    sector: Annotated[Many[Text] | None, Later()] = None
    enrich: Annotated[Flag | None, Later()] = None
    on_unknown: Annotated[str | None, choice("drop", "deliver"), Later()] = None
    cooldown: Annotated[Span | None, Later()] = None
    max_age: Span | None = None
    """Older than this at sending time, it is not sent."""
    active: Annotated[Active | None, Later()] = None
    otherwise: Flag = False
    """Matches only what no rule without this matched."""
    to: To
    """The destination, or a list of them."""
    mention: Many[MentionText] | None = None
    """Whom its alerts ping in a chat: a mention in the chat's form, or a name of the destination's roles."""


def rule_of(config: RuleConfig) -> Rule:
    """The rule as the matcher sees it."""
    price = config.price
    return Rule(
        name=config.name,
        to=tuple(dict.fromkeys(config.to)) if isinstance(config.to, tuple) else (),
        enabled=config.enabled,
        channel=config.channel,
        symbols=_symbols(config),
        assets=_listed(config.asset),
        timeframes=_listed(config.timeframe),
        directions=_listed(config.direction),
        shapes=() if config.shape is None or ALL.upper() in config.shape else tuple(dict.fromkeys(config.shape)),
        candles=_listed(config.cc),
        threshold=_threshold(config.threshold),
        price=None if price is None else PriceRange(price.min, price.max),
        continuation=config.continuation,
        max_age=config.max_age,
        otherwise=config.otherwise,
        mention=tuple(dict.fromkeys(config.mention or ())),
    )


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
