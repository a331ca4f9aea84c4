"""Rules that remember and rules that ask, through the real command: what no restart and no ``kill -9`` may change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from relay.clock import SystemClock
from relay.events import Channel
from relay.simulator.inbox import Inbox
from relay.simulator.settings import ApiKey, Scope, SimulatorSettings
from relay.simulator.upstream import Simulator
from tests.support.alerts import bodies, in_force, simultaneous
from tests.support.process import RelayProcess, running, webhook, write_config

GREEN = {"D": "green", "W": "green", "M": "green"}


def snapshot(symbol: str, tfc: dict[str, str], sector: str = "Energy") -> dict[str, object]:
    return {
        "symbol": symbol,
        "instrument": {"symbol": symbol, "sector": sector, "active": True},
        "price": {"price": 214.30, "volume": 1200},
        "tfc": tfc,
        "setups": [],
        "default_timeframe": "D",
        "chart_timeframes": ["D"],
    }


def rule(name: str, to: object = "bot", **more: object) -> dict[str, object]:
    return {"name": name, "to": to, **more}


def alert(symbol: str = "AAPL", timeframe: str = "D", **more: object) -> dict[str, object]:
    return in_force(symbol, timeframe=timeframe, direction="bullish", shape="1-2U", cc="2U", **more)


async def deliveries(relay: RelayProcess, state: str) -> list[dict[str, Any]]:
    """What the relay lists in a state, newest first."""
    items: list[dict[str, Any]] = (await relay.json(f"/api/deliveries?state={state}"))["items"]
    return items


async def counted(relay: RelayProcess, **counts: int) -> None:
    """Return once the first destination has just so many in those states, and nothing waits there."""

    def holds(status: dict[str, Any]) -> bool:
        found = status["destinations"][0]["counts"] if status["destinations"] else {}
        return all(found.get(state, 0) == count for state, count in {"pending": 0, "deciding": 0, **counts}.items())

    await relay.until_status(holds)


async def subscribed(simulator: Simulator, channel: Channel, symbol: str) -> None:
    await simulator.wait_until(lambda: simulator.subscribed(channel, symbol))


# --- cooldown


@pytest.mark.parametrize("gently", [True, False], ids=["SIGTERM", "kill -9"])
async def test_a_cooldown_outlasts_a_restart_and_what_it_suppressed_can_be_seen(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, *, gently: bool
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, rules=[rule("calm", cooldown="15m")])
    async with running(config) as relay:
        simulator.fire(alert(triggered_at="2026-04-10T13:45:22Z"))
        await inbox.wait_until(lambda: inbox.unique == 1)
        await relay.until_drained()
        await (relay.stop() if gently else relay.kill())
        await relay.start()
        await relay.ready()
        simulator.fire(alert(triggered_at="2026-04-10T13:59:22Z"))
        simulator.fire(alert(triggered_at="2026-04-10T14:01:00Z"))
        await counted(relay, delivered=2, suppressed=1)
        (held_back,) = await deliveries(relay, "suppressed")
        assert (held_back["last_code"], held_back["rules"]) == ("cooldown", ["calm"])
        assert 'relay_deliveries_total{destination="bot",result="suppressed"} 1.0' in (await relay.get("/metrics"))[1]
    assert [body["data"]["triggered_at"][11:16] for body in bodies(inbox)] == ["13:45", "14:01"]


async def test_a_bigger_break_passes_a_cooldown(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    channel = "alerts.simultaneous_breaks"
    rules = [rule("market", channel=channel, cooldown="15m")]
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, rules=rules)
    same = {"timeframe": "D", "direction": "bullish"}
    async with running(config) as relay:
        for threshold in (2, 2, 3, 2, 4):
            simulator.fire(simultaneous(threshold, **same))
        await counted(relay, delivered=3, suppressed=2)
    assert [body["data"]["threshold"] for body in bodies(inbox)] == [2, 3, 4]


async def test_outside_of_its_hours_a_rule_is_silent_and_says_so(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    active = {"timezone": "America/New_York", "days": "mon-fri", "hours": "09:30-16:00"}
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, rules=[rule("session", active=active)])
    async with running(config) as relay:
        simulator.fire(alert(triggered_at="2026-04-10T13:29:59Z"))  # 09:29:59 in New York, a Friday
        simulator.fire(alert(triggered_at="2026-04-10T13:30:00Z"))
        simulator.fire(alert(triggered_at="2026-04-11T15:00:00Z"))
        await counted(relay, delivered=1, suppressed=2)
        assert {item["last_code"] for item in await deliveries(relay, "suppressed")} == {"active"}


# --- look-ups


async def test_an_alert_waits_for_its_state_holds_up_nobody_and_survives_a_kill(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    rules = [rule("green days", symbol="AAPL", tfc={"D": "green"}, enrich=True), rule("plain", symbol="SPY")]
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, rules=rules)
    simulator.state(snapshot("AAPL", GREEN))
    async with running(config) as relay:
        simulator.faults.rest("hang", path="/states/")
        simulator.fire(alert("AAPL"))
        simulator.fire(alert("SPY"))
        await inbox.wait_until(lambda: inbox.unique == 1)
        await relay.until_drained()  # what a kill finds unnoted comes again
        assert [item["symbol"] for item in await deliveries(relay, "deciding")] == ["AAPL"]
        await relay.kill()
        simulator.faults.clear()
        await relay.start()
        await inbox.wait_until(lambda: inbox.unique == 2)
        await relay.until_drained()
    first, second = bodies(inbox)
    assert (first["data"]["symbol"], second["data"]["symbol"]) == ("SPY", "AAPL")
    assert "state" not in first["relay"]
    assert second["relay"]["state"] == snapshot("AAPL", GREEN)
    assert second["relay"]["rules"] == ["green days"]


async def test_states_decide_who_gets_an_alert_and_otherwise_takes_what_is_left(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    rules = [
        rule("green weeks", tfc={"D": "green", "W": "green"}),
        rule("all up", ftfc="bullish"),
        rule("energy", sector=["energy", "Utilities"]),
        rule("rest", "misc", otherwise=True),
    ]
    destinations = {"bot": webhook(inbox.url()), "misc": webhook(inbox.url("/misc"))}
    config = write_config(tmp_path, simulator, destinations, rules=rules)
    simulator.state(snapshot("AAPL", GREEN, "Information Technology"))
    simulator.state(snapshot("XOM", {"D": "green", "W": "red"}))
    simulator.state(snapshot("KO", {"D": "red", "W": "green"}, "Consumer Staples"))
    async with running(config) as relay:
        for symbol in ("AAPL", "XOM", "KO", "WHO?"):
            simulator.fire(alert(symbol))
        await counted(relay, delivered=2, suppressed=1)
        await inbox.wait_until(lambda: len(bodies(inbox, "/misc")) == 2)
        (unknown,) = await deliveries(relay, "suppressed")
        assert (unknown["symbol"], unknown["last_code"]) == ("WHO?", "unknown")
        asked = [call.path for call in simulator.calls if "/states/" in call.path]
        assert len([path for path in asked if path.endswith("AAPL")]) == 1  # for three rules
    told = {body["data"]["symbol"]: body["relay"]["rules"] for body in bodies(inbox)}
    assert told == {"AAPL": ["green weeks", "all up"], "XOM": ["energy"]}
    assert sorted(body["data"]["symbol"] for body in bodies(inbox, "/misc")) == ["KO", "WHO?"]


async def test_what_can_not_be_known_is_sent_where_the_rule_says_so(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    rules = [rule("if green", tfc={"D": "green"}, on_unknown="deliver"), rule("shown", enrich=True)]
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, rules=rules)
    async with running(config) as relay:
        simulator.fire(alert("WHO?"))
        await counted(relay, delivered=1)
    (body,) = bodies(inbox)
    assert (body["relay"]["rules"], "state" in body["relay"]) == (["if green", "shown"], False)


# --- quotes and states


async def test_a_rule_on_quotes_fires_as_the_price_crosses_and_remembers_its_side_over_a_kill(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    rules = [rule("through 200", channel="quotes", symbol="AAPL", price={"crosses_above": 200})]
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, rules=rules)
    async with running(config) as relay:
        await subscribed(simulator, Channel.QUOTES, "AAPL")
        for price in (210.0, 205.0, 199.0, 200.0, 200.5, 201.0, 199.5, 202.25):
            simulator.quote("AAPL", price)
        await inbox.wait_until(lambda: inbox.unique == 2)
        simulator.quote("AAPL", 150.0)
        await relay.until_drained()
        await relay.kill()
        await relay.start()
        await relay.ready()
        await subscribed(simulator, Channel.QUOTES, "AAPL")
        simulator.quote("AAPL", 220.0)
        await inbox.wait_until(lambda: inbox.unique == 3)
        await relay.until_drained()
    found = bodies(inbox)
    assert [body["data"]["price"] for body in found] == [200.5, 202.25, 220.0]
    assert {body["type"] for body in found} == {"quote"}
    assert len({received.webhook_id for received in inbox.received}) == 3


async def test_a_rule_on_states_fires_as_its_condition_becomes_true(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    rules = [rule("full continuity", channel="states", symbol=["AAPL"], tfc={"D": "green", "W": "green"})]
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, rules=rules)
    async with running(config) as relay:
        await subscribed(simulator, Channel.STATES, "AAPL")
        for day in ("red", "green", "green", "red", "green"):
            simulator.state(snapshot("AAPL", {"D": day, "W": "green"}))
        await inbox.wait_until(lambda: inbox.unique == 2)
        await relay.until_drained()
        assert not simulator.subscribed(Channel.QUOTES, "AAPL")
    assert [(body["type"], body["data"]["tfc"]["D"]) for body in bodies(inbox)] == [("state", "green")] * 2


# --- routes


async def test_one_rule_routes_by_asset_and_timeframe(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    routes = {"stocks": {"D, W": "swing", "else": "scalps"}, "crypto": "coins", "else": ["swing", "coins"]}
    names = ("swing", "scalps", "coins")
    config = write_config(
        tmp_path,
        simulator,
        {name: webhook(inbox.url(f"/{name}")) for name in names},
        rules=[rule("all", {"by": ["asset", "timeframe"], "routes": routes})],
    )
    async with running(config) as relay:
        for symbol, timeframe in (("AAPL", "D"), ("AAPL", "15"), ("BTC-USD", "D"), ("NQ=F", "W")):
            simulator.fire(alert(symbol, timeframe))
        await inbox.wait_until(lambda: inbox.unique == 5)
        await relay.until_drained()
    got = {name: [body["data"]["symbol"] for body in bodies(inbox, f"/{name}")] for name in names}
    assert got == {"swing": ["AAPL", "NQ=F"], "scalps": ["AAPL"], "coins": ["BTC-USD", "NQ=F"]}


async def test_a_key_without_the_scopes_says_which_to_add(tmp_path: Path, inbox: Inbox) -> None:
    settings = SimulatorSettings(keys={"sim-key": ApiKey(scopes=frozenset({Scope.CONNECT, Scope.ALERTS}))})
    rules = [
        rule("green", tfc={"D": "green"}, on_unknown="deliver"),
        rule("through 200", channel="quotes", symbol="AAPL", price={"crosses_above": 200}),
    ]
    async with Simulator(settings, SystemClock()) as simulator:
        config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, rules=rules)
        async with running(config) as relay:
            simulator.fire(alert("AAPL"))
            await counted(relay, delivered=1)
            degraded = " ".join((await relay.ready())["degraded"])
            channels = {found["name"]: found for found in (await relay.json("/api/status"))["channels"]}
    assert "quotes was refused: add the scope prices:read" in degraded
    assert "states can't be looked up" in degraded
    assert "states:read" in degraded
    assert (channels["quotes"]["accepted"], channels["quotes"]["baseline"]) == (False, True)
