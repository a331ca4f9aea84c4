"""A real HTTP server on loopback that answers as a test wants and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    path_qs: str
    headers: CIMultiDict[str]
    body: bytes
    connection: int


@dataclass
class Receiver:
    """Answers every request with ``handler``, or with an empty 200."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)
    handler: Handler | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        connection = id(request.transport)
        headers = CIMultiDict(request.headers)
        self.requests.append(Received(request.method, request.path_qs, headers, await request.read(), connection))
        return web.Response() if self.handler is None else await self.handler(request)

    def answer(self, status: int, body: str | bytes = b"", **headers: str) -> None:
        """Answer with this from now on; ``Retry_After`` in a keyword is ``Retry-After``."""
        raw = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def fixed(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, body=raw, headers=named)

        self.handler = fixed

    async def hang(self, _: web.Request) -> web.StreamResponse:
        """Never answer."""
        await self.stopping.wait()
        return web.Response()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver, listening while the block runs."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        receiver.url = str(server.make_url("/hooks/tok-123456789"))
        yield receiver
        receiver.stopping.set()


@asynccontextmanager
async def raw_server(*answers: bytes, keep_open: bool = False) -> AsyncIterator[str]:
    """A server that answers every request with these bytes, whatever they are; its url."""
    stopping = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(65536)
            for answer in answers:
                writer.write(answer)
                await writer.drain()
                await asyncio.sleep(0)
            if keep_open:
                await stopping.wait()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks/tok-123456789"
        stopping.set()
