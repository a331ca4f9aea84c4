"""When a rule is awake, over every change of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.rules.active import DAYS, EVERY_DAY, MINUTES, Active, Hours

NEW_YORK, SANTIAGO, SYDNEY, LORD_HOWE = (
    "America/New_York",
    "America/Santiago",  # changes at midnight
    "Australia/Sydney",
    "Australia/Lord_Howe",  # by half an hour
)
CHANGES = {  # the moment in UTC at which the clocks change
    (NEW_YORK, "spring"): datetime(2026, 3, 8, 7, tzinfo=UTC),
    (NEW_YORK, "autumn"): datetime(2026, 11, 1, 6, tzinfo=UTC),
    (SANTIAGO, "autumn"): datetime(2026, 4, 5, 3, tzinfo=UTC),
    (SANTIAGO, "spring"): datetime(2026, 9, 6, 4, tzinfo=UTC),
    (SYDNEY, "autumn"): datetime(2026, 4, 4, 16, tzinfo=UTC),
    (SYDNEY, "spring"): datetime(2026, 10, 3, 16, tzinfo=UTC),
    (LORD_HOWE, "autumn"): datetime(2026, 4, 4, 15, tzinfo=UTC),
    (LORD_HOWE, "spring"): datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
}
MINUTE = timedelta(minutes=1)


def us(moment: datetime) -> int:
    return int(moment.timestamp()) * MICROS


def open_on_the_wall(window: Active, first: date, last: date) -> set[tuple[date, int]]:
    """Every minute that a calendar on the wall would be marked with, from days up to a week before ``first`` on."""
    marked: set[tuple[date, int]] = set()
    for ordinal in range(first.toordinal() - 7, last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if day.weekday() in window.days:
            for hours in window.hours or (Hours(0, MINUTES),):
                length = (hours.end - hours.start) % MINUTES or MINUTES
                for minute in range(hours.start, hours.start + length):
                    marked.add((day + timedelta(days=minute // MINUTES), minute % MINUTES))
    return marked


def open_minutes(window: Active, around: datetime, span: timedelta) -> list[bool]:
    """Minute by minute: what the window says."""
    start, count = around - span, 2 * span // MINUTE
    return [window.holds(us(start + step * MINUTE)) for step in range(count)]


def expected_minutes(window: Active, around: datetime, span: timedelta) -> list[bool]:
    """Minute by minute: what the marked calendar and the clock beside it say."""
    start, count = around - span, 2 * span // MINUTE
    zone = ZoneInfo(window.timezone)
    walls = [(start + step * MINUTE).astimezone(zone) for step in range(count)]
    marked = open_on_the_wall(window, walls[0].date(), walls[-1].date() + timedelta(days=1))
    return [(wall.date(), wall.hour * 60 + wall.minute) in marked for wall in walls]


minutes = st.integers(0, MINUTES)
ranges = st.builds(Hours, minutes.filter(lambda minute: minute < MINUTES), minutes).filter(lambda h: h.start != h.end)
some_hours = st.lists(ranges, max_size=3).map(tuple)
some_days = st.frozensets(st.integers(0, 6), min_size=1)


@settings(deadline=None)  # the machine may be busy; time is not what is tested
@given(st.sampled_from(sorted(CHANGES)), some_days, some_hours)
@example((NEW_YORK, "spring"), EVERY_DAY, (Hours(90, 150),))
@example((NEW_YORK, "autumn"), frozenset({5}), (Hours(22 * 60, 120),))
@example((SANTIAGO, "spring"), frozenset({5}), (Hours(23 * 60, 60),))
@example((LORD_HOWE, "autumn"), frozenset({6}), (Hours(90, 120),))
def test_a_window_is_open_in_the_minutes_that_a_calendar_is_marked_with(
    change: tuple[str, str], days: frozenset[int], hours: tuple[Hours, ...]
) -> None:
    window = Active(change[0], days, hours)
    span = timedelta(hours=30)
    assert open_minutes(window, CHANGES[change], span) == expected_minutes(window, CHANGES[change], span)


@settings(deadline=None)  # the machine may be busy; time is not what is tested
@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  because timezones= adds it
    st.sampled_from([NEW_YORK, SANTIAGO, SYDNEY, LORD_HOWE, "UTC", "Asia/Kathmandu"]),
    some_days,
    some_hours,
)
def test_a_window_is_so_in_every_year(
    moment: datetime, zone: str, days: frozenset[int], hours: tuple[Hours, ...]
) -> None:
    window = Active(zone, days, hours)
    wall = moment.astimezone(ZoneInfo(zone))
    marked = open_on_the_wall(window, wall.date(), wall.date() + timedelta(days=1))
    assert window.holds(us(moment)) == ((wall.date(), wall.hour * 60 + wall.minute) in marked)


@pytest.mark.parametrize(("zone", "season"), sorted(CHANGES))
def test_the_clocks_change_at_the_moments_that_these_tests_look_at(zone: str, season: str) -> None:
    change = CHANGES[zone, season]
    before, after = (moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in (change - MINUTE, change))
    assert before is not None
    assert after is not None
    assert (after > before) == (season == "spring")


def opened(window: Active, season: str) -> list[str]:
    """From when to when, in the zone's own time, the window is open within 12 hours of the change of clocks."""
    change, zone = CHANGES[window.timezone, season], ZoneInfo(window.timezone)
    start = change - timedelta(hours=12)
    states = [False, *open_minutes(window, change, timedelta(hours=12)), False]
    flips = [step for step, (before, after) in enumerate(pairwise(states)) if before != after]
    walls = [(start + step * MINUTE).astimezone(zone) for step in flips]
    return [f"{opens:%H:%M%z}-{closes:%H:%M%z}" for opens, closes in zip(walls[::2], walls[1::2], strict=True)]


