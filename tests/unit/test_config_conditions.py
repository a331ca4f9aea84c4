"""What a rule remembers, looks up and waits for: what the rest of the relay gets of it."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import available_timezones

import pytest

from relay.config.channels import KEYS_OF
from relay.config.rules import RuleConfig
from relay.events import Channel
from relay.rules.active import DAYS, EVERY_DAY, Active, Hours
from relay.rules.rule import Levels, PriceRange, Rule, Symbols
from relay.states import StateWanted
from tests.support.config_text import config_text, faults_of, read


def rule(where: str, text: str) -> Rule:
    return read(config_text(where, text)).rules[0]


@pytest.mark.parametrize(
    ("text", "price", "levels"),
    [
        ("{crosses_above: 200}", None, Levels(crosses_above=200)),
        ("{above: 200}", None, Levels(above=200)),
        ("{below: -1.5}", None, Levels(below=-1.5)),
        ("{crosses_above: 200, crosses_below: 250}", None, Levels(crosses_above=200, crosses_below=250)),
        ("{min: 5, crosses_below: 100}", PriceRange(5), Levels(crosses_below=100)),
        ("{min: 5, max: 500}", PriceRange(5, 500), None),
        ("{min: 5, max: 5}", PriceRange(5, 5), None),
        ("{above: 100, below: 100.5}", None, Levels(above=100, below=100.5)),
    ],
)
def test_a_quotes_levels_and_range_are_read(text: str, price: PriceRange | None, levels: Levels | None) -> None:
    read = rule("quotes", f"symbol: [aapl, ALL]\n    price: {text}")
    assert (read.channel, read.price, read.levels) == (Channel.QUOTES, price, levels)
    assert read.symbols == Symbols(("AAPL", "ALL"))


def test_a_quote_may_leave_out_by_glob_what_a_watchlist_names(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("aapl\nBTC-USD\n")
    text = config_text("quotes", "symbol: {not: ['*-USD']}\n    symbol_file: list.txt\n    price: {above: 1}")
    (told,) = read(text, path=tmp_path / "config.yaml").rules
    assert told.symbols == Symbols(("AAPL", "BTC-USD"), ("*-USD",))
    (tmp_path / "list.txt").write_text("aapl\n*-USD\n")
    (fault,) = faults_of(text, path=tmp_path / "config.yaml")
    assert fault.startswith("8:18: rules[0].symbol_file: ")
    assert fault.endswith("found '*-USD'")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("tfc: {d: Green, 60: RED, 4h: na}", StateWanted({"D": "green", "60": "red", "4H": "na"})),
        ("ftfc: Bullish", StateWanted(ftfc="bullish")),
        ("ftfc: bullish\n    tfc: {15: red, D: na}", StateWanted({"15": "red", "D": "na"}, "bullish")),
        ("sector: Health Care", StateWanted(sectors=("health care",))),
        ("sector: [Energy, ENERGY, Tech]", StateWanted(sectors=("energy", "tech"))),
        ("sector: all", None),
    ],
)  # fmt: skip
def test_what_is_wanted_of_a_state_is_folded(text: str, wanted: StateWanted | None) -> None:
    assert rule("rule", text).state == wanted
    assert rule("breaks", text).state == wanted


@pytest.mark.parametrize("key", ["tfc: {D: green}", "ftfc: bearish", "sector: a", "enrich: true"])
def test_a_rule_that_looks_something_up_says_so(key: str) -> None:
    assert rule("rule", key).asks
    assert not rule("rule", "max_age: 1m").asks


def test_what_is_unknown_is_dropped_where_nothing_else_is_said() -> None:
    assert rule("rule", "ftfc: bullish").on_unknown == "drop"
    assert rule("rule", "ftfc: bullish\n    on_unknown: deliver").on_unknown == "deliver"


def test_a_rule_on_states_waits_for_a_state() -> None:
    read = rule("states", "symbol: {any: AAPL, not: 'A?'}\n    tfc: {D: green}\n    sector: Energy\n    cooldown: 15m")
    assert read.state == StateWanted({"D": "green"}, sectors=("energy",))
    assert (read.channel, read.cooldown) == (Channel.STATES, 900)
    assert not read.asks


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("mon-fri", {"mon", "tue", "wed", "thu", "fri"}),
        ("fri-mon", {"fri", "sat", "sun", "mon"}),
        ("sun-mon", {"sun", "mon"}),
        ("sat", {"sat"}),
        ("Saturday", {"sat"}),
        ("tues - Thurs", {"tue", "wed", "thu"}),
        ("[mon-wed, fri, FRIDAY]", {"mon", "tue", "wed", "fri"}),
        ("[sat-sun, mon-fri]", set(DAYS)),
        ("all", set(DAYS)),
        ("tue-mon", set(DAYS)),
    ],
)
def test_days_are_names_and_ranges_that_may_go_over_sunday(days: str, expected: set[str]) -> None:
    active = rule("rule", f"active: {{timezone: UTC, days: {days}}}").active
    assert active is not None
    assert {DAYS[day] for day in active.days} == expected
    assert active.hours == ()


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ("09:30-16:00", [(570, 960)]),
        ('"09:30-16:00"', [(570, 960)]),
        ("9:30 - 16:00", [(570, 960)]),
        ("22:00-02:00", [(1320, 120)]),
        ("00:00-24:00", [(0, 1440)]),
        ("22:00-24:00", [(1320, 1440)]),
        ("22:00-00:00", [(1320, 0)]),
        ("[09:30-12:00, 11:00-16:00, 09:30-12:00]", [(570, 720), (660, 960)]),
    ],
)
def test_hours_are_ranges_that_may_go_over_midnight(hours: str, expected: list[tuple[int, int]]) -> None:
    active = rule("rule", f"active: {{timezone: America/New_York, hours: {hours}}}").active
    assert active == Active("America/New_York", EVERY_DAY, tuple(Hours(*one) for one in expected))


def test_every_zone_there_is_can_be_named() -> None:
    zones = sorted(zone for zone in available_timezones() if zone not in {"localtime", "Factory"})
    rules = "\n".join(f"  - {{name: {zone}, to: bot, active: {{timezone: {zone}, days: mon}}}}" for zone in zones)
    told = read(config_text("rules", f"rules:\n{rules}")).rules
    assert [one.active.timezone for one in told if one.active] == zones


@pytest.mark.parametrize(
    "zone", ["localtime", "Factory", "posixrules", "posix/UTC", "right/UTC", "America", "a\\0b", ".", "/UTC"]
)
def test_what_lies_beside_the_zones_is_none(zone: str) -> None:
    (fault,) = faults_of(config_text("rule", f'active: {{timezone: "{zone}", days: mon}}'))
    assert fault.startswith("6:24: rules[0].active.timezone: a time zone is wanted, like America/New_York, found ")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("ET", "America/New_York"),
        ("Eastern", "America/New_York"),
        ("new york", "America/New_York"),
        ("US/New_York", "America/New_York"),
        ("Chicago", "America/Chicago"),
        ("CET/Berlin", "Europe/Berlin"),
        ("Europe/Lodon", "Europe/London"),
        ("america/santiago", "America/Santiago"),
    ],
)
def test_a_zone_by_another_name_is_answered_with_its_own(said: str, meant: str) -> None:
    (fault,) = faults_of(config_text("rule", f"active: {{timezone: {said}, days: mon}}"))
    assert fault.endswith(f"did you mean '{meant}'?")


def test_a_zone_from_the_environment_is_never_shown() -> None:
    (fault,) = faults_of(config_text("rule", "active: {timezone: '${TZ}', days: mon}"), env={"TZ": "Europe/Lodon"})
    assert "don" not in fault
    assert "'${TZ}'" in fault


def test_every_key_of_a_rule_belongs_to_a_channel() -> None:
    assert frozenset().union(*KEYS_OF.values()) == set(RuleConfig.known_keys())


def test_several_rules_may_take_what_no_other_one_wants() -> None:
    rules = "rules: [{name: a, otherwise: true, to: bot}, {name: b, otherwise: true, timeframe: D, to: bot}]"
    assert [one.otherwise for one in read(config_text("rules", rules)).rules] == [True, True]
