"""The cookbook of ``docs/cookbook.md``: what it says a rule says, and what its rules send, to whom, and when."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from relay.config.model import Config
from relay.edges.engine import Engine
from relay.events import Channel, Event, Source
from relay.judging.judge import Judge, Sighted
from relay.judging.marks import Marks
from relay.outbox.memory import Side
from relay.rules.plain import sentence
from relay.rules.rule import Rule
from relay.upstream.tick import Tick, decode_tick, event_of
from relay.wants import plan_of
from tests.support.clock import START_US
from tests.support.documents import ROOT, shown
from tests.support.events import a_break, in_force
from tests.support.judging import Awake

COOKBOOK = (ROOT / "docs/cookbook.md").read_text("utf-8")
RECIPES = {
    title: (block, told)
    for title, block, told in re.findall(
        r"## ([^\n]+)\n(?:(?!##).)*?```yaml\n(.*?)```\n\n((?:>[^\n]*\n?)+)", COOKBOOK, re.DOTALL
    )
}
TWO = ("ES1!", "NQ1!")

Sent = dict[str, list[str]]


def test_there_is_a_dozen_of_them_and_each_is_read() -> None:
    assert len(RECIPES) >= 12
    assert len(RECIPES) == COOKBOOK.count("\n## ")


@pytest.mark.parametrize("title", RECIPES)
def test_the_sentences_under_a_recipe_are_those_of_its_rules(title: str, tmp_path: Path) -> None:
    block, told = RECIPES[title]
    said = [line.removeprefix("> ") for line in told.splitlines() if line != ">"]
    assert said == [sentence(rule) for rule in shown(block, tmp_path).rules]


class Kitchen:
    """The rules of a recipe, judging what comes in the order in which it comes."""

    def __init__(self, title: str, folder: Path) -> None:
        self.config: Config = shown(RECIPES[title][0], folder)
        self._judge = Judge(plan_of(self.config), Marks(), Awake())
        self._fired: list[tuple[Tick, tuple[Rule, ...]]] = []
        self._engine = Engine(self.config.rules, [], fire=self._fire, flip=lambda _: None)

    def _fire(self, tick: Tick, rules: tuple[Rule, ...], sides: tuple[Side, ...]) -> None:
        del sides
        self._fired.append((tick, rules))

    def sends(self, event: Event, source: Source = Source.LIVE, fired: tuple[Rule, ...] | None = None) -> Sent:
        """Where an event goes, with the rules that want it there; ``rule?`` where it must ask first."""
        verdict = self._judge.judge(Sighted(event, source, START_US, fired))
        assert verdict is not None
        self._judge.settle(verdict, stored=True)
        return {
            made.destination: [f"{rule.name}{'?' if rule.ask else ''}" for rule in made.rules if not rule.suppressed]
            for made in verdict.deliveries
            if made.suppressed is None
        }

    def values(self, channel: Channel, *values: dict[str, object]) -> list[Sent]:
        """What values of quotes or states send; those that fire nothing are left out."""
        for value in values:
            self._engine.take(decode_tick(channel, msgspec.json.encode(value)))
        fired, self._fired = self._fired, []
        return [self.sends(event_of(tick), fired=rules) for tick, rules in fired]


def alert(symbol: str = "AAPL", timeframe: str = "D", at: str = "2026-04-10T13:45:22Z", **more: str) -> Event:
    return in_force(None, symbol, timeframe=timeframe, at=at, **more)  # type: ignore[arg-type]  # only texts are changed


def test_the_watchlist_is_the_files_and_the_daily_and_above(tmp_path: Path) -> None:
    kitchen = Kitchen("My watchlist, on the daily and above", tmp_path)
    assert kitchen.sends(alert("SPY", "W")) == {"swing": ["my watchlist"]}
    assert kitchen.sends(alert("SPY", "60")) == kitchen.sends(alert("KO", "D")) == {}


def test_full_continuity_is_asked_for_in_the_alerts_own_direction(tmp_path: Path) -> None:
    kitchen = Kitchen("Only with full continuity", tmp_path)
    assert kitchen.sends(alert(direction="bearish")) == {"swing": ["with the tide, down?"]}


def test_the_first_minutes_tell_each_name_once(tmp_path: Path) -> None:
    kitchen = Kitchen("The first minutes after the bell", tmp_path)
    assert kitchen.sends(alert(at="2026-04-10T13:30:01Z")) == {"swing": ["gaps at the open"]}
    assert kitchen.sends(alert(at="2026-04-10T13:30:02Z", shape="2D-2U")) == {}
    assert kitchen.sends(alert("SPY", at="2026-04-10T13:35:00Z")) == {}


def test_a_growing_break_is_told_as_it_grows(tmp_path: Path) -> None:
    kitchen = Kitchen("The whole market moves", tmp_path)
    everybody = ("ES1!", "NQ1!", "RTY1!", "YM1!")
    sent = [
        kitchen.sends(a_break(number, symbols=names)) for number, names in enumerate((TWO, everybody[:3], everybody))
    ]
    assert [bool(one) for one in sent] == [False, True, True]
    assert kitchen.sends(a_break(9)) == {}


def test_at_night_only_what_may_wake_me(tmp_path: Path) -> None:
    kitchen = Kitchen("Not while I sleep", tmp_path)
    assert kitchen.sends(alert("BTC-USD", at="2026-04-10T01:00:00Z")) == {}
    assert kitchen.sends(alert("BTC-USD", "W", at="2026-04-10T01:00:00Z")) == {"swing": ["wake me only for this"]}
    assert kitchen.sends(alert("BTC-USD", at="2026-04-10T10:30:00Z")) == {}  # lunch, 12:30 in Berlin
    assert kitchen.sends(alert("BTC-USD", at="2026-04-10T11:00:00Z")) == {"swing": ["awake"]}


def test_the_bot_gets_what_is_live_and_ten_seconds_old_at_most(tmp_path: Path) -> None:
    kitchen = Kitchen("A bot that must see nothing older than ten seconds", tmp_path)
    assert kitchen.sends(alert("MSFT", "15")) == {"bot": ["entries"]}
    assert kitchen.sends(alert("MSFT", "15"), Source.BACKFILL) == {}
    assert kitchen.config.destinations["bot"].keeps_for == 10.0


def test_one_rule_feeds_a_channel_for_each(tmp_path: Path) -> None:
    kitchen = Kitchen("A channel for each timeframe and asset", tmp_path)
    places = [("AAPL", "D"), ("AAPL", "W"), ("AAPL", "15"), ("BTC-USD", "D"), ("NQ=F", "60")]
    found = [list(kitchen.sends(alert(symbol, timeframe))) for symbol, timeframe in places]
    assert found == [["d-stocks"], ["w-stocks"], ["scalps"], ["coins"], ["futures"]]


def test_what_nothing_else_took_goes_to_the_rest(tmp_path: Path) -> None:
    kitchen = Kitchen("What nothing else took", tmp_path)
    assert kitchen.sends(alert("MSFT")) == {"swing": ["tech leaders"]}
    assert kitchen.sends(alert("KO")) == {"bot": ["the rest"]}


def test_nearly_everything_is_not_what_is_never_traded(tmp_path: Path) -> None:
    kitchen = Kitchen("The whole market, without what I never trade", tmp_path)
    sent = {symbol: bool(kitchen.sends(alert(symbol))) for symbol in ("KO", "TSLA", "BTC-USD", "NQ=F")}
    assert sent == {"KO": True, "TSLA": False, "BTC-USD": False, "NQ=F": False}


def test_a_sector_is_asked_for(tmp_path: Path) -> None:
    assert Kitchen("One sector, and what it looks like", tmp_path).sends(alert("XOM")) == {"swing": ["energy?"]}


def test_a_quote_fires_as_it_leaves_the_range(tmp_path: Path) -> None:
    kitchen = Kitchen("As a price is reached", tmp_path)
    times = ("14:00:00", "14:01:00", "14:02:00", "14:09:00", "14:15:00")
    quotes: list[dict[str, object]] = [
        {"symbol": "AAPL", "price": price, "event_ts": f"2026-04-10T{time}Z"}
        for price, time in zip((210.0, 221.0, 219.0, 222.0, 197.5), times, strict=True)
    ]
    both = {"swing": ["AAPL leaves its range"], "bot": ["AAPL leaves its range"]}
    assert kitchen.values(Channel.QUOTES, *quotes) == [both, both, both]


def test_a_state_fires_as_the_week_turns(tmp_path: Path) -> None:
    kitchen = Kitchen("As the week turns", tmp_path)
    weeks = ("red", "green", "green", "red")
    states: list[dict[str, object]] = [{"symbol": "MSFT", "tfc": {"D": "green", "W": week}} for week in weeks]
    assert kitchen.values(Channel.STATES, *states) == [{"swing": ["the leaders turn green"]}]


def test_only_reversals_ping(tmp_path: Path) -> None:
    kitchen = Kitchen("A ping for what matters, and quiet for the rest", tmp_path)
    assert kitchen.sends(alert(timeframe="W")) == {"swing": ["weekly reversals", "everything else of the week"]}
    assert kitchen.sends(alert(timeframe="W", shape="2U-2U")) == {"swing": ["everything else of the week"]}
    assert [rule.mention for rule in kitchen.config.rules] == [("swing",), ()]
