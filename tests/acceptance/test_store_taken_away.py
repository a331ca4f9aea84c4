"""Somebody deletes the store of a running relay: it puts it back, ends, and goes on when it is started again."""

from __future__ import annotations

from pathlib import Path

from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, fire, once
from tests.support.process import running, webhook, write_config


def _delete(folder: Path) -> None:
    for file in folder.glob("relay.db*"):
        file.unlink()


async def test_a_store_deleted_under_a_running_relay_loses_nothing(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        fired = fire(simulator, 50)
        await inbox.wait_until(lambda: inbox.unique == 50)
        await relay.until_drained()
        await relay.post("/api/destinations/bot/pause")
        fired += fire(simulator, 50)
        await relay.until_status(lambda status: status["destinations"][0]["counts"].get("pending") == 50)
        _delete(tmp_path)
        fired += fire(simulator, 50)
        assert await relay.ended() == 74
        assert "deleted or moved" in relay.stderr
        assert "put back" in relay.stderr
        assert "Traceback" not in relay.stderr
        await relay.start()
        await relay.ready()
        await relay.post("/api/destinations/bot/resume")
        await inbox.wait_until(lambda: inbox.unique == 150, timeout=30)
        await relay.until_drained()
    assert arrived(inbox) == once(fired)
