"""Which symbols the rules on quotes and states are subscribed for, and whether any rule has states looked up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay.events import Channel
from relay.rules.rule import Rule, Symbols
from relay.rules.wanted import asks_for_states, wanted_symbols
from relay.states import StateWanted
from tests.support.ticks import on_quotes, on_states


def test_each_channel_gets_the_symbols_of_its_rules_once_and_sorted() -> None:
    rules = [
        on_quotes("a", "MSFT", "aapl", above=1.0),
        on_quotes("b", "AAPL", above=2.0),
        on_states("c", "SPY", ftfc="bullish"),
        Rule("d", ("bot",), symbols=Symbols(any=("TSLA",))),
    ]
    assert wanted_symbols(rules) == {Channel.QUOTES: ("AAPL", "MSFT"), Channel.STATES: ("SPY",)}


def test_a_disabled_rule_wants_nothing() -> None:
    assert wanted_symbols([replace(on_quotes("a", above=1.0), enabled=False)]) == {}


def test_what_a_rule_excludes_is_not_subscribed() -> None:
    symbols = Symbols(any=("AAPL", "MSFT", "BTC-USD", "ETH-USD", "ES1!", "*-USD"), none=("MSFT", "ETH-*"))
    rule = replace(on_quotes("a", above=1.0), symbols=symbols)
    assert wanted_symbols([rule]) == {Channel.QUOTES: ("AAPL", "BTC-USD", "ES1!")}
    coins = replace(rule, assets=frozenset({"crypto"}))
    assert wanted_symbols([coins]) == {Channel.QUOTES: ("BTC-USD",)}
    assert wanted_symbols([replace(rule, assets=frozenset())]) == {}


@pytest.mark.parametrize(
    ("rule", "asks"),
    [
        (Rule("plain", ("bot",)), False),
        (Rule("shown", ("bot",), enrich=True), True),
        (Rule("green", ("bot",), state=StateWanted(tfc={"D": "green"})), True),
        (Rule("asleep", ("bot",), enrich=True, enabled=False), False),
        (on_states("pushed", "SPY", ftfc="bullish"), False),
    ],
)
def test_states_are_looked_up_while_an_enabled_rule_asks(rule: Rule, *, asks: bool) -> None:
    assert asks_for_states([Rule("other", ("bot",)), rule]) is asks
