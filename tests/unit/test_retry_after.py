from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.retry_after import LONGEST, parse_retry_after, parse_seconds
from tests.support.clock import START_US

NOW = "Fri, 10 Apr 2026 13:45:22 GMT"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0\x1f", 0.0),
        ("1.5", 1.5),
        ("0.729", 0.729),
        ("-3", 0.0),
        ("+4", 4.0),
        (NOW, 0.0),
        ("Fri, 10 Apr 2026 13:46:22 GMT", 60.0),
        ("Fri, 10 Apr 2026 13:46:22 +0000", 60.0),
        ("Friday, 10-Apr-26 13:46:22 GMT", 60.0),  # RFC 850
        ("Fri Apr 10 13:46:22 2026", 60.0),  # asctime
        ("Fri, 10 Apr 2026 15:46:22 +0200", 60.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("1e3", None),
        ("nan", None),
        ("inf", None),
        ("1,5", None),
        ("12 seconds", None),
        ("Fri, 99 Apr 2026 13:46:22 GMT", None),
        ("9" * 400, None),
        ("1775828722000", None),  # milliseconds since the epoch, by mistake
        ("Fri, 10 Apr 2099 13:46:22 GMT", None),
        ("١٢", None),
    ],
)
def test_a_wait_is_seconds_or_a_date_and_garbage_is_none(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text, START_US) == seconds


@given(st.text(max_size=60))
def test_no_text_makes_it_raise_or_answer_outside_zero_to_a_year(text: str) -> None:
    seconds = parse_retry_after(text, START_US)
    assert seconds is None or 0 <= seconds <= LONGEST


@given(st.from_regex(r"(Mon, )?[0-9]{1,3}[ -][A-Z][a-z]{2}[ -][0-9]{1,5} [0-9:]{1,9}( [A-Z]{3}| [+-][0-9]{1,5})?"))
def test_no_date_like_text_makes_it_raise(text: str) -> None:
    seconds = parse_retry_after(text, START_US)
    assert seconds is None or 0 <= seconds <= LONGEST


@given(st.floats(min_value=0, max_value=1e6, allow_nan=False))
def test_decimals_are_obeyed_in_full(seconds: float) -> None:
    parsed = parse_seconds(f"{seconds:.6f}")
    assert parsed is not None
    assert math.isclose(parsed, seconds, abs_tol=1e-6)


@given(st.integers(min_value=0, max_value=300 * 86400))
def test_a_date_is_obeyed_to_the_second(ahead: int) -> None:
    then = datetime.fromtimestamp(START_US // MICROS + ahead, UTC)
    assert parse_retry_after(format_datetime(then, usegmt=True), START_US) == ahead
