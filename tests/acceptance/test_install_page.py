"""docs/install.md, step by step as it stands there: its shell blocks are typed in their order, and do what it says.

They are typed at a systemd that really runs, where root may start one, else at a scratch root
(tests/support/install_ground.py). pip installs from the wheels that ``make test`` has fetched.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
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
from tests.support.install_ground import WHEELS, Booted, Machine, Scratch, why_not_booted
from tests.support.process import free_port, webhook, write_config

pytestmark = pytest.mark.timeout(300)
PAGE = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
ASKED = "/opt/relay/bin/relay init\n"


def blocks() -> dict[str, list[str]]:
    """The shell blocks under each heading, in order."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^##+ ", PAGE, flags=re.MULTILINE):
        heading, _, text = part.partition("\n")
        found[heading] = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return {heading: told for heading, told in found.items() if told}


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    assert WHEELS.is_dir(), "`make test` fetches the wheels that are installed from"
    machine = await booted(tmp_path / "booted") or Scratch(new(tmp_path / "scratch"))
    yield machine
    await machine.close()


async def booted(folder: Path) -> Machine | None:
    """A machine on which systemd runs; None where none can be started."""
    if why_not_booted():
        return None
    machine = Booted(new(folder))
    if await machine.boot():
        await machine.close()
        return None
    return machine


def new(folder: Path) -> Path:
    folder.mkdir()
    return folder


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


async def drained(machine: Machine) -> int:
    """How many relays have ended in their own time."""
    log = (await machine.type("journalctl -o cat")).splitlines()
    return [json.loads(line)["event"] for line in log if line.startswith("{")].count("stopped")


async def test_every_step_of_the_page_does_what_it_says(machine: Machine, simulator: Simulator, inbox: Inbox) -> None:
    left = blocks()

    async def steps(heading: str, *, at: str = ".") -> str:
        """Type the next block under a heading; ``relay init`` asks, and has been answered."""
        return await machine.type(f"cd {at}\n{left[heading].pop(0).replace(ASKED, '')}")

    port, other = free_port(), free_port()
    await steps("1. The program")
    lay_out(machine.clone, simulator, inbox.url(), port)
    await steps("2. Config and secrets")
    modes = await machine.type("stat -c %a /etc/relay/config.yaml /etc/relay/api_key /etc/relay/discord_swing")
    assert modes.split()[-3:] == ["644", "600", "600"]
    await steps("3. The unit")
    if isinstance(machine, Booted):
        await machine.type("systemctl daemon-reload; systemd-analyze verify relay.service")
    await steps("4. Start it")
    await ready(port)
    fired = fire(simulator, 3)
    await inbox.wait_until(lambda: inbox.unique == 3)
    await steps("5. A relay on the PATH")

    assert "swing" in await steps("How it is doing", at="/")
    assert "no dead letters" in await steps("How it is doing", at="/")  # stopped, a verb that opens the store, started
    await ready(port)
    await steps("Reload, restart, stop")
    await ready(port)
    fired += fire(simulator, 3)
    await inbox.wait_until(lambda: inbox.unique == 6)
    await steps("Upgrade")
    await ready(port)
    fired += fire(simulator, 3)
    await inbox.wait_until(lambda: inbox.unique == 9)

    async with Simulator(SimulatorSettings(), SystemClock()) as account:
        lay_out(machine.clone / "second", account, inbox.url("/second"), other)
        await steps("Several accounts")
        await ready(other)
        second = fire(account, 2)
        await inbox.wait_until(lambda: inbox.unique == 11)
        assert arrived(inbox, "/second") == once(second)
        await machine.type(
            "systemctl is-active relay; systemctl is-active relay@second; ls /var/lib/relay-second/relay.db"
        )
        if isinstance(machine, Booted):
            users = await machine.type('ps -o user:20= -p "$(pgrep -d , -f "relay -c /etc/relay/.* run")"')
            assert {"relay", "relay-second"} <= set(users.split()), "neither reads what is the other's"
            await machine.type("systemd-analyze security --threshold=15 relay.service")
        await steps("Uninstall")
    gone = "test -z \"$(compgen -G '{}')\"".format
    await machine.type("ls /var/lib/relay/relay.db")
    await machine.type("; ".join(map(gone, ("/opt/relay", "/usr/local/bin/relay", "/etc/systemd/system/relay*"))))
    assert await drained(machine) == 1 + 2 + 1 + 2, "each of them"
    await steps("Uninstall")
    await machine.type("; ".join(map(gone, ("/etc/relay", "/var/lib/relay*", "/var/lib/private/relay*"))))

    assert not any(left.values()), "every block has been typed"
    assert arrived(inbox) == once(fired)


def test_the_page_names_every_secret_that_the_units_hand_over() -> None:
    for name in (UNIT, TEMPLATE):
        unit = (ROOT / "systemd" / name).read_text(encoding="utf-8")
        assert "docs/install.md" in unit
        for credential in re.findall(r"^LoadCredential=(\w+):", unit, re.MULTILINE):
            assert credential in PAGE
