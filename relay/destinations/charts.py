"""Where an alert's chart is: TradingView, by its own names for symbols and intervals.

    Event ──symbol, timeframe──> https://www.tradingview.com/chart/?symbol=CME_MINI:ES1!&interval=240

A future is charted by its continuous front contract (``1!``) at its exchange, a stock by its ticker alone, a coin as
its pair at Coinbase. (Source: TradingView's symbol names, as its own pages link them.)
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from relay.assets import coin_pair, future_root
from relay.destinations.texts import clean, participants
from relay.events import INDEX_FUTURES, Channel, Event

_CHART: Final = "https://www.tradingview.com/chart/"
_LONGEST_SYMBOL: Final = 64

INTERVALS: Final = MappingProxyType(
    {
        "15": "15",
        "30": "30",
        "60": "60",
        "4H": "240",
        "12H": "720",
        "D": "D",
        "W": "W",
        "M": "M",
        "Q": "3M",
        "Y": "12M",
    }
)
"""TradingView's interval for each of the vendor's timeframes."""

_EXCHANGES: Final = MappingProxyType(
    {
        "CME_MINI": ("ES", "NQ", "RTY", "MES", "MNQ", "M2K", "EMD"),
        "CBOT_MINI": ("YM", "MYM"),
        "CME": ("6A", "6B", "6C", "6E", "6J", "6M", "6N", "6S", "BTC", "ETH", "MBT", "MET", "NKD", "HE", "LE", "GF"),
        "CBOT": ("ZB", "ZN", "ZF", "ZT", "UB", "TN", "ZC", "ZS", "ZW", "ZL", "ZM", "ZO", "ZR", "KE"),
        "NYMEX": ("CL", "MCL", "NG", "RB", "HO", "BZ", "PL", "PA"),
        "COMEX": ("GC", "MGC", "SI", "SIL", "HG", "MHG"),
        "ICEUS": ("DX", "KC", "CC", "CT", "SB", "OJ"),
        "CBOE": ("VX",),
    }
)
_EXCHANGE_OF: Final = {root: exchange for exchange, roots in _EXCHANGES.items() for root in roots}


def chart_url(event: Event) -> str | None:
    """The alert's chart at its timeframe; None where no symbol is known.

    A break is charted by the first future that took part. An unknown timeframe leaves the interval to the chart.
    """
    sent = next(iter(participants(event)[0]), "") if event.channel is Channel.BREAKS else clean(event.symbol or "")
    if not sent or len(sent) > _LONGEST_SYMBOL:
        return None
    query = f"symbol={quote(chart_symbol(sent), safe=':!')}"
    interval = INTERVALS.get(clean(event.timeframe or "").upper())
    return f"{_CHART}?{query}&interval={interval}" if interval else f"{_CHART}?{query}"


def chart_symbol(symbol: str) -> str:
    """TradingView's name of the vendor's ``symbol``."""
    symbol = symbol.upper()
    root = symbol if symbol in INDEX_FUTURES else future_root(symbol)
    if root is not None:
        return f"{_EXCHANGE_OF[root]}:{root}1!" if root in _EXCHANGE_OF else f"{root}1!"
    if pair := coin_pair(symbol):
        return f"COINBASE:{pair.coin}{pair.currency}"
    return symbol.replace("-", ".")
