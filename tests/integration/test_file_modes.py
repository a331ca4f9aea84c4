"""What the relay writes is its owner's alone, even where the umask would let everyone write."""

from __future__ import annotations

import asyncio
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.notices import told
from relay.outbox.file import backup_path, open_store
from relay.outbox.sql import migrations
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import fire
from tests.support.clock import START_US, FakeClock
from tests.support.process import RelayProcess, webhook, write_config

OURS = {"config.yaml", "stdout.txt", "stderr.txt"}  # the test's own


@pytest.fixture(autouse=True)
def _everyone_may_everything() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    return {file.name: oct(stat.S_IMODE(file.stat().st_mode)) for file in folder.iterdir() if file.name not in OURS}


async def test_a_running_relay_writes_for_its_owner_alone(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    async with RelayProcess(write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})) as relay:
        await relay.start()
        await relay.ready()
        fire(simulator, 2)
        await inbox.wait_until(lambda: inbox.unique == 2)
        found = modes(tmp_path)
        assert {"relay.db", "relay.db-wal", "relay.db-shm", "relay.db.lock"} <= set(found)
        assert set(found.values()) == {"0o600"}
        core, _ = await asyncio.to_thread(resource.prlimit, relay.pid, resource.RLIMIT_CORE)
        assert core == 0
        assert await relay.stop() == 0
    assert set(modes(tmp_path).values()) == {"0o600"}


def test_the_copy_before_a_migration_is_as_private_as_the_store(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    open_store(path, now_us=START_US, scripts=migrations()[:1]).close()
    db = open_store(path, now_us=START_US)
    try:
        assert backup_path(path, 1).exists()
        assert set(modes(tmp_path).values()) == {"0o600"}
    finally:
        db.close()


async def test_what_was_told_is_noted_for_the_owner_alone(tmp_path: Path) -> None:
    path = told.beside(tmp_path / "relay.db")
    await told.Told(path, FakeClock()).note(["evicted"])
    assert modes(tmp_path) == {"relay.db.notices": "0o600"}


async def test_even_where_a_file_that_all_can_read_was_left_behind(tmp_path: Path) -> None:
    (tmp_path / ".relay.db.notices.new").write_text("left behind")
    await told.Told(told.beside(tmp_path / "relay.db"), FakeClock()).note(["evicted"])
    assert modes(tmp_path) == {"relay.db.notices": "0o600"}


def test_what_init_writes_can_be_written_by_its_owner_alone_and_secrets_be_read_by_nobody_else(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "relay"
    command = [sys.executable, "-m", "relay", "init", str(folder), "--yes", "--offline", "--key-env", "KEY"]
    subprocess.run(
        [*command, "--webhook", "bot=http://127.0.0.1:9/tok-0123456789"],
        env={**os.environ, "KEY": "k"},
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert modes(folder) == {"webhook_bot": "0o600", "config.schema.json": "0o644"}
    for place in (folder / "config.yaml", folder, folder.parent):
        assert not stat.S_IMODE(place.stat().st_mode) & 0o022


def test_a_url_among_the_arguments_is_said_to_be_seen_and_not_repeated(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "relay",
        "init",
        str(tmp_path),
        "--yes",
        "--offline",
        "--key-env",
        "KEY",
        "--force",
    ]
    (tmp_path / "hook").write_text("http://127.0.0.1:9/tok-0123456789")

    def said(place: str) -> str:
        done = subprocess.run(
            [*command, "--webhook", place], env={**os.environ, "KEY": "k"}, capture_output=True, text=True, timeout=60,
            check=True,
        )  # fmt: skip
        assert "tok-0123456789" not in done.stdout + done.stderr
        assert done.stderr == ""
        return done.stdout

    assert "shown by ps" in said("bot=http://127.0.0.1:9/tok-0123456789")
    assert "shown by ps" not in said(f"bot=@{tmp_path / 'hook'}")