def test_in_spring_a_window_inside_of_the_skipped_hour_never_opens() -> None:
    assert opened(Active(NEW_YORK, hours=(Hours(120, 180),)), "spring") == []


def test_in_spring_a_window_that_ends_in_the_skipped_hour_ends_as_the_hour_is_skipped() -> None:
    assert opened(Active(NEW_YORK, hours=(Hours(90, 150),)), "spring") == ["01:30-0500-03:00-0400"]


def test_in_spring_a_window_that_begins_in_the_skipped_hour_begins_after_it() -> None:
    assert opened(Active(NEW_YORK, hours=(Hours(150, 210),)), "spring") == ["03:00-0400-03:30-0400"]


def test_in_autumn_a_window_inside_of_the_hour_that_comes_twice_opens_twice() -> None:
    windows = opened(Active(NEW_YORK, hours=(Hours(60, 90),)), "autumn")
    assert windows == ["01:00-0400-01:30-0400", "01:00-0500-01:30-0500"]


def test_in_autumn_a_window_around_the_hour_that_comes_twice_is_an_hour_longer() -> None:
    assert opened(Active(NEW_YORK, hours=(Hours(0, 180),)), "autumn") == ["00:00-0400-03:00-0500"]


def test_half_an_hour_is_skipped_and_repeated_where_the_clocks_change_by_that() -> None:
    window = Active(LORD_HOWE, hours=(Hours(105, 120),))
    assert opened(window, "autumn") == ["01:45+1100-01:30+1030", "01:45+1030-02:00+1030"]
    assert opened(Active(LORD_HOWE, hours=(Hours(120, 150),)), "spring") == []


def test_where_midnight_itself_is_skipped_saturdays_night_goes_on_into_sunday() -> None:
    window = Active(SANTIAGO, frozenset({DAYS.index("sat")}), (Hours(23 * 60, 2 * 60),))
    assert opened(window, "spring") == ["23:00-0400-02:00-0300"]


def test_where_the_last_hour_of_saturday_comes_twice_it_is_saturdays_both_times() -> None:
    window = Active(SANTIAGO, frozenset({DAYS.index("sat")}), (Hours(23 * 60, MINUTES),))
    assert opened(window, "autumn") == ["23:00-0300-00:00-0400"]


@pytest.mark.parametrize(
    ("moment", "awake"),
    [
        ("2026-07-10T13:29:59.999999Z", False),
        ("2026-07-10T13:30:00Z", True),
        ("2026-07-10T19:59:59.999999Z", True),
        ("2026-07-10T20:00:00Z", False),  # 16:00:00 in New York
        ("2026-07-11T14:00:00Z", False),  # Saturday
        ("2026-01-09T14:29:59Z", False),  # in winter an hour later
        ("2026-01-09T14:30:00Z", True),
    ],
)
def test_the_trading_day_in_new_york_is_awake_from_its_first_to_before_its_last_instant(
    moment: str, awake: bool
) -> None:
    window = Active(NEW_YORK, frozenset(range(5)), (Hours(570, 960),))
    instant = datetime.fromisoformat(moment)
    assert window.holds(us(instant) + instant.microsecond) is awake


@pytest.mark.parametrize(
    ("moment", "awake"),
    [
        ("2026-07-10T21:59:00Z", False),  # Friday
        ("2026-07-10T22:00:00Z", True),
        ("2026-07-11T01:59:00Z", True),  # Saturday, of Friday's window
        ("2026-07-11T02:00:00Z", False),
        ("2026-07-11T22:00:00Z", False),
        ("2026-07-10T01:00:00Z", False),  # Friday morning would be Thursday's window
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_began(moment: str, awake: bool) -> None:
    window = Active("UTC", frozenset({DAYS.index("fri")}), (Hours(22 * 60, 2 * 60),))
    assert window.holds(us(datetime.fromisoformat(moment))) is awake
