"""Routes: one rule that sends each kind of alert to its channel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relay.cli import invoke as run
from relay.config.doubts import doubts_of
from relay.config.mentions import unheard
from relay.events import Channel, Event
from relay.rules.rule import Routes, Rule
from tests.support.config_text import faults_of, read

TEN = (*(f"c{number}" for number in range(1, 10)), "bot")


def text(to: str, keys: str = "") -> str:
    destinations = "".join(f"  {name}: {{type: slack, url: 'http://127.0.0.1/x'}}\n" for name in TEN)
    return f"stratalerts: {{api_key: k}}\ndestinations:\n{destinations}rules:\n  - name: a\n{keys}    to: {to}\n"


def rule(to: str, keys: str = "") -> Rule:
    return read(text(to, keys)).rules[0]


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("{by: timeframe, routes: {D: c1}}", Routes("timeframe", {"D": ("c1",)})),
        ("{by: [timeframe], routes: {d: [c1, c2, c1]}}", Routes("timeframe", {"D": ("c1", "c2")})),
        (
            "{by: timeframe, routes: {15: c1, 4h: c2, ELSE: c3}}",
            Routes("timeframe", {"15": ("c1",), "4H": ("c2",), "else": ("c3",)}),
        ),
        (
            '{by: asset, routes: {"Stocks , futures": c1, else: c2}}',
            Routes("asset", {"stocks": ("c1",), "futures": ("c1",), "else": ("c2",)}),
        ),
        (
            "{by: [direction, asset], routes: {bullish: {crypto: c1}, bearish: c2}}",
            Routes("direction", {"bullish": Routes("asset", {"crypto": ("c1",)}), "bearish": ("c2",)}),
        ),
    ],
)
def test_routes_are_typed_and_folded(to: str, expected: Routes) -> None:
    read = rule(to)
    assert read.routes == expected
    assert read.to == expected.every()


def test_how_many_futures_broke_chooses_too() -> None:
    routes = rule("{by: threshold, routes: {2, 3: c1, 4: c2}}".replace("2, 3", '"2, 3"'), BREAKS).routes
    assert routes == Routes("threshold", {"2": ("c1",), "3": ("c1",), "4": ("c2",)})


BREAKS = "    channel: alerts.simultaneous_breaks\n"
CHANNELS = """
      by: [asset, timeframe]
      routes:
        stocks:
          15, 30: c1
          60: c2
          4H, 12H: c3
          D: c4
          W, M, Q, Y: c5
        futures:
          15, 30, 60: c6
          else: c7
        crypto:
          D, W: c8
          else: c9"""


def test_nine_channels_read_as_one_rule() -> None:
    community = rule(CHANNELS)
    assert community.to == TEN[:9]
    expected = {("AAPL", "30"): "c1", ("NQ=F", "60"): "c6", ("ES1!", "D"): "c7", ("BTC-USD", "W"): "c8"}
    for (symbol, timeframe), channel in expected.items():
        assert community.destinations(Event(Channel.IN_FORCE, symbol=symbol, timeframe=timeframe)) == (channel,)
    assert list(doubts_of(community)) == []


@pytest.mark.parametrize(
    ("to", "keys", "gaps"),
    [
        ("{by: timeframe, routes: {else: c1}}", "", []),
        ("{by: timeframe, routes: {D: c1, else: c2}}", "", []),
        ('{by: timeframe, routes: {"15, 30, 60, 4H, 12H, D, W": c1}}', "", ["timeframe M, Q or Y"]),
        ("{by: timeframe, routes: {D: c1}}", "    timeframe: [D, W]\n", ["timeframe W"]),
        ("{by: timeframe, routes: {D: c1}}", "    timeframe: D\n", []),
        ("{by: direction, routes: {bullish: c1}}", "", ["direction bearish"]),
        ("{by: direction, routes: {bullish: c1}}", "    direction: bullish\n", []),
        ("{by: asset, routes: {stocks: c1}}", "", ["asset futures or crypto"]),
        ("{by: asset, routes: {stocks: c1}}", "    symbol: [AAPL, SPY]\n", []),
        ("{by: asset, routes: {stocks: c1}}", "    symbol: [AAPL, BTC-USD]\n", ["asset crypto"]),
        ("{by: asset, routes: {stocks: c1}}", '    symbol: ["*-USD"]\n', ["asset futures or crypto"]),
        ("{by: asset, routes: {stocks: c1}}", "    asset: [stocks, crypto]\n", ["asset crypto"]),
        ("{by: threshold, routes: {4: c1}}", BREAKS + "    threshold: 3\n", ["threshold 3"]),
        (
            "{by: [asset, direction], routes: {crypto: {bullish: c1}, else: {bearish: c2}}}",
            "",
            ["asset crypto and direction bearish", "any other asset and direction bullish"],
        ),
        (
            "{by: [asset, direction], routes: {else: {bearish: c2}}}",
            "    enabled: true\n",
            ["any asset and direction bullish"],
        ),
        ('{by: [asset, direction], routes: {"stocks, futures, crypto": c1, else: {bearish: c2}}}', "", []),
    ],
)
def test_what_has_no_route_and_no_else_is_noted(to: str, keys: str, gaps: list[str]) -> None:
    assert list(doubts_of(rule(to, keys))) == [f"a: no route for {gap}: such alerts go nowhere" for gap in gaps]


def test_that_asset_chooses_nothing_on_breaks_is_noted() -> None:
    (note,) = doubts_of(rule("{by: [threshold, asset], routes: {else: {futures: c1}}}", BREAKS))
    assert note == "a: asset chooses nothing in its routes: simultaneous breaks are all of futures"


def test_a_rule_without_routes_has_no_doubts() -> None:
    assert list(doubts_of(rule("[c1, bot]"))) == []


def test_relay_check_notes_a_gap_and_counts_every_destination_as_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text(CHANNELS + "\n      # bot is used by nobody", "    timeframe: [15, W]\n"))
    assert run(["check", "-c", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == ["no enabled rule sends to bot"]
    path.write_text(text("{by: asset, routes: {stocks: [" + ", ".join(TEN) + "]}}"))
    assert run(["check", "-c", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == [
        "a: no route for asset futures or crypto: such alerts go nowhere"
    ]


def test_a_mention_is_looked_for_in_the_chats_of_all_routes() -> None:
    destinations = "destinations:\n  d: {type: discord, url: 'http://127.0.0.1/x', roles: {swing: '<@&1>'}}\n"
    to = "{by: [asset, timeframe], routes: {stocks: c1, else: {D: d, else: bot}}}"
    whole = text(to, "    mention: swing\n").replace("destinations:\n", destinations)
    assert list(unheard(read(whole))) == [
        "a pings nobody at c1: it has no role 'swing'",
        "a pings nobody at bot: it has no role 'swing'",
    ]
    (fault,) = faults_of(whole.replace("mention: swing", "mention: swng"))
    assert "have no 'swng'; did you mean 'swing'?" in fault


def test_a_route_can_be_repeated_by_an_alias() -> None:
    aliased = rule("{by: [asset, direction], routes: {stocks: &both {bullish: c1, bearish: c2}, crypto: *both}}")
    assert aliased.routes is not None
    assert aliased.routes.to["crypto"] == aliased.routes.to["stocks"]
