"""Each rule of a config with what keeps it from an event: other rules, a value of a quote, a missing route."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from relay.edges.condition import quote_condition, state_condition
from relay.events import Channel, Event
from relay.rules.explain import Explanation, Failure, explained, unrouted
from relay.rules.rule import Levels, PriceRange, Routes, Rule, Symbols
from relay.states import StateWanted, snapshot_of

RULE = Rule("daily", to=("a",), timeframes=frozenset({"D"}))
ALERT = Event(Channel.IN_FORCE, symbol="AAPL", timeframe="D", direction="bullish")
QUOTES = Rule("through", to=("a",), channel=Channel.QUOTES, symbols=Symbols(any=("AAPL",)))
STATES = replace(QUOTES, name="full", channel=Channel.STATES)


def said(*rules: Rule, event: Event = ALERT) -> list[list[str]]:
    return [[str(failure) for failure in own.failures] for own in explained(rules, event)]


def test_every_rule_is_told_in_the_order_of_the_config() -> None:
    weekly = Rule("weekly", to=("b",), timeframes=frozenset({"W"}), directions=frozenset({"bearish"}))
    off = Rule("off", to=("b",), enabled=False)
    assert explained([weekly, off, RULE], ALERT) == (
        Explanation(weekly, (Failure("timeframe", "W", "D"), Failure("direction", "bearish", "bullish"))),
        Explanation(off, (Failure("enabled", "true", "false"),)),
        Explanation(RULE),
    )


def test_an_otherwise_names_the_rules_that_matched_before_it() -> None:
    rest = Rule("rest", to=("b",), otherwise=True)
    weekly_rest = replace(rest, name="weekly rest", timeframes=frozenset({"W"}))
    assert said(rest, RULE, Rule("all", to=("b",)), weekly_rest) == [
        ["otherwise: found daily and all, wanted no other rule matches"],
        [],
        [],
        ["timeframe: found D, wanted W"],
    ]
    assert said(rest, replace(RULE, timeframes=frozenset({"W"}))) == [[], ["timeframe: found D, wanted W"]]


@pytest.mark.parametrize(
    ("routes", "event", "expected"),
    [
        (None, ALERT, None),
        (Routes("timeframe", {"D": ("a",)}), ALERT, None),
        (Routes("timeframe", {"W": ("a",), "else": ("b",)}), ALERT, None),
        (Routes("timeframe", {"W": ("a",)}), ALERT, "timeframe D"),
        (Routes("timeframe", {"W": ("a",)}), Event(Channel.IN_FORCE, symbol="X"), "an alert without timeframe"),
        (Routes("asset", {"stocks": Routes("timeframe", {"W": ("a",)})}), ALERT, "asset stocks, timeframe D"),
        (Routes("asset", {"else": Routes("direction", {"bullish": ("a",)})}), ALERT, None),
        (
            Routes("threshold", {"4": ("a",)}),
            Event(Channel.BREAKS, symbols=("ES1!", "NQ1!")),
            "threshold 2",
        ),
    ],
)
def test_what_has_no_route_is_named_and_is_no_failed_condition(
    routes: Routes | None, event: Event, expected: str | None
) -> None:
    rule = Rule("rule", to=("a",), channel=event.channel, routes=routes)
    assert unrouted(rule, event) == expected
    assert (rule.destinations(event) == ()) is (expected is not None)
    assert explained([rule], event) == (Explanation(rule, unrouted=expected),)


@pytest.mark.parametrize("price", [None, 4.0, 5.0, 6.0, 9.0, 10.0, 11.0])
@pytest.mark.parametrize(
    "levels",
    [
        Levels(above=5),
        Levels(below=10),
        Levels(above=5, below=10),
        Levels(crosses_above=5),
        Levels(crosses_below=5),
        Levels(crosses_above=10, crosses_below=5),
    ],
)
@pytest.mark.parametrize("bounds", [None, PriceRange(5, 10)])
def test_a_quote_is_judged_as_the_edges_judge_it(
    levels: Levels, price: float | None, bounds: PriceRange | None
) -> None:
    rule = replace(QUOTES, levels=levels, price=bounds)
    (own,) = explained([rule], Event(Channel.QUOTES, symbol="AAPL", price=price))
    condition = quote_condition(rule)
    holds = price is not None and condition.fires(0, condition.side(price), price)
    assert own.matched is holds


def test_a_price_is_found_and_wanted() -> None:
    quote = Event(Channel.QUOTES, symbol="AAPL", price=150.5)
    rules = [
        replace(QUOTES, levels=Levels(crosses_above=200, crosses_below=100)),
        replace(QUOTES, levels=Levels(above=200, below=150)),
        replace(QUOTES, symbols=Symbols(any=("SPY",))),
        RULE,
    ]
    assert said(*rules, event=quote) == [
        ["price: found 150.5, wanted above 200 or below 100"],
        ["price: found 150.5, wanted above 200", "price: found 150.5, wanted below 150"],
        ["symbol: found AAPL, wanted SPY"],
        ["channel: found quotes, wanted alerts.in_force"],
    ]


def test_a_state_is_judged_as_the_edges_judge_it() -> None:
    data = msgspec.json.encode({"symbol": "AAPL", "tfc": {"D": "green", "W": "red"}})
    event = Event(Channel.STATES, symbol="AAPL", data=data)
    for tfc in ({"D": "green"}, {"W": "green"}, {"D": "green", "W": "red"}):
        rule = replace(STATES, state=StateWanted(tfc=tfc))
        (own,) = explained([rule], event)
        assert own.matched is bool(state_condition(rule).side(snapshot_of(data)))
    wanted = StateWanted(tfc={"W": "green"}, ftfc="bullish")
    assert said(replace(STATES, state=wanted), event=event) == [
        [
            "tfc: found W red, wanted W green",
            "ftfc: found D green W red M na Q na Y na, wanted bullish (all green)",
        ]
    ]
    broken = Event(Channel.STATES, symbol="AAPL", data=b"[]")
    assert not explained([replace(STATES, state=wanted)], broken)[0].matched
