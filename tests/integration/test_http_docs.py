"""docs/http.md names the fields that the running relay's desk answers with, no more and no less."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from relay.deliveries import Outcome, Verdict
from relay.outbox.sqlite import SqliteOutbox
from relay.web.broadcast import Broadcast
from tests.support.clock import FakeClock
from tests.support.desk import FakeDesk
from tests.support.events import entry, in_force
from tests.support.front_desk import fill, front_desk
from tests.support.messages import message
from tests.support.sse import listening
from tests.support.waiting import until
from tests.support.web import get, post, serving

DOC = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
# Their keys are names, not fields.
AS_THEY_ARE = {
    "data",
    "deliveries",
    "counts",
    "suppressed",
    "replays",
    "pruned",
    "destinations",
    "subscriptions",
    "settings",
}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    await fill(outbox)
    async with front_desk(outbox) as desk, serving(desk) as client:
        await desk.snooze("AAPL", 60, kind=None)
        await outbox.commit([entry(in_force(77), "bot", "swing")])
        desk.dispatcher.notify({"bot", "swing"})
        await until(lambda: all(lane.latency() is not None for lane in desk.dispatcher.lanes.values()))
        yield client
    await outbox.close()


def documented(path: str) -> set[str]:
    """The first column under the heading of ``path``."""
    _, _, rest = DOC.partition(f"\n## GET {path}\n")
    return set(re.findall(r"^\| `([^`]+)` \|", rest.partition("\n## ")[0], re.MULTILINE))


def fields(value: object, name: str = "") -> Iterator[str]:
    """Names of all fields: ``connection.state``, ``channels[].name``."""
    if isinstance(value, dict) and name not in AS_THEY_ARE and name.rpartition(".")[2] not in AS_THEY_ARE:
        for key, item in value.items():
            yield from fields(item, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for item in value:
            yield from fields(item, f"{name}[]")
    else:
        yield name


async def test_readiness_shows_what_is_documented(client: aiohttp.ClientSession) -> None:
    _, body = await get(client, "/readyz")
    assert set(fields(body)) == documented("/readyz")


async def test_status_shows_what_is_documented(client: aiohttp.ClientSession) -> None:
    status, body = await get(client, "/api/status")
    assert status == 200
    assert set(fields(body)) == documented("/readyz") | documented("/api/status")


async def test_snoozes_show_what_is_documented(client: aiohttp.ClientSession) -> None:
    _, body = await get(client, "/api/snooze")
    assert set(body) == {"items"}
    assert set(fields(body["items"][0])) == documented("/api/snooze")


async def test_one_event_shows_what_is_documented(client: aiohttp.ClientSession) -> None:
    _, listing = await get(client, "/api/events?limit=1")
    [listed] = listing["items"]
    assert await get(client, f"/api/events/{listed['id']}") == (200, listed)
    assert await get(client, f"/api/events/{quote(listed['event'], safe='')}") == (200, listed)


@pytest.mark.parametrize(
    ("path", "section"),
    [("/api/events", "/api/events"), ("/api/deliveries", "/api/deliveries"), ("/api/dead", "/api/deliveries")],
)
async def test_listings_show_what_is_documented(client: aiohttp.ClientSession, path: str, section: str) -> None:
    status, body = await get(client, path)
    assert (status, set(body)) == (200, {"items", "next"})
    assert body["items"]
    for item in body["items"]:
        assert set(fields(item)) == documented(section)


async def test_a_delivery_on_the_stream_shows_what_is_documented() -> None:
    broadcast = Broadcast(FakeClock())
    async with serving(FakeDesk(), broadcast=broadcast) as client, listening(client) as stream:
        await stream.next("status")
        broadcast.attempted(message().delivery, Outcome(Verdict.DELIVERED, "200"), 0.1)
        assert set(fields((await stream.next("delivery")).data)) == documented("/api/stream")


async def test_the_config_shows_what_is_documented() -> None:
    async with serving(FakeDesk()) as client:
        _, body = await get(client, "/api/config")
    assert set(fields(body)) == documented("/api/config")


async def test_a_backfill_asked_for_shows_what_is_documented(client: aiohttp.ClientSession) -> None:
    status, begun = await post(client, "/api/backfill", json={"since": "2h"})
    assert (status, begun["running"]) == (202, True)
    over = begun
    async with asyncio.timeout(10):
        while over["running"]:
            _, over = await get(client, f"/api/backfill/{begun['number']}")
    assert set(fields(over)) == documented("/api/backfill/{number}")
