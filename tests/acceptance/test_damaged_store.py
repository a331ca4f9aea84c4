"""The store's file is damaged: said plainly, never made worse, repaired, and what was lost comes again."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, fire, once
from tests.support.pages import leaves, spoil, wreck
from tests.support.process import RelayProcess, running, webhook, write_config


async def _verb(config: Path, *words: str) -> tuple[int, str, str]:
    command = (sys.executable, "-m", "relay", *words, "-c", str(config))
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def _refused(relay: RelayProcess) -> None:
    """A start that ends with 74 and says what to do."""
    await relay.start()
    assert await relay.ended() == 74
    assert "is damaged" in relay.stderr
    assert "`relay repair --dry-run`" in relay.stderr
    assert "Stop the" not in relay.stderr.splitlines()[-1], "none runs"
    assert "Traceback" not in relay.stderr


async def test_what_corruption_took_comes_again_and_what_is_known_does_not(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    store = tmp_path / "relay.db"
    async with running(config) as relay:
        delivered = fire(simulator, 300)
        await inbox.wait_until(lambda: inbox.unique == 300)
        await relay.until_drained()
        await relay.post("/api/destinations/bot/pause")
        held = fire(simulator, 300)
        await relay.until_status(lambda status: status["destinations"][0]["counts"].get("pending") == 300)
        await relay.stop()
        spoil(store, leaves(store, "events")[2], leaves(store, "deliveries")[-2])
        await _refused(relay)

        code, said, _ = await _verb(config, "repair", "--json")
        assert code == 0
        told = json.loads(said)
        lost = told["tables"]["events"]["unreadable"]
        assert lost > 0
        assert told["forgotten"] > 0

        await relay.start()
        await relay.ready()
        await relay.post("/api/destinations/bot/resume")
        everything = once([*delivered, *held])
        await inbox.wait_until(lambda: inbox.unique == 600, timeout=30)
        await inbox.wait_until(lambda: sum(arrived(inbox).values()) == 600 + lost, timeout=30)
        await relay.until_drained()
    again = arrived(inbox) - everything
    assert set(arrived(inbox)) == set(everything)
    assert set(again.values()) == {1}
    assert again.keys() <= once(delivered).keys(), "what waited comes once"
    assert sum(again.values()) == lost, "of what had been delivered, only the lost comes twice"
    ids = Counter(received.headers["webhook-id"] for received in inbox.at("/hook"))
    assert len(ids) == 600, "and under the same id"


async def test_damage_met_while_running_stops_writing_and_says_so(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, shutdown_grace="60s")
    store = tmp_path / "relay.db"
    async with running(config) as relay:
        fire(simulator, 500)
        await inbox.wait_until(lambda: inbox.unique == 500)
        await relay.until_drained()
        await relay.stop()
        await relay.start()
        await relay.ready()
        wreck(store)
        fire(simulator, 1)
        said = await relay.until("/healthz", lambda status, _: status == 503)
        assert "relay repair" in said
        status, said = await relay.get("/readyz")
        assert (status, json.loads(said)["ready"]) == (503, False)
        assert "relay repair" in json.loads(said)["reasons"][0]
        fire(simulator, 20)
        assert "relay repair" in (await relay.get("/api/status"))[1]
        assert len(relay.logged("store is damaged, nothing more is written to it")) == 1
        assert not relay.logged("store takes no writes, trying until it does")
        assert await relay.stop(within=10) == 0, "nothing that waits can be noted: no grace is waited for"
        assert relay.logged("the store is damaged: what is under way ends without a note of it")
        await _refused(relay)
    assert inbox.unique == 500, "nothing goes out that is not stored"


async def test_repair_waits_for_no_relay_and_says_when_there_is_nothing_to_do(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        code, _, said = await _verb(config, "repair")
        assert (code, "a relay runs on the store" in said, "Stop it first" in said) == (75, True, True)
        await relay.stop()
    code, said, _ = await _verb(config, "repair")
    assert code == 0
    assert said.startswith("Nothing to repair")
    code, said, _ = await _verb(config, "repair", "--compact")
    assert (code, "MB before" in said) == (0, True)


@pytest.mark.parametrize("dry", [False, True], ids=["repair", "dry run"])
async def test_a_person_is_told_what_was_lost(tmp_path: Path, simulator: Simulator, inbox: Inbox, *, dry: bool) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    store = tmp_path / "relay.db"
    async with running(config) as relay:
        fire(simulator, 300)
        await inbox.wait_until(lambda: inbox.unique == 300)
        await relay.until_drained()
        await relay.stop()
    spoil(store, leaves(store, "events")[2])
    code, said, err = await _verb(config, "repair", *(["--dry-run"] if dry else []))
    assert (code, err) == (0, "")
    first, empty, waiting, again, *_ = said.splitlines()
    assert (first.startswith("The store"), empty) == (True, "")
    assert waiting == "Lost while waiting: none."
    assert again.startswith("Delivered or dead before, may go out again: ")
    assert "unreadable: lost with pages that can't be read" in said
    assert "it fetches again what came since" in said
    assert ("Nothing has been changed." in said) is dry
    assert ("The damaged file is kept" in said) is not dry
