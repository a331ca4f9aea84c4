"""Four index futures made of five stocks, and the moments in which several of them break together.

The data has no futures, so each is a weighted average of the stocks' returns since their last close, chained day by
day from a level that looks familiar:

    future_t = future_{t-1} × Σ w_i · price_i / close_i,t-1        over the stocks traded on both days, Σ w_i = 1

``ES1!`` weighs them equally, ``NQ1!`` leans on technology, ``YM1!`` on IBM, ``RTY1!`` on the youngest. High and low
are averaged like open and close, so a future's range is a little wider than true. A stock that joins later (GOOG
2004, FB 2012) or splits makes no jump.

When a future takes out the high or low of its last candle, that opens a detection window for its timeframe and
direction; each further one within it makes an event of all so far: a 2, then a 3, then a 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from relay.simulator.bars import Bar

DETECTION_WINDOW: Final = 0.05  # of a session: 20 minutes of a trading day

WEIGHTS: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "ES1!": {"AAPL": 0.2, "FB": 0.2, "GOOG": 0.2, "IBM": 0.2, "MSFT": 0.2},
        "NQ1!": {"AAPL": 0.35, "FB": 0.15, "GOOG": 0.2, "IBM": 0.05, "MSFT": 0.25},
        "RTY1!": {"AAPL": 0.1, "FB": 0.4, "GOOG": 0.25, "IBM": 0.2, "MSFT": 0.05},
        "YM1!": {"AAPL": 0.15, "FB": 0.05, "GOOG": 0.05, "IBM": 0.5, "MSFT": 0.25},
    }
)
_FIRST_LEVEL: Final = {"ES1!": 1400.0, "NQ1!": 3700.0, "RTY1!": 580.0, "YM1!": 10100.0}


class Move(msgspec.Struct, frozen=True, gc=False):
    """A stock's day and the close it came from, in the same prices (splits taken out)."""

    bar: Bar
    close_before: float


class Composite:
    """One index future, which grows day by day."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self._weights = WEIGHTS[symbol]
        self._level = _FIRST_LEVEL[symbol]

    def bar(self, moves: Iterable[Move]) -> Bar | None:
        """The future's bar of a day; None where no stock has a close to move from."""
        parts = [(self._weights[move.bar.symbol] / move.close_before, move.bar) for move in moves]
        total = sum(self._weights[bar.symbol] for _, bar in parts)
        if not total:
            return None
        scale = self._level / total
        close = scale * sum(weight * bar.close for weight, bar in parts)
        made = Bar(
            symbol=self.symbol,
            day=parts[0][1].day,
            open=round(scale * sum(weight * bar.open for weight, bar in parts), 2),
            high=round(scale * sum(weight * bar.high for weight, bar in parts), 2),
            low=round(scale * sum(weight * bar.low for weight, bar in parts), 2),
            close=round(close, 2),
            volume=sum(bar.volume for _, bar in parts) // 1000,
            adjusted=round(close, 2),
        )
        self._level = close
        return made


class FutureBreak(msgspec.Struct, frozen=True, gc=False):
    """One future takes out its last candle's high or low; ``at`` is the share of the session."""

    at: float
    timeframe: str
    direction: str
    symbol: str


class Together(msgspec.Struct, frozen=True, gc=False):
    """Futures that broke the same way within the window, sorted; ``at`` is when the last of them did."""

    at: float
    timeframe: str
    direction: str
    symbols: tuple[str, ...]


def simultaneous(breaks: Iterable[FutureBreak], window: float = DETECTION_WINDOW) -> list[Together]:
    """The simultaneous breaks of a day, in order of time."""
    groups: dict[tuple[str, str], tuple[float, list[str]]] = {}
    found: list[Together] = []
    for one in sorted(breaks, key=lambda one: (one.at, one.symbol)):
        key = (one.timeframe, one.direction)
        began, symbols = groups.get(key, (one.at, []))
        if one.at - began > window:
            began, symbols = one.at, []
        symbols = [*symbols, one.symbol]
        groups[key] = (began, symbols)
        if len(symbols) > 1:
            found.append(Together(one.at, one.timeframe, one.direction, tuple(sorted(symbols))))
    return found
