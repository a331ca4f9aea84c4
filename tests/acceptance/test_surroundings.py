"""What surrounds the process: proxies in the environment, folders, how many files may be open."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, fire, once
from tests.support.process import running, webhook, write_config

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
