"""Connections of those who don't ask in time, don't read, or only hold them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
from structlog.testing import capture_logs

from relay.web.connections import HEAD_BYTES, HEAD_SECONDS, STUCK_SECONDS
from relay.web.server import REQUEST_BYTES
from tests.support.clock import FakeClock, settle
from tests.support.desk import FakeDesk, an_event
from tests.support.sse import listening
from tests.support.web import TOKEN, get, serving

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
DRIP = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Drip: "


class Wire:
    """A connection whose every byte a test says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Send, and let the server read."""
        self.writer.write(data)
        await self.writer.drain()
        await settle()

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of an answer."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
            return int(head.split()[1]), await self.reader.readexactly(int(fields[b"Content-Length"]))

    async def ended(self) -> bytes:
        """What came before the other side ended it."""
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read()
        return b""


@contextlib.asynccontextmanager
async def wire(client: aiohttp.ClientSession) -> AsyncIterator[Wire]:
    assert client._base_url is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", client._base_url.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.fixture
async def served(desk: FakeDesk, clock: FakeClock) -> AsyncIterator[aiohttp.ClientSession]:
    async with serving(desk, clock=clock, most_connections=8) as client:
        yield client


async def pass_seconds(clock: FakeClock, seconds: float) -> None:
    """Time passes as it does: a second after the other, while sockets are read."""
    for _ in range(round(seconds)):
        await clock.advance(1)


@pytest.mark.parametrize("start", [b"", b"G", b"\r\n\r\n\r\n", DRIP])
async def test_a_head_that_is_not_whole_in_time_ends_the_connection(
    served: aiohttp.ClientSession, clock: FakeClock, start: bytes
) -> None:
    async with wire(served) as slow:
        await slow.send(start)
        for _ in range(int(HEAD_SECONDS) + 2):
            await clock.advance(1)
            if start == DRIP and not slow.reader.at_eof():
                with contextlib.suppress(ConnectionError):
                    await slow.send(b"x")
        assert await slow.ended() == b""
        assert (await get(served, "/healthz"))[0] == 200


async def test_the_next_head_on_a_connection_has_the_same_time_from_its_first_byte(
    served: aiohttp.ClientSession, clock: FakeClock
) -> None:
    async with wire(served) as slow:
        for _ in range(3):
            await slow.send(HEALTH)
            assert (await slow.answer())[0] == 200
            await pass_seconds(clock, HEAD_SECONDS + 5)  # idle it may be
        await slow.send(b"\r\n")
        await pass_seconds(clock, HEAD_SECONDS + 5)
        await slow.send(HEALTH)
        assert (await slow.answer())[0] == 200
        await slow.send(DRIP)
        await pass_seconds(clock, HEAD_SECONDS - 2)
        assert not slow.reader.at_eof()
        await pass_seconds(clock, 4)
        assert await slow.ended() == b""


async def test_a_head_of_many_small_lines_is_bounded_too(served: aiohttp.ClientSession) -> None:
    async with wire(served) as big:
        with contextlib.suppress(ConnectionError):
            await big.send(HEALTH.removesuffix(b"\r\n"))
            for number in range(HEAD_BYTES // 512 + 2):
                await big.send(b"X-%d: " % number + b"x" * 512 + b"\r\n")
        assert await big.ended() == b""


async def test_requests_that_are_sent_at_once_are_answered_in_order(
    served: aiohttp.ClientSession, clock: FakeClock
) -> None:
    async with wire(served) as eager:
        await eager.send(HEALTH + HEALTH.replace(b"/healthz", b"/nowhere") + HEALTH + DRIP)
        assert [(await eager.answer())[0] for _ in range(3)] == [200, 404, 200]
        await eager.send(b"x\r\n\r\n")
        assert (await eager.answer())[0] == 200
        await pass_seconds(clock, HEAD_SECONDS + 5)
        await eager.send(HEALTH)
        assert (await eager.answer())[0] == 200


async def test_a_body_that_is_too_big_is_told_so_while_it_still_comes(served: aiohttp.ClientSession) -> None:
    head = b"POST /api/snooze HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
    body = b"x" * (4 * REQUEST_BYTES)
    async with wire(served) as big:
        await big.send(head + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
        await big.send(body)
        assert (await big.answer())[0] == 413
        await big.send(HEALTH)
        assert (await big.answer())[0] == 200


async def test_a_body_that_never_comes_is_not_waited_for(desk: FakeDesk) -> None:
    async with serving(desk, request_seconds=0.02) as client, wire(client) as slow:
        await slow.send(
            b"POST /api/snooze HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
        )
        assert (await slow.answer())[0] == 503


async def test_who_holds_all_connections_keeps_nobody_out(served: aiohttp.ClientSession) -> None:
    async with AsyncExitStack() as stack:
        held = [await stack.enter_async_context(wire(served)) for _ in range(8)]
        for one in held:
            await one.send(DRIP)
        for turn in range(3):
            fresh = await stack.enter_async_context(wire(served))
            await fresh.send(HEALTH)
            assert (await fresh.answer())[0] == 200
            assert await held[turn].ended() == b""  # the eldest made room


async def test_the_one_that_was_used_last_makes_room_last(served: aiohttp.ClientSession, clock: FakeClock) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(wire(served))
        for _ in range(7):
            await clock.advance(0.1)
            last = await stack.enter_async_context(wire(served))
        await last.send(b"")
        await clock.advance(0.1)
        await first.send(HEALTH)
        assert (await first.answer())[0] == 200
        for _ in range(7):
            await stack.enter_async_context(wire(served))
        await settle()
        await first.send(HEALTH)
        assert (await first.answer())[0] == 200


async def test_a_stream_makes_room_for_nobody_and_who_comes_to_a_house_full_of_them_is_sent_away(
    desk: FakeDesk,
) -> None:
    async with (
        serving(desk, most_connections=2) as client,
        listening(client) as one,
        listening(client) as other,
    ):
        await one.next("status")
        await other.next("status")
        async with wire(client) as third:
            assert await third.ended() == b""
        one.response.close()
        await settle()
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    assert (await get(client, "/healthz"))[0] == 200
                    break


async def test_who_may_not_ask_is_sent_away_before_those_who_may(desk: FakeDesk) -> None:
    desk.gate = asyncio.Event()
    bearer = b"Authorization: Bearer %s\r\n\r\n" % TOKEN.reveal().encode()
    async with serving(desk, "0.0.0.0", token=TOKEN, most_connections=3) as client, AsyncExitStack() as stack:
        asking = await stack.enter_async_context(wire(client))
        await asking.send(b"GET /api/status HTTP/1.1\r\nHost: localhost\r\n" + bearer)
        for _ in range(9):
            stranger = await stack.enter_async_context(wire(client))
            await stranger.send(
                b"POST /login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\ntoken="
            )
        desk.gate.set()
        assert (await asking.answer())[0] == 200


async def test_an_answer_of_which_nothing_is_taken_is_given_up(desk: FakeDesk, clock: FakeClock) -> None:
    desk.events = [{**an_event(number), "data": {"note": "x" * 100_000}} for number in range(1, 101)]
    async with serving(desk, clock=clock) as client:
        assert client._base_url is not None
        with socket.socket() as lazy, capture_logs() as said:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            lazy.connect(("127.0.0.1", client._base_url.port))
            lazy.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.to_thread(lazy.recv, 1, socket.MSG_PEEK)  # the answer has begun
            await pass_seconds(clock, STUCK_SECONDS - 2)
            assert said == []
            await pass_seconds(clock, 4)
            assert [line["why"] for line in said] == ["it takes nothing of what is sent"]
