"""A loopback socket server that a test scripts frame by frame, and a reader beside it on a clock moved by hand."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from relay.events import Channel, Event
from relay.metrics import Metrics
from relay.secret import Secret
from relay.upstream.dial import ReaderSettings
from relay.upstream.gate import GRACE
from relay.upstream.protocol import Topic
from relay.upstream.reader import Reader
from relay.upstream.tick import Tick
from tests.support.clock import FakeClock

KEY = "sk_test_4f9c1e77"
ALL = (Channel.IN_FORCE, Channel.BREAKS)

Handler = Callable[[ServerConnection], Awaitable[None]]
Refusal = Callable[[ServerConnection, Request], Response | None]


def message(kind: str, seq: int | None = None, **data: Any) -> str:
    """A frame in the vendor's envelope."""
    envelope = {"type": kind, "ts": "2026-04-10T14:35:00.123456+00:00", "data": data}
    return json.dumps(envelope if seq is None else {**envelope, "seq": str(seq)})


def alert(number: int, seq: int | None = None) -> str:
    """An in-force alert."""
    return message("alert.in_force", seq, id=number, symbol="AAPL")


async def acknowledge(socket: ServerConnection, *channels: str, seq: int | None = 1) -> dict[str, Any]:
    """Read one message, acknowledge the channels it asks for (or ``channels``), and return it."""
    asked: dict[str, Any] = json.loads(await socket.recv())
    named = list(channels) or [topic["channel"] for topic in asked["topics"]]
    await socket.send(message(f"{asked['op']}d", seq, channels=named))
    return asked


@asynccontextmanager
async def serving(*handlers: Handler, refuse: Refusal | None = None, max_size: int | None = None) -> AsyncIterator[str]:
    """A server whose first connection gets the first handler, and so on; the last serves all further ones.

    Yields:
        Its ``ws://`` URL.
    """
    served = 0

    async def handle(socket: ServerConnection) -> None:
        nonlocal served
        served += 1
        await handlers[min(served, len(handlers)) - 1](socket)

    async with serve(handle, "127.0.0.1", 0, process_request=refuse, max_size=max_size) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/ws/market/v1"


@asynccontextmanager
async def raw_server(answer: Callable[[bytes], bytes], *, hang_up: bool = False) -> AsyncIterator[int]:
    """A TCP server that says one thing to whatever comes first, and then nothing more (or hangs up).

    Yields:
        Its port.
    """
    writers: list[asyncio.StreamWriter] = []

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(answer(await reader.read(1 << 16)))
        if hang_up:
            writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for writer in writers:
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()


class SleepLog(FakeClock):
    """A clock by hand that tells who goes to sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: asyncio.Queue[float] = asyncio.Queue()

    async def sleep(self, seconds: float) -> None:
        self.slept.put_nowait(seconds)
        await super().sleep(seconds)


@dataclass
class Bench:
    """A reader, and all that comes out of it."""

    reader: Reader
    clock: SleepLog
    metrics: Metrics
    topics: list[Topic]
    events: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)
    gaps: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    ticks: asyncio.Queue[Tick] = field(default_factory=asyncio.Queue)

    async def event_ids(self, count: int) -> list[int | None]:
        """The ids of the next ``count`` events."""
        return [(await self.events.get()).id for _ in range(count)]

    async def backs_off(self) -> float:
        """Wait until the reader waits for its next attempt; how long it means to."""
        while (seconds := await self.clock.slept.get()) in {ACK_TIMEOUT, GRACE}:
            pass
        return seconds

    async def retry(self) -> float:
        """Let the next back-off pass; how long it was."""
        seconds = await self.backs_off()
        await self.clock.advance(seconds)
        return seconds

    def metric(self, name: str, **labels: str) -> float:
        """A counter or gauge, 0 where it was never touched."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


ACK_TIMEOUT = 15.0


def bench(url: str, **settings: Any) -> Bench:
    """A reader for ``url``, not yet running."""
    clock, metrics = SleepLog(), Metrics()
    topics = [Topic(channel) for channel in ALL]
    events: asyncio.Queue[Event] = asyncio.Queue()
    gaps: asyncio.Queue[str] = asyncio.Queue()
    ticks: asyncio.Queue[Tick] = asyncio.Queue()
    before = settings.pop("before_subscribe", None)
    extra = {} if before is None else {"before_subscribe": before}
    reader = Reader(
        ReaderSettings(url, Secret(KEY), **{"close_timeout": 1.0, "ack_timeout": ACK_TIMEOUT, **settings}),
        clock=clock,
        rng=random.Random(7),
        metrics=metrics,
        topics=lambda: topics,
        on_event=events.put_nowait,
        on_gap=gaps.put_nowait,
        on_tick=ticks.put_nowait,
        **extra,
    )
    return Bench(reader, clock, metrics, topics, events, gaps, ticks)


@asynccontextmanager
async def running(subject: Bench) -> AsyncIterator[asyncio.Task[None]]:
    """Run the reader; stop it at the end, and raise what it raised unless the test has seen it."""
    task = asyncio.ensure_future(subject.reader.run())
    try:
        yield task
    finally:
        if not task.done():
            subject.reader.stop()
            await task
