"""All candles of a history, to hold the simulated market against."""

from __future__ import annotations

from collections.abc import Iterable

from relay.simulator.bars import Bar
from relay.simulator.candles import Candle, CandleSeries


def aggregate(bars: Iterable[Bar], timeframe: str) -> list[Candle]:
    """Every candle of ``bars`` (in order), the forming one last."""
    series, candles = CandleSeries(timeframe), list[Candle]()
    for bar in bars:
        series.add(bar)
        assert series.forming is not None
        if candles and candles[-1].period == series.forming.period:
            candles.pop()
        candles.append(series.forming)
    return candles
