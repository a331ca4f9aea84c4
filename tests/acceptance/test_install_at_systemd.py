"""docs/start.md's commands at a systemd that really runs: from nothing to a service, to an upgrade, and away again.

What a scratch root can't know: whether systemd takes the drop-in as it is meant (a list of credentials begun anew, an
environment that only root can read), whether the service sees all that it needs, and how its end is told.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.upstream import Simulator
from tests.support.alerts import in_force
from tests.support.documents import ROOT
from tests.support.install_ground import Booted, why_not_booted
from tests.support.process import free_port

pytestmark = pytest.mark.timeout(300)
PAGE = (ROOT / "docs/start.md").read_text(encoding="utf-8")
KEY = "sim-key"


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Booted]:
    if why := why_not_booted():
        pytest.skip(why)
    booted = Booted(tmp_path)
    if why := await booted.boot():
        await booted.close()
        pytest.skip(why)
    yield booted
    await booted.close()


def commands() -> list[str]:
    block = re.search(r"^```sh\n(sudo .*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert block is not None
    return block[1].splitlines()


async def test_three_commands_make_a_service_that_delivers(
    machine: Booted, simulator: Simulator, discord: FakeDiscord
) -> None:
    program, init, install = commands()
    url = discord.url("swing")
    (machine.clone / "swing.url").write_text(url)
    shown = await machine.type(program)
    upstream = f"--websocket-url {simulator.websocket_url} --rest-url {simulator.rest_url}"
    shown += await machine.type(f"KEY={KEY} {init} --key-env KEY --discord swing=@swing.url {upstream}")
    await machine.type(f"""printf 'http: {{listen: "127.0.0.1:{free_port()}"}}\\n' >>config.yaml""")
    shown += (done := await machine.type(f"KEY={KEY} {install}"))
    assert "The relay is up, and starts with the machine." in done
    assert "swing was told: Relay is up" in done
    modes = await machine.type("stat -c '%a %U %n' /etc/relay/*; ls /etc/relay")
    assert "644 root /etc/relay/config.yaml\n600 root /etc/relay/relay.env\n600 root /etc/relay/swing.url\n" in modes
    assert "api_key" not in modes
    simulator.fire(in_force("AAPL"))
    await discord.wait_for(2)

    stopped = f"systemctl stop relay; relay events; cd /clone; ! KEY={KEY} relay events; systemctl start relay"
    shown += (found := await machine.type(f"cd /; relay status; {stopped}"))
    assert "AAPL" in found, "key and store are the service's, however it stands"
    assert "there is no store at /clone/relay.db yet" in found, "another config has a store of its own"

    shown += (again := await machine.type(install.replace("/opt/relay/bin/relay", "relay")))
    assert "Nothing to change: the relay is installed so already, and runs." in again
    stamp = "/etc/systemd/system/relay.service.d/10-credentials.conf"
    shown += (late := await machine.type(f"touch /etc/relay/swing.url; {install} --dry-run"))
    assert "$ systemctl restart relay\nNothing was written or started." in late, "its process is older than a secret"
    shown += await machine.type(f"sed -i 's/^\\(# Written .* \\)[^ ]*$/\\10.0.1./' {stamp}; {install}")
    assert [text for text in posted(discord) if "Relay is up" in text] == [posted(discord)[0], posted(discord)[-1]]

    rejected = await machine.type(f"! KEY=sk-wrong-0001 {install} --force")
    assert "did not come up (failed, exit code 77): the upstream refused the key" in rejected
    assert "against the keys of your account" in rejected, "its last words are shown"
    shown += rejected + await machine.type(f"KEY={KEY} {install} --force; {install} --remove")
    gone = await machine.type("systemctl is-active relay || true; ls /etc/systemd/system/relay* || true; ls /etc/relay")
    assert "No such file" in gone
    assert "config.yaml" in gone
    log = await machine.type("journalctl -o cat")
    for secret in (url, url.rpartition("/")[2]):
        assert secret not in shown + log
    assert f'"{KEY}"' not in shown + log


def posted(discord: FakeDiscord) -> list[str]:
    return [str(message.payload.get("content", "")) for message in discord.messages]
