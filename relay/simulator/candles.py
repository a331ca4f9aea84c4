"""Candles of a day, week, month, quarter and year, and what The Strat calls them.

    daily bars ──add──> CandleSeries ──┬── forming   the candle that today belongs to
                                       ├── previous  the last complete one: its high and low are the triggers
                                       └── kinds     what the last two complete ones were: 1, 2U, 2D, 3

A candle is named against its predecessor, with strict inequality: 1 stays inside, 2U takes out only the high, 2D only
the low, 3 both. An equal high is not a break.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import msgspec

from relay.simulator.bars import Bar

TIMEFRAMES: Final = ("D", "W", "M", "Q", "Y")

INSIDE: Final = "1"
UP: Final = "2U"
DOWN: Final = "2D"
OUTSIDE: Final = "3"


class Candle(msgspec.Struct, frozen=True, gc=False):
    """Open, high, low and close of one period; ``period`` rises by one from period to period."""

    period: int
    open: float
    high: float
    low: float
    close: float

    def with_bar(self, bar: Bar) -> Candle:
        """This candle with one more day in it."""
        return Candle(self.period, self.open, max(self.high, bar.high), min(self.low, bar.low), bar.close)

    def scaled(self, ratio: float) -> Candle:
        """All prices times ``ratio``; four decimals keep the order of two-decimal prices."""
        prices = (round(price * ratio, 4) for price in (self.open, self.high, self.low, self.close))
        return Candle(self.period, *prices)


def period_of(day: date, timeframe: str) -> int:
    """The number of the period ``day`` lies in; weeks begin on Monday.

    Raises:
        ValueError: ``timeframe`` is not one of ``TIMEFRAMES``.
    """
    match timeframe:
        case "D":
            return day.toordinal()
        case "W":
            return (day.toordinal() - 1) // 7  # day 1 of the calendar was a Monday
        case "M":
            return day.year * 12 + day.month - 1
        case "Q":
            return day.year * 4 + (day.month - 1) // 3
        case "Y":
            return day.year
    raise ValueError(f"no such timeframe: {timeframe}")


def classify(candle: Candle, before: Candle) -> str:
    """What ``candle`` is against the one before it: 1, 2U, 2D or 3."""
    return kind(took_high=candle.high > before.high, took_low=candle.low < before.low)


def kind(*, took_high: bool, took_low: bool) -> str:
    """The Strat's name for a candle that did or did not take out its predecessor's high and low."""
    if took_high:
        return OUTSIDE if took_low else UP
    return DOWN if took_low else INSIDE


def shape_of(kinds: tuple[str | None, str | None], current: str) -> str | None:
    """The setup's name: the candle before and the current one, ``2D-2U``; ``3-1-2U`` where an inside bar follows a 3.

    Args:
        kinds: The last two complete candles, older first; None where it had no predecessor.
        current: The forming candle.

    Returns:
        None where the candle before can't be named.
    """
    older, newer = kinds
    if newer is None:
        return None
    if newer == INSIDE and older == OUTSIDE:
        return f"{older}-{newer}-{current}"
    return f"{newer}-{current}"


def is_continuation(shape: str) -> bool:
    """Whether the last two candles are the same directional 2."""
    last = shape.split("-")[-2:]
    return last in ([UP, UP], [DOWN, DOWN])


class CandleSeries:
    """The end of one symbol's candles on one timeframe, which grows day by day.

    Attributes:
        forming: The candle of the day last begun; None before its first bar.
        previous: The last complete candle.
        kinds: What the last two complete candles were, older first.
    """

    __slots__ = ("forming", "kinds", "previous", "timeframe")

    def __init__(self, timeframe: str) -> None:
        self.timeframe = timeframe
        self.forming: Candle | None = None
        self.previous: Candle | None = None
        self.kinds: tuple[str | None, str | None] = (None, None)

    def begin(self, day: date) -> int:
        """Complete the forming candle if ``day`` belongs to the next; the number of the period of ``day``."""
        period = period_of(day, self.timeframe)
        if self.forming is not None and self.forming.period != period:
            done = None if self.previous is None else classify(self.forming, self.previous)
            self.kinds = (self.kinds[1], done)
            self.previous, self.forming = self.forming, None
        return period

    def add(self, bar: Bar) -> None:
        """Take one day in; days come in order."""
        period = self.begin(bar.day)
        if self.forming is None:
            self.forming = Candle(period, bar.open, bar.high, bar.low, bar.close)
        else:
            self.forming = self.forming.with_bar(bar)

    def rescale(self, ratio: float) -> None:
        """Speak of the past in today's prices, after a split."""
        self.forming = self.forming and self.forming.scaled(ratio)
        self.previous = self.previous and self.previous.scaled(ratio)
