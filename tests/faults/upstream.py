"""An upstream that does whatever the vendor's pages do not forbid, and much that they do.

    fire(Shot) ──seq──> mangled (swallowed, repeated, reordered, seq jumps) ──> socket
        └──> history ──filter, window, clamp, order──> spoilt (429, 5xx, HTML, nonsense, silence) ──> REST

It shares nothing with ``relay.simulator``, so that the relay is not tested against one reading of the API only.
Whoever connects evicts the former connection with 4409. What was swallowed, or said to a half-open connection, counts
in ``seq`` and stays in the history: that is what "the upstream still has" means.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from aiohttp import WSMsgType, web

from relay.events import Channel
from tests.faults.shots import ON_SOCKET, Ledger, Shot

KEY: Final = "fault-key-0123456789"
_SOCKET: Final = "/ws/market/v1"
_REST: Final = "/api/market/v1"
_PATHS: Final = {Channel.IN_FORCE: "/alerts/in-force", Channel.BREAKS: "/alerts/simultaneous-breaks"}
_HTML: Final = "<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"

GARBAGE: Final[Mapping[str, str | bytes]] = {
    "text": "<html>not json</html>",
    "array": '[{"type":"alert.in_force"}]',
    "number": "42",
    "types": '{"type":7,"ts":[],"seq":{"a":1},"data":"none"}',
    "unknown": '{"type":"weather.report","ts":"2026-04-10T14:35:00Z","seq":null,"data":{"rain":true}}',
    "binary": b"\x00\xff\xfe garbage",
    "oversized": '{"type":"alert.in_force","data":"' + "x" * (1 << 20) + '"}',
    "deep": "[" * 100_000,
    "empty": "",
}


@dataclass(eq=False)
class _Client:
    """A live connection."""

    socket: web.WebSocketResponse
    request: web.Request
    seq: int = 0
    channels: set[str] = field(default_factory=set)
    silent: bool = False
    waiting: deque[str | bytes] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    held: list[str] = field(default_factory=list)

    def put(self, frame: str | bytes) -> None:
        if not self.silent:
            self.waiting.append(frame)
            self.wake.set()

    def abort(self) -> None:
        if self.request.transport is not None:
            self.request.transport.abort()

    def listen(self, *, on: bool) -> None:
        """Read what it says, or leave that to the kernel's buffers."""
        self.silent = not on
        transport = self.request.transport
        if isinstance(transport, asyncio.Transport) and transport.is_reading() is not on:
            (transport.resume_reading if on else transport.pause_reading)()


