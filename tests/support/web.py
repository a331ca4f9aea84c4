"""A web server over a fake desk, and the requests the tests make of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import aiohttp
from yarl import URL

from relay.secret import Secret
from relay.web.desk import Desk
from relay.web.server import Web

TOKEN: Final = Secret("correct-horse-battery-staple")
BEARER: Final = {"Authorization": f"Bearer {TOKEN.reveal()}"}

EVERY_PATH: Final = [
    *(
        ("GET", path)
        for path in ("/", "/parts", "/healthz", "/readyz", "/metrics", "/login", "/static/page.css", "/nowhere")
    ),
    *(
        ("GET", f"/api/{name}")
        for name in ("status", "events", "deliveries", "dead", "events?before=x", "events/1", "snooze")
    ),
    *(("POST", path) for path in ("/api/dead/1/retry", "/api/destinations/bot/pause", "/api/snooze", "/login", "/")),
]


@contextlib.asynccontextmanager
async def serving(desk: Desk, host: str = "127.0.0.1", **options: Any) -> AsyncIterator[aiohttp.ClientSession]:
    """A client whose paths lead to a server over ``desk`` that listens on ``host``."""
    web = Web(desk, **options)
    await web.start(host, 0)
    try:
        jar = aiohttp.CookieJar(unsafe=True)  # our server is an address, not a name
        async with aiohttp.ClientSession(f"http://127.0.0.1:{web.port}", cookie_jar=jar) as client:
            yield client
    finally:
        await web.stop()


def own_page(client: aiohttp.ClientSession) -> dict[str, str]:
    """The header a browser sends with what our own page posts."""
    return {"Origin": str(client._base_url).rstrip("/")}


async def raw(client: aiohttp.ClientSession, request: bytes) -> bytes:
    """Send these bytes and return the first line of the answer."""
    assert client._base_url is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", client._base_url.port)
    try:
        writer.write(request)
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


async def get(client: aiohttp.ClientSession, path: str, **options: Any) -> tuple[int, Any]:
    """Status and JSON of a GET."""
    async with client.get(URL(path, encoded=True), **options) as answer:
        assert answer.content_type == "application/json"
        return answer.status, await answer.json()


async def get_until(client: aiohttp.ClientSession, path: str, holds: Callable[[Any], bool]) -> Any:
    """Ask for ``path`` until what it answers holds; that. An error after ten seconds."""
    async with asyncio.timeout(10):
        while True:
            _, body = await get(client, path)
            if holds(body):
                return body


async def post(client: aiohttp.ClientSession, path: str, **options: Any) -> tuple[int, Any]:
    """Status and JSON of a POST, from our own page unless ``headers`` say otherwise."""
    options.setdefault("headers", own_page(client))
    async with client.post(URL(path, encoded=True), **options) as answer:
        return answer.status, await answer.json()
