"""Nothing of a store can be read, or it is gone: what is promised then is what comes, and what lies beside is named."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from relay.clock import MICROS, SystemClock, isoformat
from relay.simulator.history import Fired
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, fire, in_force, once
from tests.support.command import relay as verb
from tests.support.process import RelayProcess, running, webhook, write_config

GONE = "a store was here before, and is gone: what waited in it is lost"
FETCHED = "a store was here before, and is gone: what fired lately is fetched again"
NEW = "the store is new: what fired before is not delivered"


def _files(folder: Path, pattern: str) -> list[str]:
    return sorted(file.name for file in folder.glob(pattern))


def _fire_early(simulator: Simulator, count: int) -> list[Fired]:
    """Alerts of ten minutes ago, which come only now."""
    early = isoformat(SystemClock().now_us() - 600 * MICROS)
    return [simulator.fire(in_force(triggered_at=early)) for _ in range(count)]


async def _delivered_and_waiting(
    relay: RelayProcess, simulator: Simulator, inbox: Inbox
) -> tuple[list[Fired], list[Fired]]:
    delivered = _fire_early(simulator, 30)
    await inbox.wait_until(lambda: inbox.unique == 30)
    await relay.until_drained()
    await relay.post("/api/destinations/bot/pause")
    waiting = _fire_early(simulator, 20)
    await relay.until_status(lambda status: status["destinations"][0]["counts"].get("pending") == 20)
    return delivered, waiting


@pytest.mark.parametrize("since", [None, "1h"], ids=["as it is", "an hour back"])
async def test_where_all_is_lost_there_comes_what_the_repair_says(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, *, since: str | None
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    store = tmp_path / "relay.db"
    async with running(config) as relay:
        delivered, waiting = await _delivered_and_waiting(relay, simulator, inbox)
        await relay.stop()
        store.write_bytes(random.Random(1).randbytes(store.stat().st_size))
        lost_at = isoformat(store.stat().st_mtime_ns // 1_000)
        options = () if since is None else ("--since", since)

        dry = await verb("repair", "--dry-run", *options, "-c", str(config))
        assert dry.code == 0
        assert ("`relay repair --since 12h` begins twelve hours back" in dry.out) is (since is None)
        assert ("as --since says" in dry.out) is (since is not None)
        done = await verb("repair", "--json", *options, "-c", str(config))
        told = done.json
        assert (done.code, told["everything_lost"], told["begins_at"]) == (0, True, told["refetch_from"])
        assert told["begins_at"] == lost_at if since is None else told["begins_at"] < lost_at
        later = fire(simulator, 5)
        await relay.start()
        await relay.ready()
        expected = once([*delivered, *later])
        if since is not None:
            expected += once([*delivered, *waiting])
        await inbox.wait_until(lambda: arrived(inbox).total() >= expected.total(), timeout=30)
        await relay.until_drained()
    assert arrived(inbox) == expected
    under = Counter(received.headers["webhook-id"] for received in inbox.at("/hook"))
    assert len(under) == len(expected), "what comes twice, under the same id"
    assert not _files(tmp_path, "*.damaged-*-wal"), "no empty log is kept"


async def test_a_store_that_lies_beside_what_was_put_in_its_place_is_named_until_it_is_put_back(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    store = tmp_path / "relay.db"
    async with running(config) as relay:
        delivered, waiting = await _delivered_and_waiting(relay, simulator, inbox)
        store.rename(tmp_path / "gone.db")
        store.write_text("foo\n")
        waiting += fire(simulator, 1)
        assert await relay.ended() == 74
        (kept,) = _files(tmp_path, "relay.db.was-*")
        for _ in range(2):
            before = len(relay.stderr)
            await relay.start()
            assert await relay.ended() == 74
            said = relay.stderr[before:]
            assert f"lies beside it as {kept}: to go on with that, put it in its place" in said
            assert said.index(kept) < said.index("relay repair")
        for options in ([], ["--dry-run"]):
            refused = await verb("repair", *options, "-c", str(config))
            assert (refused.code, kept in refused.err, "--since" in refused.err) == (74, True, True)
        assert store.read_text() == "foo\n"

        (tmp_path / kept).rename(store)
        await relay.start()
        await relay.ready()
        await relay.post("/api/destinations/bot/resume")
        await inbox.wait_until(lambda: inbox.unique == 51, timeout=30)
        await relay.until_drained()
    assert arrived(inbox) == once([*delivered, *waiting])


async def test_a_repair_with_since_begins_without_the_store_beside(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    store = tmp_path / "relay.db"
    async with running(config) as relay:
        store.rename(tmp_path / "gone.db")
        store.write_text("foo\n")
        fire(simulator, 1)
        assert await relay.ended() == 74
    done = await verb("repair", "--since", "1h", "-c", str(config))
    assert done.code == 0
    assert "lies beside it as relay.db.was-" in done.out
    assert "as --since says" in done.out
    assert (await verb("repair", "-c", str(config))).out.startswith("Nothing to repair")


async def test_a_store_that_is_gone_is_told_apart_from_a_first_start(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    for words in (["check"], ["status"], ["repair"], ["repair", "--compact"]):
        await verb(*words, "-c", str(config))
    assert not _files(tmp_path, "relay.db*"), "they leave nothing that tells of a store"
    async with running(config) as relay:
        await relay.stop()
        assert (len(relay.logged(NEW)), len(relay.logged(GONE))) == (1, 0)
        (tmp_path / "relay.db").unlink()
        await relay.start()
        await relay.ready()
        await relay.stop()
        (told,) = relay.logged(GONE)
        assert (told["level"], len(relay.logged(NEW))) == ("warning", 1)
        assert "backfill.on_first_start" in told["hint"]
        await relay.start()
        await relay.ready()
        assert (len(relay.logged(NEW)), len(relay.logged(GONE))) == (1, 1), "once"
        await relay.stop()
        write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, backfill={"on_first_start": "1h"})
        (tmp_path / "relay.db").unlink()
        await relay.start()
        await relay.ready()
        (told,) = relay.logged(FETCHED)
        assert told["delivered_back_to"] < told["timestamp"]


async def test_a_verb_that_makes_a_new_store_says_so_and_whether_one_was_there_before(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    first = await verb("pause", "bot", "-c", str(config))
    assert (first.code, f"there was no store at {tmp_path / 'relay.db'}" in first.err) == (0, True)
    again = await verb("resume", "bot", "-c", str(config))
    assert (again.code, again.err) == (0, "")
    (tmp_path / "relay.db").unlink()
    paused = await verb("pause", "bot", "-c", str(config))
    assert (paused.code, GONE in paused.err) == (0, True)
