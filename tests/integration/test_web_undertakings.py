"""What a person asked for takes effect, though the request was given up while the store stood still."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from relay.app import Relay
from relay.clock import SystemClock
from relay.config.load import load
from relay.deliveries import Ask, RuleMatch, State
from relay.outbox.archive import Selection
from relay.outbox.sqlite import SqliteOutbox
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from relay.states import StateWanted
from tests.support.events import entry, in_force
from tests.support.front_desk import EVENTS, LETTERS, fill, front_desk
from tests.support.process import webhook, write_config
from tests.support.waiting import until
from tests.support.web import get_until, post, serving

GREEN_DAYS = RuleMatch("green days", ask=Ask(StateWanted(tfc={"D": "green"})))


@asynccontextmanager
async def served(store: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a desk that gives a request one second; its lane to bot has been on."""
    outbox = await SqliteOutbox.open(store, SystemClock())
    await fill(outbox)
    async with front_desk(outbox) as desk, serving(desk, request_seconds=1.0) as client:
        await get_until(client, "/api/status", bot_is("idle"))
        yield client
    await outbox.close()


@contextmanager
def standing_still(store: Path) -> Iterator[None]:
    """The store takes no writes meanwhile."""
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def given_up(client: aiohttp.ClientSession, store: Path, path: str) -> None:
    """Ask for ``path`` while the store stands still, and leave."""
    with standing_still(store):
        status, told = await post(client, path)
        assert (status, told["error"]["code"]) == (503, "timeout")


def bot_is(state: str) -> Callable[[Any], bool]:
    return lambda told: "destinations" in told and told["destinations"][0]["state"] == state


@pytest.mark.parametrize("path", ["/api/dead/retry?all=true", "/api/dead/1/retry", "/api/replay?all=true"])
async def test_what_was_queued_goes_out_though_nobody_asks_again(tmp_path: Path, path: str) -> None:
    store = tmp_path / "relay.db"
    async with served(store) as client:
        await given_up(client, store, path)

        def sent(told: Any) -> bool:
            counts = told["destinations"][0]["counts"] if "destinations" in told else {"delivered": 0}
            return counts["delivered"] > EVENTS - 1 - LETTERS and not counts["pending"]

        await get_until(client, "/api/status", sent)


async def test_a_destination_that_was_resumed_goes_on_though_nobody_asks_again(tmp_path: Path) -> None:
    store = tmp_path / "relay.db"
    async with served(store) as client:
        assert (await post(client, "/api/destinations/bot/pause"))[0] == 200
        await given_up(client, store, "/api/destinations/bot/resume?drop_older=1s")
        await get_until(client, "/api/status", bot_is("idle"))


async def test_a_destination_that_was_paused_stands_though_nobody_asks_again(tmp_path: Path) -> None:
    store = tmp_path / "relay.db"
    async with served(store) as client:
        await given_up(client, store, "/api/destinations/bot/pause")
        await get_until(client, "/api/status", bot_is("paused"))


@pytest.mark.parametrize(("wanted", "left"), [("name=bot&for=1h", 1), ("clear=true", 0)])
async def test_a_snooze_begins_and_ends_though_nobody_asks_again(tmp_path: Path, wanted: str, left: int) -> None:
    store = tmp_path / "relay.db"
    async with served(store) as client:
        if not left:
            assert (await post(client, "/api/snooze?name=bot&for=1h"))[0] == 200
        await given_up(client, store, f"/api/snooze?{wanted}")
        await get_until(client, "/api/snooze", lambda told: "items" in told and len(told["items"]) == left)


async def test_what_a_replay_has_to_ask_first_is_decided_by_the_running_relay(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = load(write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}), env={})
    outbox = await SqliteOutbox.open(config.store_path, SystemClock())
    await outbox.commit([entry(in_force(1), "bot", at_us=SystemClock().now_us(), rules=(GREEN_DAYS,))])
    assert (await outbox.archive.drop(Selection(destination="bot"), waiting=True)).done == 1
    await outbox.close()
    relay = Relay(config, env={})
    async with AsyncExitStack() as stack:
        await relay.open(stack)
        running = asyncio.create_task(relay.run())
        await until(lambda: relay.desk.ready().ready)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{relay.web.port}") as client:
            assert (await post(client, "/api/replay?all=true&dropped=true"))[1]["done"] == 1

            def decided(told: Any) -> bool:
                return not told["destinations"][0]["counts"].get(State.DECIDING)

            await get_until(client, "/api/status", decided)
        relay.stop()
        await asyncio.wait_for(running, 20)
