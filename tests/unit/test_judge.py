"""What is planned for an event: each destination once, with its rules, their ages, and why some do not want it."""

from __future__ import annotations

from relay.clock import MICROS
from relay.deliveries import Ask, Other, RuleMatch, State, Suppression
from relay.events import Channel, Event, Source
from relay.judging.judge import Judge, Judgement, Sighted
from relay.judging.marks import Marks
from relay.judging.plan import Plan, Terms
from relay.outbox.base import NewDelivery
from relay.outbox.memory import Snooze, SnoozeKind
from relay.rules.active import Active, Hours
from relay.rules.match import compile_rules
from relay.rules.rule import Routes, Rule
from relay.states import StateWanted
from tests.support.clock import START_US
from tests.support.events import a_break, in_force
from tests.support.judging import Awake

GREEN = StateWanted(tfc={"D": "green"})
TWO = ("ES1!", "NQ1!")


class Bench:
    """A judge over some rules; every destination they name takes everything, unless it is said otherwise."""

    def __init__(self, *rules: Rule, **terms: Terms) -> None:
        names = {name for rule in rules for name in rule.to}
        self.awake = Awake()
        self.marks = Marks()
        plan = Plan(compile_rules(rules), {name: terms.get(name, Terms()) for name in sorted(names)})
        self.judge = Judge(plan, self.marks, self.awake)

    def judged(self, event: Event, source: Source = Source.LIVE, at_us: int = START_US) -> Judgement:
        """Judge an event that is then stored as new."""
        found = self.judge.judge(Sighted(event, source, at_us))
        self.judge.settle(found, stored=True)
        return found

    def deliveries(self, event: Event, source: Source = Source.LIVE, at_us: int = START_US) -> tuple[NewDelivery, ...]:
        return self.judged(event, source, at_us).deliveries

    def reasons(self, event: Event, source: Source = Source.LIVE) -> dict[str, Suppression | None]:
        return {delivery.destination: delivery.suppressed for delivery in self.deliveries(event, source)}


def at(text: str, number: int = 1, *, symbol: str = "AAPL", timeframe: str = "D", direction: str = "bullish") -> Event:
    return in_force(number, symbol, timeframe=timeframe, direction=direction, at=f"2026-04-10T{text}Z")


def test_rules_that_meet_at_a_destination_make_one_delivery() -> None:
    bench = Bench(Rule("a", to=("bot",)), Rule("b", to=("bot", "swing")))
    assert bench.deliveries(in_force(1)) == (
        NewDelivery("bot", (RuleMatch("a"), RuleMatch("b"))),
        NewDelivery("swing", (RuleMatch("b"),)),
    )


def test_a_route_chooses_where_an_alert_goes() -> None:
    routes = Routes("timeframe", {"D": ("swing",), "else": ("scalps",)})
    bench = Bench(Rule("a", to=routes.every(), routes=routes))
    assert [delivery.destination for delivery in bench.deliveries(in_force(1))] == ["swing"]
    assert [delivery.destination for delivery in bench.deliveries(in_force(2, timeframe="15"))] == ["scalps"]


def test_a_rules_own_age_counts_from_the_trigger_and_that_of_its_destination_is_not_kept() -> None:
    bench = Bench(Rule("a", to=("bot",), max_age=60), Rule("b", to=("bot",)), bot=Terms(max_age=10))
    (delivery,) = bench.deliveries(in_force(1), at_us=START_US + 5 * MICROS)
    assert [rule.expires_at_us for rule in delivery.rules] == [START_US + 60 * MICROS, None]


def test_an_alert_without_time_counts_as_received_now() -> None:
    bench = Bench(Rule("a", to=("bot",), max_age=60))
    (delivery,) = bench.deliveries(in_force(1, at=None), at_us=START_US + 5)
    assert delivery.rules[0].expires_at_us == START_US + 5 + 60 * MICROS


def test_what_a_destination_does_not_take_is_withheld_not_forgotten() -> None:
    bench = Bench(Rule("a", to=("bot",)), bot=Terms(sources=frozenset({Source.LIVE})))
    assert bench.reasons(in_force(1)) == {"bot": None}
    assert bench.reasons(in_force(1), Source.BACKFILL) == {"bot": Suppression.SOURCE}


def test_what_no_rule_wants_goes_nowhere() -> None:
    assert Bench(Rule("a", to=("bot",), directions=frozenset({"bearish"}))).deliveries(in_force(1)) == ()


# --- hours


