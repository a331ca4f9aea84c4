"""How much the rules would have sent in the last day: what is fetched, and how it is counted and told."""

from __future__ import annotations

import asyncio
import random
import re
from pathlib import Path

import msgspec
import pytest

from relay.cli import volume
from relay.cli.counting import counted
from relay.cli.survey import Cut, CutBy, Shown, Survey, survey
from relay.cli.volume import Count, Peak
from relay.config.model import Config
from relay.events import Channel, Event
from relay.rules.active import Active, Hours
from relay.rules.rule import Routes, Rule, Symbols
from relay.states import StateWanted
from tests.support.backfill import DOWN, HOUR, MINUTE, REFUSED, FakeRest, alert, some_break
from tests.support.clock import START_US, FakeClock
from tests.support.config_text import read

DESTINATIONS = """
destinations:
  swing: {type: discord, url: "https://discord.com/api/webhooks/1/x"}
  desk: {type: slack, url: "https://hooks.slack.com/services/T1/B1/x"}
  bot: {type: webhook, url: "https://bot.example/x"}
"""


def config(*rules: Rule) -> Config:
    """A config with these rules."""
    whole = read(f"stratalerts: {{api_key: k}}\n{DESTINATIONS}\nrules: [{{name: a, to: bot}}]\n", path=Path("f"))
    return Config(**{name: getattr(whole, name) for name in Config.__slots__} | {"rules": rules})


def day(*events: Event, cut: Cut | None = None, breaks: tuple[Event, ...] | None = None) -> Survey:
    """The last day of in-force alerts, and of breaks where they were asked for."""
    channels = [Shown(Channel.IN_FORCE, tuple(sorted(events, key=_when)), cut)]
    if breaks is not None:
        channels.append(Shown(Channel.BREAKS, tuple(sorted(breaks, key=_when))))
    return Survey(START_US, tuple(channels))


def _when(event: Event) -> int:
    return event.triggered_at.us if event.triggered_at else 0


def ago(minutes: float) -> int:
    return START_US - round(minutes * MINUTE)


async def fetched(rest: FakeRest, *channels: Channel, patience: float = 30.0, most_requests: int = 200) -> Survey:
    work = asyncio.ensure_future(
        survey(
            rest,
            channels or (Channel.IN_FORCE,),
            clock=rest.clock,
            rng=random.Random(1),
            page_size=200,
            patience=patience,
            most_requests=most_requests,
        )
    )
    while not work.done():
        await rest.clock.advance(0.5)
    return await work


def ids(shown: Shown) -> list[int]:
    return [event.id for event in shown.events if event.id is not None]


async def test_the_last_day_is_seen_whole_though_pages_are_cut() -> None:
    rest = FakeRest(FakeClock(), clamp=20)
    rest.alerts = [
        alert(number, f"S{number % 40}", at_us=ago(1400 - number), cc=("1", "2U", "2D", "3")[number % 4])
        for number in range(1, 101)
    ]
    rest.alerts += [alert(900 + number, at_us=START_US - 25 * HOUR) for number in range(3)]
    seen = await fetched(rest)
    assert seen.until_us == START_US // 1_000_000 * 1_000_000
    [shown] = seen.channels
    assert (shown.cut, ids(shown)) == (None, list(range(1, 101)))


async def test_a_server_that_ignores_the_window_adds_no_older_alert() -> None:
    rest = FakeRest(FakeClock())
    rest._shows = lambda *_: True  # type: ignore[method-assign]  # a window that nobody heeds
    rest.alerts = [alert(1, at_us=START_US - 30 * HOUR), alert(2, at_us=START_US - HOUR), alert(3, at_us=ago(1))]
    [shown] = (await fetched(rest)).channels
    assert ids(shown) == [2, 3]


async def test_what_no_split_shows_is_told_to_be_cut() -> None:
    rest = FakeRest(FakeClock(), clamp=5, heeds_filters=False)
    rest.alerts = [alert(number, at_us=ago(number)) for number in range(1, 30)]
    [shown] = (await fetched(rest)).channels
    assert shown.cut is not None
    assert shown.cut.by is CutBy.HIDDEN
    assert re.fullmatch(r"REST cuts its answer for \S+( \S+)*( and \d+ more of its parts)? at 5", shown.cut.why)
    assert "=" not in shown.cut.why
    assert len(shown.events) == 5


async def test_no_more_is_asked_than_is_allowed() -> None:
    rest = FakeRest(FakeClock(), clamp=5)
    rest.alerts = [alert(number, f"S{number}", at_us=ago(number)) for number in range(1, 200)]
    [shown] = (await fetched(rest, most_requests=7)).channels
    assert len(rest.asked) == 7
    assert shown.cut == Cut("to see them all takes more than 7 requests", CutBy.TOO_MANY)
    assert shown.events


