"""A symbol as ``/states/{symbol}`` and the ``states`` channel show it."""

from __future__ import annotations

from typing import Final

from relay.simulator.candles import TIMEFRAMES
from relay.simulator.futures import WEIGHTS
from relay.simulator.market import Market

_TECHNOLOGY: Final = "Information Technology"
_MEDIA: Final = "Communication Services"
_STOCKS: Final = {
    "AAPL": ("Apple Inc.", "NASDAQ", _TECHNOLOGY),
    "FB": ("Facebook, Inc.", "NASDAQ", _MEDIA),
    "GOOG": ("Google Inc.", "NASDAQ", _MEDIA),
    "IBM": ("International Business Machines Corporation", "NYSE", _TECHNOLOGY),
    "MSFT": ("Microsoft Corporation", "NASDAQ", _TECHNOLOGY),
}


def snapshot(market: Market, symbol: str) -> dict[str, object] | None:
    """The symbol as the market stands; None where there is no such symbol."""
    if symbol not in market.symbols:
        return None
    future = symbol in WEIGHTS
    name, exchange, sector = _STOCKS.get(symbol, (symbol, "CME", None))
    tick = market.price(symbol)
    return {
        "symbol": symbol,
        "instrument": {
            "symbol": symbol,
            "name": name,
            "market": "futures" if future else "stocks",
            "exchange": exchange,
            "type": "FUT" if future else "CS",
            "sector": sector,
            "active": True,
        },
        "price": {"price": tick.price, "volume": tick.volume} if tick else {},
        "tfc": market.tfc(symbol),
        "setups": [
            {
                "symbol": symbol,
                "timeframe": setup.timeframe,
                "shape": setup.shape,
                "in_force": True,
                "p3": False,
                "pmg": None,
                "continuation": setup.continuation,
                "sector": sector,
            }
            for setup in market.setups(symbol)
        ],
        "default_timeframe": "D",
        "chart_timeframes": list(TIMEFRAMES),
    }
