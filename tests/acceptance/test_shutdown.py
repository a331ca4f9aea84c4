"""SIGTERM drains, a second signal does not wait, and neither loses or repeats what it need not."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from relay.clock import SystemClock
from relay.config.load import load
from relay.errors import Exit
from relay.outbox.sqlite import SqliteOutbox
from relay.simulator.inbox import Answer, Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, fire, once
from tests.support.events import entry, in_force
from tests.support.process import RelayProcess, running, webhook, write_config


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
async def test_what_is_in_flight_is_finished_and_noted(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, ending: signal.Signals
) -> None:
    inbox.always(Answer(delay=1.0))
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url(), concurrency=2)})
    async with running(config) as relay:
        fired = fire(simulator, 6)
        await inbox.wait_for(2)
        relay.send(ending)
        assert await relay.ended() == 0
        assert (inbox.arrived, inbox.unique) == (2, 2)  # nothing new was begun
        assert simulator.connected == 0
        inbox.always(200)
        await relay.start()
        await inbox.wait_until(lambda: inbox.unique >= 6)
        await relay.until_drained()
    assert arrived(inbox) == once(fired)
    assert inbox.arrived == 6  # the two were noted: nothing is sent again


async def test_a_destination_that_hangs_holds_it_up_for_the_grace_and_no_longer(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    inbox.always(Answer(hang=True), path="/hangs")
    destinations = {"bot": webhook(inbox.url("/hangs"), timeout="60s"), "well": webhook(inbox.url("/well"))}
    config = write_config(tmp_path, simulator, destinations, shutdown_grace="1s")
    async with running(config) as relay:
        fired = fire(simulator, 2)
        await inbox.wait_until(lambda: len(inbox.at("/hangs")) == 2 and len(inbox.at("/well")) == 2)
        began = time.monotonic()
        assert await relay.stop() == 0
        assert 0.9 <= time.monotonic() - began < 6
        hanging = {received.webhook_id for received in inbox.at("/hangs")}
        inbox.always(200, path="/hangs")
        await relay.start()
        await inbox.wait_until(lambda: len(inbox.delivered["/hangs"]) == 2)
        await relay.until_drained()
    assert set(inbox.delivered["/hangs"]) == hanging
    assert arrived(inbox, "/well") == once(fired)
    assert "Traceback" not in relay.stderr


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_stops_at_once(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, second: signal.Signals
) -> None:
    inbox.always(Answer(hang=True))
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url(), timeout="60s")}, shutdown_grace="60s")
    async with running(config) as relay:
        fired = fire(simulator, 2)
        await inbox.wait_for(2)
        relay.send(signal.SIGTERM)
        await simulator.wait_until(lambda: simulator.connected == 0)  # it drains
        began = time.monotonic()
        relay.send(second)
        assert await relay.ended() == 128 + second
        assert time.monotonic() - began < 2
        inbox.always(200)
        await relay.start()
        await inbox.wait_until(lambda: inbox.unique == 2)
        await relay.until_drained()
    assert arrived(inbox) == once(fired)


async def test_it_ends_in_the_middle_of_its_first_look_at_the_past(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    simulator.faults.rest("hang")
    async with RelayProcess(write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})) as relay:
        await relay.start()
        await simulator.wait_until(lambda: len(simulator.calls) >= 2, timeout=20)
        assert await relay.stop(within=5) == 0
        assert "Traceback" not in relay.stderr


async def test_it_ends_while_it_waits_for_the_upstream(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        await simulator.stop()
        await relay.until("/readyz", lambda status, _: status == 503)
        assert await relay.stop(within=5) == 0
        assert "Traceback" not in relay.stderr


async def test_it_ends_while_the_upstream_says_nothing_any_more(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, shutdown_grace="3s")
    async with running(config) as relay:
        simulator.faults.silence()
        assert await relay.stop(within=12) == 0
        assert "Traceback" not in relay.stderr


async def test_what_was_read_before_the_signal_is_stored(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    inbox.always(503)
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        fired = fire(simulator, 300, rest=False)  # nobody could fetch these again
        await relay.until("/metrics", lambda _, text: 'frames_total{type="alert.in_force"} 300.0' in text)
        assert await relay.stop() == 0
        inbox.always(200)
        await relay.start()
        await inbox.wait_until(lambda: inbox.unique >= 300)
        await relay.until_drained()
    assert arrived(inbox) == once(fired)


_NAME_SERVER_THAT_HANGS = """
import socket, time
resolve = socket.getaddrinfo

def getaddrinfo(host, *rest, **hints):
    if "dead" in str(host):
        time.sleep(45)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return resolve(host, *rest, **hints)

socket.getaddrinfo = getaddrinfo
"""


async def _with_a_name_server_that_hangs(folder: Path, simulator: Simulator, *, key: str) -> RelayProcess:
    """A relay with alerts for more destinations than it looks names up at once."""
    stub = folder / "stub"
    stub.mkdir()
    (stub / "sitecustomize.py").write_text(_NAME_SERVER_THAT_HANGS)
    names = [f"bot{number}" for number in range(70)]
    destinations = {name: webhook(f"http://{name}.dead.invalid/x", timeout="60s") for name in names}
    config = write_config(folder, simulator, destinations, key=key, shutdown_grace="1s")
    clock = SystemClock()
    outbox = await SqliteOutbox.open(load(config, env={}).store_path, clock)
    await outbox.commit([entry(in_force(1), *names, at_us=clock.now_us())])
    await outbox.close()
    path = os.pathsep.join([str(stub), os.environ.get("PYTHONPATH", "")])
    return RelayProcess(config, arguments=("--allow-real",), env={"PYTHONPATH": path})


async def test_a_name_server_that_does_not_answer_holds_up_no_stop(tmp_path: Path, simulator: Simulator) -> None:
    async with await _with_a_name_server_that_hangs(tmp_path, simulator, key="sim-key") as relay:
        await relay.start()
        await relay.ready()
        await relay.until_status(lambda told: all(one["in_flight"] == 1 for one in told["destinations"]))
        assert await relay.stop(within=8) == 0
        assert relay.logged("stopped")
        assert "Traceback" not in relay.stderr


async def test_nor_another_end_and_its_exit_code_is_told(tmp_path: Path, simulator: Simulator) -> None:
    async with await _with_a_name_server_that_hangs(tmp_path, simulator, key="wrong") as relay:
        await relay.start()
        assert await relay.ended(within=12) == Exit.REJECTED
        assert "Traceback" not in relay.stderr
