"""The image, made and run as the Dockerfile says, by the kernel alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, fire, once
from tests.support.dockerfile import ROOT, ours
from tests.support.image import WHEELS, Built, Container, Ground, build, why_not
from tests.support.process import free_port, webhook, write_config

FORBIDDEN = why_not()
pytestmark = [
    pytest.mark.skipif(bool(FORBIDDEN), reason=FORBIDDEN),
    pytest.mark.timeout(400),
]
CONFIG = "/etc/relay/config.yaml"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ground, Built]]:
    assert WHEELS.is_dir(), "`make test` fetches the wheels that the image is made of"
    ground = Ground(tmp_path_factory.mktemp("image"))
    try:
        yield ground, build(ground, ours())
    finally:
        ground.close()


def contained(image: tuple[Ground, Built], config: Path, **files: Path) -> Container:
    """A container with this config; it may be read by everybody, as a mounted file has to be."""
    config.chmod(0o644)
    volume = config.with_name("volume")
    volume.mkdir(exist_ok=True, mode=0o700)
    secrets = {f"/run/secrets/{name}": path for name, path in files.items()}
    return Container(*image, volume=volume, files={CONFIG: config, **secrets})


async def test_it_delivers_from_a_read_only_root_and_drains_when_it_is_stopped(
    image: tuple[Ground, Built], tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    key = tmp_path / "key"
    key.write_text("sim-key\n")
    key.chmod(0o444)
    port = free_port()
    config = write_config(
        tmp_path, simulator, {"bot": webhook(inbox.url())}, http={"listen": f"0.0.0.0:{port}", "token": "t" * 24}
    )
    written = yaml.safe_load(config.read_text())
    del written["stratalerts"]["api_key"]
    config.write_text(yaml.safe_dump({**written, "stratalerts": {**written["stratalerts"], "api_key_file": "api_key"}}))
    async with contained(image, config, api_key=key) as container:
        await container.start()
        assert await container.until_health(0) == "ready\n"
        fired = fire(simulator, 20)
        await inbox.wait_until(lambda: inbox.unique >= 20)
        assert arrived(inbox) == once(fired)

        assert await container.exec("id", "-u") == (0, "10001\n")
        code, said = await container.exec("touch", "/opt/relay/x", "/etc/x", "/usr/x", user="0:0")
        assert (code, said.count("Read-only file system")) == (1, 3)
        _, writable = await container.exec(
            "sh", "-c", "find / -path /proc -prune -o -path /dev -prune -o ! -type l -writable -print 2>/dev/null"
        )
        assert {"/" + place.split("/")[1] for place in writable.split()} == {"/tmp", "/var"}  # noqa: S108  because it is the container's
        assert all(place.startswith(("/tmp", "/var/lib/relay")) for place in writable.split())  # noqa: S108  likewise
        _, first = await container.exec("cat", "/proc/1/cmdline")
        assert first.split("\0")[-2:] == ["run", ""]
        assert "/opt/relay/bin/relay" in first
        assert "CapEff:\t0000000000000000" in (await container.exec("cat", "/proc/1/status"))[1]

        assert await container.stop() == 0
    assert "t" * 24 not in container.log
    assert (tmp_path / "volume" / "relay.db").exists()

    async with contained(image, config, api_key=key) as again:  # the volume alone is what stays
        await again.start()
        await again.until_health(0)
        assert await again.stop() == 0
    assert inbox.unique == 20


async def test_its_health_is_whether_alerts_can_flow(
    image: tuple[Ground, Built], tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with contained(image, config) as container:
        await container.start()
        await container.until_health(0)
        simulator.faults.refuse(503)
        simulator.faults.drop()
        assert "not ready" in await container.until_health(1)


async def test_evicted_it_stands_by_instead_of_being_started_again(
    image: tuple[Ground, Built], tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with contained(image, config) as container:
        await container.start()
        await container.until_health(0)
        simulator.faults.evict()
        code, said = 0, ""
        async with asyncio.timeout(60):
            while '"state": "standby"' not in said:
                code, said = await container.exec("relay", "status", "--json")
        assert code == 0
        assert (await container.health())[0] == 0
        assert await container.stop() == 0


async def test_a_config_that_is_wrong_or_elsewhere_is_told_of_by_health_and_log(
    image: tuple[Ground, Built], tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, http={"listen": "off"})
    async with contained(image, config) as container:
        await container.start()
        await container.until_logged("upstream subscribed")
        assert await container.health() == (1, "not ready: http.listen is off, so that no running relay can be asked\n")
        assert await container.stop() == 0
    config.write_text("rules: []\n")
    async with contained(image, config) as container:
        await container.start()
        assert await container.ended() == 78
        assert "/etc/relay/config.yaml" in container.log
    elsewhere = tmp_path / "elsewhere.yaml"
    write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}).rename(elsewhere)
    async with contained(image, config.with_name("elsewhere.yaml")) as container:
        await container.start(env={"RELAY_CONFIG": "/etc/relay/config.yaml"})
        await container.until_health(0)
        assert await container.stop() == 0


async def test_it_holds_the_relay_and_nothing_that_only_builds_or_tests(image: tuple[Ground, Built]) -> None:
    ground, built = image
    assert (
        int(ground.sh(f"du -sm {built.root}/opt/relay | cut -f1")) < 70
    )  # 58 when this was written, 19 of them bytecode
    assert ground.sh(f"ls {built.root}/opt").split() == ["relay"]
    assert ground.sh(f"find {built.root}/opt/relay ! -user 0 -o ! -group 0") == ""
    installed = ground.sh(f"ls {built.root}/opt/relay/lib/python3*/site-packages").split()
    assert {"relay", "aiohttp"} <= set(installed)
    assert {"pip", "setuptools", "hatchling", "pytest"}.isdisjoint(installed)
    assert ground.sh(f"ls {built.root}/usr/local/bin | grep ^pip || true") == ""
    assert ground.sh(f"find {built.root}/opt/relay -type d -name tests") == ""
    locked = {
        line.partition("==")[0] for line in (ROOT / "requirements/runtime.txt").read_text().splitlines() if "==" in line
    }
    there = {name.partition("-")[0].lower().replace("_", "-") for name in installed if name.endswith(".dist-info")}
    assert there - locked == {"stratalerts-relay"}
