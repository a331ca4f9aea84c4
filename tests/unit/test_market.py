from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.events import CANDLES, DIRECTIONS
from relay.simulator.bars import Bar, load_bars
from relay.simulator.candles import TIMEFRAMES, classify, period_of
from relay.simulator.futures import FutureBreak, simultaneous
from relay.simulator.market import Break, Market, Moment, Setup, Tick
from tests.support.candles import aggregate

SPLITS = {("AAPL", date(2000, 6, 21)), ("AAPL", date(2005, 2, 28)), ("MSFT", date(2003, 2, 18))}


@cache
def everything() -> tuple[Moment, ...]:
    return tuple(Market(load_bars(), seed=7).moments())


def setups(moments: tuple[Moment, ...]) -> list[Setup]:
    return [moment for moment in moments if isinstance(moment, Setup)]


def test_the_whole_history_holds_thousands_of_setups_on_every_timeframe() -> None:
    found = setups(everything())
    assert len(found) > 10_000
    assert {setup.timeframe for setup in found} == set(TIMEFRAMES)
    assert {setup.symbol for setup in found} == set(load_bars())
    assert {setup.cc for setup in found} == set(CANDLES) - {"1"}
    assert {setup.direction for setup in found} == set(DIRECTIONS)
    assert {"1-2U", "2D-2U", "2U-2U", "3-2D", "3-1-2U", "1-3"} <= {setup.shape for setup in found}


def test_the_same_seed_gives_the_same_moments() -> None:
    assert tuple(Market(load_bars(), seed=7).moments()) == everything()


def test_another_seed_walks_some_day_another_way() -> None:
    assert tuple(Market(load_bars(), seed=8).moments()) != everything()


def test_a_part_of_the_history_replays_exactly_as_within_the_whole() -> None:
    part = Market(load_bars(), seed=7, first=date(2004, 5, 1), last=date(2006, 2, 10))
    assert list(part.moments()) == [m for m in everything() if date(2004, 5, 1) <= m.day <= date(2006, 2, 10)]


def test_fewer_stocks_fire_less_and_leave_the_futures_alone() -> None:
    part = Market(load_bars(), seed=7, symbols=frozenset({"AAPL", "NONE"}))
    assert part.symbols == ["AAPL", "ES1!", "NQ1!", "RTY1!", "YM1!"]
    expected = [m for m in everything() if isinstance(m, Break) or m.symbol == "AAPL" or m.symbol.endswith("1!")]
    assert list(part.moments()) == expected


def test_moments_come_in_order_of_time() -> None:
    times = [(moment.day, moment.at) for moment in everything()]
    assert times == sorted(times)


def test_no_candle_fires_twice_on_the_same_side() -> None:
    fired = Counter(
        (setup.symbol, setup.timeframe, period_of(setup.day, setup.timeframe), setup.direction)
        for setup in setups(everything())
    )
    assert set(fired.values()) == {1}


def test_a_setup_fires_exactly_where_a_complete_candle_shows_the_break() -> None:
    bars = load_bars()["IBM"]  # never split in these years
    for timeframe in TIMEFRAMES:
        candles = aggregate(bars, timeframe)
        expected = set()
        for before, candle in pairwise(candles[1:]):  # the first has no name yet
            kind = classify(candle, before)
            expected |= {(candle.period, "bullish")} if kind in ("2U", "3") else set()
            expected |= {(candle.period, "bearish")} if kind in ("2D", "3") else set()
        assert {
            (period_of(setup.day, timeframe), setup.direction)
            for setup in setups(everything())
            if setup.symbol == "IBM" and setup.timeframe == timeframe
        } == expected


def test_the_price_of_a_setup_was_traded_that_day() -> None:
    bars = {(bar.symbol, bar.day): bar for rows in load_bars().values() for bar in rows}
    for setup in setups(everything()):
        bar = bars[setup.symbol, setup.day]
        assert bar.low - 0.01 <= setup.price <= bar.high + 0.01


def test_the_day_of_a_split_breaks_nothing_it_would_not_break_without_it() -> None:
    """Halve all prices before the split by hand: the same setups must come out, split or not."""
    for symbol, day in sorted(SPLITS):
        rows = [bar for bar in load_bars()[symbol] if abs((bar.day - day).days) < 200]
        halved = [
            bar
            if bar.day >= day
            else Bar(symbol, bar.day, bar.open / 2, bar.high / 2, bar.low / 2, bar.close / 2, bar.volume, bar.adjusted)
            for bar in rows
        ]
        split, whole = (list(Market({symbol: part}, first=day).moments()) for part in (rows, halved))
        assert [m for m in split if isinstance(m, Setup)] == [m for m in whole if isinstance(m, Setup)]
        assert not [m for m in split if isinstance(m, Setup) and m.day == day and m.timeframe in "QY"]


