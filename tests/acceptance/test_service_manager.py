"""What the real command tells a service manager over its life, on a real socket."""

from __future__ import annotations

import signal
import time
import uuid
from pathlib import Path

import pytest

from relay.clock import MICROS
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import fire
from tests.support.manager import managing
from tests.support.process import RelayProcess, webhook, write_config
from tests.support.receiver import receiving


@pytest.fixture(params=["path", "abstract"])
def name(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """``NOTIFY_SOCKET``."""
    if request.param == "path":
        return str(tmp_path_factory.mktemp("n") / "notify")
    return f"@relay-test-{uuid.uuid4()}"


async def test_the_service_manager_hears_of_its_whole_life(
    tmp_path: Path, name: str, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, shutdown_grace="70s")
    env = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "200000"}
    async with managing(name) as manager, RelayProcess(config, env=env) as relay:
        await relay.start()
        await manager.hears("STATUS=opening the store")
        await manager.hears("EXTEND_TIMEOUT_USEC=60000000")
        await manager.hears("READY=1")
        for _ in range(3):
            await manager.hears("WATCHDOG=1")
        await manager.hears("STATUS=connected")
        fire(simulator, 1)
        before = time.monotonic()
        relay.send(signal.SIGHUP)
        await manager.hears("RELOADING=1")
        said = await manager.hears("MONOTONIC_USEC=")
        assert before <= int(said.partition("=")[2]) / MICROS <= time.monotonic()
        await manager.hears("READY=1")
        await manager.hears("WATCHDOG=1")
        assert await relay.stop() == 0
        await manager.hears("STOPPING=1")
        await manager.hears("EXTEND_TIMEOUT_USEC=85000000")  # longer than the unit's TimeoutStopSec
        await manager.hears("STATUS=draining")


async def test_the_status_names_a_destination_that_fails_and_never_its_address(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, simulator: Simulator, inbox: Inbox
) -> None:
    path = tmp_path_factory.mktemp("n") / "notify"
    async with receiving() as receiver, managing(str(path)) as manager:
        receiver.answer(503)
        destinations = {"down": webhook(receiver.url), "bot": webhook(inbox.url())}
        config = write_config(tmp_path, simulator, destinations)
        async with RelayProcess(config, env={"NOTIFY_SOCKET": str(path)}) as relay:
            await relay.start()
            await manager.hears("STATUS=connected")
            fire(simulator, 2)
            while "backing off" not in (told := await manager.hears("STATUS=connected, seq")):
                pass
            assert await relay.stop() == 0
    assert "2 destinations: 1 idle, down backing off" in told
    assert "503" in told
    assert told.endswith("; 2 waiting, 0 dead")
    assert "tok-123456789" not in "".join(manager.lines)
