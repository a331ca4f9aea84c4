"""Who watches the relay hears that it works, and when it does not; who runs it is told what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import fire
from tests.support.process import ends, running, webhook, write_config
from tests.support.receiver import Received, receiving


def notices(requests: list[Received]) -> list[dict[str, Any]]:
    bodies = [json.loads(request.body) for request in requests]
    return [body for body in bodies if body["type"] == "relay.notice"]


async def test_a_destination_that_is_switched_off_is_told_once_to_the_one_of_alerts_to(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    async with receiving() as ops, receiving() as gone:
        gone.answer(410)
        destinations = {"gone": webhook(gone.url), "bot": webhook(inbox.url()), "ops": webhook(ops.url)}
        rules: list[dict[str, object]] = [{"name": "in force", "to": ["gone", "bot"]}]
        config = write_config(tmp_path, simulator, destinations, rules=rules, alerts_to="ops")
        async with running(config) as relay:
            fire(simulator, 3)
            await inbox.wait_until(lambda: inbox.unique == 3)
            await relay.until("/healthz", lambda _, __: bool(notices(ops.requests)))
            status = await relay.json("/api/status")
            assert await relay.stop() == 0
            await relay.start()  # it is off since the run before, which has told
            await relay.ready()
            fire(simulator, 2)
            await inbox.wait_until(lambda: inbox.unique == 5)
            assert await relay.stop() == 0
    (body,) = notices(ops.requests)
    assert len(ops.requests) == 1
    troubles = {trouble["trouble"]: trouble for trouble in body["data"]["troubles"]}
    assert troubles["switched_off"]["subject"] == "gone"
    assert "410" in troubles["switched_off"]["text"]
    assert "tok-123456789" not in ops.requests[0].body.decode()
    assert body["relay"] == {"destination": "ops", "source": "notice", "simulated": True}
    [row] = [row for row in status["destinations"] if row["name"] == "ops"]
    assert row["counts"] == {}


async def test_an_evicted_relay_says_so_before_it_ends_and_says_it_once_an_hour(
    tmp_path: Path, simulator: Simulator
) -> None:
    async with receiving() as ops:
        config = write_config(tmp_path, simulator, {"ops": webhook(ops.url)}, alerts_to="ops")
        for _ in range(2):
            async with running(config) as relay:
                simulator.faults.evict()
                assert await relay.ended() == 69
    (body,) = notices(ops.requests)
    assert body["data"]["trouble"] == "evicted"


async def test_a_rejected_key_is_told_before_the_relay_ends(tmp_path: Path, simulator: Simulator) -> None:
    async with receiving() as ops:
        config = write_config(tmp_path, simulator, {"ops": webhook(ops.url)}, key="not-the-key", alerts_to="ops")
        relay = await ends(config)
        assert await relay.ended() == 77
    (body,) = notices(ops.requests)
    assert "rejected" in {trouble["trouble"] for trouble in body["data"]["troubles"]}


async def test_the_heart_beats_while_the_relay_is_ready_and_stops_when_the_upstream_is_gone(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    async with receiving() as watcher:
        watcher.answer(302, Location=watcher.url)
        heartbeat = {"url": watcher.url, "every": "200ms"}
        config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, heartbeat=heartbeat)
        async with running(config) as relay:
            await relay.until("/healthz", lambda _, __: len(watcher.requests) >= 3)
            await simulator.stop()
            await relay.until("/healthz", lambda _, __: bool(relay.logged("heartbeat withheld")))
            beats = len(watcher.requests)
            refused = len(relay.logged("upstream not connected"))
            await relay.until("/healthz", lambda _, __: len(relay.logged("upstream not connected")) >= refused + 1)
            assert await relay.stop() == 0
            assert len(watcher.requests) == beats
            logged = relay.stdout + relay.stderr
    assert {(request.method, request.body) for request in watcher.requests} == {("GET", b"")}
    assert len(relay.logged("heartbeat failed")) == 1
    assert "tok-123456789" not in logged
