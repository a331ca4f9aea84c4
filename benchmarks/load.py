"""The load: an upstream and a receiver in one, lean enough to be no bottleneck.

    Load ──frames made beforehand──> subject ──POST──> Load      every id, the moment it left and the moment it came

The socket's handshake, pings and closing are the library's; frames are built before the clock starts and written to
its transport as they are. The receiver reads of a request no more than its length and the alert's id. REST has nothing
to tell: its answer is an empty list.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final

import click
from websockets.asyncio.server import ServerConnection, serve

SYMBOLS: Final = tuple(f"{first}{second}{third}" for first in "ABCDE" for second in "FGHIJ" for third in "KLMNOPQR")
MATCHING: Final = ("D", "bullish")
OTHER: Final = ("15", "bearish")

_ACK: Final = '{"type":"subscribed","ts":"2026-04-10T14:35:00.123456+00:00","seq":"1","data":{"channels":["%s"]}}'
_FRAME: Final = (
    '{"type":"alert.in_force","ts":"%s","seq":"%d","data":{"id":%d,"symbol":"%s","timeframe":"%s","direction":"%s",'
    '"shape":"1-2U","price":%d.25,"triggered_at":"%s","cc":"2U"}}'
)
_PATIENCE: Final = 60.0
_SHORT: Final = 126  # bytes from which RFC 6455, section 5.2, writes the length in two bytes more
_TEXT: Final = 0x81
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ID: Final = re.compile(rb'"id": ?(\d+)')
_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_REFUSED: Final = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
_NO_ALERTS: Final = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"items":[]}'


class BenchmarkError(click.ClickException):
    """The subject did not do its work, so there is nothing to compare."""


class Load:
    """One subject's upstream and receiver; times are seconds of ``time.perf_counter``.

    Attributes:
        feed: The socket's url.
        rest: The API's url.
        hook: The receiver's url.
        subscribed: Set when the subject's subscription has been acknowledged.
        subscribed_at: And when that was.
        sent: When each id left.
        matched: How many of them match the subject's rule.
        came: When each id first came.
        repeated: How many requests brought an id again.
        delay: Seconds the receiver takes to answer.
        refusing: It answers 503.
    """

    def __init__(self) -> None:
        self.feed = self.rest = self.hook = ""
        self.subscribed = asyncio.Event()
        self.subscribed_at = 0.0
        self.sent: dict[int, float] = {}
        self.matched = 0
        self.came: dict[int, float] = {}
        self.repeated = 0
        self.delay = 0.0
        self.refusing = False
        self._socket: ServerConnection | None = None
        self._ids = 0
        self._seq = 1
        self._arrived = asyncio.Event()

    def skip(self, count: int) -> None:
        """Leave so many ids out: somebody has them already."""
        self._ids += count

    def prepare(self, kinds: Sequence[tuple[str, str]]) -> list[tuple[int, bytes]]:
        """Frames of new alerts, each with its id, for timeframes and directions; they are to be sent in this order."""
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
        frames: list[tuple[int, bytes]] = []
        for timeframe, direction in kinds:
            self._ids += 1
            self._seq += 1
            symbol = SYMBOLS[self._ids % len(SYMBOLS)]
            self.matched += (timeframe, direction) == MATCHING
            told = (f"{now}.123456+00:00", self._seq, self._ids, symbol, timeframe, direction)
            payload = (_FRAME % (*told, 100 + self._ids % 400, f"{now}Z")).encode()
            assert len(payload) >= _SHORT, "frames are made for the two-byte length"
            frames.append((self._ids, struct.pack("!BBH", _TEXT, _SHORT, len(payload)) + payload))
        return frames

    def send(self, frames: Sequence[tuple[int, bytes]]) -> None:
        """Hand frames to the kernel, as fast as the subject takes them."""
        assert self._socket is not None, "nobody has connected"
        now = time.perf_counter()
        self.sent.update((number, now) for number, _ in frames)
        self._socket.transport.write(b"".join(frame for _, frame in frames))

    async def everything(self) -> None:
        """Return when all that matches has come.

        Raises:
            BenchmarkError: Some of it did not come for a minute, or came twice.
        """
        self._arrived.clear()
        if len(self.came) < self.matched:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), _PATIENCE)
        if self.repeated or len(self.came) < self.matched:
            raise BenchmarkError(f"{len(self.came)} of {self.matched} alerts came, {self.repeated} of them repeatedly")

    def note(self, number: int) -> None:
        """An alert came."""
        if number in self.came:
            self.repeated += 1
            return
        self.came[number] = time.perf_counter()
        if len(self.came) == self.matched:
            self._arrived.set()

    @staticmethod
    def free_port() -> int:
        """A port of loopback that nobody listens on."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port

    async def accept(self, connection: ServerConnection) -> None:
        """Be the upstream of one connection: acknowledge whatever it asks for."""
        await connection.recv()
        await connection.send(_ACK % "alerts.in_force")
        self._socket, self._seq, self.subscribed_at = connection, 1, time.perf_counter()
        self.subscribed.set()
        await connection.wait_closed()


@asynccontextmanager
async def serving() -> AsyncIterator[Load]:
    """A load on free ports of loopback."""
    load = Load()
    receiver = await asyncio.get_running_loop().create_server(lambda: _Receiver(load), "127.0.0.1", 0)
    async with receiver, serve(load.accept, "127.0.0.1", 0, compression=None, ping_interval=None) as feed:
        load.feed = f"ws://127.0.0.1:{_port(feed.sockets)}/ws"
        load.rest = f"http://127.0.0.1:{_port(receiver.sockets)}/api"
        load.hook = f"http://127.0.0.1:{_port(receiver.sockets)}/hook"
        yield load


def _port(sockets: Sequence[socket.socket]) -> int:
    port = sockets[0].getsockname()[1]
    assert isinstance(port, int)
    return port


class _Receiver(asyncio.Protocol):
    """Answers each request of a connection when it is whole."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET"):
            self._write(_NO_ALERTS)
            return
        if self._load.refusing:
            self._write(_REFUSED)
            return
        if found := _ID.search(body):
            self._load.note(int(found[1]))
        if self._load.delay:
            asyncio.get_running_loop().call_later(self._load.delay, self._write, _OK)
        else:
            self._write(_OK)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)