def test_a_rule_outside_of_its_hours_suppresses_and_says_so() -> None:
    night = Active("America/New_York", hours=(Hours(20 * 60, 4 * 60),))
    bench = Bench(Rule("night", to=("bot",), active=night), Rule("always", to=("swing",)))
    bot, swing = bench.deliveries(in_force(1))  # 09:45 in New York
    assert (bot.state, bot.suppressed, bot.detail) == (
        State.SUPPRESSED,
        Suppression.ACTIVE,
        "night: outside of its hours",
    )
    assert swing.suppressed is None


def test_a_destination_gets_an_alert_with_the_rules_that_are_awake() -> None:
    night = Active("America/New_York", hours=(Hours(20 * 60, 4 * 60),))
    bench = Bench(Rule("night", to=("bot",), active=night), Rule("always", to=("bot",)))
    (delivery,) = bench.deliveries(in_force(1))
    assert delivery.suppressed is None
    assert [(rule.name, rule.suppressed) for rule in delivery.rules] == [
        ("night", Suppression.ACTIVE),
        ("always", None),
    ]


def test_hours_go_by_the_alerts_own_time_however_late_it_comes() -> None:
    morning = Active("UTC", hours=(Hours(13 * 60, 14 * 60),))
    bench = Bench(Rule("morning", to=("bot",), active=morning))
    (delivery,) = bench.deliveries(at("13:45:22"), Source.BACKFILL, START_US + 8 * 3600 * MICROS)
    assert delivery.suppressed is None


# --- snooze


def snooze(kind: SnoozeKind, name: str) -> Snooze:
    return Snooze(kind, name, START_US, START_US + 7200 * MICROS)


def test_a_snoozed_rule_lets_the_others_go_on() -> None:
    bench = Bench(Rule("a", to=("bot",)), Rule("b", to=("bot", "swing")))
    bench.awake.rules["b"] = snooze(SnoozeKind.RULE, "b")
    bot, swing = bench.deliveries(in_force(1))
    assert (bot.suppressed, [rule.suppressed for rule in bot.rules]) == (None, [None, Suppression.SNOOZE])
    assert (swing.suppressed, swing.detail) == (Suppression.SNOOZE, "b: snoozed until 2026-04-10T15:45:22.000Z")


def test_a_snoozed_destination_or_symbol_is_silent() -> None:
    bench = Bench(Rule("a", to=("bot", "swing")))
    bench.awake.destinations["bot"] = snooze(SnoozeKind.DESTINATION, "bot")
    bench.awake.symbols["SPY"] = snooze(SnoozeKind.SYMBOL, "SPY")
    assert bench.reasons(in_force(1)) == {"bot": Suppression.SNOOZE, "swing": None}
    assert bench.reasons(in_force(2, "SPY")) == {"bot": Suppression.SNOOZE, "swing": Suppression.SNOOZE}


# --- cooldown


def test_a_second_alert_of_the_kind_is_suppressed_within_the_cooldown_and_says_for_which() -> None:
    bench = Bench(Rule("calm", to=("bot",), cooldown=900))
    assert bench.reasons(at("13:45:22")) == {"bot": None}
    (second,) = bench.deliveries(at("14:00:21", 2))
    assert second.suppressed is Suppression.COOLDOWN
    assert second.detail == "calm: within 15m of the one at 2026-04-10T13:45:22.000Z"
    assert bench.reasons(at("14:00:22", 3)) == {"bot": None}


def test_it_makes_no_difference_which_came_first() -> None:
    bench = Bench(Rule("calm", to=("bot",), cooldown=900))
    assert bench.reasons(at("14:00:00")) == {"bot": None}
    assert bench.reasons(at("13:50:00", 2), Source.BACKFILL) == {"bot": Suppression.COOLDOWN}
    assert bench.reasons(at("13:45:00", 3), Source.BACKFILL) == {"bot": None}


def test_a_suppressed_alert_does_not_prolong_the_silence() -> None:
    bench = Bench(Rule("calm", to=("bot",), cooldown=900))
    times = ["13:45:00", "13:55:00", "14:05:00", "14:15:00"]
    found = [bench.reasons(at(text, number))["bot"] for number, text in enumerate(times, 1)]
    assert found == [None, Suppression.COOLDOWN, None, Suppression.COOLDOWN]


def test_symbols_timeframes_directions_and_rules_cool_down_apart() -> None:
    bench = Bench(Rule("calm", to=("bot",), cooldown=900), Rule("calmer", to=("swing",), cooldown=1800))
    bench.judged(at("13:45:00"))
    assert bench.reasons(at("13:46:00", 2, symbol="SPY")) == {"bot": None, "swing": None}
    assert bench.reasons(at("13:46:00", 3, timeframe="W")) == {"bot": None, "swing": None}
    assert bench.reasons(at("13:46:00", 4, direction="bearish")) == {"bot": None, "swing": None}
    assert bench.reasons(at("14:05:00", 5)) == {"bot": None, "swing": Suppression.COOLDOWN}


