"""``relay status --check``: silence and 0 while all is well, a line for each trouble and 1 else."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import fire
from tests.support.command import Ended, relay
from tests.support.pages import wreck
from tests.support.process import running, webhook, write_config


@pytest.fixture
def config(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> Path:
    destinations = {"bot": webhook(inbox.url()), "ops": webhook(inbox.url("/ops"))}
    return write_config(tmp_path, simulator, destinations)


async def check(config: Path, *words: str) -> Ended:
    return await relay("status", "--check", *words, "-c", str(config))


async def test_it_is_silent_while_all_is_well_and_a_pause_is_no_trouble(
    config: Path, simulator: Simulator, inbox: Inbox
) -> None:
    told = await check(config)
    assert (told.code, told.out, told.err) == (1, "no relay runs here\n", "")
    async with running(config) as daemon:
        fire(simulator, 3)
        await inbox.wait_until(lambda: len(inbox.received) == 6)
        await daemon.until_drained()
        told = await check(config)
        assert (told.code, told.out, told.err) == (0, "", "")
        await daemon.post("/api/destinations/ops/pause")
        told = await check(config)
        assert (told.code, told.out) == (0, "")
        told = await check(config, "--json")
        assert (told.code, told.json["well"], told.json["troubles"]) == (0, True, [])
        assert "ops is paused" in told.json["notes"][0]


async def test_it_names_what_refuses_and_what_is_off_while_the_relay_is_ready(
    config: Path, simulator: Simulator, inbox: Inbox
) -> None:
    async with running(config) as daemon:
        inbox.always(404, "/hook")
        inbox.always(410, "/ops")
        fire(simulator, 1)
        await daemon.until_status(
            lambda status: {one["state"] for one in status["destinations"]} == {"off", "refusing"}
        )
        told = await check(config)
        assert told.code == 1
        bot, ops = sorted(told.out.splitlines())
        assert bot.startswith("bot did not take its last message (answered 404")
        assert "`relay resume ops`" in ops
        assert (await relay("status", "--ready", "-c", str(config))).code == 0
        inbox.always(200, "/hook")
        inbox.always(200, "/ops")
        await daemon.post("/api/destinations/bot/resume")
        await daemon.post("/api/destinations/ops/resume")
        assert (await check(config)).code == 0


async def test_it_names_a_damaged_store_once_and_the_repair(config: Path, simulator: Simulator, inbox: Inbox) -> None:
    store = config.with_name("relay.db")
    async with running(config) as daemon:
        fire(simulator, 500)
        await inbox.wait_until(lambda: len(inbox.received) == 1_000, timeout=30)
        await daemon.until_drained()
        await daemon.stop()
        await daemon.start()
        await daemon.ready()
        wreck(store)
        fire(simulator, 1)
        await daemon.until("/healthz", lambda status, _: status == 503)
        told = await check(config)
        assert (told.code, told.err) == (1, "")
        assert told.out.count("the store is damaged") == 1
        assert "`relay repair`" in told.out
        ready = await relay("status", "--ready", "-c", str(config))
        assert (ready.code, ready.out.startswith("not ready: the store is damaged")) == (1, True)
        shown = await relay("status", "-c", str(config))
        assert (shown.code, shown.err) == (1, "")
        assert shown.out.splitlines()[0] == "What is stored can't be shown"
        assert shown.out.count("the store is damaged") == 1
        assert (await relay("status", "--json", "-c", str(config))).json["problem"]


async def test_two_questions_at_once_are_refused(config: Path) -> None:
    assert (await check(config, "--ready")).code == 64