async def test_no_more_are_held_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.cli.survey.MOST_SHOWN", 20)
    rest = FakeRest(
        FakeClock(), [alert(number, at_us=ago(1)) for number in range(1, 100)], clamp=10, keeps_newest=False
    )
    [shown] = (await fetched(rest, Channel.IN_FORCE)).channels
    assert shown.cut == Cut("there are more than 20 of them", CutBy.TOO_MANY)
    assert len(shown.events) == 30


async def test_no_longer_is_asked_than_is_allowed_and_the_last_trouble_is_told() -> None:
    rest = FakeRest(FakeClock(), down=DOWN)
    before = rest.clock.monotonic()
    [in_force, breaks] = (await fetched(rest, Channel.IN_FORCE, Channel.BREAKS, patience=5.0)).channels
    assert rest.clock.monotonic() - before <= 5.5
    why = "to see them all takes more than 5s (the upstream answered HTTP 503)"
    assert in_force.cut == breaks.cut == Cut(why, CutBy.FAILING)
    assert in_force.events == ()


async def test_a_rest_that_does_nothing_but_fail_is_given_up_after_a_few_times() -> None:
    rest = FakeRest(FakeClock(), down=DOWN)
    [shown] = (await fetched(rest, Channel.IN_FORCE, patience=3_600.0)).channels
    assert shown.cut == Cut("REST fails: the upstream answered HTTP 503", CutBy.FAILING)
    assert len(rest.asked) == 5


async def test_failures_between_which_it_answers_are_borne() -> None:
    rest = FakeRest(FakeClock(), clamp=2, keeps_newest=False, failures=[*[DOWN, None] * 6])
    rest.alerts = [alert(number, at_us=ago(number)) for number in range(1, 9)]
    [shown] = (await fetched(rest, Channel.IN_FORCE, patience=3_600.0)).channels
    assert shown.cut is None
    assert len(shown.events) == 8


async def test_a_refusal_is_told_and_keeps_the_other_channel() -> None:
    rest = FakeRest(FakeClock(), failures=[REFUSED])
    rest.alerts = [some_break(1)]
    [in_force, breaks] = (await fetched(rest, Channel.IN_FORCE, Channel.BREAKS)).channels
    assert in_force.cut == Cut("the upstream refused the key", CutBy.REFUSED)
    assert (breaks.cut, ids(breaks)) == (None, [1])


