"""What surrounds the process: proxies in the environment, folders, the service manager."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, fire, once
from tests.support.process import RelayProcess, running, webhook, write_config

NOBODY = "http://127.0.0.1:9"
PROXIES = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), NOBODY)


async def test_what_is_on_this_machine_is_reached_past_any_proxy(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config, env={**PROXIES, "NO_PROXY": "", "no_proxy": ""}) as relay:
        fired = fire(simulator, 2)
        simulator.faults.swallow(1)
        fired += fire(simulator, 2)
        await inbox.wait_until(lambda: inbox.unique == 4)
        await relay.until_drained()
    assert arrived(inbox) == once(fired)


async def test_the_store_lies_in_the_state_directory_and_secrets_in_the_credentials(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    state, credentials = tmp_path / "state", tmp_path / "credentials"
    state.mkdir()
    credentials.mkdir()
    (credentials / "hook").write_text(inbox.url("/from-a-file") + "\n")
    (credentials / "key").write_text("sim-key\n")
    config = write_config(
        tmp_path,
        simulator,
        {"bot": {"type": "webhook", "url_file": "hook"}},
        stratalerts={"api_key": "${KEY_FROM_ENV}"},
    )
    env = {"STATE_DIRECTORY": str(state), "CREDENTIALS_DIRECTORY": str(credentials), "KEY_FROM_ENV": "sim-key"}
    async with running(config, env=env):
        fired = fire(simulator, 1)
        await inbox.wait_until(lambda: inbox.unique == 1)
    assert arrived(inbox, "/from-a-file") == once(fired)
    assert (state / "relay.db").stat().st_mode & 0o077 == 0  # for nobody else to read
    assert not (tmp_path / "relay.db").exists()


async def test_it_may_open_as_many_files_as_the_machine_lets_it(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    hard = 70_000 if allowed == resource.RLIM_INFINITY else min(allowed, 70_000)
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "sitecustomize.py").write_text(
        f"import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}))\n"
    )
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, log={"format": "json", "level": "debug"})
    path = os.pathsep.join([str(stub), os.environ.get("PYTHONPATH", "")])
    async with running(config, env={"PYTHONPATH": path}) as relay:
        files = min(hard, 65_536)
        assert resource.prlimit(relay.pid, resource.RLIMIT_NOFILE) == (files, hard)
        assert [(line["files"], line["before"]) for line in relay.logged("more files may be open")] == [(files, 256)]


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, heard: asyncio.Queue[str]) -> None:
        self._heard = heard

    async def hears(self, line: str) -> None:
        """Wait for a line."""
        async with asyncio.timeout(20):
            while await self._heard.get() != line:
                pass


@asynccontextmanager
async def managing(path: Path) -> AsyncIterator[Manager]:
    """Listen as a service manager does."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.setblocking(False)

        def hear() -> None:
            for line in listener.recv(4096).decode().splitlines():
                heard.put_nowait(line)

        loop.add_reader(listener, hear)
        try:
            yield Manager(heard)
        finally:
            loop.remove_reader(listener)


async def test_the_service_manager_hears_of_its_life(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, simulator: Simulator, inbox: Inbox
) -> None:
    path = tmp_path_factory.mktemp("n") / "notify"
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    env = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "200000"}
    async with managing(path) as manager, RelayProcess(config, env=env) as relay:
        await relay.start()
        await manager.hears("READY=1")
        for _ in range(3):
            await manager.hears("WATCHDOG=1")
        assert await relay.stop() == 0
        await manager.hears("STOPPING=1")