class FaultyUpstream:
    """Socket and REST on one port of loopback; an async context manager.

    Args:
        ledger: What was fired.
        clamp: The greatest REST answer.

    Attributes:
        clamp: The greatest REST answer.
        newest_first: Order of a REST answer.
        keep_newest: Which end a cut answer keeps.
        default_window: Minutes, where a question names none.
        calls: How many came over REST.
        opened: How many connections were let in.
    """

    def __init__(self, ledger: Ledger, *, clamp: int) -> None:
        self._ledger = ledger
        self.clamp = clamp
        self.newest_first, self.keep_newest, self.default_window = True, True, 60.0
        self.calls = self.opened = 0
        self.refuse = ""
        self.mute = False
        self.rest_fault: Callable[[web.Request], Any] | None = None
        self._mangled = {"swallow": 0, "repeat": 0, "reorder": 0}
        self._client: _Client | None = None
        self._stopping = asyncio.Event()
        self._well = asyncio.Event()
        self._well.set()
        self._port = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get(_SOCKET, self._upgrade)
        for channel, path in _PATHS.items():
            app.router.add_get(_REST + path, self._asked(channel))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._well.set()
        self.drop()
        await self._runner.cleanup()

    @property
    def websocket_url(self) -> str:
        """Where the socket is; by a name, which must be looked up."""
        return f"ws://localhost:{self._port}{_SOCKET}"

    @property
    def rest_url(self) -> str:
        """Where REST is; by a name, too."""
        return f"http://localhost:{self._port}{_REST}"

    # --- what happens to it

    def fire(self, shot: Shot) -> None:
        """An alert fires."""
        self._ledger.add(shot)
        client = self._client
        if client is None or not shot.live or shot.channel not in client.channels:
            return
        client.seq += 1
        frame = self._envelope(client.seq, ON_SOCKET[shot.channel], shot.wire)
        for sent in self._mangle(client, frame):
            client.put(sent)

    def drop(self) -> None:
        """Cut the socket."""
        if self._client is not None:
            self._client.abort()

    async def evict(self) -> None:
        """Another client of the account takes over."""
        client = self._client
        if client is not None and not client.silent:
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(2):
                    await client.socket.close(code=4409, message=b"evicted")

    def half_open(self, *, on: bool) -> None:
        """Keep the connection, and neither read nor write."""
        if self._client is not None:
            self._client.listen(on=not on)

    def garbage(self, which: str) -> None:
        """Say something that is no message."""
        if self._client is not None:
            self._client.put(GARBAGE[which])

    def mangle(self, how: str, frames: int) -> None:
        """Swallow, repeat or reorder the next data frames."""
        self._mangled[how] = frames

    def jump(self, by: int) -> None:
        """Let ``seq`` go on elsewhere."""
        if self._client is not None:
            self._client.seq = max(0, self._client.seq + by)

    def spoil(self, how: Callable[[web.Request], Any] | None) -> None:
        """Spoil what REST answers; None for all is well, which also lets go of whoever was left waiting."""
        self.rest_fault = how
        if how is None and not self.mute:
            self._release()

    def accept_silently(self, *, on: bool) -> None:
        """Take connections and answer no upgrade."""
        self.mute = on
        if not on:
            self._release()

    def _release(self) -> None:
        self._well.set()
        self._well = asyncio.Event()

    async def hang(self, request: web.Request) -> web.Response:
        """Say nothing until all is well; then the connection is gone."""
        await self._well.wait()
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)

    def heal(self) -> None:
        """All is well from now on."""
        self.refuse = ""
        self.accept_silently(on=False)
        self.spoil(None)
        self._mangled = dict.fromkeys(self._mangled, 0)
        client = self._client
        if client is not None:
            for frame in client.held:
                client.put(frame)
            client.held.clear()
            if client.silent:
                client.abort()

    def _mangle(self, client: _Client, frame: str) -> list[str]:
        mangled = self._mangled
        if mangled["swallow"]:
            mangled["swallow"] -= 1
            return []
        if mangled["reorder"]:
            mangled["reorder"] -= 1
            client.held.append(frame)
            if mangled["reorder"]:
                return []
        frames, client.held = [*client.held[::-1]] or [frame], []
        if mangled["repeat"]:
            mangled["repeat"] -= 1
            frames *= 2
        return frames

    # --- the socket

    async def _upgrade(self, request: web.Request) -> web.StreamResponse:
        if self.mute:
            return await self.hang(request)
        if self.refuse == "html":
            return web.Response(text=_HTML, content_type="text/html")
        if self.refuse:
            return web.Response(status=int(self.refuse), text=_HTML, content_type="text/html")
        if not _authorized(request):
            return web.json_response({"error": {"code": "missing_api_key", "message": "no key"}}, status=401)
        former, self._client = self._client, None
        if former is not None and not former.socket.closed:
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(0.2):
                    await former.socket.close(code=4409, message=b"evicted")
            former.abort()
        socket = web.WebSocketResponse(timeout=0.5)
        await socket.prepare(request)
        client = self._client = _Client(socket, request)
        self.opened += 1
        pump = asyncio.ensure_future(self._pump(client))
        try:
            with suppress(ConnectionError):
                async for message in socket:
                    if message.type is WSMsgType.TEXT:
                        self._heard(client, msgspec.json.decode(message.data))
        finally:
            pump.cancel()
            if self._client is client:
                self._client = None
        return socket

    def _heard(self, client: _Client, message: Mapping[str, Any]) -> None:
        named = {topic["channel"] for topic in message["topics"]} & {str(channel) for channel in ON_SOCKET}
        client.channels = client.channels | named if message["op"] == "subscribe" else client.channels - named
        client.seq += 1
        data = msgspec.json.encode({"channels": sorted(named)})
        client.put(self._envelope(client.seq, message["op"] + "d", data))

    async def _pump(self, client: _Client) -> None:
        with suppress(ConnectionError):
            while True:
                await client.wake.wait()
                client.wake.clear()
                while client.waiting:
                    frame = client.waiting.popleft()
                    if isinstance(frame, bytes):
                        await client.socket.send_bytes(frame)
                    else:
                        await client.socket.send_str(frame)

    def _envelope(self, seq: int, type_: str, data: bytes) -> str:
        return f'{{"type":"{type_}","ts":"2026-04-10T14:35:00.123456+00:00","seq":"{seq}","data":{data.decode()}}}'

    # --- REST

    def _asked(self, channel: Channel) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.StreamResponse:
            self.calls += 1
            if self.rest_fault is not None:
                spoilt: web.StreamResponse = await self.rest_fault(request)
                return spoilt
            if not _authorized(request):
                return web.json_response({"error": {"code": "missing_api_key", "message": "no key"}}, status=401)
            items = [shot.rest for shot in self.select(channel, request.query)]
            return web.Response(body=b'{"items":[' + b",".join(items) + b"]}", content_type="application/json")

        return answer

    def select(self, channel: Channel, query: Mapping[str, str]) -> list[Shot]:
        """What a question shows."""
        history, now = self._ledger.of[channel], time.monotonic()
        limit = min(int(query.get("limit", "50")), self.clamp)
        oldest_us = time.time_ns() // 1000 - int(float(query.get("window_minutes", self.default_window)) * 60e6)
        start = bisect_right(history, int(query.get("since_id", "0")), key=lambda shot: shot.id)
        symbols = set(query["symbols"].split(",")[:250]) if query.get("symbols") else None
        wanted = {
            name: query[name]
            for name in ("timeframe", "direction", "cc", "threshold")
            if query.get(name, "all").lower() != "all"
        }
        found = [
            shot
            for shot in history[start:]
            if shot.visible_at <= now
            and shot.fired_us >= oldest_us
            and (symbols is None or shot.symbol in symbols)
            and all(str(shot.fields.get(name)) == value for name, value in wanted.items())
        ]
        if len(found) > limit:
            found = found[-limit:] if self.keep_newest else found[:limit]
        return found[::-1] if self.newest_first else found


def _authorized(request: web.Request) -> bool:
    return request.headers.get("Authorization") == f"Bearer {KEY}"