def test_futures_make_no_jump_on_a_split_or_when_a_stock_joins() -> None:
    closes: dict[str, float] = {}
    for moment in everything():
        if isinstance(moment, Tick) and moment.symbol == "ES1!" and moment.at == 1:
            before = closes.get("ES1!", moment.price)
            assert 0.75 < moment.price / before < 1.25, moment
            closes["ES1!"] = moment.price


def test_simultaneous_breaks_grow_from_two_to_four() -> None:
    breaks = [moment for moment in everything() if isinstance(moment, Break)]
    assert {found.threshold for found in breaks} == {2, 3, 4}
    assert all(list(found.symbols) == sorted(set(found.symbols)) for found in breaks)


def future(at: float, symbol: str, timeframe: str = "D", direction: str = "bullish") -> FutureBreak:
    return FutureBreak(at, timeframe, direction, symbol)


@pytest.mark.parametrize(
    ("breaks", "expected"),
    [
        ([future(0.1, "ES1!")], []),
        ([future(0.1, "NQ1!"), future(0.12, "ES1!")], [(0.12, ("ES1!", "NQ1!"))]),
        (
            [future(0.1, "NQ1!"), future(0.11, "ES1!"), future(0.12, "YM1!")],
            [(0.11, ("ES1!", "NQ1!")), (0.12, ("ES1!", "NQ1!", "YM1!"))],
        ),
        ([future(0.1, "NQ1!"), future(0.2, "ES1!")], []),  # outside the window
        ([future(0.1, "NQ1!"), future(0.14, "ES1!"), future(0.16, "YM1!")], [(0.14, ("ES1!", "NQ1!"))]),
        ([future(0.1, "NQ1!"), future(0.1, "ES1!", "W")], []),
        ([future(0.1, "NQ1!"), future(0.1, "ES1!", direction="bearish")], []),
        ([future(0.1, "NQ1!"), future(0.2, "ES1!"), future(0.21, "YM1!")], [(0.21, ("ES1!", "YM1!"))]),
    ],
)
def test_futures_that_break_the_same_way_within_the_window_break_together(
    breaks: list[FutureBreak], expected: list[tuple[float, tuple[str, ...]]]
) -> None:
    assert [(found.at, found.symbols) for found in simultaneous(breaks, 0.05)] == expected


def test_the_market_tells_how_it_stands_between_two_moments() -> None:
    market = Market(load_bars(), first=date(2012, 6, 1), last=date(2012, 7, 2))
    assert market.price("AAPL") is None
    assert market.tfc("AAPL") == {}
    seen: dict[str, Tick] = {}
    for moment in market.moments():
        if isinstance(moment, Tick):
            seen[moment.symbol] = moment
            assert market.price(moment.symbol) == moment
            assert set(market.tfc(moment.symbol).values()) <= {"green", "red"}
        elif isinstance(moment, Setup):
            assert moment in market.setups(moment.symbol)
    opens = {timeframe: aggregate(load_bars()["AAPL"], timeframe) for timeframe in TIMEFRAMES}
    day = date(2012, 7, 2)
    for timeframe, colour in market.tfc("AAPL").items():
        forming = next(c for c in opens[timeframe] if c.period == period_of(day, timeframe))
        assert (colour == "green") == (seen["AAPL"].price > forming.open)
    assert all(period_of(s.day, s.timeframe) == period_of(day, s.timeframe) for s in market.setups("AAPL"))


def test_days_are_worked_out_only_when_they_are_asked_for() -> None:
    market = Market(load_bars())
    moments = market.moments()
    next(moments)
    assert market.day_index == 0
    assert market.price("GOOG") is None


bars_of_a_stock = st.lists(
    st.tuples(*[st.integers(90, 110)] * 4)
    .map(sorted)
    .flatmap(lambda cents: st.permutations(cents[1:3]).map(lambda middle: (cents[0], *middle, cents[3]))),
    min_size=1,
    max_size=80,
)


@settings(max_examples=50)
@given(bars_of_a_stock, st.integers(0, 5))
def test_whatever_the_bars_no_candle_fires_twice_and_every_shape_ends_in_its_candle(
    rows: list[tuple[int, int, int, int]], seed: int
) -> None:
    bars = [
        Bar("AAPL", date(2004, 3, 1) + timedelta(days=n), float(o), float(h), float(low), float(c), 10, float(c))
        for n, (low, o, c, h) in enumerate(rows)
    ]
    found = setups(tuple(Market({"AAPL": bars}, seed=seed).moments()))
    keys = [(s.timeframe, period_of(s.day, s.timeframe), s.direction) for s in found]
    assert len(keys) == len(set(keys))
    for setup in found:
        assert setup.shape.endswith(f"-{setup.cc}")
        assert setup.cc == "3" or setup.cc == {"bullish": "2U", "bearish": "2D"}[setup.direction]
