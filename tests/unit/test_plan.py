"""What the intake plans for an event: each destination once, with its rules, their ages, and what it does not take."""

from __future__ import annotations

from relay.clock import MICROS
from relay.deliveries import RuleMatch
from relay.events import Source
from relay.intake import Plan, Terms
from relay.outbox.base import NewDelivery
from relay.rules.match import compile_rules
from relay.rules.rule import Rule
from tests.support.clock import START_US
from tests.support.events import in_force


def plan(*rules: Rule, **terms: Terms) -> Plan:
    return Plan(compile_rules(rules), terms)


def test_rules_that_meet_at_a_destination_make_one_delivery() -> None:
    made = plan(Rule("a", to=("bot",)), Rule("b", to=("bot", "swing")), bot=Terms(), swing=Terms())
    assert made.deliveries(in_force(1), Source.LIVE, START_US) == (
        NewDelivery("bot", (RuleMatch("a"), RuleMatch("b"))),
        NewDelivery("swing", (RuleMatch("b"),)),
    )


def test_the_shorter_age_counts_from_the_trigger() -> None:
    made = plan(Rule("a", to=("bot",), max_age=60), Rule("b", to=("bot",)), bot=Terms(max_age=10))
    (delivery,) = made.deliveries(in_force(1), Source.LIVE, START_US + 5 * MICROS)
    assert [rule.expires_at_us for rule in delivery.rules] == [START_US + 10 * MICROS] * 2


def test_an_alert_without_time_counts_as_received_now() -> None:
    made = plan(Rule("a", to=("bot",), max_age=60), bot=Terms())
    (delivery,) = made.deliveries(in_force(1, at=None), Source.LIVE, START_US + 5)
    assert delivery.rules[0].expires_at_us == START_US + 5 + 60 * MICROS


def test_what_a_destination_does_not_take_is_withheld_not_forgotten() -> None:
    made = plan(Rule("a", to=("bot",)), bot=Terms(sources=frozenset({Source.LIVE})))
    assert [d.withheld for d in made.deliveries(in_force(1), Source.LIVE, START_US)] == [False]
    assert [d.withheld for d in made.deliveries(in_force(1), Source.BACKFILL, START_US)] == [True]


def test_what_no_rule_wants_goes_nowhere() -> None:
    made = plan(Rule("a", to=("bot",), directions=frozenset({"bearish"})), bot=Terms())
    assert made.deliveries(in_force(1), Source.LIVE, START_US) == ()
