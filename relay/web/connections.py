"""Connections, bounded in number, time and room, so that nobody who only holds them keeps others out.

    made ──first byte──> a head comes ──whole──> a request is answered ──> idle ──first byte──> …
      └─ 10 s ─┘              └─ 10 s, 32 KiB ─┘      (``server`` bounds it)    └─ 75 s, aiohttp's

    what waits to be taken by the other side: something of it must go every 30 s

When as many are open as may be, a new one takes the place of the one that did nothing useful for longest; only those on
which a request is answered to somebody who may ask it are left alone. aiohttp by itself knows neither a number nor a
time for the head, and closes politely: who never reads would stay for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from aiohttp import web

from relay.clock import Clock
from relay.web.answers import error

MOST_CONNECTIONS: Final = 256
HEAD_SECONDS: Final = 10.0
HEAD_BYTES: Final = 32 * 1024
STUCK_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 1.0
_BLANK_LINES: Final = (b"\r\n\r\n", b"\n\n")

_log = structlog.get_logger()


class Fault(StrEnum):
    """Why a connection is cut."""

    SLOW_HEAD = "its request takes too long to come"
    STUCK = "it takes nothing of what is sent"


class Progress(msgspec.Struct):
    """How far a connection has come; times are monotonic seconds.

    Attributes:
        since: When it was made, or its last request came in or was answered.
        waited_for: When the head that is under way began: with its first byte, or with the connection; else None.
        head_bytes: Bytes of it so far.
        whole: Nothing of a head is under way: what comes is the rest of a request.
        answering: Somebody who may ask is being answered.
        unsent: Bytes that wait for the other side.
        stuck_since: Since when these have not become fewer; None where nothing waits.
    """

    since: float
    waited_for: float | None = None
    head_bytes: int = 0
    whole: bool = False
    answering: bool = False
    unsent: int = 0
    stuck_since: float | None = None

    def read(self, size: int, now: float) -> None:
        """So many bytes came of a head that is not whole yet."""
        if self.waited_for is None:
            self.waited_for = now
        self.head_bytes += size

    def complete(self) -> None:
        """The head has come."""
        self.whole, self.waited_for, self.head_bytes = True, None, 0

    def look(self, unsent: int, now: float) -> None:
        """Note how much waits now."""
        if not unsent:
            self.stuck_since = None
        elif unsent < self.unsent or self.stuck_since is None:
            self.stuck_since = now
        self.unsent = unsent

    def fault(self, now: float) -> Fault | None:
        """Why it is to be cut; None where it may stay."""
        if self.stuck_since is not None and now - self.stuck_since >= STUCK_SECONDS:
            return Fault.STUCK
        if self.waited_for is not None and now - self.waited_for >= HEAD_SECONDS:
            return Fault.SLOW_HEAD
        return None


class Connection(web.RequestHandler):
    """One connection: aiohttp's, watched."""

    def __init__(
        self,
        connections: Connections,
        manager: web.Server,
        headers: Mapping[str, str],
        **options: Any,  # noqa: ANN401  because they are aiohttp's own, handed through
    ) -> None:
        # A body that says it is compressed is read as it is: it is no form and no JSON, and its size is what was sent.
        super().__init__(manager, loop=asyncio.get_running_loop(), auto_decompress=False, **options)
        self._connections = connections
        self._headers = headers
        self._wire: asyncio.Transport | None = None
        self._tail = b""
        self._when_lost: list[Callable[[], None]] = []
        now = connections.clock.monotonic()
        self.progress = Progress(now, waited_for=now)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place, or be cut."""
        assert isinstance(transport, asyncio.Transport)
        self._wire = transport
        transport.set_write_buffer_limits(high=0)  # whoever writes waits until all is taken
        super().connection_made(transport)
        if not self._connections.admit(self):
            self.cut()

    def data_received(self, data: bytes) -> None:
        """Bytes came: of a head, until that is whole; then whatever the request has beyond it."""
        if not self.progress.whole:
            self._read_head(data)
        if self.progress.head_bytes > HEAD_BYTES:
            self.cut()
        else:
            super().data_received(data)

    def _read_head(self, data: bytes) -> None:
        if not self.progress.head_bytes:
            data = data.lstrip(b"\r\n")  # blank lines before a request mean nothing (RFC 9112, section 2.2)
        seen = self._tail + data
        if any(blank in seen for blank in _BLANK_LINES):
            self.progress.complete()
            self._tail = b""
        elif data:
            self.progress.read(len(data), self._connections.clock.monotonic())
            self._tail = seen[-3:]

    def begin(self) -> None:
        """A request came in."""
        self.progress.complete()
        self.progress.since = self._connections.clock.monotonic()

    def may_stay(self) -> None:
        """It is of somebody who may ask it."""
        self.progress.answering = True

    def end(self, *, read: bool) -> None:
        """It has been answered.

        Args:
            read: All of it has come, so that what comes now is another one. Where not, aiohttp passes over the rest
                for a while, and then closes.
        """
        self.progress.answering, self.progress.whole = False, not read
        self.progress.since = self._connections.clock.monotonic()
        self._tail = b""

    def when_lost(self, call: Callable[[], None]) -> None:
        """Have ``call`` called once the connection is gone."""
        self._when_lost.append(call)

    def look(self, now: float) -> None:
        """Cut it where it is time."""
        wire = self._wire
        if wire is None:
            return
        self.progress.look(wire.get_write_buffer_size(), now)
        if (fault := self.progress.fault(now)) is not None:
            _log.debug("connection cut", why=fault.value)
            self.cut()

    def cut(self) -> None:
        """Close it without waiting for the other side."""
        if self._wire is not None:
            self._wire.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is gone."""
        self._wire = None
        self._connections.forget(self)
        for call in self._when_lost:
            call()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  because it repeats what was sent
    ) -> web.StreamResponse:
        """What is told of a request that reached no handler; it ends the connection, as aiohttp has it."""
        if isinstance(exc, ConnectionError) and self._wire is None:
            raise ConnectionError("who asked is gone") from exc
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("a request failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun; no other can follow")
        status = status if status in set(HTTPStatus) else HTTPStatus.BAD_REQUEST
        phrase = HTTPStatus(status).phrase
        response = error(status, phrase.lower().replace(" ", "_"), phrase, headers=self._headers)
        response.force_close()
        return response

    def log_exception(self, *args: object, **kw: Any) -> None:  # noqa: ANN401  because it is aiohttp's signature
        """What broke the connection down; a body that is none is the other side's fault, and no news."""
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError):
            _log.error("connection broke down", said=str(args[0]) if args else "", exc_info=kw.get("exc_info"))


