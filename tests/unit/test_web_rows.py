"""What the page shows of an alert, whatever of it was told."""

from __future__ import annotations

from typing import Any

import pytest

from relay.redaction import register_secret
from relay.secret import Secret
from relay.web.looks import Look
from relay.web.rows import Fate, Row, brief, row_of
from relay.web.shown import LONGEST
from tests.support.desk import NOW_US, an_event


def test_a_setup_is_told_with_its_direction_as_a_word_and_a_sign() -> None:
    row = shown({**an_event(7), "received_at": "2026-04-10T13:45:22Z", "source": "backfill"})
    assert (row.number, row.key, row.symbol, row.names) == ("7", "alerts.in_force:7", "AAPL", ("AAPL",))
    assert (row.timeframe, row.arrow, row.direction, row.way) == ("D", "▲", "bullish", "bullish")
    assert (row.shape, row.price, row.received_us, row.recovered) == ("1-2U", "187.50", NOW_US, True)
    assert row.fates == (Fate("bot", "delivered", Look.GOOD),)
    assert '"price_us": 187' in row.payload
    assert row.is_whole


@pytest.mark.parametrize("times", [3_000, 30_000])
def test_of_a_large_object_the_beginning_is_shown_without_a_secret_or_the_half_of_one(times: int) -> None:
    secret = "https://discord.example/api/webhooks/1/half-of-a-secret"
    register_secret(Secret(secret))
    for shift in range(0, len(secret), 9):
        row = shown({**an_event(7), "data": {"pad": "x" * shift, "many": [secret] * times}})
        assert not row.is_whole
        assert row.payload.count("***") > 100
        assert "secret" not in row.payload
        assert "discord" not in row.payload
        assert len(row.payload) <= LONGEST + 1


def shown(event: dict[str, Any]) -> Row:
    return row_of(brief(event))


def test_what_was_suppressed_says_why() -> None:
    held = {"deliveries": {"bot": "suppressed"}, "suppressed": {"bot": {"last_code": "cooldown", "last_error": "a: b"}}}
    assert row_of({**an_event(7), **held}).fates == (Fate("bot", "suppressed", Look.REST, "cooldown", "a: b"),)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({}, ""),
        ({"deliveries": {}, "source": "live"}, "no rule wanted it"),
        ({"deliveries": {}, "source": "backfill"}, "not sent to anyone"),
        ({"deliveries": {}, "source": "backfill", "before_start": True}, "before the first start, not delivered"),
        ({"deliveries": {}, "source": "live", "data": None}, "what became of it is no longer kept"),
    ],
)
def test_what_went_nowhere_says_why_as_far_as_that_is_known(event: dict[str, Any], said: str) -> None:
    assert shown({**an_event(7), **event}).nowhere == said


def test_a_break_is_told_by_its_futures_and_how_many_they_are() -> None:
    event = {**an_event(7), "symbol": None, "symbols": ["ES1!", "NQ1!", "YM1!"], "shape": None, "threshold": 3}
    row = row_of({**event, "direction": "bearish"})
    assert (row.symbol, row.shape, row.arrow) == ("ES NQ YM", "3 of 4", "▼")
    assert row.names == ("ES1!", "NQ1!", "YM1!")


@pytest.mark.parametrize(
    "event",
    [
        {},
        dict.fromkeys((*an_event(1), "symbols", "received_at"), None),
        {"symbol": 7, "symbols": [None], "direction": ["up"], "deliveries": {1: None}, "data": [1], "price": {}},
    ],
    ids=["nothing", "null", "otherwise"],
)
def test_what_was_not_told_or_told_oddly_is_no_fault(event: dict[str, Any]) -> None:
    row = shown(event)
    assert (row.way, row.arrow) == ("neither", "–")
    assert row.received_us is None
