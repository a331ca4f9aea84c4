"""``relay check --volume``: what the rules would have sent in the last day, told before anybody is flooded."""

from __future__ import annotations

from pathlib import Path

from relay.clock import MICROS, SystemClock
from relay.simulator.history import seconds_z
from relay.simulator.settings import SimulatorSettings
from relay.simulator.upstream import Simulator
from tests.support.alerts import in_force, simultaneous
from tests.support.command import relay
from tests.support.process import webhook, write_config
from tests.support.receiver import receiving

HOUR_US = 3_600 * MICROS


async def test_the_last_day_is_fetched_counted_and_told_and_nothing_is_opened(tmp_path: Path) -> None:
    now_us = SystemClock().now_us()
    async with Simulator(SimulatorSettings(clamp=10), SystemClock()) as simulator, receiving() as receiver:
        for number in range(30):
            moment = seconds_z(now_us - (1 + number % 20) * HOUR_US)
            simulator.fire(in_force(timeframe="D" if number < 12 else "W", triggered_at=moment))
        simulator.fire(in_force(triggered_at=seconds_z(now_us - 30 * HOUR_US)))
        simulator.fire(simultaneous(triggered_at=seconds_z(now_us - HOUR_US)))
        rules: list[dict[str, object]] = [
            {"name": "daily", "timeframe": "D", "to": "bot"},
            {"name": "the rest", "otherwise": True, "to": "bot"},
            {"name": "breaks", "channel": "alerts.simultaneous_breaks", "to": "bot"},
            {"name": "off", "enabled": False, "to": "bot"},
        ]
        config = str(write_config(tmp_path, simulator, {"bot": webhook(receiver.url)}, rules=rules))
        shown = await relay("check", "--online", "--volume", "-c", config)
        told = await relay("check", "--volume", "--json", "-c", config)
        assert (simulator.opened, simulator.refused) == (0, 0)
    assert (shown.code, shown.err, told.code, told.err) == (0, "", 0, "")
    assert told.json["online"]["ok"] is True
    found = told.json["volume"]
    assert [(rule["name"], rule["alerts"]) for rule in found["rules"]] == [
        ("daily", 12),
        ("the rest", 18),
        ("breaks", 1),
    ]
    assert [(to["name"], to["alerts"]) for to in found["destinations"]] == [("bot", 31)]
    assert [(channel["alerts"], channel["cut"]) for channel in found["channels"]] == [(30, None), (1, None)]
    _, _, after = shown.out.partition("\nvolume, of the 24 hours before ")
    assert "\n  daily: 12 alerts in the last day, at most " in after
    assert "\n  breaks: 1 alert in the last day\n" in after
    assert "\n  to bot: 31 alerts in the last day, at most " in after
    assert {request.method for request in receiver.requests} == {"HEAD"}
    assert not (tmp_path / "relay.db").exists()


async def test_where_the_key_is_refused_nothing_is_counted_and_nothing_waits(
    tmp_path: Path, simulator: Simulator
) -> None:
    async with receiving() as receiver:
        config = str(write_config(tmp_path, simulator, {"bot": webhook(receiver.url)}, key="sk-wrong-7730"))
        ended = await relay("check", "--volume", "-c", config)
    assert ended.code == 77
    assert "  in force: not known, for the upstream did not show its in-force alerts" in ended.out
