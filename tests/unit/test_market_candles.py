from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.simulator.bars import Bar
from relay.simulator.candles import TIMEFRAMES, Candle, classify, is_continuation, period_of, shape_of
from tests.support.candles import aggregate

START = date(2004, 12, 20)


def bar(day: date, open_: float, high: float, low: float, close: float) -> Bar:
    return Bar("AAPL", day, open_, high, low, close, 1000, close)


def candle(high: float, low: float) -> Candle:
    return Candle(0, (high + low) / 2, high, low, (high + low) / 2)


@pytest.mark.parametrize(
    ("high", "low", "name"),
    [
        (11, 9, "1"),
        (12, 8, "1"),  # equal to both: nothing is taken out
        (12, 9, "1"),
        (11, 8, "1"),
        (12.01, 9, "2U"),
        (12.01, 8, "2U"),
        (11, 7.99, "2D"),
        (12, 7.99, "2D"),
        (12.01, 7.99, "3"),
    ],
)
def test_a_candle_is_named_by_what_it_takes_out_of_its_predecessor(high: float, low: float, name: str) -> None:
    assert classify(candle(high, low), candle(12, 8)) == name


@pytest.mark.parametrize(
    ("older", "newer", "current", "shape"),
    [
        ("2U", "1", "2U", "1-2U"),
        ("2U", "2D", "2U", "2D-2U"),
        ("1", "2U", "2U", "2U-2U"),
        ("2D", "3", "2D", "3-2D"),
        ("3", "1", "2U", "3-1-2U"),
        ("3", "1", "3", "3-1-3"),
        (None, "1", "3", "1-3"),
        ("3", "2U", "2D", "2U-2D"),
        ("3", None, "2U", None),
    ],
)
def test_a_shape_is_the_candle_before_and_the_current_one(
    older: str | None, newer: str | None, current: str, shape: str | None
) -> None:
    assert shape_of((older, newer), current) == shape


@pytest.mark.parametrize(
    ("shape", "continues"),
    [("2U-2U", True), ("2D-2D", True), ("2D-2U", False), ("1-2U", False), ("3-1-2U", False), ("3-3", False)],
)
def test_a_continuation_is_the_same_directional_two_twice(shape: str, continues: bool) -> None:
    assert is_continuation(shape) is continues


@pytest.mark.parametrize(
    ("timeframe", "one", "other", "same"),
    [
        ("D", date(2004, 12, 31), date(2004, 12, 31), True),
        ("D", date(2004, 12, 31), date(2005, 1, 1), False),
        ("W", date(2004, 12, 27), date(2004, 12, 31), True),
        ("W", date(2008, 12, 29), date(2009, 1, 2), True),  # a week over the turn of the year is one week
        ("W", date(2004, 12, 31), date(2005, 1, 3), False),
        ("M", date(2004, 11, 30), date(2004, 12, 1), False),
        ("Q", date(2004, 10, 1), date(2004, 12, 31), True),
        ("Q", date(2004, 12, 31), date(2005, 1, 1), False),
        ("Y", date(2004, 1, 2), date(2004, 12, 31), True),
        ("Y", date(2004, 12, 31), date(2005, 1, 3), False),
    ],
)
def test_days_fall_into_calendar_periods(timeframe: str, one: date, other: date, same: bool) -> None:
    assert (period_of(one, timeframe) == period_of(other, timeframe)) is same


def test_an_unknown_timeframe_is_refused() -> None:
    with pytest.raises(ValueError, match="4H"):
        period_of(START, "4H")


prices = st.integers(1, 400).map(lambda cents: cents / 4)


@st.composite
def histories(draw: st.DrawFn) -> list[Bar]:
    day, bars = START, []
    for gap in draw(st.lists(st.integers(1, 40), max_size=60)):
        day += timedelta(days=gap)
        low, open_, close, high = sorted(draw(st.tuples(prices, prices, prices, prices)))
        bars.append(bar(day, open_, high, low, close))
    return bars


@given(histories(), st.sampled_from(TIMEFRAMES))
def test_candles_grown_day_by_day_are_those_of_the_whole_period(bars: list[Bar], timeframe: str) -> None:
    groups: defaultdict[int, list[Bar]] = defaultdict(list)
    for one in bars:
        groups[period_of(one.day, timeframe)].append(one)
    assert aggregate(bars, timeframe) == [
        Candle(
            period,
            members[0].open,
            max(member.high for member in members),
            min(member.low for member in members),
            members[-1].close,
        )
        for period, members in groups.items()
    ]
