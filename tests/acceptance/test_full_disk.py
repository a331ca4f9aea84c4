"""The disk fills up under the store: the relay says so, lives on, and fetches what it had to let go."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, fire, in_force, once
from tests.support.process import ends, running, webhook, write_config


async def _command(*words: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode().strip()


@pytest.fixture
async def small_disk(tmp_path: Path) -> AsyncIterator[Path]:
    """A file system of 3 MB, where this user may mount one."""
    place = tmp_path / "small"
    place.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if mount is None or unmount is None:
        pytest.skip("there is no mount here")
    code, said = await _command(mount, "-t", "tmpfs", "-o", "size=3m", "relay-test", str(place))
    if code:
        pytest.skip(f"no file system may be mounted here: {said}")
    try:
        yield place
    finally:
        code, said = await _command(unmount, str(place))
        assert not code, said


def fill(place: Path) -> Path:
    """Take all the room there is."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler


async def test_a_full_disk_stops_nothing_for_good(
    tmp_path: Path, small_disk: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(
        tmp_path, simulator, {"bot": webhook(inbox.url())}, storage={"url": f"sqlite:{small_disk}/relay.db"}
    )
    async with running(config) as relay:
        fired = fire(simulator, 10)
        await relay.until_status(lambda status: status["destinations"][0]["counts"].get("delivered") == 10)
        pid = relay.pid
        filler = fill(small_disk)
        padding = "x" * 2000
        fired += [simulator.fire(in_force(padding=padding)) for _ in range(1500)]  # no room for these 3 MB
        await relay.until("/healthz", lambda status, _: status == 503)
        assert relay.logged("store takes no writes, trying until it does")
        assert "the store takes no writes" in (await relay.get("/api/status"))[1]
        assert (await relay.get("/"))[0] == 200
        fired += fire(simulator, 10)  # the socket is read all the while
        filler.unlink()
        await grow(small_disk)
        await relay.until("/healthz", lambda status, _: status == 200)
        await inbox.wait_until(lambda: inbox.unique == len(fired), timeout=30)
        await relay.until_drained()
        assert (relay.pid, relay.runs) == (pid, 1)
        assert await relay.stop() == 0
    assert arrived(inbox) == once(fired)


async def grow(place: Path, size: str = "64m") -> None:
    code, said = await _command("mount", "-o", f"remount,size={size}", str(place))
    assert not code, said


async def test_a_stop_on_a_full_disk_takes_no_longer_than_the_grace(
    tmp_path: Path, small_disk: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(
        tmp_path,
        simulator,
        {"bot": webhook(inbox.url())},
        storage={"url": f"sqlite:{small_disk}/relay.db"},
        shutdown_grace="1s",
    )
    async with running(config) as relay:
        fill(small_disk)
        fired = [simulator.fire(in_force(padding="x" * 2000)) for _ in range(1500)]
        await relay.until("/healthz", lambda status, _: status == 503)
        assert await relay.stop(within=8) == 0
        assert "Traceback" not in relay.stderr
        await grow(small_disk)
        await relay.start()
        await inbox.wait_until(lambda: inbox.unique == len(fired), timeout=30)
        await relay.until_drained()
    assert arrived(inbox) == once(fired)


@pytest.mark.parametrize("begun", [False, True], ids=["no store yet", "a store of before"])
async def test_a_start_on_a_full_disk_says_so_and_ends_with_74(
    tmp_path: Path, small_disk: Path, simulator: Simulator, inbox: Inbox, *, begun: bool
) -> None:
    config = write_config(
        tmp_path, simulator, {"bot": webhook(inbox.url())}, storage={"url": f"sqlite:{small_disk}/relay.db"}
    )
    if begun:
        async with running(config) as relay:
            await relay.stop()
    fill(small_disk)
    relay = await ends(config)
    assert relay.exit_code == 74
    assert "Traceback" not in relay.stderr
    assert "relay: no room for the store" in relay.stderr
    assert "Free some disk space." in relay.stderr
