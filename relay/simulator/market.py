"""The market: days pass, candles grow, and what a trader is alerted of happens.

    day by day:  stocks' bars ──> four futures' bars ──> a walk each ──> Tick, Setup, Break in order of time

Pure: the same bars and seed give the same moments, whatever part of them is asked for; days before the part warm the
candles silently. Lazy: a day is worked out when the one before it has been consumed. Between two moments the market
stands still, and ``price``, ``tfc`` and ``setups`` tell how it stands.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final, TypeAlias

import msgspec

from relay.simulator.bars import Bar, split_ratio
from relay.simulator.candles import TIMEFRAMES, CandleSeries, is_continuation
from relay.simulator.futures import WEIGHTS, Composite, FutureBreak, Move, simultaneous
from relay.simulator.walk import Trigger, Walk, triggers, walk


class Tick(msgspec.Struct, frozen=True, gc=False):
    """A trade: ``price`` in US dollars, ``volume`` of the day so far; ``at`` is the share of the session, 0 to 1."""

    day: date
    at: float
    symbol: str
    price: float
    volume: int


class Setup(msgspec.Struct, frozen=True, gc=False):
    """A setup in force: price takes out the trigger level of ``symbol`` on ``timeframe``."""

    day: date
    at: float
    symbol: str
    timeframe: str
    direction: str
    shape: str
    cc: str
    price: float

    @property
    def continuation(self) -> bool:
        """Whether the last two candles are the same directional 2."""
        return is_continuation(self.shape)


class Break(msgspec.Struct, frozen=True, gc=False):
    """A simultaneous break; ``symbols`` are the futures that took part, sorted."""

    day: date
    at: float
    timeframe: str
    direction: str
    symbols: tuple[str, ...]

    @property
    def threshold(self) -> int:
        """How many took part."""
        return len(self.symbols)


Moment: TypeAlias = Tick | Setup | Break

_RANK: Final = {Tick: 0, Setup: 1, Break: 2}  # at one instant: the price is seen, then what it set off


class _Instrument:
    """One symbol as it stands."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.series = {timeframe: CandleSeries(timeframe) for timeframe in TIMEFRAMES}
        self.bar: Bar | None = None
        self.tick: Tick | None = None
        self.setups: dict[str, tuple[int, Setup]] = {}

    def begin(self, bar: Bar) -> float | None:
        """Make ready for the bar's day; the close it moves from, in today's prices."""
        close = None
        if self.bar is not None:
            ratio = split_ratio(self.bar, bar)
            close = self.bar.close * ratio
            if ratio != 1:
                for series in self.series.values():
                    series.rescale(ratio)
        for series in self.series.values():
            series.begin(bar.day)
        return close

    def triggers(self, way: Walk) -> Iterator[tuple[str, Trigger]]:
        for timeframe, series in self.series.items():
            for trigger in triggers(series, way):
                yield timeframe, trigger

    def end(self, bar: Bar) -> None:
        for series in self.series.values():
            series.add(bar)
        self.bar = bar


