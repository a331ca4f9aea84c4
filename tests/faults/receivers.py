"""Destinations that take note of what they are sent, and misbehave on demand.

    POST ──read──> checked against what was fired ──> Mood ──> answer, or none ──> Arrival

HTTP is spoken by hand here: what is to be tried are answers that no HTTP library would give. What an arrival came to:

    took     a whole 2xx status line was sent, and nothing says that it was not heard
    unheard  likewise, but then the sender hung up: it may have given up before
    maybe    counted here, answered in part
    refused  told to come again        final  told never to come again
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

from tests.faults.schedule import Fault, Kind
from tests.faults.shots import Ledger, exact

_HUGE: Final = b"x" * 65_536
_POISONOUS: Final = 7  # of so many alerts one is
_TOO_LONG: Final = 30.0


class Fate(StrEnum):
    """What an arrival came to."""

    TOOK = "took"
    UNHEARD = "unheard"
    MAYBE = "maybe"
    REFUSED = "refused"
    FINAL = "final"


@dataclass
class Arrival:
    """A request, with monotonic times."""

    n: int
    webhook_id: str
    sequence: int
    attempt: int
    source: str
    at: float
    fate: Fate = Fate.MAYBE
    hung_up_at: float = 0.0


@dataclass
class Receiver:
    """One destination; an async context manager.

    Attributes:
        name: As in the config.
        ledger: What was fired.
        mood: The fault in force.
        arrivals: What came, in order.
        seen: Which alerts came at all.
        wrong: What came and should not look so.
        strays: Requests that are no delivery; a redirect that was followed is one.
        answered: By kind of fault, how often it was brought about.
    """

    name: str
    ledger: Ledger
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    mood: Fault | None = None
    arrivals: list[Arrival] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    strays: int = 0
    seen: set[int] = field(default_factory=set)
    answered: Counter[Kind] = field(default_factory=Counter)

    async def __aenter__(self) -> Self:
        self._writers: set[asyncio.StreamWriter] = set()
        self._well = asyncio.Event()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls, backlog=500)
        self._port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.heal()
        self._server.close()
        self.hang_up()
        await self._server.wait_closed()
        for _ in range(100):
            if not self._writers:
                return
            await asyncio.sleep(0.01)

    @property
    def url(self) -> str:
        """Where to send to."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self._port}/hooks/{self.name}-0123456789abcdef"

    def suffer(self, fault: Fault) -> None:
        """Misbehave from now on."""
        self.mood = fault

    def heal(self) -> None:
        """Behave again, and let go of whoever was left waiting."""
        self.mood = None
        self._well.set()
        self._well = asyncio.Event()

    def hang_up(self) -> None:
        """Cut every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        last: Arrival | None = None
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, TimeoutError):
                while True:
                    request = await _read(reader)
                    last = self._note(*request)
                    if last is None:
                        await _say(writer, 404)
                    elif not await self._answer(last, writer):
                        last = None
                        break
        except asyncio.CancelledError:
            pass  # the loop is being closed
        finally:
            if last is not None and last.fate is Fate.TOOK:
                last.fate, last.hung_up_at = Fate.UNHEARD, time.monotonic()
            self._writers.discard(writer)
            writer.transport.abort()

    def _note(self, path: str, headers: dict[str, str], body: bytes) -> Arrival | None:
        if not path.startswith("/hooks/"):
            self.strays += 1
            return None
        said = exact(body)
        told, data = said["relay"], said["data"]
        arrival = Arrival(
            n=int(data["n"]),
            webhook_id=headers.get("webhook-id", ""),
            sequence=told["sequence"],
            attempt=told["attempt"],
            source=told["source"],
            at=time.monotonic(),
        )
        self.arrivals.append(arrival)
        self.seen.add(arrival.n)
        shot = self.ledger.by_n.get(arrival.n)
        if shot is None or data not in (exact(shot.wire), exact(shot.rest)):
            self.wrong.append(f"{self.name}: not what was fired: {body[:300]!r}")
        elif told["destination"] != self.name or not arrival.webhook_id or "." in arrival.webhook_id:
            self.wrong.append(f"{self.name}: {told['destination']} {arrival.webhook_id}")
        return arrival

    async def _answer(self, arrival: Arrival, writer: asyncio.StreamWriter) -> bool:
        """Answer as the mood is; whether the connection goes on."""
        mood = self.mood
        if mood is None or (mood.kind in {Kind.DEST_POISON, Kind.DEST_SOUR} and arrival.n % _POISONOUS):
            await _say(writer, 204 if arrival.n % 3 else 200)
            arrival.fate = Fate.TOOK
            return True
        self.answered[mood.kind] += 1
        return await _WAYS[mood.kind](self, arrival, writer, mood)

    # --- how it misbehaves

    async def _refuse(self, arrival: Arrival, writer: asyncio.StreamWriter, mood: Fault) -> bool:
        arrival.fate = Fate.REFUSED
        await _say(writer, int(mood.how or 500), body=b"<html>" + b"down" * 1000)
        return True

    async def _patience(self, arrival: Arrival, writer: asyncio.StreamWriter, mood: Fault) -> bool:
        arrival.fate = Fate.REFUSED
        after = {"seconds": f"{mood.value:g}", "date": formatdate(time.time() + mood.value, usegmt=True)}
        await _say(writer, 429, more=f"Retry-After: {after[mood.how]}\r\n" if mood.how else "")
        return True

    async def _hang(self, _arrival: Arrival, _writer: asyncio.StreamWriter, _mood: Fault) -> bool:
        await asyncio.wait_for(self._well.wait(), _TOO_LONG)
        return False

    async def _drip(self, arrival: Arrival, writer: asyncio.StreamWriter, mood: Fault) -> bool:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
        if mood.how == "body":
            writer.write(head)
            await writer.drain()
            arrival.fate = Fate.TOOK
            head = b"x" * 100_000
        for byte in head:
            if self.mood is None or writer.transport.is_closing():
                break
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)
        return False

    async def _reset(self, arrival: Arrival, writer: asyncio.StreamWriter, mood: Fault) -> bool:
        if mood.how != "before":
            writer.write(b"HTTP/1.1 20" if mood.how == "status" else b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal")
            await writer.drain()
        arrival.fate = Fate.MAYBE
        return False

    async def _huge(self, arrival: Arrival, writer: asyncio.StreamWriter, _mood: Fault) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        await writer.drain()
        arrival.fate = Fate.TOOK
        with suppress(TimeoutError):  # who reads it all would read for long
            async with asyncio.timeout(_TOO_LONG):
                while not writer.transport.is_closing():
                    writer.write(_HUGE)
                    await writer.drain()
                    await asyncio.sleep(0)  # over TLS ``drain`` never waits once the peer is gone
                return False
        self.wrong.append(f"{self.name}: an endless answer was read to the end")
        return False

    async def _redirect(self, arrival: Arrival, writer: asyncio.StreamWriter, _mood: Fault) -> bool:
        arrival.fate = Fate.FINAL
        await _say(writer, 307, more="Location: /elsewhere\r\n")
        return True

    async def _poison(self, arrival: Arrival, writer: asyncio.StreamWriter, mood: Fault) -> bool:
        arrival.fate = Fate.FINAL
        await _say(writer, int(mood.how), body=b'{"error":"no such thing"}')
        return True


_Way = Callable[[Receiver, Arrival, asyncio.StreamWriter, Fault], Awaitable[bool]]
_WAYS: Final[dict[Kind, _Way]] = {
    Kind.DEST_5XX: Receiver._refuse,
    Kind.DEST_SOUR: Receiver._refuse,
    Kind.DEST_429: Receiver._patience,
    Kind.DEST_HANG: Receiver._hang,
    Kind.DEST_DRIP: Receiver._drip,
    Kind.DEST_RESET: Receiver._reset,
    Kind.DEST_HUGE: Receiver._huge,
    Kind.DEST_REDIRECT: Receiver._redirect,
    Kind.DEST_POISON: Receiver._poison,
}
MOODS: Final = frozenset(_WAYS)
"""The faults that a receiver brings about by itself."""


async def _read(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return first.split(" ")[1], headers, body


async def _say(writer: asyncio.StreamWriter, status: int, *, body: bytes = b"", more: str = "") -> None:
    length = "" if status == 204 else f"Content-Length: {len(body)}\r\n"
    writer.write(f"HTTP/1.1 {status} Whatever\r\n{length}{more}\r\n".encode() + body)
    await writer.drain()
