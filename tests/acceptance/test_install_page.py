"""docs/install.md, step by step as it stands there: what its shell blocks say is run in their order, in a scratch root.

The machine's places (/opt/relay, /etc/relay, /etc/systemd, /var/lib) are folders of the test. ``sudo`` does as it is
told, ``systemctl`` is tests/support/stub_systemctl.py, which starts what the unit says, and pip installs from the
wheels that ``make test`` has fetched.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import yaml

from relay.clock import SystemClock
from relay.simulator.inbox import Inbox
from relay.simulator.settings import SimulatorSettings
from relay.simulator.upstream import Simulator
from relay.units import TEMPLATE, UNIT
from tests.support.alerts import arrived, fire, once
from tests.support.documents import ROOT
from tests.support.process import free_port, webhook, write_config
from tests.support.stub_systemctl import Service, below

pytestmark = pytest.mark.timeout(300)
PAGE = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
WHEELS = ROOT / ".venv" / "wheels"
ASKED = "/opt/relay/bin/relay init\n"
NEEDED = ("pyproject.toml", "README.md", "LICENSE", "relay", "systemd", "requirements")


def blocks() -> dict[str, list[str]]:
    """The shell blocks under each heading, in order."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^#+ ", PAGE, flags=re.MULTILINE):
        heading, _, text = part.partition("\n")
        found[heading] = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return {heading: told for heading, told in found.items() if told}


