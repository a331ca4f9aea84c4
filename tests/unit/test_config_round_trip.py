"""Whatever a rule can be, a config can say, and says the same again."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from relay.rules.rule import Rule
from tests.support.any_rule import DESTINATIONS, NAMES, rules
from tests.support.config_text import read
from tests.support.rule_text import config_of


@settings(deadline=None)  # the machine may be busy; time is not what is tested
@given(rules(), NAMES.filter(bool))
def test_a_rule_written_as_yaml_is_read_as_the_same_rule(rule: Rule, name: str) -> None:
    named = replace(rule, name=name)
    assert read(config_of([named], DESTINATIONS)).rules == (named,)


@settings(deadline=None)  # the machine may be busy; time is not what is tested
@given(st.lists(rules(), min_size=1, max_size=5))
def test_rules_are_read_in_the_order_of_the_file(written: list[Rule]) -> None:
    named = [replace(rule, name=f"rule {number}") for number, rule in enumerate(written)]
    assert read(config_of(named, DESTINATIONS)).rules == tuple(named)
