"""One client's socket: its subscriptions, its ``seq``, its queue of frames.

    say / deliver ──seq, faults──> queue ──pump──> WebSocket        answer <── subscribe, unsubscribe

Every message the server says takes the next ``seq``, whether a fault then keeps it from the wire or not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from relay.clock import Clock
from relay.events import PER_SYMBOL_CHANNELS, Channel
from relay.simulator.faults import Faults, Frame
from relay.simulator.history import micros_offset
from relay.simulator.settings import CHANNEL_SCOPES, ApiKey

_MOST_WAITING: Final = 200_000  # frames; a client this far behind is cut off
_ROOM: Final = 2_000  # frames waiting at which a replay that knows no pace pauses
_GOODBYE_TIMEOUT: Final = 1.0

_encode: Final = msgspec.json.Encoder().encode


class Connection:
    """A live connection. Methods are to be called on the event loop; none blocks.

    Attributes:
        key: The rights it came with.
        topics: Channel to its symbols; alert channels have none.
        said: How many messages were said, which is the last ``seq``.
        silent: Whether it is half-open.
        room: Set while its queue is short.
        goodbye: Set once a close frame is on its way, or none will be.
        over: Set once it is closed.
    """

    def __init__(
        self,
        key: ApiKey,
        socket: web.WebSocketResponse,
        request: web.Request,
        *,
        faults: Faults,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self.key = key
        self.topics: dict[Channel, set[str]] = {}
        self.said = 0
        self.room = asyncio.Event()
        self.goodbye = asyncio.Event()
        self.over = asyncio.Event()
        self.room.set()
        self._socket, self._request, self._faults, self._clock = socket, request, faults, clock
        self._changed = changed
        self._queue: deque[Frame] = deque()
        self._held: list[Frame] = []
        self._wake = asyncio.Event()
        self._end: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self.silent = False

    def wants(self, channel: Channel, symbol: str | None = None) -> bool:
        """Whether it subscribed to ``channel`` (for ``symbol``)."""
        symbols = self.topics.get(channel)
        return symbols is not None and (symbol is None or symbol in symbols)

    def say(self, type_: str, data: object) -> None:
        """Send a message that no frame fault touches: acknowledgements, errors."""
        self.put((self._envelope(type_, _encode(data)), WSMsgType.TEXT))

    def deliver(self, type_: str, data: bytes) -> None:
        """Send a data event; ``data`` is encoded already."""
        frame = (self._envelope(type_, data), WSMsgType.TEXT)
        if not self._faults.mangles:
            self.put(frame)
            return
        for sent in self._faults.mangle(frame, self._held):
            self.put(sent)

    def put(self, frame: Frame) -> None:
        """Queue a frame as it is; a half-open connection loses it."""
        if self.silent or self._end.done():
            return
        self._queue.append(frame)
        self._wake.set()
        if len(self._queue) > _ROOM:
            self.room.clear()
            if len(self._queue) > _MOST_WAITING:
                self.drop()

    def drop(self) -> None:
        """Abort the TCP connection, as a dying network does."""
        self.goodbye.set()
        self.room.set()
        if self._request.transport is not None:
            self._request.transport.abort()

    def silence(self, *, on: bool) -> None:
        """Neither read nor write, while the kernel keeps the connection up."""
        self.silent = on
        transport = self._request.transport
        if on:
            self._queue.clear()
            self.room.set()
        if isinstance(transport, asyncio.Transport) and transport.is_reading() is on:
            (transport.pause_reading if on else transport.resume_reading)()

    def end(self, code: int, reason: str) -> None:
        """Close with a close frame; what still waits is lost. A half-open connection hears nothing of it."""
        if self.silent:
            self.goodbye.set()
        elif not self._end.done():
            self._end.set_result((code, reason))

    async def live(self) -> None:
        """Serve the connection until either side ends it."""
        reading, pumping = asyncio.ensure_future(self._read()), asyncio.ensure_future(self._pump())
        try:
            await asyncio.wait((reading, pumping, self._end), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reading, pumping):
                task.cancel()
            await asyncio.gather(reading, pumping, return_exceptions=True)
            self.room.set()
            try:
                if self._end.done():
                    await self._say_goodbye(*self._end.result())
            finally:
                self._end.cancel()
                self.goodbye.set()
                self.over.set()

    async def _say_goodbye(self, code: int, reason: str) -> None:
        closing = asyncio.ensure_future(self._socket.close(code=code, message=reason.encode()))
        await asyncio.sleep(0)  # its first step writes the close frame; the rest waits for the client's
        self.goodbye.set()
        try:
            done, _ = await asyncio.wait((closing,), timeout=_GOODBYE_TIMEOUT)
            if not done:
                self.drop()
        finally:
            closing.cancel()

    async def _pump(self) -> None:
        queue, socket = self._queue, self._socket
        with suppress(ConnectionError):
            while True:
                while queue:
                    payload, kind = queue.popleft()
                    await socket.send_frame(payload, kind)
                self.room.set()
                self._wake.clear()
                await self._wake.wait()

    async def _read(self) -> None:
        async for message in self._socket:
            self._answer(message)

    def _answer(self, message: WSMessage) -> None:
        try:
            asked = msgspec.json.decode(message.data) if message.type is WSMsgType.TEXT else None
        except msgspec.DecodeError:
            asked = None
        topics = asked.get("topics") if isinstance(asked, dict) else None
        if not isinstance(asked, dict) or not isinstance(topics, list):
            self.say("error", {"code": "invalid_message", "message": "expected an op and its topics"})
        elif asked.get("op") == "subscribe":
            self.say("subscribed", {"channels": self._change(topics, add=True)})
        elif asked.get("op") == "unsubscribe":
            self.say("unsubscribed", {"channels": self._change(topics, add=False)})
        else:
            self.say("error", {"code": "unknown_op", "message": "expected subscribe or unsubscribe"})

    def _change(self, topics: list[object], *, add: bool) -> list[str]:
        accepted: dict[str, None] = {}
        for topic in topics:
            if not isinstance(topic, Mapping) or topic.get("channel") not in CHANNEL_SCOPES:
                continue
            channel = Channel(topic["channel"])
            symbols = topic.get("symbols")
            named = {str(symbol).upper() for symbol in symbols} if isinstance(symbols, list) else set[str]()
            by_symbol = channel in PER_SYMBOL_CHANNELS
            if CHANNEL_SCOPES[channel] not in self.key.scopes or (add and by_symbol and not named):
                continue
            accepted[channel] = None
            if add:
                self.topics.setdefault(channel, set()).update(named if by_symbol else ())
            elif by_symbol and named and (left := self.topics.get(channel, set()) - named):
                self.topics[channel] = left
            else:
                self.topics.pop(channel, None)
        self._changed()
        return list(accepted)

    def _envelope(self, type_: str, data: bytes) -> bytes:
        self.said += 1
        ts = micros_offset(self._clock.now_us())
        return b'{"type":"%b","ts":"%b","seq":"%d","data":%b}' % (type_.encode(), ts.encode(), self.said, data)
