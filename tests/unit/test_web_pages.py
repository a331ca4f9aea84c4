"""The small decisions behind the pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import relay.web
from relay.clock import MICROS
from relay.events import Channel
from relay.outbox.channels import Hole
from relay.web.answers import plain
from relay.web.shown import clock_time, short_seconds, span

WEB = Path(relay.web.__file__).parent
FILES = sorted(WEB.glob("templates/**/*.html"))
SCRIPT = '<script type="module" src="/static/page.js"></script>'


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "0s"),
        (0, "0s"),
        (4.9, "4s"),
        (60, "1m 0s"),
        (192, "3m 12s"),
        (3_599, "59m 59s"),
        (7_500, "2h 5m"),
        (788_400, "9d 3h"),
    ],
)
def test_a_span_is_told_at_the_precision_of_a_glance(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-04-10T13:45:22.123456Z", "13:45:22"),
        ("2026-04-10T09:45:22-04:00", "13:45:22"),
        ("2026-04-10T13:45Z", "13:45"),
        ("2026-04-09T23:59:59Z", "2026-04-09 23:59"),
        ("half past nine", "half past nine"),
    ],
)
def test_a_time_is_told_short_and_with_its_day_where_that_is_not_today(text: str, shown: str) -> None:
    assert clock_time(text, 1_775_828_722 * MICROS) == shown


def test_times_are_told_as_text_and_the_upstreams_object_is_left_alone() -> None:
    hole = Hole(Channel.BREAKS, 1, 2, "timeframe=D", 1_775_828_722 * MICROS)

    assert plain({"hole": hole, "at_us": None, "data": {"price_us": 187}}) == {
        "hole": {
            "channel": "alerts.simultaneous_breaks",
            "after_id": 1,
            "up_to_id": 2,
            "part": "timeframe=D",
            "found_at": "2026-04-10T13:45:22.000Z",
        },
        "at": None,
        "data": {"price_us": 187},
    }


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0 ms"),
        (0.012, "12 ms"),
        (0.34, "0.34 s"),
        (4.21, "4.2 s"),
        (-0.2, "-0.20 s"),
        (192, "3m 12s"),
        (-75, "-1m 15s"),
    ],
)
def test_a_latency_is_told_in_the_unit_a_person_would_use(seconds: float, shown: str) -> None:
    assert short_seconds(seconds) == shown


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(WEB / "templates").as_posix())
def test_pages_have_no_inline_script_or_style_and_nothing_of_another_site(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace(SCRIPT, "")
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:|https?://|\|\s*safe", text)


@pytest.mark.parametrize("file", sorted(WEB.glob("static/*")), ids=lambda file: file.name)
def test_what_the_page_loads_needs_no_other_site_and_runs_no_text_as_code(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(
        r"https?://|@import|\beval\b|innerHTML|outerHTML|insertAdjacentHTML|document\.write|new Function", text
    )