class Connections:
    """All that are open; makes them for a server.

    Args:
        manager: Whom aiohttp's connections report to.
        headers: What every answer carries.
        clock: Hands in the time.
        most: How many may be open.
        options: For aiohttp's own part.
    """

    def __init__(
        self,
        manager: web.Server,
        headers: Mapping[str, str],
        clock: Clock,
        *,
        most: int = MOST_CONNECTIONS,
        **options: Any,  # noqa: ANN401  because they are aiohttp's own, handed through
    ) -> None:
        self.clock = clock
        self._manager = manager
        self._headers = headers
        self._most = most
        self._options = options
        self._open: dict[Connection, None] = {}
        self._watch: asyncio.Task[None] | None = None

    def __call__(self) -> Connection:
        """A connection's protocol, as ``create_server`` wants it."""
        return Connection(self, self._manager, self._headers, **self._options)

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Find a place for a new one; False where there is none."""
        if len(self._open) >= self._most:
            others = [other for other in self._open if not other.progress.answering]
            if not others:
                return False
            eldest = min(others, key=lambda other: other.progress.since)
            self.forget(eldest)  # at once: its end is told later
            eldest.cut()
        self._open[connection] = None
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look_after(), name="connections")
        return True

    def forget(self, connection: Connection) -> None:
        """It has no place any more."""
        self._open.pop(connection, None)

    async def close(self) -> None:
        """Cut whatever is left."""
        for connection in tuple(self._open):
            connection.cut()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])

    async def _look_after(self) -> None:
        while self._open:
            await self.clock.sleep(_LOOK_SECONDS)
            now = self.clock.monotonic()
            for connection in tuple(self._open):
                connection.look(now)
