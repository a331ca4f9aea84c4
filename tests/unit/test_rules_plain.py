"""A rule in words: the sentences, and that no condition is left out of them."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from relay.events import Channel
from relay.rules.plain import sentence
from relay.rules.rule import PriceRange, Rule, Symbols, Threshold

RULE = Rule(name="daily bulls", to=("swing", "bot"))
FULL = replace(
    RULE,
    symbols=Symbols(any=("AAPL", "SPY", "*-USD")),
    timeframes=frozenset({"W", "D"}),
    directions=frozenset({"bullish"}),
    shapes=("1-2U", "3-*"),
    candles=frozenset({"2U"}),
    price=PriceRange(5, 500),
    continuation=False,
    max_age=600.0,
)
BREAKS = Rule(name="the market moves", to=("swing",), channel=Channel.BREAKS)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (RULE, "daily bulls: all in-force alerts go to swing and bot."),
        (
            FULL,
            (
                "daily bulls: in-force alerts on AAPL, SPY or any *-USD, on the daily or weekly timeframe, bullish, "
                "shaped 1-2U or 3-*, with a current candle 2U, priced 5 to 500, that are no continuation, "
                "go to swing and bot; not sent when older than 10 minutes."
            ),
        ),
        (
            replace(RULE, enabled=False, to=("swing",)),
            "daily bulls (switched off): all in-force alerts go to swing.",
        ),
        (
            replace(RULE, symbols=Symbols(any=("AAPL",))),
            "daily bulls: in-force alerts on AAPL go to swing and bot.",
        ),
        (
            replace(RULE, symbols=Symbols(none=("TSLA", "*-USD"))),
            "daily bulls: in-force alerts on every symbol but TSLA or any *-USD go to swing and bot.",
        ),
        (
            replace(RULE, symbols=Symbols(any=("*",), none=("AAPL",))),
            "daily bulls: in-force alerts on every symbol but AAPL go to swing and bot.",
        ),
        (
            replace(RULE, symbols=Symbols(any=("AAPL", "*"))),
            "daily bulls: in-force alerts on every symbol go to swing and bot.",
        ),
        (
            replace(RULE, symbols=Symbols(any=("*-USD",), none=("DOGE-USD",))),
            "daily bulls: in-force alerts on any *-USD but not DOGE-USD go to swing and bot.",
        ),
        (
            replace(RULE, timeframes=frozenset({"15", "30", "60", "4H", "12H", "D", "W", "M", "Q", "Y"})),
            (
                "daily bulls: in-force alerts, on the 15-minute, 30-minute, 60-minute, 4-hour, 12-hour, daily, weekly, "
                "monthly, quarterly or yearly timeframe, go to swing and bot."
            ),
        ),
        (
            replace(RULE, directions=frozenset({"bearish", "bullish"}), candles=frozenset({"3", "1", "2D"})),
            "daily bulls: in-force alerts, bullish or bearish, with a current candle 1, 2D or 3, go to swing and bot.",
        ),
        (
            replace(RULE, price=PriceRange(minimum=0.0001), continuation=True, max_age=90.0),
            (
                "daily bulls: in-force alerts, priced 0.0001 or more, that are a continuation, go to swing and bot; "
                "not sent when older than 90 seconds."
            ),
        ),
        (
            replace(RULE, price=PriceRange(maximum=1234567.25), max_age=3600.0),
            (
                "daily bulls: in-force alerts, priced 1234567.25 or less, go to swing and bot; "
                "not sent when older than 1 hour."
            ),
        ),
        (
            replace(RULE, price=PriceRange(), max_age=0.25),
            (
                "daily bulls: in-force alerts, priced at all, go to swing and bot; not sent when older than "
                "250 milliseconds."
            ),
        ),
        (
            replace(RULE, symbols=Symbols(any=tuple(f"S{number}" for number in range(500)))),
            "daily bulls: in-force alerts on S0, S1, S2, S3, S4, S5, S6, S7, S8, S9 or 490 more go to swing and bot.",
        ),
        (BREAKS, "the market moves: all simultaneous breaks go to swing."),
        (
            replace(RULE, otherwise=True),
            "daily bulls: in-force alerts, that no other rule matched, go to swing and bot.",
        ),
        (
            replace(RULE, assets=frozenset({"crypto", "stocks"}), directions=frozenset({"bullish"})),
            "daily bulls: in-force alerts, of stocks or crypto, bullish, go to swing and bot.",
        ),
        (
            replace(BREAKS, threshold=Threshold(minimum=3)),
            "the market moves: simultaneous breaks of 3 or more futures go to swing.",
        ),
        (
            replace(
                BREAKS,
                threshold=Threshold(exactly=frozenset({4, 2})),
                symbols=Symbols(any=("ES", "NQ"), none=("RTY",)),
                timeframes=frozenset({"D"}),
                directions=frozenset({"bearish"}),
            ),
            (
                "the market moves: simultaneous breaks of exactly 2 or 4 futures with ES or NQ among them "
                "and without RTY, on the daily timeframe, bearish, go to swing."
            ),
        ),
        (
            replace(BREAKS, symbols=Symbols(none=("RTY",))),
            "the market moves: simultaneous breaks without RTY go to swing.",
        ),
        (replace(RULE, channel=Channel.QUOTES), "daily bulls: all quotes go to swing and bot."),
        (replace(RULE, channel=Channel.STATES), "daily bulls: all states go to swing and bot."),
    ],
)
def test_a_rule_is_one_plain_sentence(rule: Rule, expected: str) -> None:
    assert sentence(rule) == expected


def test_every_field_of_a_rule_is_heard() -> None:
    changed = {
        "name": "other",
        "to": ("misc",),
        "enabled": False,
        "channel": Channel.BREAKS,
        "symbols": Symbols(any=("SPY",)),
        "assets": frozenset({"crypto"}),
        "timeframes": frozenset({"M"}),
        "directions": frozenset({"bearish"}),
        "shapes": ("3",),
        "candles": frozenset({"1"}),
        "threshold": Threshold(minimum=2),
        "price": PriceRange(1, 2),
        "continuation": True,
        "max_age": 1.0,
        "mention": ("swing",),
        "otherwise": True,
    }
    assert set(changed) == {field.name for field in fields(Rule)}
    said = {sentence(replace(FULL, **{name: value})) for name, value in changed.items()}  # type: ignore[arg-type]
    assert len(said | {sentence(FULL)}) == len(changed) + 1