def test_a_break_with_more_participants_passes_and_one_with_fewer_does_not() -> None:
    bench = Bench(Rule("calm", to=("bot",), channel=Channel.BREAKS, cooldown=900))
    assert bench.reasons(a_break(1, symbols=TWO)) == {"bot": None}
    assert bench.reasons(a_break(2, symbols=TWO)) == {"bot": Suppression.COOLDOWN}
    assert bench.reasons(a_break(3)) == {"bot": None}
    assert bench.reasons(a_break(4, symbols=TWO)) == {"bot": Suppression.COOLDOWN}


def test_what_nobody_was_to_get_begins_no_cooldown() -> None:
    bench = Bench(Rule("calm", to=("bot",), cooldown=900), bot=Terms(sources=frozenset({Source.LIVE})))
    assert bench.reasons(at("13:45:00"), Source.BACKFILL) == {"bot": Suppression.SOURCE}
    assert bench.reasons(at("13:50:00", 2)) == {"bot": None}


def test_nobody_is_suppressed_for_an_alert_that_is_not_stored_yet() -> None:
    bench = Bench(Rule("calm", to=("bot",), cooldown=900))
    first = bench.judge.judge(Sighted(at("13:45:00"), Source.LIVE, START_US))
    second = bench.judge.judge(Sighted(at("13:46:00", 2), Source.LIVE, START_US))
    (delivery,) = second.deliveries
    assert (delivery.state, delivery.rules[0].ask, second.marks) == (State.DECIDING, Ask(cooldown=900), ())
    bench.judge.settle(first, stored=False)  # a repetition
    assert bench.reasons(at("13:47:00", 3)) == {"bot": None}


def test_an_alert_that_comes_again_is_not_held_back_for_its_own_sake() -> None:
    live = Terms(sources=frozenset({Source.LIVE}))
    bench = Bench(Rule("calm", to=("chat", "bot"), cooldown=900), bot=live)
    recovered = at("13:45:00")
    assert bench.reasons(recovered, Source.BACKFILL) == {"chat": None, "bot": Suppression.SOURCE}
    again = in_force(None, at="2026-04-10T13:45:00.250Z")  # as the socket tells it, without id
    assert bench.reasons(again) == {"chat": None, "bot": None}
    assert len(bench.marks) == 1
    assert bench.reasons(at("13:45:00", 2)) == {"chat": Suppression.COOLDOWN, "bot": Suppression.COOLDOWN}


def test_an_alert_that_is_too_old_already_begins_no_cooldown() -> None:
    bench = Bench(Rule("calm", to=("bot",), cooldown=900, max_age=60))
    assert bench.reasons(at("13:40:00"), Source.BACKFILL) == {"bot": None}  # the lane will see that it has expired
    assert bench.reasons(at("13:45:00", 2)) == {"bot": None}


# --- look-ups


def test_a_rule_that_asks_makes_the_delivery_wait_with_its_conditions() -> None:
    bench = Bench(Rule("green", to=("bot",), state=GREEN, cooldown=60.0), Rule("plain", to=("bot", "swing")))
    bot, swing = bench.deliveries(in_force(1))
    assert (bot.state, bot.rules[0].ask, bot.rules[1].ask) == (State.DECIDING, Ask(GREEN, cooldown=60.0), None)
    assert swing.state is State.PENDING


def test_an_alert_to_be_enriched_waits_too() -> None:
    (bot,) = Bench(Rule("shown", to=("bot",), enrich=True)).deliveries(in_force(1))
    assert (bot.state, bot.rules[0].ask) == (State.DECIDING, Ask(enrich=True))


def test_otherwise_waits_where_all_that_matched_must_ask() -> None:
    rest = Rule("rest", to=("misc",), otherwise=True)
    bench = Bench(Rule("green", to=("bot",), state=GREEN), rest)
    bot, misc = bench.deliveries(in_force(1))
    assert (bot.rules[0].ask, misc.rules[0].ask) == (Ask(GREEN), Ask(unless=(Other(GREEN),)))
    certain = Bench(Rule("green", to=("bot",), state=GREEN), Rule("plain", to=("bot",)), rest)
    assert [delivery.destination for delivery in certain.deliveries(in_force(1))] == ["bot"]


def test_a_rule_that_sleeps_asks_nothing() -> None:
    bench = Bench(Rule("green", to=("bot",), state=GREEN))
    bench.awake.rules["green"] = snooze(SnoozeKind.RULE, "green")
    (bot,) = bench.deliveries(in_force(1))
    assert (bot.state, bot.rules[0].ask) == (State.SUPPRESSED, None)
