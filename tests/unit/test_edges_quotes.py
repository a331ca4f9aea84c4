"""Rules on quotes: what fires, what only turns, and what is remembered."""

from __future__ import annotations

import math
from typing import Any

import pytest

from relay.edges.condition import quote_condition
from relay.outbox.memory import Side
from tests.support.ticks import Desk, on_quotes, quote

UP = {"crosses_above": 200.0}
DOWN = {"crosses_below": 200.0}


@pytest.mark.parametrize(
    ("rule", "prices", "fires"),
    [
        (UP, [199, 201], [201]),
        (UP, [199, 200, 200.01], [200.01]),
        (UP, [201, 205, 202], []),
        (UP, [201, 199, 201, 202, 199, 203], [201, 203]),
        (UP, [200, 201], [201]),
        (UP, [201, 200, 201], [201]),
        (DOWN, [201, 199], [199]),
        (DOWN, [201, 200, 199.99], [199.99]),
        (DOWN, [199, 201, 198], [198]),
        (DOWN, [199, 200, 199, 200, 199], [199, 199]),  # on the level it is not below
        (UP | {"crosses_below": 190.0}, [195, 201, 195, 189, 195, 189, 201], [201, 189, 189, 201]),
        ({"above": 200.0}, [199, 201, 202, 199, 203], [201, 203]),
        ({"above": 200.0}, [201, 202, 200, 201], [201]),
        ({"below": 200.0}, [201, 200, 199, 198], [199]),
        ({"above": 190.0, "below": 200.0}, [180, 195, 205, 195, 190, 200], [195, 195]),
        ({"low": 5.0, "high": 10.0}, [4, 5, 10, 10.01, 10], [5, 10]),
        ({"low": 5.0, "above": 5.0}, [4, 5, 5.01], [5.01]),
        ({"low": 10.0, "high": 5.0}, [4, 7, 11], []),
        (UP | {"high": 210.0}, [199, 205, 199, 211, 205, 199, 210], [205, 210]),
        (UP | {"above": 205.0}, [199, 201, 206, 199, 206], [206]),
        ({}, [1, 2, 3], []),
    ],
)
def test_a_rule_fires_as_its_condition_becomes_true(rule: Any, prices: list[float], fires: list[float]) -> None:
    assert Desk([on_quotes("r", **rule)]).prices(*prices) == fires


def test_the_first_value_only_sets_the_side_and_is_given_to_be_stored() -> None:
    desk = Desk([on_quotes("up", **UP), on_quotes("down", **DOWN)])
    assert desk.prices(201) == []
    assert desk.flipped == [
        (
            Side("up", "AAPL", '{"crosses_above":200.0}', 1),
            Side("down", "AAPL", '{"crosses_below":200.0}', 0),
        )
    ]
    assert desk.engine.sides() == list(desk.flipped[0])


def test_nothing_is_stored_while_no_side_changes() -> None:
    desk = Desk([on_quotes("up", **UP), on_quotes("wide", low=1.0, high=500.0)])
    desk.prices(*range(150, 200))
    assert len(desk.flipped) == 1
    assert desk.fired == []


def test_rules_that_fire_by_one_quote_fire_together_in_the_order_of_the_config() -> None:
    rules = [on_quotes(name, crosses_above=level) for name, level in (("c", 203.0), ("a", 201.0), ("b", 202.0))]
    desk = Desk([*rules, on_quotes("down", crosses_below=202.0)])
    assert desk.take(quote("AAPL", 200), quote("AAPL", 210)) == [("c", "a", "b")]
    assert [side.rule for side in desk.fired[0].sides] == ["c", "a", "b", "down"]
    assert desk.take(quote("AAPL", 201.5)) == [("down",)]
    assert desk.fired[1].sides[-1] == Side("down", "AAPL", '{"crosses_below":202.0}', 2)


