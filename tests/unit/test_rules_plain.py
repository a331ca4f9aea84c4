"""A rule in words: the sentences, and that no condition is left out of them."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from relay.events import Channel
from relay.rules.active import Active, Hours
from relay.rules.plain import sentence
from relay.rules.rule import Levels, PriceRange, Routes, Rule, Symbols, Threshold
from relay.states import StateWanted

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
    state=StateWanted(tfc={"D": "green"}),
)
BREAKS = Rule(name="the market moves", to=("swing",), channel=Channel.BREAKS)
QUOTES = Rule(name="through", to=("bot",), channel=Channel.QUOTES, symbols=Symbols(any=("AAPL",)))
STATES = replace(QUOTES, channel=Channel.STATES)
WORKING_DAYS = frozenset(range(5))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (RULE, "daily bulls: all in-force alerts go to swing and bot."),
        (
            FULL,
            (
                "daily bulls: in-force alerts on AAPL, SPY or any *-USD, on the daily or weekly timeframe, bullish, "
                "shaped 1-2U or 3-*, with a current candle 2U, priced 5 to 500, that are no continuation, "
                "while D is green, go to swing and bot; not sent when older than 10 minutes."
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
            replace(BREAKS, threshold=Threshold(minimum=4)),
            "the market moves: simultaneous breaks of all 4 futures go to swing.",
        ),
        (
            replace(RULE, price=PriceRange(5, 5)),
            "daily bulls: in-force alerts, priced 5, go to swing and bot.",
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
        (
            replace(RULE, state=StateWanted({"W": "green", "D": "green", "Y": "na", "M": "red"})),
            ("daily bulls: in-force alerts, while D and W are green, M is red and Y is na, go to swing and bot."),
        ),
        (
            replace(
                RULE,
                state=StateWanted({}, "bullish", ("energy", "information technology")),
                enrich=True,
                on_unknown="deliver",
                mention=("swing",),
            ),
            (
                "daily bulls: in-force alerts, in the energy or information technology sector, while full continuity "
                "is up, go to swing and bot, pinging swing, with the symbol's state shown; sent too where the "
                "symbol's state can't be known."
            ),
        ),
        (
            replace(BREAKS, state=StateWanted({"D": "red"}, "bearish"), enrich=True, cooldown=60.0),
            (
                "the market moves: simultaneous breaks, while D is red and full continuity is down for each of them, "
                "go to swing, with the futures' states shown; at most one in 1 minute for each timeframe and "
                "direction, unless more futures take part."
            ),
        ),
        (
            replace(RULE, cooldown=900.0, active=Active("America/New_York", WORKING_DAYS, (Hours(570, 960),))),
            (
                "daily bulls: all in-force alerts go to swing and bot; at most one in 15 minutes for each symbol, "
                "timeframe and direction; only from 09:30 to 16:00 in New York, Monday to Friday."
            ),
        ),
        (
            replace(RULE, active=Active("US/Eastern", hours=(Hours(1320, 120), Hours(600, 660)))),
            (
                "daily bulls: all in-force alerts go to swing and bot; only from 22:00 to 02:00 or from 10:00 to "
                "11:00 in US/Eastern."
            ),
        ),
        (
            replace(RULE, active=Active("America/Argentina/Buenos_Aires", frozenset({5, 6}))),
            "daily bulls: all in-force alerts go to swing and bot; only on Saturday and Sunday in Buenos Aires.",
        ),
        (
            replace(RULE, active=Active("UTC", frozenset({6, 0, 1, 3}))),
            "daily bulls: all in-force alerts go to swing and bot; only on Thursday and Sunday to Tuesday in UTC.",
        ),
        (
            replace(RULE, active=Active("UTC")),
            "daily bulls: all in-force alerts go to swing and bot; only on every day in UTC.",
        ),
        (
            replace(QUOTES, levels=Levels(crosses_above=200)),
            "through: quotes of AAPL as the price crosses above 200 go to bot.",
        ),
        (
            replace(
                QUOTES, levels=Levels(crosses_above=200, crosses_below=150.5, above=100), price=PriceRange(maximum=300)
            ),
            (
                "through: quotes of AAPL as the price crosses above 200 or below 150.5 and is above 100 and "
                "300 or less go to bot."
            ),
        ),
        (
            replace(QUOTES, levels=Levels(above=5, below=10), cooldown=3600.0),
            (
                "through: quotes of AAPL as the price comes to be above 5 and below 10 go to bot; "
                "at most one in 1 hour for each symbol."
            ),
        ),
        (
            replace(QUOTES, price=PriceRange(5, 10), symbols=Symbols(any=("AAPL", "SPY"))),
            "through: quotes of AAPL or SPY as the price comes to be 5 to 10 go to bot.",
        ),
        (
            replace(STATES, state=StateWanted({"D": "green", "W": "green"})),
            "through: states of AAPL as D and W become green go to bot.",
        ),
        (
            replace(STATES, state=StateWanted({"D": "red"}, "bullish", ("energy",))),
            ("through: states of AAPL as D becomes red and full continuity turns up, in the energy sector, go to bot."),
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
        "routes": Routes("timeframe", {"D": ("swing",), "else": ("bot",)}),
        "cooldown": 60.0,
        "active": Active("UTC"),
        "state": StateWanted(tfc={"D": "red"}),
        "enrich": True,
        "on_unknown": "deliver",
        "levels": Levels(above=200),
    }
    assert set(changed) == {field.name for field in fields(Rule)}
    on_quotes = {"levels", "channel"}
    changed_rules = [
        replace(QUOTES if name in on_quotes else FULL, **{name: value})  # type: ignore[arg-type]
        for name, value in changed.items()
    ]
    assert len({sentence(rule) for rule in (FULL, QUOTES, *changed_rules)}) == len(changed) + 2


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        (
            Routes("timeframe", {"D": ("swing",), "W": ("swing",), "else": ("scalps",)}),
            "by timeframe: D and W to swing, all others to scalps",
        ),
        (
            Routes("direction", {"bullish": ("up", "bot"), "bearish": ("down",)}),
            "by direction: bullish to up and bot, bearish to down",
        ),
        (Routes("threshold", {"4": ("big",)}), "by threshold: 4 futures to big, all others nowhere"),
        (
            Routes(
                "asset",
                {
                    "stocks": Routes(
                        "timeframe", {"W": ("swing",), "D": ("swing",), "60": ("day",), "else": ("stocks",)}
                    ),
                    "futures": Routes(
                        "timeframe", {"D": ("f-swing",), "60": ("f-day",), "15": ("f-scalps",), "else": ("futures",)}
                    ),
                    "crypto": ("coins",),
                    "else": ("misc",),
                },
            ),
            (
                "by asset and timeframe: stocks on 60 to day, stocks on D and W to swing, all other stocks to stocks, "
                "futures on 15 to f-scalps, futures on 60 to f-day, futures on D to f-swing, all other futures to "
                "futures, crypto to coins, everything else to misc"
            ),
        ),
        (
            Routes(
                "direction",
                {
                    "bullish": Routes("timeframe", {"D": ("a",), "else": ("b",)}),
                    "else": Routes("timeframe", {"D": ("c",), "else": ("d",)}),
                },
            ),
            (
                "by direction and timeframe: bullish alerts on D to a, all other bullish alerts to b, "
                "all but bullish alerts on D to c, everything else to d"
            ),
        ),
        (
            Routes("timeframe", {"D": Routes("asset", {"stocks": ("a",)})}),
            "by timeframe and asset: stocks on D to a, everything else nowhere",
        ),
        (
            Routes(
                "asset",
                {
                    "crypto": Routes(
                        "timeframe", {"D": Routes("direction", {"bullish": ("a",), "else": ("b",)}), "else": ("b",)}
                    ),
                    "stocks": ("a",),
                },
            ),
            (
                "by asset, timeframe and direction: stocks to a, bullish crypto on D to a, all other crypto to b, "
                "everything else nowhere"
            ),
        ),
        (
            Routes("asset", {"crypto": Routes("timeframe", {"D": ("a",), "else": ("b",)}), "else": ("b",)}),
            "by asset and timeframe: crypto on D to a, everything else to b",
        ),
        (
            Routes(
                "threshold", {"4": Routes("timeframe", {"else": ("a", "b")}), "2": Routes("timeframe", {"D": ("b",)})}
            ),
            (
                "by threshold and timeframe: breaks of 2 futures on D to b, breaks of 4 futures to a and b, "
                "everything else nowhere"
            ),
        ),
        (Routes("asset", {"else": ("a",)}), "by asset: everything to a"),
        (
            Routes("threshold", {"4": Routes("direction", {"bullish": ("a",), "bearish": ("b",)}), "else": ("c",)}),
            (
                "by threshold and direction: bullish breaks of 4 futures to a, bearish breaks of 4 futures to b, "
                "everything else to c"
            ),
        ),
    ],
)
def test_routes_tell_every_way_in_one_clause(routes: Routes, expected: str) -> None:
    rule = replace(RULE, to=routes.every(), routes=routes)
    assert sentence(rule) == f"daily bulls: all in-force alerts go {expected}."
