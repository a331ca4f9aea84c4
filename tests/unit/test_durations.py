"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.durations import format_duration, parse_duration, roughly

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("10s", 10), ("5m", 300), ("2h", 7200), ("7d", 604800), ("1.5h", 5400), ("0m", 0), (" 1s ", 1)],
)
def test_a_number_and_a_unit_are_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "s",
        "-1s",
        "+1s",
        "1 s",
        "1h30m",
        "1e3s",
        "10S",
        "1w",
        "½h",
        "\u0661s",
        "1s1",
        "nans",
        ".5s",
        "1.s",
        "1_0s",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a duration is a number and a unit"):
        parse_duration(text)


def test_what_is_longer_than_any_number_is_refused() -> None:
    with pytest.raises(ValueError, match="as long as that"):
        parse_duration("9" * 400 + "d")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.25, "250ms"), (90, "90s"), (7200, "2h"), (604800, "7d"), (86400.5, "86400500ms"), (60, "1m")],
)
def test_the_shortest_exact_form_is_shown(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, 100_000), st.sampled_from(sorted(UNITS)))
def test_what_is_written_out_is_read_back_as_the_same_time(count: int, unit: str) -> None:
    seconds = parse_duration(f"{count}{unit}")
    assert seconds == pytest.approx(count * UNITS[unit])
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=1e-12)


@given(st.text())
def test_no_text_does_worse_than_a_value_error(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert seconds >= 0


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(1, "1 second"), (119.9, "119 seconds"), (120, "2 minutes"), (7200, "2 hours"), (172_800, "2 days")],
)
def test_a_span_is_told_roughly(seconds: float, expected: str) -> None:
    assert roughly(seconds) == expected
