"""No room, or no right to write, at each moment at which the store needs it: said plainly, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from relay.outbox.file import backup_path
from relay.outbox.sql import migrations
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.acceptance.test_full_disk import fill, grow, small_disk
from tests.support.alerts import arrived, fire, in_force, once
from tests.support.pages import leaves, spoil
from tests.support.process import ends, running, webhook, write_config

__all__ = ["small_disk"]


def _config(folder: Path, disk: Path, simulator: Simulator, inbox: Inbox) -> Path:
    storage = {"url": f"sqlite:{disk}/relay.db"}
    return write_config(folder, simulator, {"bot": webhook(inbox.url())}, storage=storage)


async def _filled(config: Path, simulator: Simulator, inbox: Inbox, count: int = 150) -> None:
    async with running(config) as relay:
        for _ in range(count):
            simulator.fire(in_force(padding="x" * 2000))
        await inbox.wait_until(lambda: inbox.unique == count)
        await relay.until_drained()
        assert await relay.stop() == 0


async def test_a_migration_without_room_for_its_copy_is_not_begun_and_goes_on_later(
    tmp_path: Path, small_disk: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = _config(tmp_path, small_disk, simulator, inbox)
    store = small_disk / "relay.db"
    with closing(sqlite3.connect(store)) as db:  # as the first version made it, with something in it
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(migrations()[0])
        db.execute("PRAGMA application_id = 0x52454C41")
        db.execute("PRAGMA user_version = 1")
        db.execute("INSERT INTO relay VALUES (7)")
        db.execute("CREATE TABLE padding (x)")
        db.execute("INSERT INTO padding VALUES (zeroblob(1000000))")
        db.commit()
    filler = fill(small_disk)
    os.truncate(filler, max(0, filler.stat().st_size - 500_000))
    relay = await ends(config)
    assert relay.exit_code == 74
    assert "can't be copied" in relay.stderr
    assert "nothing has been changed" in relay.stderr
    assert not backup_path(store, 1).exists()
    with closing(sqlite3.connect(store)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
    filler.unlink()
    async with running(config) as again:
        assert await again.stop() == 0


async def test_a_repair_without_room_changes_nothing_and_leaves_nothing(
    tmp_path: Path, small_disk: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = _config(tmp_path, small_disk, simulator, inbox)
    await grow(small_disk, "12m")  # a slow machine makes many small commits, whose log must find its way into the file
    await _filled(config, simulator, inbox)
    store = small_disk / "relay.db"
    spoil(store, leaves(store, "events")[1])
    before = store.read_bytes()
    filler = fill(small_disk)
    os.truncate(filler, max(0, filler.stat().st_size - 150_000))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "repair", "-c", str(config), stderr=asyncio.subprocess.PIPE
    )
    _, err = await process.communicate()
    assert process.returncode == 74
    assert "room" in err.decode()
    assert "Traceback" not in err.decode()
    assert store.read_bytes() == before
    assert not _traces(small_disk)


async def test_a_kill_on_a_full_disk_loses_nothing_and_pages_answer_until_then(
    tmp_path: Path, small_disk: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = _config(tmp_path, small_disk, simulator, inbox)
    async with running(config) as relay:
        fired = fire(simulator, 10)
        await inbox.wait_until(lambda: inbox.unique == 10)
        await relay.until_drained()
        filler = fill(small_disk)  # with no page left, not even the shared memory file can grow
        fired += [simulator.fire(in_force(padding="x" * 3000)) for _ in range(1200)]
        await relay.until("/healthz", lambda status, _: status == 503)
        for path in ("/", "/metrics", "/api/status", "/api/deliveries", "/api/dead"):
            assert (await relay.get(path))[0] == 200, path
        await relay.kill()  # what was not stored was not acknowledged to anyone, the cursor least of all
        filler.unlink()
        await grow(small_disk)
        await relay.start()
        await inbox.wait_until(lambda: inbox.unique == len(fired), timeout=30)
        await relay.until_drained()
    assert set(arrived(inbox)) == set(once(fired))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("what", ["file", "folder"])
async def test_a_store_that_may_not_be_written_ends_the_start_with_74(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, what: str
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    config = _config(tmp_path, folder, simulator, inbox)
    async with running(config) as relay:
        await relay.stop()
    target = folder / "relay.db" if what == "file" else folder
    mode = target.stat().st_mode
    target.chmod(0o555)
    try:
        ended = await ends(config)
    finally:
        target.chmod(mode)
    assert ended.exit_code == 74
    assert "Traceback" not in ended.stderr


async def test_a_read_only_disk_ends_the_start_with_74(
    tmp_path: Path, small_disk: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = _config(tmp_path, small_disk, simulator, inbox)
    await _filled(config, simulator, inbox, 5)
    await _remount(small_disk, "ro")
    ended = await ends(config)
    await _remount(small_disk, "rw")
    assert ended.exit_code == 74
    assert "Read-only file system" in ended.stderr
    assert "Traceback" not in ended.stderr


def _traces(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if "repair" in file.name or "damaged" in file.name]


async def _remount(place: Path, how: str) -> None:
    process = await asyncio.create_subprocess_exec("mount", "-o", f"remount,{how}", str(place))
    assert await process.wait() == 0
