"""A day as the way its price took, known only from its bar: open → one extreme → the other → close.

The extreme nearer to the open is reached first; where both are as near, a coin decides. The price moves at constant
speed, so a moment within the session is the share of the way covered, 0 at the open and 1 at the close.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from relay.simulator.bars import Bar
from relay.simulator.candles import CandleSeries, kind, shape_of


class Walk(msgspec.Struct, frozen=True, gc=False):
    """The four prices of a day in the order they were traded, and when the two extremes were."""

    open: float
    first: float
    second: float
    close: float
    first_at: float
    second_at: float

    def above(self, level: float) -> float | None:
        """When the price first stood above ``level``; None when it never did."""
        if self.open > level:
            return 0.0
        if self.first > level:
            return self.first_at * (level - self.open) / (self.first - self.open)
        if self.second > level:
            share = (level - self.first) / (self.second - self.first)
            return self.first_at + (self.second_at - self.first_at) * share
        return None

    def mirrored(self) -> Walk:
        """The same way upside down: what is above here is below there."""
        return Walk(-self.open, -self.first, -self.second, -self.close, self.first_at, self.second_at)

    def lowest(self, until: float) -> float:
        """The lowest of the turning points passed up to ``until``."""
        low = self.open
        if until >= self.first_at:
            low = min(low, self.first)
        if until >= self.second_at:
            low = min(low, self.second)
        return low


def walk(bar: Bar, coin: Callable[[], bool]) -> Walk:
    """The way of a day; ``coin`` is asked only on a tie, True puts the high first."""
    up, down = bar.high - bar.open, bar.open - bar.low
    high_first = coin() if up == down else up < down
    first, second = (bar.high, bar.low) if high_first else (bar.low, bar.high)
    to_first, between, to_close = abs(first - bar.open), abs(second - first), abs(bar.close - second)
    whole = to_first + between + to_close or 1.0
    return Walk(bar.open, first, second, bar.close, to_first / whole, (to_first + between) / whole)


class Trigger(msgspec.Struct, frozen=True, gc=False):
    """The moment a forming candle takes out its predecessor's high or low.

    ``price`` is the level crossed or, where the day opened beyond it, the open.
    """

    at: float
    direction: str
    shape: str
    cc: str
    price: float


def triggers(series: CandleSeries, way: Walk) -> list[Trigger]:
    """What a day breaks on one timeframe, in order of time: nothing, one side or both; never a side twice a candle.

    Args:
        series: Begun for the day and without its bar.
        way: The day's walk.
    """
    before = series.previous
    if before is None:
        return []
    forming = series.forming
    high, low = (forming.high, forming.low) if forming else (way.open, way.open)
    found: list[Trigger] = []
    down = way.mirrored()
    if not (forming and high > before.high) and (at := way.above(before.high)) is not None:
        current = kind(took_high=True, took_low=min(low, way.lowest(at)) < before.low)
        if shape := shape_of(series.kinds, current):
            found.append(Trigger(at, "bullish", shape, current, max(before.high, way.open) if at == 0 else before.high))
    if not (forming and low < before.low) and (at := down.above(-before.low)) is not None:
        current = kind(took_high=max(high, -down.lowest(at)) > before.high, took_low=True)
        if shape := shape_of(series.kinds, current):
            found.append(Trigger(at, "bearish", shape, current, min(before.low, way.open) if at == 0 else before.low))
    found.sort(key=lambda trigger: trigger.at)
    return found