def test_each_symbol_has_its_own_side() -> None:
    desk = Desk([on_quotes("up", "AAPL", "MSFT", **UP)])
    assert desk.take(quote("AAPL", 199), quote("MSFT", 201), quote("SPY", 1), quote("AAPL", 201)) == [("up",)]
    assert {(side.symbol, side.side) for side in desk.engine.sides()} == {("AAPL", 1), ("MSFT", 1)}


def test_a_remembered_side_lets_a_rule_fire_on_the_first_quote_after_a_restart() -> None:
    before = Desk([on_quotes("up", **UP)])
    before.prices(199)
    after = Desk([on_quotes("up", **UP)], before.stored.values())
    assert after.engine.sides() == before.engine.sides()
    assert after.prices(201) == [201]
    assert Desk([on_quotes("up", **UP)], after.stored.values()).prices(202) == []


def test_a_rule_whose_condition_changed_begins_anew_and_its_neighbour_does_not() -> None:
    before = Desk([on_quotes("up", **UP), on_quotes("also", **UP)])
    before.prices(199)
    after = Desk([on_quotes("up", crosses_above=198.0), on_quotes("also", **UP)], before.engine.sides())
    assert after.take(quote("AAPL", 201)) == [("also",)]
    assert {side.rule: side.side for side in after.engine.sides()} == {"up": 1, "also": 1}


def test_what_is_no_longer_asked_about_is_forgotten() -> None:
    before = Desk([on_quotes("up", "AAPL", "MSFT", **UP), on_quotes("gone", **UP)])
    before.take(quote("AAPL", 199), quote("MSFT", 199))
    after = Desk([on_quotes("up", "AAPL", **UP)], before.engine.sides())
    assert [(side.rule, side.symbol) for side in after.engine.sides()] == [("up", "AAPL")]


@pytest.mark.parametrize("price", [None, math.nan, math.inf, -math.inf])
def test_a_quote_without_a_usable_price_changes_nothing(price: float | None) -> None:
    desk = Desk([on_quotes("up", **UP)])
    assert desk.prices(price, 199, price, 201) == [201]
    assert len(desk.flipped) == 1
    assert desk.engine.sides()[0].side == 1


def test_quotes_without_a_price_are_counted() -> None:
    desk = Desk([on_quotes("up", **UP)])
    desk.take(quote("AAPL", None), quote("MSFT", None), quote("AAPL", 1.0))
    assert desk.engine.unusable == 1


def test_a_quote_older_than_the_last_one_that_mattered_is_passed_over() -> None:
    desk = Desk([on_quotes("up", **UP)])
    assert desk.take(
        quote("AAPL", 199, at="2026-04-10T13:45:22.100Z"),
        quote("AAPL", 201, at="2026-04-10T13:45:22.000Z"),
        quote("AAPL", 201, at="2026-04-10T13:45:22.100Z"),
    ) == [("up",)]
    assert desk.engine.late == 1


def test_a_time_far_ahead_does_not_make_a_rule_deaf() -> None:
    desk = Desk([on_quotes("up", **UP)])
    desk.take(quote("AAPL", 199, at="2036-04-10T13:45:22Z"))
    assert desk.take(quote("AAPL", 201, at="2026-04-10T13:45:22Z")) == [("up",)]


def test_quotes_without_a_time_are_judged_as_they_come() -> None:
    desk = Desk([on_quotes("up", **UP)])
    assert desk.take(quote("AAPL", 199, at="2026-04-10T13:45:22Z"), quote("AAPL", 201)) == [("up",)]


def test_equal_conditions_have_equal_texts_and_others_have_not() -> None:
    rules = [{"low": 5}, {"high": 5}, {"above": 5}, {"below": 5}, UP, DOWN, UP | DOWN, UP | {"low": 5.0}, {}]
    texts = [quote_condition(on_quotes("r", **rule)).text for rule in rules]  # type: ignore[arg-type]  # mixed tables
    assert len(set(texts)) == len(texts)
    assert quote_condition(on_quotes("r", low=5)).text == quote_condition(on_quotes("s", "MSFT", low=5.0)).text
