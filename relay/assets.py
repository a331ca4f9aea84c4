"""What a symbol is of, by its form alone: the vendor's own spelling tells stocks, futures and coins apart.

    AAPL BRK-B ──> stocks      NQ=F ES1! ──> futures      BTC-USD ──> crypto

A break is always one of index futures, however its participants are spelt. (Source: the vendor's symbols in its pages:
coins as pairs, futures with their contract suffix.)
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from relay.events import Channel, Event

Asset: TypeAlias = Literal["stocks", "futures", "crypto"]
ASSETS: Final[tuple[Asset, ...]] = get_args(Asset)

_FUTURE: Final = re.compile(r"/?([A-Z0-9]{1,10})(?:=F|[1-9]!)", re.ASCII)
_COIN: Final = re.compile(r"([A-Z0-9]{1,20})[-/](USD|USDT|USDC|EUR|GBP|BTC|ETH)", re.ASCII)


class Pair(NamedTuple):
    """A coin and what it is priced in."""

    coin: str
    currency: str


def future_root(symbol: str) -> str | None:
    """``NQ`` of ``NQ=F`` or ``NQ1!``; None where ``symbol`` (upper case) has no contract suffix."""
    match = _FUTURE.fullmatch(symbol)
    return match[1] if match else None


def coin_pair(symbol: str) -> Pair | None:
    """``BTC`` and ``USD`` of ``BTC-USD``; None where ``symbol`` (upper case) is no pair."""
    match = _COIN.fullmatch(symbol)
    return Pair(match[1], match[2]) if match else None


def asset_of(symbol: str) -> Asset:
    """What ``symbol`` is of, in any case."""
    folded = symbol.strip().upper()
    if future_root(folded) is not None:
        return "futures"
    return "stocks" if coin_pair(folded) is None else "crypto"


def asset_of_event(event: Event) -> Asset | None:
    """What an event is about; None where it names nothing."""
    if event.channel is Channel.BREAKS:
        return "futures"
    return asset_of(event.symbol) if event.symbol else None