class Market:
    """Real days replayed.

    Args:
        bars: By symbol, oldest first, as ``load_bars`` gives them.
        seed: Decides what the bars leave open.
        first: First day replayed; None for the first there is.
        last: Last day replayed; None for the last there is.
        symbols: Stocks that tick and fire; None for all. Futures are made of all in any case.
    """

    def __init__(
        self,
        bars: Mapping[str, Sequence[Bar]],
        *,
        seed: int = 0,
        first: date | None = None,
        last: date | None = None,
        symbols: frozenset[str] | None = None,
    ) -> None:
        self._seed = seed
        self._shown = frozenset(bars) if symbols is None else symbols & frozenset(bars)
        self._by_day: dict[date, list[Bar]] = {}
        for symbol in sorted(bars):
            for bar in bars[symbol]:
                self._by_day.setdefault(bar.day, []).append(bar)
        every = sorted(self._by_day)
        self.days: list[date] = [day for day in every if (first or day) <= day <= (last or day)]
        self._before = [day for day in every if self.days and day < self.days[0]]
        self._instruments = {symbol: _Instrument(symbol) for symbol in (*sorted(bars), *WEIGHTS)}
        self._composites = [Composite(symbol) for symbol in WEIGHTS] if set(bars) <= set(WEIGHTS["ES1!"]) else []
        self.day_index = 0

    @property
    def symbols(self) -> list[str]:
        """Symbols that tick, sorted: stocks and futures."""
        return sorted(self._shown | {composite.symbol for composite in self._composites})

    def moments(self) -> Iterator[Moment]:
        """Everything that happens, in order of time. To be called once."""
        for day in self._before:
            self._live_through(day, [])
        for index, day in enumerate(self.days):
            self.day_index = index
            happened: list[Moment] = []
            self._live_through(day, happened)
            happened.sort(key=lambda moment: (moment.at, _RANK[type(moment)]))
            for moment in happened:
                self._show(moment)
                yield moment
        self.day_index = len(self.days)

    def price(self, symbol: str) -> Tick | None:
        """The last trade; None before the first."""
        return self._instruments[symbol].tick

    def tfc(self, symbol: str) -> dict[str, str]:
        """Timeframe continuity: green where the price stands above the open of the forming candle, else red."""
        instrument = self._instruments[symbol]
        if instrument.tick is None:
            return {}
        price = instrument.tick.price
        return {
            timeframe: "green" if price > series.forming.open else "red"
            for timeframe, series in instrument.series.items()
            if series.forming is not None
        }

    def setups(self, symbol: str) -> list[Setup]:
        """What is in force on the forming candles, one a timeframe."""
        instrument = self._instruments[symbol]
        return [
            setup
            for timeframe, (period, setup) in instrument.setups.items()
            if (forming := instrument.series[timeframe].forming) and forming.period == period
        ]

    def _show(self, moment: Moment) -> None:
        if isinstance(moment, Tick):
            self._instruments[moment.symbol].tick = moment
        elif isinstance(moment, Setup):
            instrument = self._instruments[moment.symbol]
            forming = instrument.series[moment.timeframe].forming
            assert forming is not None
            instrument.setups[moment.timeframe] = (forming.period, moment)

    def _live_through(self, day: date, happened: list[Moment]) -> None:
        moves: list[Move] = []
        for bar in self._by_day[day]:
            instrument = self._instruments[bar.symbol]
            close_before = instrument.begin(bar)
            if close_before:
                moves.append(Move(bar, close_before))
            if bar.symbol in self._shown:
                way = self._walk(bar)
                happened += _ticks(bar, way)
                happened += (
                    Setup(day, hit.at, bar.symbol, timeframe, hit.direction, hit.shape, hit.cc, round(hit.price, 2))
                    for timeframe, hit in instrument.triggers(way)
                )
            instrument.end(bar)
        breaks: list[FutureBreak] = []
        for composite in self._composites:
            made = composite.bar(moves)
            if made is None:
                continue
            instrument = self._instruments[made.symbol]
            instrument.begin(made)
            way = self._walk(made)
            happened += _ticks(made, way)
            breaks += (
                FutureBreak(hit.at, timeframe, hit.direction, made.symbol)
                for timeframe, hit in instrument.triggers(way)
            )
            instrument.end(made)
        happened += (
            Break(day, found.at, found.timeframe, found.direction, found.symbols) for found in simultaneous(breaks)
        )

    def _walk(self, bar: Bar) -> Walk:
        # the coin depends on nothing but seed, symbol and day: a shorter range replays the same days
        return walk(bar, lambda: bool(random.Random(f"{self._seed}:{bar.symbol}:{bar.day}").getrandbits(1)))


def _ticks(bar: Bar, way: Walk) -> list[Tick]:
    stations = ((0.0, way.open), (way.first_at, way.first), (way.second_at, way.second), (1.0, way.close))
    return [Tick(bar.day, at, bar.symbol, price, round(bar.volume * at)) for at, price in stations]
