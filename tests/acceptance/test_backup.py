"""``relay backup`` beside the real command: what is put back goes on, and what came since is fetched."""

from __future__ import annotations

from pathlib import Path

from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, fire, once
from tests.support.command import relay as verb
from tests.support.process import running, webhook, write_config

BESIDE_ONE = "the store is a backup that was put back: what was delivered since it was made goes out again"
STOPPED = "the store is a backup that was put back: nothing goes out again, unless its relay ran since it was made"


def _put_back(copy: Path, store: Path) -> None:
    for file in store.parent.glob(f"{store.name}*"):
        file.unlink()
    copy.rename(store)


async def test_a_backup_made_beside_a_running_relay_loses_nothing_when_it_is_put_back(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    copy = tmp_path / "copy.db"
    async with running(config) as relay:
        before = fire(simulator, 50)
        await inbox.wait_until(lambda: inbox.unique == 50)
        await relay.until_drained()
        made = await verb("backup", str(copy), "-c", str(config))
        assert (made.code, made.err) == (0, "")
        assert "was checked" in made.out
        assert "goes out again" in made.out
        since = fire(simulator, 50)
        await inbox.wait_until(lambda: inbox.unique == 100)
        await relay.until_drained()
        await relay.kill()

        _put_back(copy, tmp_path / "relay.db")
        missed = fire(simulator, 50)
        await relay.start()
        await relay.ready()
        await inbox.wait_until(lambda: inbox.unique == 150, timeout=30)
        await relay.until_drained()
        [told] = relay.logged(BESIDE_ONE)
        assert told["level"] == "warning"
        audit = await verb("audit", "-c", str(config))
        assert audit.code == 0, audit.out
    assert arrived(inbox) == once(before) + once(since) + once(since) + once(missed)
    assert len({request.headers["webhook-id"] for request in inbox.received}) == 150, "a receiver can drop the second"


async def test_a_move_with_the_relay_stopped_sends_nothing_twice(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    config = write_config(old, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        fired = fire(simulator, 30)
        await inbox.wait_until(lambda: inbox.unique == 30)
        await relay.post("/api/destinations/bot/pause")
        fired += fire(simulator, 30)
        await relay.until_status(lambda status: status["destinations"][0]["counts"].get("pending") == 30)
        assert await relay.stop() == 0
    made = await verb("backup", str(new / "relay.db"), "-c", str(config), "--json")
    assert made.code == 0
    assert made.json["beside_a_relay"] is False
    assert made.json["bytes"] == (new / "relay.db").stat().st_size
    fired += fire(simulator, 30)
    async with running(write_config(new, simulator, {"bot": webhook(inbox.url())})) as relay:
        assert len(relay.logged(STOPPED)) == 1
        await relay.post("/api/destinations/bot/resume")
        await inbox.wait_until(lambda: inbox.unique == 90, timeout=30)
        await relay.until_drained()
    assert arrived(inbox) == once(fired)


async def test_what_comes_at_once_after_a_restore_can_be_held_and_let_go_of(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        before = fire(simulator, 10)
        await inbox.wait_until(lambda: inbox.unique == 10)
        await relay.until_drained()
        assert (await verb("backup", str(tmp_path / "copy.db"), "-c", str(config))).code == 0
        assert await relay.stop() == 0
        _put_back(tmp_path / "copy.db", tmp_path / "relay.db")
        held = await verb("pause", "bot", "-c", str(config))
        assert held.code == 0, held.err
        fire(simulator, 20)
        await relay.start()
        await relay.ready()
        assert len(relay.logged(BESIDE_ONE)) == 1, "also after somebody had it open"
        await relay.until_status(lambda status: status["destinations"][0]["counts"].get("pending") == 20)
        assert (await verb("resume", "bot", "--drop-older", "1ms", "-c", str(config))).code == 0
        after = fire(simulator, 5)
        await inbox.wait_until(lambda: inbox.unique == 15)
        await relay.until_drained()
    assert arrived(inbox) == once(before) + once(after)


async def test_a_backup_that_can_not_be_made_says_why(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    none = await verb("backup", str(tmp_path / "copy.db"), "-c", str(config), "--json")
    assert (none.code, none.json["ok"]) == (74, False)
    assert "there is no store" in none.json["error"]
    assert (await verb("backup", "-c", str(config))).code == 64
    (tmp_path / "relay.db").write_text("not a database, and longer than a header of one " * 10)
    assert (await verb("backup", str(tmp_path / "copy.db"), "-c", str(config))).code == 74
    assert not (tmp_path / "copy.db").exists()
