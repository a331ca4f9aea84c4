from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.simulator.bars import Bar
from relay.simulator.candles import CandleSeries
from relay.simulator.walk import Walk, triggers, walk

DAYS = [date(2004, 3, day) for day in (1, 2, 3, 4, 5)]


def bar(day: date, open_: float, high: float, low: float, close: float) -> Bar:
    return Bar("AAPL", day, open_, high, low, close, 1000, close)


def never() -> bool:
    raise AssertionError("the coin is for ties")


def series(*ranges: tuple[float, float]) -> CandleSeries:
    """Daily candles with these (high, low), ready for the next day."""
    grown = CandleSeries("D")
    for day, (high, low) in zip(DAYS, ranges, strict=False):
        grown.add(bar(day, low, high, low, high))
    grown.begin(DAYS[len(ranges)])
    return grown


def test_the_extreme_nearer_to_the_open_is_reached_first() -> None:
    assert walk(bar(DAYS[0], 10, 11, 7, 8), never) == Walk(10, 11, 7, 8, 1 / 6, 5 / 6)
    assert walk(bar(DAYS[0], 10, 14, 9, 13), never) == Walk(10, 9, 14, 13, 1 / 7, 6 / 7)


@pytest.mark.parametrize(("coin", "first"), [(True, 12), (False, 8)])
def test_a_coin_decides_where_both_extremes_are_as_near(coin: bool, first: float) -> None:
    assert walk(bar(DAYS[0], 10, 12, 8, 10), lambda: coin).first == first


def test_a_day_without_any_movement_has_a_walk_too() -> None:
    assert walk(bar(DAYS[0], 10, 10, 10, 10), lambda: True) == Walk(10, 10, 10, 10, 0, 0)


HIGH_FIRST = Walk(10, 11, 7, 8, 0.2, 0.8)
LOW_FIRST = Walk(10, 9, 13, 12, 0.2, 0.6)


@pytest.mark.parametrize(
    ("way", "before", "expected"),
    [
        # the two candles before, then what breaks: (direction, shape, cc, price)
        (HIGH_FIRST, [(12, 6), (11.5, 6.5)], []),
        (HIGH_FIRST, [(12, 6), (11, 7)], []),  # touching is not taking out
        (HIGH_FIRST, [(12, 6), (10.5, 6.5)], [("bullish", "1-2U", "2U", 10.5)]),
        (HIGH_FIRST, [(12, 6), (11.5, 7.5)], [("bearish", "1-2D", "2D", 7.5)]),
        (HIGH_FIRST, [(12, 6), (10.5, 7.5)], [("bullish", "1-2U", "2U", 10.5), ("bearish", "1-3", "3", 7.5)]),
        (LOW_FIRST, [(11, 8), (12, 9.5)], [("bearish", "2U-2D", "2D", 9.5), ("bullish", "2U-3", "3", 12)]),
        (LOW_FIRST, [(13, 8), (12, 7)], [("bullish", "2D-2U", "2U", 12)]),
        (LOW_FIRST, [(11, 8), (12, 7)], [("bullish", "3-2U", "2U", 12)]),
        (LOW_FIRST, [(13, 8), (14, 7), (12.5, 7.5)], [("bullish", "3-1-2U", "2U", 12.5)]),
        (LOW_FIRST, [(9, 8), (9.8, 8.5)], [("bullish", "2U-2U", "2U", 10)]),  # a gap triggers at the open
        (Walk(6, 7, 5, 6, 0.2, 0.6), [(9, 8), (9.8, 7.5)], [("bearish", "3-2D", "2D", 6)]),
        (HIGH_FIRST, [(10.5, 7.5)], []),  # what the candle before was is not known yet
        (HIGH_FIRST, [], []),
    ],
)
def test_what_a_day_breaks_follows_from_its_walk_and_the_candles_before(
    way: Walk, before: list[tuple[float, float]], expected: list[tuple[str, str, str, float]]
) -> None:
    found = triggers(series(*before), way)
    assert [(hit.direction, hit.shape, hit.cc, hit.price) for hit in found] == expected


def test_a_week_that_took_out_the_high_on_monday_makes_an_outside_bar_on_tuesday() -> None:
    grown = CandleSeries("W")
    for day, high, low in [(date(2004, 3, 1), 12, 6), (date(2004, 3, 8), 11, 7), (date(2004, 3, 15), 11.5, 8)]:
        grown.add(bar(day, 10, high, low, 10))
    grown.begin(date(2004, 3, 16))
    assert [(hit.direction, hit.shape) for hit in triggers(grown, Walk(10, 12, 6.5, 7, 0.2, 0.8))] == [
        ("bearish", "1-3")  # and not bullish again: Monday had that side
    ]


four = st.tuples(*[st.integers(1, 40)] * 4).map(sorted)


@given(four, st.booleans(), st.booleans(), st.floats(0, 41))
def test_a_walk_is_above_a_level_exactly_when_the_bar_is(
    cents: list[int], swap: bool, coin: bool, level: float
) -> None:
    low, one, other, high = cents
    open_, close = (other, one) if swap else (one, other)
    way = walk(bar(DAYS[0], open_, high, low, close), lambda: coin)
    above, below = way.above(level), way.mirrored().above(-level)
    assert (above is not None) == (high > level)
    assert (below is not None) == (low < level)
    assert all(at is None or 0 <= at <= 1 for at in (above, below))
    assert 0 <= way.first_at <= way.second_at <= 1