class Machine:
    """A scratch root, and somebody who types what the page says.

    Attributes:
        root: What stands for ``/``.
        clone: Where they stand.
        left: Blocks that have yet to be typed.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.clone = folder / "clone"
        self.left = blocks()
        self._bin = folder / "bin"
        for place in ("opt", "etc/systemd/system", "var/lib"):
            (self.root / place).mkdir(parents=True)
        self.clone.mkdir()
        for name in NEEDED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self.clone / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, self.clone / name)
        self._bin.mkdir()
        base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
        self._stub("sudo", 'exec "$@"')
        self._stub("python3", f'exec {base} "$@"')
        self._stub("journalctl", f'echo "journalctl $*" >>{self.root}/calls')
        self._stub("systemctl", f'PYTHONPATH={ROOT} exec {sys.executable} -m tests.support.stub_systemctl "$@"')

    def _stub(self, name: str, does: str) -> None:
        path = self._bin / name
        path.write_text(f"#!/bin/sh\n{does}\n")
        path.chmod(0o755)

    async def type(self, heading: str, *, then: str = "") -> str:
        """Type the next block under a heading, with ``relay init`` left to whoever calls; what was shown."""
        block = self.left[heading].pop(0)
        env = {
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "HOME": str(self.root),
            "SCRATCH_ROOT": str(self.root),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(WHEELS),
            "PIP_NO_COMPILE": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        script = below(self.root, block.replace(ASKED, then))
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euxo", "pipefail", "-c", script),
            cwd=self.clone,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode() + self.journal
        return out.decode()

    @property
    def journal(self) -> str:
        file = self.root / "journal"
        return file.read_text(errors="replace") if file.exists() else ""

    @property
    def calls(self) -> list[str]:
        return (self.root / "calls").read_text().splitlines()

    def verified(self, name: str) -> str:
        """What ``systemd-analyze verify`` has against a service as it is installed; empty where that is nothing."""
        analyze = shutil.which("systemd-analyze")
        if analyze is None:
            return ""
        units = self.root.parent / "units"
        shutil.rmtree(units, ignore_errors=True)
        shutil.copytree(self.root / "etc/systemd/system", units)
        for unit in units.glob("*.service"):
            unit.write_text(below(self.root, unit.read_text()))
        done = subprocess.run(
            [analyze, "verify", f"{name}.service"],
            env={"SYSTEMD_UNIT_PATH": f"{units}:", "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr + ("" if done.returncode == 0 else f"exit {done.returncode}")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    assert WHEELS.is_dir(), "`make test` fetches the wheels that are installed from"
    machine = Machine(tmp_path)
    yield machine
    for name in ("relay", "relay@second"):
        try:
            pid = Service(machine.root, name).pid
        except FileNotFoundError:
            continue
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


def lay_out(folder: Path, simulator: Simulator, url: str, port: int) -> None:
    """What ``relay init`` leaves: a config without secrets, and a file for each of them."""
    folder.mkdir(exist_ok=True)
    path = write_config(folder, simulator, {"swing": webhook(url)}, http={"listen": f"127.0.0.1:{port}"})
    config = yaml.safe_load(path.read_text())
    del config["stratalerts"]["api_key"], config["destinations"]["swing"]["url"]
    config["stratalerts"]["api_key_file"] = "api_key"
    config["destinations"]["swing"]["url_file"] = "discord_swing"
    path.write_text(yaml.safe_dump(config))
    for name, secret in (("api_key", "sim-key"), ("discord_swing", url)):
        (folder / name).write_text(f"{secret}\n")


async def ready(port: int) -> None:
    """Wait until a relay says that alerts can flow."""
    async with asyncio.timeout(20), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)


async def test_every_step_of_the_page_does_what_it_says(machine: Machine, simulator: Simulator, inbox: Inbox) -> None:
    port, other = free_port(), free_port()
    places = machine.root
    await machine.type("1. The program")
    lay_out(machine.clone, simulator, inbox.url(), port)
    await machine.type("2. Config and secrets")
    assert (places / "etc/relay/config.yaml").stat().st_mode & 0o777 == 0o644
    assert (places / "etc/relay/api_key").stat().st_mode & 0o777 == 0o600
    assert (places / "etc/relay/discord_swing").stat().st_mode & 0o777 == 0o600
    await machine.type("3. The unit")
    assert machine.verified("relay") == ""
    await machine.type("4. Start it")
    await ready(port)
    fired = fire(simulator, 3)
    await inbox.wait_until(lambda: inbox.unique == 3)

    said = await machine.type("How it is doing")
    assert "swing" in said
    await machine.type("How it is doing")  # stopped, a verb that opens the store, and started
    await ready(port)
    await machine.type("Reload, restart, stop")
    await ready(port)
    fired += fire(simulator, 3)
    await inbox.wait_until(lambda: inbox.unique == 6)
    await machine.type("Upgrade")
    await ready(port)
    fired += fire(simulator, 3)
    await inbox.wait_until(lambda: inbox.unique == 9)

    async with Simulator(SimulatorSettings(), SystemClock()) as account:
        lay_out(machine.clone / "second", account, inbox.url("/second"), other)
        await machine.type("Several accounts")
        assert machine.verified("relay@second") == ""
        await ready(other)
        second = fire(account, 2)
        await inbox.wait_until(lambda: inbox.unique == 11)
        assert arrived(inbox, "/second") == once(second)
        assert (places / "var/lib/relay-second/relay.db").exists()

        services = [Service(places, name) for name in ("relay", "relay@second")]
        assert None not in [service.pid for service in services]
        await machine.type("Uninstall")
        assert [service.pid for service in services] == [None, None]
    assert list((places / "opt").iterdir()) == []
    assert list((places / "etc/systemd/system").iterdir()) == []
    assert (places / "var/lib/relay/relay.db").exists(), "what was kept is nobody's to take away but theirs"
    await machine.type("Uninstall")
    assert [*(places / "etc/relay").glob("**"), *(places / "var/lib").iterdir()] == []

    assert not any(machine.left.values()), "every block has been typed"
    assert {"daemon-reload", "enable --now relay", "reload relay", "enable --now relay@second"} <= set(machine.calls)
    assert sum(call.startswith("journalctl -u relay") for call in machine.calls) == 1
    ends = [line for line in machine.journal.splitlines() if json.loads(line)["event"] == "stopped"]
    assert len(ends) == 1 + 2 + 1 + 2, "each was drained"
    assert arrived(inbox) == once(fired)


def test_the_page_names_every_secret_that_the_units_hand_over() -> None:
    for name in (UNIT, TEMPLATE):
        unit = (ROOT / "systemd" / name).read_text(encoding="utf-8")
        assert "docs/install.md" in unit
        for credential in re.findall(r"^LoadCredential=(\w+):", unit, re.MULTILINE):
            assert credential in PAGE
