"""The chart's geometry, out of counts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.pulse import MINUTES, Minute
from relay.web.chart import chart_of, step_for

BEGAN_US = 1_775_827_800 * MICROS  # 2026-04-10 13:30 UTC

counts = st.integers(0, 10**6)


def minutes(*events: int, delivered: int = 0, failed: int = 0) -> list[Minute]:
    return [Minute(BEGAN_US + number * 60 * MICROS, count, delivered, failed) for number, count in enumerate(events)]


@pytest.mark.parametrize(
    ("span", "step"), [(0, 1), (1, 1), (4, 1), (5, 2), (8, 2), (9, 5), (20, 5), (21, 10), (81, 50)]
)
def test_ticks_are_whole_numbers_that_people_count_in(span: int, step: int) -> None:
    assert step_for(span) == step


def test_alerts_go_up_and_failures_down_from_the_base_line() -> None:
    chart = chart_of(minutes(2, 4, failed=1))
    assert chart.base == 80.0
    assert chart.events == "M58.13,80v-40h0.74V80zM59.13,80v-80h0.74V80z"
    assert chart.failed == "M58.13,80v20h0.74V80zM59.13,80v20h0.74V80z"
    assert [(tick.at, tick.text) for tick in chart.ticks] == [
        *((80.0, "0"), (60.0, "1"), (40.0, "2"), (20.0, "3"), (0.0, "4"), (100.0, "1"))
    ]


def test_deliveries_are_a_line_along_the_minutes_of_this_run() -> None:
    assert chart_of(minutes(0, 0, delivered=2)).delivered == "M58,0V0H59V0H60"


def test_one_of_anything_is_seen_beside_thousands() -> None:
    assert "v-1.5h" in chart_of(minutes(1, 5_000)).events


def test_what_was_before_this_run_is_unknown_not_quiet() -> None:
    assert chart_of(minutes(*[1] * 15)).unknown == 75.0
    assert chart_of(minutes(*[1] * MINUTES)).unknown == 0.0


def test_a_quiet_hour_says_so_with_a_scale_of_its_own() -> None:
    chart = chart_of(minutes(*[0] * MINUTES))
    assert chart.quiet
    assert (chart.events, chart.failed, chart.columns) == ("", "", ())
    assert [tick.text for tick in chart.ticks] == ["0", "1"]
    assert chart.says == "In the last 60 minutes: 0 alerts, 0 delivered, 0 failed attempts."


def test_each_quarter_of_an_hour_is_named_in_utc() -> None:
    chart = chart_of(minutes(*[0] * MINUTES))
    assert [(time.at, time.text) for time in chart.times] == [(25.0, "13:45"), (50.0, "14:00"), (75.0, "14:15")]


def test_the_same_is_said_in_words() -> None:
    chart = chart_of(minutes(0, 1, 12, delivered=1))
    assert chart.says == (
        "In the last 3 minutes: 13 alerts, 3 delivered, 0 failed attempts; "
        "the most alerts in a minute were 12, at 13:32 UTC."
    )
    assert [column.says for column in chart.columns][1] == "13:31: 1 alert, 1 delivered, 0 failed attempts"
    assert [column.slot for column in chart.columns] == [57, 58, 59]


def test_nothing_known_at_all_is_drawn_as_such() -> None:
    chart = chart_of([])
    assert (chart.quiet, chart.unknown, chart.delivered, chart.times) == (True, 100.0, "", ())


@given(st.lists(st.tuples(counts, counts, counts), max_size=70))
def test_whatever_the_counts_it_stays_in_its_box(found: list[tuple[int, int, int]]) -> None:
    chart = chart_of([Minute(BEGAN_US + at * 60 * MICROS, *counts) for at, counts in enumerate(found)])
    for x, y, height in re.findall(r"M([\d.]+),([\d.]+)v(-?[\d.]+)", chart.events + chart.failed):
        assert 0 <= float(x) < MINUTES
        assert -0.05 <= float(y) + float(height) <= 101.5
    assert all(0 <= tick.at <= 100 for tick in chart.ticks)
    assert len(chart.ticks) <= 6
    assert len(chart.columns) <= MINUTES
