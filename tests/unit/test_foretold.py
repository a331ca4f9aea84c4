"""What would become of an event: as the relay's own judge and decider say, in words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import product

import pytest

from relay.cli import wording
from relay.cli.fates import DestinationFate, Foretold, Note
from relay.cli.foretold import Foretelling, Found
from relay.cli.recall import Memory
from relay.clock import MICROS
from relay.deliveries import Suppression
from relay.events import Channel, Event, Source
from relay.judging.judge import Sighted
from relay.judging.plan import Plan, Terms
from relay.outbox.base import DestinationState, Switch
from relay.outbox.memory import Mark, Snooze, SnoozeKind
from relay.readiness import RELOADED
from relay.rules.active import Active, Hours
from relay.rules.match import compile_rules
from relay.rules.rule import Levels, Routes, Rule, Symbols
from relay.states import Snapshot, StateWanted
from tests.support.events import a_break, in_force

ALERT = in_force(1, at="2026-04-10T13:45:22Z")  # a Friday, 09:45:22 in New York
AT_US = int(datetime.fromisoformat("2026-04-10T13:45:22+00:00").timestamp()) * MICROS
NOW_US = AT_US + 60 * MICROS
MINUTE = 60 * MICROS
GREEN = StateWanted(tfc={"D": "green"})
GREEN_AAPL: Found = {"AAPL": Snapshot("AAPL", {"D": "green"}, "Technology")}
RED_AAPL: Found = {"AAPL": Snapshot("AAPL", {"D": "red"})}
UNKNOWN_AAPL: Found = {"AAPL": "no answer within 5 s"}


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def foretold(
    *rules: Rule,
    event: Event = ALERT,
    memory: Memory | None = None,
    found: Found | None = None,
    source: Source = Source.LIVE,
    now_us: int = NOW_US,
    **terms: Terms,
) -> Foretold:
    names = sorted({name for rule in rules for name in rule.to})
    plan = Plan(compile_rules(rules), {name: terms.get(name, Terms()) for name in names})
    sighted = Sighted(event, source, now_us)
    telling = Foretelling(plan, rules, sighted, memory or Memory(), now_us=now_us, offline=found is None)
    return telling.told(found or {})


def mark(rule: str, minutes: float, *, symbol: str = "AAPL", count: int = 0) -> Mark:
    return Mark(rule, symbol, "D", "bullish", AT_US + round(minutes * MINUTE), count)


def snooze(kind: SnoozeKind, name: str, minutes: int = 30) -> Snooze:
    return Snooze(kind, name, NOW_US - MINUTE, NOW_US + minutes * MINUTE)


def test_rules_that_meet_at_a_destination_are_listed_in_one_message() -> None:
    told = foretold(
        Rule("a", to=("bot", "swing")), Rule("b", to=("bot",)), Rule("c", to=("bot",), timeframes=frozenset({"W"}))
    )
    assert [fate.matched for fate in told.rules] == [True, True, False]
    assert told.destinations == (
        DestinationFate("bot", sent=True, rules=("a", "b")),
        DestinationFate("swing", sent=True, rules=("a",)),
    )


def test_what_matches_and_has_no_route_goes_nowhere() -> None:
    told = foretold(Rule("a", to=("bot",), routes=Routes("timeframe", {"W": ("bot",)})))
    assert told.rules[0].matched is True
    assert told.rules[0].notes == (Note("route", holds=False, text="no route for timeframe D"),)
    assert told.destinations == ()


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (Memory(), "not in its cooldown: no alert of its kind within 15 minutes"),
        (Memory((mark("a", -15),)), "not in its cooldown: no alert of its kind within 15 minutes"),
        (Memory((mark("a", 0),)), "not in its cooldown: no alert of its kind within 15 minutes"),  # its own
        (
            Memory((mark("a", -5, symbol="SPY"), mark("b", -5))),
            "not in its cooldown: no alert of its kind within 15 minutes",
        ),
        (Memory(None), "whether it is in its cooldown is not known"),
        (
            Memory((mark("a", -5),)),
            "in its cooldown until 13:55:22 UTC (an alert of its kind came at 13:40:22 UTC)",
        ),
        (
            Memory((mark("a", 5),)),
            "in its cooldown: an alert of its kind came within 15 minutes after it, at 13:50:22 UTC",
        ),
    ],
)
def test_a_cooldown_is_told_whether_it_holds_or_not(memory: Memory, expected: str) -> None:
    told = foretold(Rule("a", to=("bot",), cooldown=900.0), memory=memory)
    assert [note.text for note in told.rules[0].notes] == [expected]
    cooling = expected.startswith("in its")
    assert told.destinations == (
        DestinationFate("bot", sent=False, reason="cooldown", detail=expected)
        if cooling
        else DestinationFate("bot", sent=True, rules=("a",)),
    )


def test_a_break_with_more_participants_passes_a_cooldown() -> None:
    rule = Rule("a", to=("bot",), channel=Channel.BREAKS, cooldown=900.0)
    event = a_break(1, at="2026-04-10T13:45:22Z")
    for count, sent in ((2, True), (3, False)):
        marks = (mark("a", -5, symbol="breaks", count=count),)
        assert foretold(rule, event=event, memory=Memory(marks)).destinations[0].sent is sent


@pytest.mark.parametrize(
    ("hours", "sent", "expected"),
    [
        (Hours(570, 960), True, "inside its hours (Fri 09:45 in New York)"),
        (Hours(600, 960), False, "outside its hours (Fri 09:45 in New York)"),
    ],
)
def test_a_window_is_told_by_the_clock_of_its_zone(hours: Hours, sent: bool, expected: str) -> None:
    told = foretold(Rule("a", to=("bot",), active=Active("America/New_York", hours=(hours,))))
    assert told.rules[0].notes == (Note("active", sent, expected),)
    (fate,) = told.destinations
    assert (fate.sent, fate.detail) == (sent, "" if sent else expected)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (snooze(SnoozeKind.RULE, "a"), "snoozed until 14:16:22 UTC"),
        (snooze(SnoozeKind.SYMBOL, "AAPL"), "AAPL is snoozed until 14:16:22 UTC"),
        (snooze(SnoozeKind.DESTINATION, "bot"), "snoozed until 14:16:22 UTC"),
        (snooze(SnoozeKind.RULE, "a", minutes=-1), ""),
        (snooze(SnoozeKind.RULE, "b"), ""),
        (snooze(SnoozeKind.SYMBOL, "SPY"), ""),
    ],
)
def test_a_snooze_suppresses_while_it_lasts(own: Snooze, expected: str) -> None:
    (fate,) = foretold(Rule("a", to=("bot",)), memory=Memory((), (own,))).destinations
    reason = "snooze" if expected else ""
    rules = () if expected else ("a",)
    assert fate == DestinationFate("bot", sent=not expected, rules=rules, reason=reason, detail=expected)


def test_what_is_too_old_is_told_with_the_rules_that_wanted_it() -> None:
    rules = (Rule("a", to=("bot",), max_age=600.0), Rule("b", to=("bot",)))
    assert foretold(*rules, now_us=AT_US + 601 * MICROS).destinations == (
        DestinationFate("bot", sent=True, rules=("b",)),
    )
    assert foretold(*rules, now_us=AT_US + 1800 * MICROS, bot=Terms(max_age=1200.0)).destinations == (
        DestinationFate(
            "bot",
            sent=False,
            rules=("a", "b"),
            reason="expired",
            detail="expired: triggered 30 minutes ago, wanted for 20 minutes",
        ),
    )


def test_a_destination_takes_only_what_comes_its_way() -> None:
    live = Terms(sources=frozenset({Source.LIVE}))
    (fate,) = foretold(Rule("a", to=("bot",)), source=Source.BACKFILL, bot=live).destinations
    assert (fate.sent, fate.reason) == (False, "source")
    assert foretold(Rule("a", to=("bot",)), bot=live).destinations[0].sent


def test_rules_of_one_destination_each_say_why_not() -> None:
    asleep = Rule("a", to=("bot",), active=Active("UTC", hours=(Hours(0, 60),)))
    cooling = Rule("b", to=("bot",), cooldown=900.0)
    (fate,) = foretold(asleep, cooling, memory=Memory((mark("b", -5),))).destinations
    assert fate.detail.startswith("a: outside its hours (Fri 13:45 in UTC); b: in its cooldown until 13:55:22 UTC")
    assert fate.reason == "active"


@pytest.mark.parametrize(
    ("found", "on_unknown", "matched", "sent", "detail"),
    [
        (GREEN_AAPL, "drop", True, True, ""),
        (RED_AAPL, "drop", False, False, "tfc: found D red, wanted D green"),
        (RED_AAPL, "deliver", False, False, "tfc: found D red, wanted D green"),
        (
            UNKNOWN_AAPL,
            "drop",
            None,
            False,
            "the state it must know can't be known (AAPL: no answer within 5 s)",
        ),
        (UNKNOWN_AAPL, "deliver", True, True, ""),
        (None, "drop", None, None, "if a look-up says so"),
    ],
)
def test_a_state_is_what_a_look_up_found(
    found: Found | None, on_unknown: str, matched: bool | None, sent: bool | None, detail: str
) -> None:
    rule = Rule("a", to=("bot",), state=GREEN, on_unknown=on_unknown)  # type: ignore[arg-type]
    told = foretold(rule, found=found)
    assert told.rules[0].matched is matched
    (fate,) = told.destinations
    assert (fate.sent, fate.detail) == (sent, detail)
    assert (fate.perhaps == ("a",)) is (found is None)


def test_a_state_that_is_only_shown_keeps_nothing_back() -> None:
    rule = Rule("a", to=("bot",), enrich=True)
    for found in (None, GREEN_AAPL, UNKNOWN_AAPL):
        (fate,) = foretold(rule, found=found).destinations
        assert (fate.sent, fate.enriched) == (True, True)
    assert foretold(rule).rules[0].notes[0].text == "the symbol's state, to be shown, would be looked up"


def test_an_otherwise_waits_for_the_look_up_of_the_rules_before_it() -> None:
    rules = (Rule("a", to=("bot",), state=GREEN), Rule("rest", to=("misc",), otherwise=True))
    for found, sent in ((None, (None, None)), (GREEN_AAPL, (True, False)), (RED_AAPL, (False, True))):
        told = foretold(*rules, found=found)
        assert tuple(fate.sent for fate in told.destinations) == sent
    unknown = foretold(*rules, found=UNKNOWN_AAPL)
    assert [fate.matched for fate in unknown.rules] == [None, True]
    assert unknown.rules[0].reason is Suppression.UNKNOWN
    assert [fate.sent for fate in unknown.destinations] == [False, True]
    sure = replace(rules[0], on_unknown="deliver")
    assert [fate.matched for fate in foretold(sure, rules[1], found=UNKNOWN_AAPL).rules] == [True, False]


def test_an_otherwise_says_what_was_found_and_that_nothing_is_shown() -> None:
    rules = (Rule("a", to=("bot",), state=GREEN), Rule("rest", to=("misc",), otherwise=True))
    assert foretold(*rules, found=RED_AAPL).rules[1].notes == (Note("state", True, "AAPL: no other rule matches"),)
    unrouted = replace(rules[1], routes=Routes("timeframe", {"W": ("misc",)}))
    told = foretold(rules[0], unrouted, found=RED_AAPL)
    assert told.rules[1].notes == (Note("route", holds=False, text="no route for timeframe D"),)


def test_an_otherwise_does_not_find_a_rule_that_its_look_up_ruled_out() -> None:
    rules = (Rule("a", to=("a",), state=GREEN), Rule("b", to=("b",)), Rule("rest", to=("misc",), otherwise=True))
    for found, names in ((None, "a and b"), (GREEN_AAPL, "a and b"), (RED_AAPL, "b"), (UNKNOWN_AAPL, "b")):
        (failure,) = foretold(*rules, found=found).rules[2].failures
        assert (failure.condition, failure.found) == ("otherwise", names)


PAUSED = "it is paused (paused by an operator): what comes is queued until `relay resume 'the bot'`"
OFF = (
    "it is switched off (no such webhook), its queue is kept: mend it, then `relay resume 'the bot'`, "
    f"or with another url {RELOADED}"
)


@pytest.mark.parametrize(
    ("state", "reason", "detail"),
    [
        (DestinationState(Switch.PAUSED, "paused by an operator"), "paused", PAUSED),
        (DestinationState(Switch.OFF, "no such webhook"), "off", OFF),
    ],
)
def test_what_a_destination_does_not_send_now_is_queued(state: DestinationState, reason: str, detail: str) -> None:
    memory = Memory(switched={"the bot": state})
    (fate,) = foretold(Rule("a", to=("the bot",)), memory=memory).destinations
    assert fate == DestinationFate("the bot", sent=False, rules=("a",), reason=reason, detail=detail)
    assert fate.held
    (asking,) = foretold(Rule("a", to=("the bot",), state=GREEN), memory=memory).destinations
    assert asking.detail == f"{detail}; a only if a look-up says so"
    (old,) = foretold(Rule("a", to=("the bot",), max_age=10.0), memory=memory).destinations
    assert (old.reason, old.held) == ("expired", False)


def test_a_rule_says_that_the_alert_is_too_old_for_it() -> None:
    rules = (Rule("a", to=("bot",), max_age=1.0), Rule("b", to=("bot",), max_age=600.0))
    told = foretold(*rules, now_us=AT_US + 30 * MICROS)
    note = Note("max_age", holds=False, text="too old for this rule: 30 seconds, max_age 1s")
    assert [fate.notes for fate in told.rules] == [(note,), ()]
    assert told.destinations == (DestinationFate("bot", sent=True, rules=("b",)),)


def test_a_cooldown_is_judged_once_the_state_is_known() -> None:
    rule = Rule("a", to=("bot",), state=GREEN, cooldown=900.0)
    memory = Memory((mark("a", -5),))
    assert foretold(rule, memory=memory, found=GREEN_AAPL).destinations[0].reason == "cooldown"
    assert foretold(rule, memory=memory, found=RED_AAPL).rules[0].matched is False


def test_a_quote_tells_whether_the_condition_holds_and_that_it_fires_as_it_becomes_true() -> None:
    rule = Rule("a", to=("bot",), channel=Channel.QUOTES, symbols=Symbols(any=("AAPL",)), levels=Levels(above=200))
    low = foretold(rule, event=Event(Channel.QUOTES, symbol="AAPL", price=150.0))
    assert [str(failure) for failure in low.rules[0].failures] == ["price: found 150, wanted above 200"]
    assert low.destinations == ()
    high = foretold(rule, event=Event(Channel.QUOTES, symbol="AAPL", price=250.0))
    assert high.rules[0].notes == (Note("edge", None, wording.EDGE),)
    (fate,) = high.destinations
    assert (fate.sent, fate.perhaps) == (None, ("a",))


def test_only_what_a_rule_asks_about_is_looked_up() -> None:
    rules = (Rule("a", to=("bot",), state=GREEN), Rule("b", to=("bot",), timeframes=frozenset({"W"}), enrich=True))
    plan = Plan(compile_rules(rules), {"bot": Terms()})

    def wanted(event: Event, *, rules: tuple[Rule, ...] = rules, offline: bool = False) -> tuple[str, ...]:
        sighted = Sighted(event, Source.LIVE, NOW_US)
        telling = Foretelling(plan, rules, sighted, Memory(), now_us=NOW_US, offline=offline)
        return telling.wanted

    assert wanted(ALERT) == ("AAPL",)
    assert wanted(ALERT, offline=True) == ()
    assert wanted(a_break(1)) == ()


@pytest.mark.parametrize(
    ("us", "expected"), [(NOW_US, "13:46:22 UTC"), (NOW_US - 24 * 60 * MINUTE - 22 * MICROS, "2026-04-09 13:46 UTC")]
)
def test_a_moment_of_another_day_bears_its_date(us: int, expected: str) -> None:
    assert wording.moment(us, NOW_US) == expected


def test_what_is_asked_is_put_in_words() -> None:
    state = StateWanted({"D": "green", "W": "red"}, "bullish", ("energy", "technology"))
    told = foretold(Rule("a", to=("bot",), state=state))
    assert told.rules[0].notes == (
        Note(
            "state",
            None,
            "D green, W red, full continuity bullish and sector energy or technology would be looked up",
        ),
    )


def test_every_reason_comes_with_words() -> None:
    """Whatever comes together, a destination that gets nothing says why."""
    for kind, hours, cooldown in product(SnoozeKind, ((), (Hours(0, 60),)), (None, 900.0)):
        name = {SnoozeKind.RULE: "a", SnoozeKind.DESTINATION: "bot", SnoozeKind.SYMBOL: "AAPL"}[kind]
        rule = Rule("a", to=("bot",), active=Active("UTC", hours=hours), cooldown=cooldown)
        memory = Memory((mark("a", -1),), (snooze(kind, name),))
        (fate,) = foretold(rule, memory=memory).destinations
        assert fate.sent is False
        assert fate.reason
        assert fate.detail