def test_alerts_are_counted_by_rule_and_destination_with_the_busiest_minute_and_hour() -> None:
    events = [alert(number, at_us=ago(60 + number / 60)) for number in range(1, 5)]
    events += [alert(10, "SPY", at_us=ago(300)), alert(11, timeframe="W", at_us=ago(200))]
    told = counted(
        config(
            Rule("daily", ("swing", "bot"), timeframes=frozenset({"D"})),
            Rule("apple", ("bot",), symbols=Symbols(("AAPL",))),
            Rule("off", ("desk",), enabled=False),
        ),
        day(*events),
    )
    at = START_US - 60 * MINUTE
    minute, hour = Peak(at // MINUTE * MINUTE, 4), Peak(at // HOUR * HOUR, 4)
    assert told.rules == (Count("daily", 5, minute=minute, hour=hour), Count("apple", 5, minute=minute, hour=hour))
    assert [(count.name, count.alerts) for count in told.destinations] == [("swing", 5), ("bot", 6)]


def test_a_route_that_leads_nowhere_sends_nothing() -> None:
    routes = Routes("timeframe", {"D": ("swing",), "W": ("bot",)})
    rules = Rule("routed", ("swing", "bot"), routes=routes)
    told = counted(config(rules), day(alert(1), alert(2, timeframe="W"), alert(3, timeframe="M")))
    assert told.rules[0].alerts == 2
    assert [(count.name, count.alerts) for count in told.destinations] == [("swing", 1), ("bot", 1)]


def test_otherwise_takes_what_no_other_rule_matched() -> None:
    told = counted(
        config(Rule("apple", ("bot",), symbols=Symbols(("AAPL",))), Rule("rest", ("desk",), otherwise=True)),
        day(alert(1), alert(2, "SPY"), alert(3, "QQQ")),
    )
    assert [count.alerts for count in told.rules] == [1, 2]


def test_hours_and_cooldown_go_by_the_alerts_own_times() -> None:
    waking = Active("UTC", hours=(Hours(13 * 60, 14 * 60),))  # the test's now is 13:45:22
    events = [alert(1, at_us=ago(1)), alert(2, at_us=ago(5)), alert(3, at_us=ago(30)), alert(4, at_us=ago(120))]
    told = counted(config(Rule("awake", ("bot",), active=waking), Rule("cool", ("bot",), cooldown=600.0)), day(*events))
    assert [(count.alerts, count.unsure) for count in told.rules] == [(3, 0), (3, 0)]


def test_what_must_be_looked_up_is_at_most_and_cools_down_all_the_same() -> None:
    wanted = StateWanted(tfc={"D": "green"}, sectors=("technology",))
    events = [alert(1, at_us=ago(1)), alert(2, at_us=ago(5)), alert(3, at_us=ago(30))]
    rules = (
        Rule("looked up", ("bot",), state=wanted, cooldown=600.0),
        Rule("shown", ("swing",), enrich=True),
        Rule("rest", ("desk",), otherwise=True),
    )
    told = counted(config(*rules), day(*events))
    assert [(count.alerts, count.unsure) for count in told.rules] == [(2, 2), (3, 0), (0, 0)]
    lines = list(volume.lines(told))
    assert "  looked up: at most 2 alerts in the last day, at most 1 in one minute" in lines[1]
    assert lines[1].endswith("; tfc and sector not looked at")
    assert "  shown: 3 alerts in the last day" in lines[2]
    assert lines[3] == "  rest: no alert in the last day"


def test_where_only_a_look_up_can_tell_what_is_left_over_that_is_unsure_too() -> None:
    wanted = StateWanted(ftfc="bullish")
    rules = (Rule("looked up", ("bot",), state=wanted), Rule("rest", ("bot", "desk"), otherwise=True))
    told = counted(config(*rules), day(alert(1)))
    assert [(count.alerts, count.unsure) for count in (*told.rules, *told.destinations)] == [(1, 1)] * 4


def test_what_was_not_seen_is_at_least_and_what_has_no_past_is_said() -> None:
    rules = (
        Rule("all", ("bot",)),
        Rule("breaks", ("bot",), channel=Channel.BREAKS),
        Rule("quotes", ("swing",), channel=Channel.QUOTES),
    )
    told = counted(config(*rules), day(alert(1), cut=Cut("it takes long", CutBy.TOO_MANY)))
    assert list(volume.lines(told)) == [
        "volume, of the 24 hours before Fri 2026-04-10 13:45 UTC:",
        "  not all of the in-force alerts were seen: it takes long",
        "  all: at least 1 alert in the last day",
        "  breaks: not known, for the upstream did not show its simultaneous breaks",
        "  quotes: not known, for quotes have no history",
        "  to swing: not known, for quotes have no history",
        "  to bot: at least 1 alert in the last day; without simultaneous breaks",
    ]
    shown = msgspec.json.decode(msgspec.json.encode(volume.plain(told)))
    assert [rule["alerts"] for rule in shown["rules"]] == [1, None, None]
    assert shown["channels"] == [{"channel": "alerts.in_force", "alerts": 1, "cut": "it takes long"}]


@pytest.mark.parametrize(("unsure", "cut", "said"), [(0, False, ""), (1, False, "at most "), (1, True, "about ")])
def test_the_number_says_how_sure_it_is(*, unsure: int, cut: bool, said: str) -> None:
    assert volume._line(Count("a", 7, unsure, cut)) == f"a: {said}7 alerts in the last day"


def test_a_flood_into_a_chat_is_noted_and_into_a_program_is_not() -> None:
    events = [alert(number, at_us=ago(number)) for number in range(1, 302)]
    rules = (Rule("all", ("swing", "desk", "bot")), Rule("one", ("bot",)))
    told = counted(config(*rules), day(*events))
    [note] = told.notes
    assert note.startswith("all would flood swing and desk with 301 alerts a day: narrow its symbols, timeframes or")
    assert note.endswith("or set digest_over of swing and desk")
    assert "  all: 301 alerts in the last day, at most 1 in one minute" in list(volume.lines(told))[1]


def test_a_day_without_the_stock_market_is_told_to_say_little() -> None:
    sunday_us = START_US + 2 * 24 * HOUR
    told = counted(config(Rule("all", ("bot",))), Survey(sunday_us, (Shown(Channel.IN_FORCE, ()),)))
    assert told.notes == ("the stock market was open for 0 of these 24 hours: an ordinary day brings more",)
    assert counted(config(Rule("all", ("bot",))), day()).notes == ()


def test_breaks_are_counted_each_once() -> None:
    rules = Rule("whole market", ("bot",), channel=Channel.BREAKS)
    told = counted(config(rules), day(breaks=(some_break(1), some_break(2, 4))))
    assert told.rules[0].alerts == 2
