"""What is no fault in a rule and may still not be what was meant."""

from __future__ import annotations

import pytest

from relay.config.doubts import doubts_of
from tests.support.config_text import config_text, read

NOTHING = "a matches nothing: none of its symbols is left by asset and not"


@pytest.mark.parametrize(
    ("where", "text", "doubts"),
    [
        ("rule", "active: {timezone: America/New_York, days: mon-fri}", []),
        (
            "rule",
            "active: {timezone: EST, days: mon-fri}",
            ["a: the time zone EST knows no summer time; America/New_York does"],
        ),
        ("rule", "shape: [1-2U, 2-2U, '3-*', 3-1-2d]", []),
        ("rule", "shape: [12U, 1-2U]", ["a: no alert has the shape 12U: it is candles (1, 2U, 2D or 3) joined by '-'"]),
        ("rule", "symbol: [AAPL, BTC-USD]⏎    asset: crypto", []),
        ("rule", "symbol: [AAPL, SPY]⏎    asset: crypto", [NOTHING]),
        ("rule", "symbol: ['A*']⏎    asset: crypto", []),
        ("rule", "symbol: {any: [AAPL], not: ['A*']}", [NOTHING]),
        ("rule", "symbol: {not: ['A*']}", []),
        ("quotes", "symbol: {any: [BTC-USD, ETH-USD], not: '*-USD'}⏎    price: {above: 1}", [NOTHING]),
        ("breaks", "symbol: ES⏎    asset: futures", []),
        ("breaks", "symbol: ES⏎    asset: stocks", [NOTHING]),
        ("breaks", "symbol: {any: ES1!, not: ES}", [NOTHING]),
    ],
)
def test_what_may_not_be_meant_is_noted(where: str, text: str, doubts: list[str]) -> None:
    (rule,) = read(config_text(where, text.replace("⏎", "\n"))).rules
    assert list(doubts_of(rule)) == doubts
