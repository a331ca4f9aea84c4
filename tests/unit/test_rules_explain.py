"""What each condition means, one table a condition: the rule, the event, and whether it holds."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from relay.events import Channel, Event
from relay.rules.explain import Failure, admits, failures
from relay.rules.match import compile_rules
from relay.rules.rule import PriceRange, Rule, Symbols, Threshold

RULE = Rule(name="rule", to=("swing",))
BREAK_RULE = replace(RULE, channel=Channel.BREAKS)
ALERT = Event(
    Channel.IN_FORCE,
    id=98421,
    symbol="AAPL",
    timeframe="D",
    direction="bullish",
    shape="1-2U",
    price=214.32,
    cc="2U",
    continuation=False,
)
BREAK = Event(
    Channel.BREAKS,
    id=4112,
    timeframe="D",
    direction="bullish",
    threshold=3,
    symbols=("ES1!", "NQ1!", "YM1!"),
)


def _holds(rule: Rule, event: Event) -> bool:
    """What the rule alone says; the compiled index has to say the same."""
    answer = admits(rule, event)
    assert compile_rules([rule]).match(event) == ((rule,) if answer else ())
    return answer


def test_a_rule_without_conditions_admits_every_event_of_its_channel() -> None:
    assert _holds(RULE, ALERT)
    assert _holds(RULE, Event(Channel.IN_FORCE))
    assert _holds(BREAK_RULE, Event(Channel.BREAKS))


@pytest.mark.parametrize(
    ("symbols", "symbol", "holds"),
    [
        (Symbols(any=("AAPL", "SPY")), "SPY", True),
        (Symbols(any=("aapl",)), "AAPL", True),
        (Symbols(any=("AAPL",)), "aapl", True),
        (Symbols(any=("AAPL",)), "AAPLX", False),
        (Symbols(any=("*-USD",)), "BTC-USD", True),
        (Symbols(any=("*-usd",)), "BTC-USD", True),
        (Symbols(any=("*-USD",)), "USD", False),
        (Symbols(any=("?PY",)), "SPY", True),
        (Symbols(any=("[AB]*",)), "BRK.B", True),
        (Symbols(any=("[!AB]*",)), "BRK.B", False),
        (Symbols(any=("*",)), "ANY", True),
        (Symbols(none=("AAPL",)), "AAPL", False),
        (Symbols(none=("AAPL",)), "SPY", True),
        (Symbols(none=("*-USD",)), "BTC-USD", False),
        (Symbols(any=("*-USD",), none=("DOGE-USD",)), "BTC-USD", True),
        (Symbols(any=("*-USD",), none=("DOGE-USD",)), "DOGE-USD", False),
        (Symbols(any=("AAPL",), none=("AAPL",)), "AAPL", False),
        (Symbols(any=("NQ",)), "NQ=F", False),  # contract suffixes count, except on breaks
        (Symbols(any=("NQ=F",)), "NQ=F", True),
        (Symbols(any=("*",)), None, False),
        (Symbols(none=("AAPL",)), None, False),
        (Symbols(any=("*",)), "", False),
        (Symbols(), None, True),
    ],
)
def test_symbol(symbols: Symbols, symbol: str | None, holds: bool) -> None:
    event = Event(Channel.IN_FORCE, symbol=symbol)
    assert _holds(replace(RULE, symbols=symbols), event) is holds


@pytest.mark.parametrize(
    ("symbols", "holds"),
    [
        (Symbols(any=("ES",)), True),
        (Symbols(any=("es1!",)), True),
        (Symbols(any=("ES=F",)), True),
        (Symbols(any=("RTY", "YM")), True),
        (Symbols(any=("RTY",)), False),
        (Symbols(any=("E",)), False),
        (Symbols(any=("E*",)), True),
        (Symbols(any=("??",)), True),
        (Symbols(any=("N?1!",)), True),
        (Symbols(any=("N?=F",)), True),
        (Symbols(any=("*=F",)), True),
        (Symbols(any=("R*",)), False),
        (Symbols(none=("RTY",)), True),
        (Symbols(none=("YM",)), False),
        (Symbols(none=("Y*",)), False),
        (Symbols(any=("ES",), none=("YM=F",)), False),
        (Symbols(any=("ES",), none=("RTY",)), True),
    ],
)
def test_symbol_on_a_break_means_any_participant_with_or_without_its_suffix(symbols: Symbols, holds: bool) -> None:
    assert _holds(replace(BREAK_RULE, symbols=symbols), BREAK) is holds
    yahoo = Event(Channel.BREAKS, symbols=("ES=F", "NQ=F", "YM=F"))
    assert _holds(replace(BREAK_RULE, symbols=symbols), yahoo) is holds


def test_a_break_that_names_nobody_meets_no_symbol_condition() -> None:
    nameless = Event(Channel.BREAKS, threshold=3)
    assert not _holds(replace(BREAK_RULE, symbols=Symbols(any=("ES",))), nameless)
    assert not _holds(replace(BREAK_RULE, symbols=Symbols(none=("ES",))), nameless)
    assert _holds(BREAK_RULE, nameless)


@pytest.mark.parametrize(
    ("threshold", "said", "participants", "holds"),
    [
        (Threshold(minimum=3), 3, (), True),
        (Threshold(minimum=3), 4, (), True),
        (Threshold(minimum=3), 2, (), False),
        (Threshold(exactly=frozenset({2, 4})), 4, (), True),
        (Threshold(exactly=frozenset({2, 4})), 3, (), False),
        (Threshold(minimum=3), None, ("ES1!", "NQ1!", "YM1!"), True),
        (Threshold(minimum=3), None, ("ES1!", "NQ1!"), False),
        (Threshold(exactly=frozenset({2})), None, ("ES1!", "ES=F", "NQ1!"), True),
        (Threshold(minimum=3), 2, ("ES1!", "NQ1!", "YM1!"), False),  # what was said counts, not what was listed
        (Threshold(minimum=0), None, (), False),
        (None, None, (), True),
    ],
)
def test_threshold(threshold: Threshold | None, said: int | None, participants: tuple[str, ...], holds: bool) -> None:
    event = Event(Channel.BREAKS, threshold=said, symbols=participants)
    assert _holds(replace(BREAK_RULE, threshold=threshold), event) is holds


@pytest.mark.parametrize(
    ("wanted", "price", "holds"),
    [
        (PriceRange(5, 500), 5.0, True),
        (PriceRange(5, 500), 500.0, True),
        (PriceRange(5, 500), 4.99, False),
        (PriceRange(5, 500), math.nextafter(500, 501), False),
        (PriceRange(minimum=5), 1e9, True),
        (PriceRange(maximum=5), 0.01, True),
        (PriceRange(maximum=5), 5.01, False),
        (PriceRange(500, 5), 100.0, False),
        (PriceRange(), 1.0, True),
        (PriceRange(), None, False),
        (PriceRange(5, 500), None, False),
        (PriceRange(), math.nan, False),
        (None, None, True),
    ],
)
def test_price(wanted: PriceRange | None, price: float | None, holds: bool) -> None:
    event = Event(Channel.IN_FORCE, price=price)
    assert _holds(replace(RULE, price=wanted), event) is holds


@pytest.mark.parametrize(
    ("rule", "event", "holds"),
    [
        (replace(RULE, timeframes=frozenset({"d", "W"})), Event(Channel.IN_FORCE, timeframe="D"), True),
        (replace(RULE, timeframes=frozenset({"4H"})), Event(Channel.IN_FORCE, timeframe="4h"), True),
        (replace(RULE, timeframes=frozenset({"D"})), Event(Channel.IN_FORCE, timeframe="W"), False),
        (replace(RULE, timeframes=frozenset({"D"})), Event(Channel.IN_FORCE), False),
        (replace(RULE, directions=frozenset({"Bullish"})), Event(Channel.IN_FORCE, direction="BULLISH"), True),
        (replace(RULE, directions=frozenset({"bearish"})), Event(Channel.IN_FORCE, direction="bullish"), False),
        (replace(RULE, directions=frozenset({"bearish"})), Event(Channel.IN_FORCE), False),
        (replace(RULE, shapes=("1-2u",)), Event(Channel.IN_FORCE, shape="1-2U"), True),
        (replace(RULE, shapes=("3-*",)), Event(Channel.IN_FORCE, shape="3-1-2U"), True),
        (replace(RULE, shapes=("3-*",)), Event(Channel.IN_FORCE, shape="2U-3-1"), False),
        (replace(RULE, shapes=("3", "*-2D")), Event(Channel.IN_FORCE, shape="1-2d"), True),
        (replace(RULE, shapes=("*",)), Event(Channel.IN_FORCE), False),
        (replace(RULE, candles=frozenset({"2u"})), Event(Channel.IN_FORCE, cc="2U"), True),
        (replace(RULE, candles=frozenset({"2U"})), Event(Channel.IN_FORCE, cc="2D"), False),
        (replace(RULE, candles=frozenset({"2U"})), Event(Channel.IN_FORCE), False),
        (replace(RULE, continuation=True), Event(Channel.IN_FORCE, continuation=True), True),
        (replace(RULE, continuation=True), Event(Channel.IN_FORCE, continuation=False), False),
        (replace(RULE, continuation=False), Event(Channel.IN_FORCE, continuation=False), True),
        (replace(RULE, continuation=False), Event(Channel.IN_FORCE), False),
        (replace(RULE, enabled=False), ALERT, False),
        (RULE, BREAK, False),
    ],
)
def test_every_other_condition(rule: Rule, event: Event, holds: bool) -> None:
    assert _holds(rule, event) is holds
    assert (failures(rule, event) == ()) is holds


@pytest.mark.parametrize(
    ("rule", "event", "expected"),
    [
        (RULE, ALERT, []),
        (replace(RULE, enabled=False, timeframes=frozenset({"W"})), ALERT, ["enabled: found false, wanted true"]),
        (BREAK_RULE, ALERT, ["channel: found alerts.in_force, wanted alerts.simultaneous_breaks"]),
        (
            replace(
                RULE,
                symbols=Symbols(any=("SPY", "*-USD"), none=("ETH-USD",)),
                timeframes=frozenset({"W", "60"}),
                directions=frozenset({"bearish"}),
                shapes=("3-*", "2U-2D"),
                candles=frozenset({"3", "1"}),
                continuation=True,
                price=PriceRange(maximum=200),
            ),
            ALERT,
            [
                "symbol: found AAPL, wanted SPY or *-USD, not ETH-USD",
                "timeframe: found D, wanted 60 or W",
                "direction: found bullish, wanted bearish",
                "shape: found 1-2U, wanted 3-* or 2U-2D",
                "cc: found 2U, wanted 1 or 3",
                "continuation: found false, wanted true",
                "price: found 214.32, wanted 200 or less",
            ],
        ),
        (
            replace(
                BREAK_RULE,
                symbols=Symbols(none=("ES", "NQ")),
                threshold=Threshold(exactly=frozenset({4, 2})),
            ),
            BREAK,
            [
                "symbol: found ES1!, NQ1! and YM1!, wanted none of them ES or NQ",
                "threshold: found 3, wanted exactly 2 or 4",
            ],
        ),
        (
            replace(
                RULE,
                symbols=Symbols(any=("SPY",)),
                timeframes=frozenset({"D"}),
                directions=frozenset({"bullish"}),
                shapes=("3",),
                candles=frozenset({"3"}),
                continuation=False,
                threshold=Threshold(minimum=2),
                price=PriceRange(minimum=5),
            ),
            Event(Channel.IN_FORCE),
            [
                "symbol: found nothing, wanted SPY",
                "timeframe: found nothing, wanted D",
                "direction: found nothing, wanted bullish",
                "shape: found nothing, wanted 3",
                "cc: found nothing, wanted 3",
                "continuation: found nothing, wanted false",
                "threshold: found nothing, wanted 2 or more",
                "price: found nothing, wanted 5 or more",
            ],
        ),
    ],
)
def test_failures_name_what_was_found_and_what_was_wanted(rule: Rule, event: Event, expected: list[str]) -> None:
    assert [str(failure) for failure in failures(rule, event)] == expected


def test_a_failure_can_be_taken_apart() -> None:
    rule = replace(RULE, timeframes=frozenset({"W", "M"}))
    assert failures(rule, ALERT) == (Failure("timeframe", wanted="W or M", found="D"),)
