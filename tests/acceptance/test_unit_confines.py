"""The real command under what its unit forbids: whatever it does in a life, it asks the kernel for nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from relay.units import UNIT, unit_text
from tests.support.alerts import arrived, fire, once
from tests.support.documents import ROOT
from tests.support.manager import managing
from tests.support.process import RelayProcess, webhook, write_config
from tests.support.seccomp import allowed, families, why_not
from tests.support.tls import CA, pem_of, receiving_tls, server_side

WHY_NOT = why_not()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


def confined(folder: Path) -> dict[str, str]:
    """An environment in which Python confines itself before it begins."""
    folder.mkdir()
    unit, calls = unit_text(UNIT), set(allowed(unit_text(UNIT)))
    if os.geteuid() == 0:
        calls.add("fchown")  # where root runs it, SQLite gives its log the file's owner; the service is not root
    (folder / "sitecustomize.py").write_text(
        f"from tests.support.seccomp import confine\nconfine({sorted(calls)!r}, {families(unit)!r})\n"
    )
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


@pytest.mark.parametrize(
    "does",
    [
        "os.setuid(65534)",
        "os.chown('.', 0, 0)",
        "os.sched_setaffinity(0, {0})",
        "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    ],
)
def test_what_the_unit_forbids_ends_the_process(does: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import mmap, os\n{does}"],
        env={**os.environ, **confined(tmp_path / "stub")},
        cwd=tmp_path,
        check=False,
        timeout=60,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGSYS


def test_other_families_of_sockets_are_refused_and_names_are_looked_up_all_the_same(tmp_path: Path) -> None:
    does = "import socket\nassert socket.getaddrinfo('localhost', 1)\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"
    done = subprocess.run(
        [sys.executable, "-c", does],
        env={**os.environ, **confined(tmp_path / "stub")},
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert "Address family not supported" in done.stderr


async def test_a_life_needs_nothing_that_the_unit_forbids(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, simulator: Simulator, inbox: Inbox
) -> None:
    authority = CA()
    (tmp_path / "ca.pem").write_text(pem_of(authority))
    env = {**confined(tmp_path / "stub"), "NOTIFY_SOCKET": str(tmp_path_factory.mktemp("n") / "notify")}
    async with (
        receiving_tls(server_side(authority, "127.0.0.1", "localhost")) as secure,
        managing(env["NOTIFY_SOCKET"]) as manager,
    ):
        named = inbox.url("/named").replace("127.0.0.1", "localhost")
        destinations: dict[str, object] = {
            "bot": webhook(named, secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            "secure": webhook(secure.url.replace("127.0.0.1", "localhost"), ca_file="ca.pem"),
        }
        config = write_config(tmp_path, simulator, destinations)
        async with RelayProcess(config, env=env) as relay:
            await relay.start()
            await relay.ready()
            fired = fire(simulator, 10)
            await inbox.wait_until(lambda: inbox.unique == 10)
            await relay.until_drained()
            assert len(secure.requests) == 10
            simulator.faults.drop()  # back-off, another connection, a round over REST
            fired += fire(simulator, 5)
            await inbox.wait_until(lambda: inbox.unique == 15)

            written = yaml.safe_load(config.read_text())
            del written["destinations"]["secure"]
            for rule in written["rules"]:
                rule["to"] = ["bot"]
            config.write_text(yaml.safe_dump(written))
            await manager.hears("READY=1")
            relay.send(signal.SIGHUP)
            await manager.hears("READY=1")
            fired += fire(simulator, 5)
            await inbox.wait_until(lambda: inbox.unique == 20)
            for page in ("/", "/metrics", "/api/status", "/api/events", "/api/deliveries", "/api/dead", "/healthz"):
                status, _ = await relay.get(page)
                assert status == 200, page
            assert (await relay.post("/api/destinations/bot/pause"))[0] < 400
            assert (await relay.post("/api/destinations/bot/resume"))[0] < 400
            await relay.until_drained()
            await relay.kill()  # what is in the log is read anew
            await relay.start()
            await relay.ready()
            fired += fire(simulator, 5)
            await inbox.wait_until(lambda: inbox.unique == 25)
            assert await relay.stop() == 0
    assert arrived(inbox, "/named") == once(fired)
