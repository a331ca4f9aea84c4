"""Another config for the relay that runs: nothing queued is lost, nothing goes out twice, the socket stays open."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from relay.simulator.inbox import Answer, Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, fire, in_force, once, simultaneous
from tests.support.process import RelayProcess, running, webhook, write_config

PATIENT = "60s"


async def hup(relay: RelayProcess) -> None:
    """SIGHUP, and wait until the relay has told what came of it."""

    def told() -> int:
        return sum(line["event"].startswith(("config reloaded", "config not reloaded")) for line in relay.logged())

    before = told()
    relay.send(signal.SIGHUP)
    await relay.until("/healthz", lambda _status, _body: told() > before)


async def reload(relay: RelayProcess, query: str = "") -> tuple[int, Any]:
    status, body = await relay.post(f"/api/reload{query}")
    return status, json.loads(body)


async def test_a_new_destination_and_a_new_channel_are_used_on_the_same_socket(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    rules: list[dict[str, object]] = [{"name": "all", "to": "bot"}]
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url("/bot"))}, rules=rules)
    async with running(config) as relay:
        first = fire(simulator, 3)
        await inbox.wait_for(3)
        destinations = {"bot": webhook(inbox.url("/bot")), "new": webhook(inbox.url("/new"))}
        breaks: dict[str, object] = {"name": "breaks", "channel": "alerts.simultaneous_breaks", "to": "new"}
        rules = [{"name": "all", "to": ["bot", "new"]}, breaks]
        port = int(relay.url.rpartition(":")[2])
        write_config(tmp_path, simulator, destinations, rules=rules, port=port)
        await hup(relay)
        await relay.until_status(lambda status: [channel["accepted"] for channel in status["channels"]] == [True, True])
        second = fire(simulator, 2)
        simulator.fire(simultaneous())
        await inbox.wait_until(lambda: len(inbox.at("/bot")) == 5 and len(inbox.at("/new")) == 3)
        await relay.until_drained()
        assert simulator.opened == 1
        assert arrived(inbox, "/bot") == once([*first, *second])
        assert await relay.stop() == 0


async def test_what_is_in_flight_to_a_changed_destination_goes_out_once_and_in_order(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    inbox.always(Answer(delay=1.0))
    before = {"bot": webhook(inbox.url(), ordering="strict", timeout=PATIENT)}
    config = write_config(tmp_path, simulator, before)
    async with running(config) as relay:
        fired = [simulator.fire(in_force("AAPL")) for _ in range(4)]
        await inbox.wait_for(1)
        port = int(relay.url.rpartition(":")[2])
        after = {"bot": webhook(inbox.url(), ordering="strict", headers={"X-Team": "alpha"})}
        write_config(tmp_path, simulator, after, port=port)
        status, told = await reload(relay)
        (changed,) = told["changes"]["destinations"]["changed"]
        assert (status, changed["name"], changed["keys"]) == (200, "bot", ["headers", "timeout"])
        assert list(changed["values"]) == ["timeout"], "what headers hold may be secret"
        assert (await reload(relay))[1]["changes"]["destinations"]["changed"] == []
        inbox.always(200)
        await inbox.wait_until(lambda: inbox.unique == 4)
        await relay.until_drained()
    assert arrived(inbox) == once(fired)
    assert inbox.arrived == 4
    assert [received.headers.get("x-team") for received in inbox.at("/hook")] == [None, "alpha", "alpha", "alpha"]


@pytest.mark.parametrize("removed", ["keep", "drain"])
async def test_a_removed_destination_is_kept_and_shown_or_drained(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, removed: str
) -> None:
    inbox.always(503, path="/gone")
    both = {"gone": webhook(inbox.url("/gone")), "bot": webhook(inbox.url("/bot"))}
    config = write_config(tmp_path, simulator, both)
    async with running(config) as relay:
        fired = fire(simulator, 2)
        await inbox.wait_until(lambda: len(inbox.at("/bot")) == 2 and len(inbox.at("/gone")) >= 1)
        port = int(relay.url.rpartition(":")[2])
        write_config(tmp_path, simulator, {"bot": both["bot"]}, port=port)
        status, told = await reload(relay, f"?removed={removed}")
        assert (status, told["changes"]["destinations"]["removed"]) == (200, ["gone"])
        words = {lane["name"]: lane["state"] for lane in (await relay.json("/api/status"))["destinations"]}
        assert words["gone"] == ("removed" if removed == "keep" else "leaving")
        inbox.always(200, path="/gone")
        if removed == "keep":
            write_config(tmp_path, simulator, both, port=port)
            await reload(relay)
        await relay.until_drained()
    assert arrived(inbox, "/gone") == once(fired)
    assert arrived(inbox, "/bot") == once(fired)


async def test_a_bad_file_changes_nothing_and_is_reported(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        url, right = relay.url, config.read_text()
        config.write_text(right + "lgo: {}\n")
        await hup(relay)
        _, metrics = await relay.get("/metrics")
        assert "relay_config_last_reload_success 0.0" in metrics
        status, told = await reload(relay)
        assert (status, told["ok"], told["file"]) == (422, False, str(config))
        assert [(fault["path"], fault["column"]) for fault in told["faults"]] == [("lgo", 1)]
        [degraded] = (await relay.ready())["degraded"]
        assert "changed nothing" in degraded
        fired = fire(simulator, 2)
        await inbox.wait_for(2)
        config.write_text(right)
        await hup(relay)
        assert "relay_config_last_reload_success 1.0" in (await relay.get("/metrics"))[1]
        await relay.until_drained()
        assert relay.url == url
        assert await relay.stop() == 0
    assert arrived(inbox) == once(fired)
    assert simulator.opened == 1
    assert "Traceback" not in relay.stderr


async def test_alerts_that_come_while_the_config_changes_again_and_again_arrive_once_each(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    inbox.always(Answer(delay=0.02))
    one = {"bot": webhook(inbox.url(), concurrency=2)}
    other = {
        "bot": webhook(inbox.url(), concurrency=4, headers={"X-Team": "alpha"}),
        "more": webhook(inbox.url("/more")),
    }
    rules: list[dict[str, object]] = [{"name": "all", "to": "bot"}]
    config = write_config(tmp_path, simulator, one, rules=rules)
    async with running(config) as relay:
        port = int(relay.url.rpartition(":")[2])
        fired = fire(simulator, 10)
        for turn in range(10):
            write_config(tmp_path, simulator, (other, one)[turn % 2], rules=rules, port=port)
            fired += fire(simulator, 5)
            status, told = await reload(relay)
            assert (status, told["ok"]) == (200, True)
            fired += fire(simulator, 5)
        await inbox.wait_until(lambda: inbox.unique >= len(fired))
        await relay.until_drained()
        assert await relay.stop() == 0
    assert arrived(inbox) == once(fired)
    assert inbox.arrived == len(fired)
    assert simulator.opened == 1


async def test_a_file_that_never_answers_does_not_keep_the_relay_from_stopping(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    destinations = {"bot": webhook(inbox.url())}
    config = write_config(tmp_path, simulator, destinations, shutdown_grace="1s")
    async with running(config) as relay:
        port = int(relay.url.rpartition(":")[2])
        os.mkfifo(tmp_path / "watchlist.txt")  # as a network drive that hangs: nobody ever writes into it
        rules: list[dict[str, object]] = [{"name": "mine", "to": "bot", "symbol_file": "watchlist.txt"}]
        write_config(tmp_path, simulator, destinations, rules=rules, port=port, shutdown_grace="1s")
        relay.send(signal.SIGHUP)
        fire(simulator, 3)
        await inbox.wait_for(3)  # alerts flow meanwhile
        assert await relay.stop(within=20) == 0
