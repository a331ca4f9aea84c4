"""Rules that meet at a destination are merged there; and a rule folds its texts when it is made."""

from __future__ import annotations

import pytest

from relay.rules.merge import merge
from relay.rules.rule import Rule, Symbols
from tests.support.events import in_force


def _rule(name: str, *to: str) -> Rule:
    return Rule(name=name, to=to)


@pytest.mark.parametrize(
    ("matched", "expected"),
    [
        ([], {}),
        ([_rule("a", "swing")], {"swing": ["a"]}),
        ([_rule("a", "swing", "bot")], {"swing": ["a"], "bot": ["a"]}),
        ([_rule("a", "swing"), _rule("b", "swing")], {"swing": ["a", "b"]}),
        ([_rule("a", "swing"), _rule("b", "bot", "swing")], {"swing": ["a", "b"], "bot": ["b"]}),
        ([_rule("b", "bot"), _rule("a", "swing", "bot")], {"bot": ["b", "a"], "swing": ["a"]}),
        ([_rule("a", "swing", "swing")], {"swing": ["a"]}),
    ],
)
def test_a_destination_gets_an_event_once_with_every_rule_that_wants_it(
    matched: list[Rule], expected: dict[str, list[str]]
) -> None:
    merged = merge(matched, in_force(1))
    assert {name: [rule.name for rule in rules] for name, rules in merged.items()} == expected
    assert list(merged) == list(expected)


def test_a_rule_folds_its_texts_when_it_is_made() -> None:
    rule = Rule(
        name="Folded",
        to=("Swing",),
        symbols=Symbols(any=("aapl", "*-usd"), none=("doge-usd",)),
        timeframes=frozenset({"4h", "d"}),
        directions=frozenset({"Bullish"}),
        shapes=("1-2u",),
        candles=frozenset({"2u"}),
    )
    assert rule.symbols == Symbols(any=("AAPL", "*-USD"), none=("DOGE-USD",))
    assert rule.timeframes == frozenset({"4H", "D"})
    assert rule.directions == frozenset({"bullish"})
    assert rule.shapes == ("1-2U",)
    assert rule.candles == frozenset({"2U"})
    assert (rule.name, rule.to) == ("Folded", ("Swing",))
