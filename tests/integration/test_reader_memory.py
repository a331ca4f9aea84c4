"""What the reader keeps of an upstream that says too much."""

from __future__ import annotations

import asyncio
import random

from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection

from relay.secret import Secret
from relay.upstream.dial import MAX_QUEUE, ReaderSettings, dial
from relay.upstream.reader import KNOWN_TYPES
from tests.support.stub_upstream import KEY, acknowledge, alert, bench, message, running, serving
from tests.support.waiting import until

_FRAMES = 20 * MAX_QUEUE
_BYTES = 1_000
_READ = 256 * 1024  # bytes that the event loop takes from a socket at once


async def test_a_socket_whose_frames_are_not_looked_at_is_not_read_on_and_nothing_is_lost() -> None:
    sent = 0
    noise = random.Random(1)  # which can't be compressed

    async def flood(socket: ServerConnection) -> None:
        nonlocal sent
        for _ in range(_FRAMES):
            await socket.send(noise.randbytes(_BYTES))
            sent += 1
        await socket.wait_closed()

    async with serving(flood) as url:
        socket = await dial(ReaderSettings(url, Secret(KEY)))
        try:
            await until(lambda: not socket.transport.is_reading())
            waiting = socket.recv_messages
            assert MAX_QUEUE <= len(waiting.frames) <= MAX_QUEUE + _READ // _BYTES + 1  # the last read is kept whole
            assert sent < _FRAMES  # the upstream waits
            for _ in range(_FRAMES):
                assert len(await asyncio.wait_for(socket.recv(), 10)) == _BYTES
        finally:
            await socket.close()


async def test_types_that_nobody_knows_are_named_so_many_times_and_then_only_counted() -> None:
    async def invent(socket: ServerConnection) -> None:
        await acknowledge(socket)
        for number in range(KNOWN_TYPES + 20):
            await socket.send(message(f"invented_{number}"))
        await socket.send(alert(1))
        await socket.wait_closed()

    with capture_logs() as lines:
        async with serving(invent) as url:
            subject = bench(url)
            async with running(subject):
                assert await subject.event_ids(1) == [1]
    assert sum(line["event"] == "unknown message type" for line in lines) == KNOWN_TYPES
    assert subject.metric("relay_upstream_frames_total", type="other") == KNOWN_TYPES + 20
