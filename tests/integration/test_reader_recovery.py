"""The reader beside a server that drops, refuses, evicts or falls silent."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.utils import accept_key

from relay.errors import EvictedError, RejectedError
from relay.upstream.state import Phase
from tests.support.stub_upstream import (
    ACK_TIMEOUT,
    KEY,
    Handler,
    Refusal,
    acknowledge,
    alert,
    bench,
    message,
    raw_server,
    running,
    serving,
)

VENDOR_BODY = json.dumps({"error": {"code": "missing_api_key", "message": f"key {KEY} is not known"}})


async def behave(socket: ServerConnection) -> None:
    await acknowledge(socket)
    await socket.send(alert(1))
    await socket.wait_closed()


async def drop(socket: ServerConnection) -> None:
    socket.transport.abort()


async def acknowledge_and_drop(socket: ServerConnection) -> None:
    await acknowledge(socket)


async def send_one_and_drop(socket: ServerConnection) -> None:
    await acknowledge(socket)
    await socket.send(alert(1))


def closing(code: int, reason: str = "") -> Handler:
    async def close(socket: ServerConnection) -> None:
        await socket.close(code, reason)

    return close


def refusing(status: int, body: str, *, times: int = 1 << 30) -> Refusal:
    left = times

    def refuse(socket: ServerConnection, _request: Request) -> Response | None:
        nonlocal left
        left -= 1
        return socket.respond(HTTPStatus(status), body) if left >= 0 else None

    return refuse


async def test_a_dropped_connection_is_made_again_and_subscribed_again() -> None:
    async with serving(send_one_and_drop, behave) as url:
        subject = bench(url)
        async with running(subject):
            await subject.retry()
            assert await subject.event_ids(2) == [1, 1]
            assert [await subject.gaps.get() for _ in range(2)] == ["connected", "connected"]
            assert subject.reader.state.attempts == 2


async def test_waits_double_while_nobody_answers_with_one_line_an_attempt() -> None:
    with capture_logs() as lines:
        subject = bench("ws://127.0.0.1:9/ws")  # nothing listens on the discard port
        async with running(subject):
            waits = [await subject.retry() for _ in range(8)]
            await subject.backs_off()
    for wait, least in zip(waits, (1, 2, 4, 8, 16, 32, 48, 48), strict=True):
        assert least <= wait <= min(60, least * 1.25)
    assert [line["event"] for line in lines] == ["upstream not connected"] * 9
    assert "refused" in lines[0]["error"]
    assert subject.reader.state.last_error.startswith("the upstream refused the connection")


@pytest.mark.parametrize("handler", [drop, acknowledge_and_drop])
async def test_a_connection_that_was_not_good_resets_nothing(
    handler: Handler,
) -> None:
    async with serving(handler) as url:
        subject = bench(url)
        async with running(subject):
            waits = [await subject.retry() for _ in range(4)]
            await subject.backs_off()
    for wait, least in zip(waits, (1, 2, 4, 8), strict=True):
        assert least <= wait <= least * 1.25


async def send_a_quote_and_drop(socket: ServerConnection) -> None:
    await acknowledge(socket)
    await socket.send(message("quote", symbol="AAPL", price=201.5))


@pytest.mark.parametrize("handler", [send_one_and_drop, send_a_quote_and_drop])
async def test_an_event_makes_a_connection_good(handler: Handler) -> None:
    async with serving(drop, drop, drop, handler) as url:
        subject = bench(url)
        async with running(subject):
            waits = [await subject.retry() for _ in range(5)]
            await subject.backs_off()
    for wait, least in zip(waits, (1, 2, 4, 1, 1), strict=True):
        assert least <= wait <= least * 1.25


async def test_half_a_minute_makes_an_acknowledged_connection_good() -> None:
    leave = asyncio.Event()

    async def wait_and_drop(socket: ServerConnection) -> None:
        await acknowledge(socket)
        await leave.wait()

    async with serving(drop, drop, wait_and_drop) as url:
        subject = bench(url)
        async with running(subject):
            waits = [await subject.retry() for _ in range(2)]
            assert await subject.gaps.get() == "connected"
            await subject.clock.advance(30)
            leave.set()
            waits.append(await subject.backs_off())
    for wait, least in zip(waits, (1, 2, 1), strict=True):
        assert least <= wait <= least * 1.25


async def test_an_eviction_ends_the_run_after_the_events_before_it() -> None:
    async def evict(socket: ServerConnection) -> None:
        await acknowledge(socket)
        await socket.send(alert(1))
        await socket.close(4409, "replaced")

    async with serving(evict, behave) as url:
        subject = bench(url)
        with pytest.raises(EvictedError, match="another instance took over") as caught:
            await subject.reader.run()
        assert caught.value.exit_code == 69
        assert "standby" in caught.value.hint
        assert subject.reader.state.phase is Phase.EVICTED
        assert await subject.event_ids(1) == [1]

        async with running(subject):  # what takes the socket back runs it again
            assert await subject.event_ids(1) == [1]
            assert subject.reader.state.phase is not Phase.EVICTED


@pytest.mark.parametrize(("code", "words"), [(4401, "rejected the key"), (4403, "ws:connect")])
async def test_a_rejecting_close_ends_the_run_at_once(code: int, words: str) -> None:
    async with serving(closing(code, f"no such key {KEY}")) as url:
        subject = bench(url)
        with pytest.raises(RejectedError, match=words) as caught:
            await subject.reader.run()
    assert caught.value.exit_code == 77
    assert caught.value.hint
    assert KEY not in str(caught.value) + caught.value.hint + str(subject.reader.state)
    assert subject.reader.state.phase is Phase.REJECTED


@pytest.mark.parametrize(("status", "words"), [(401, "rejected the key"), (403, "ws:connect")])
async def test_a_refused_upgrade_with_the_vendors_body_ends_the_run_at_once(status: int, words: str) -> None:
    async with serving(behave, refuse=refusing(status, VENDOR_BODY)) as url:
        subject = bench(url)
        with pytest.raises(RejectedError, match=words):
            await subject.reader.run()
    assert KEY not in str(subject.reader.state)


@pytest.mark.parametrize("status", [401, 403, 301, 404, 429, 500, 503])
async def test_any_other_refused_upgrade_is_tried_again(status: int) -> None:
    async with serving(behave, refuse=refusing(status, "<html>not today</html>", times=2)) as url:
        subject = bench(url)
        async with running(subject):
            await subject.retry()
            await subject.retry()
            assert await subject.event_ids(1) == [1]


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    seen: list[str] = []

    async with serving(behave) as elsewhere:

        def redirect(socket: ServerConnection, request: Request) -> Response:
            seen.append(request.path)
            answer = socket.respond(HTTPStatus.FOUND, "")
            answer.headers["Location"] = elsewhere
            return answer

        async with serving(behave, refuse=redirect) as url:
            subject = bench(url)
            async with running(subject):
                await subject.backs_off()
            assert "HTTP 302" in subject.reader.state.last_error
    assert len(seen) == 1
    assert subject.events.empty()


async def test_after_a_connection_a_rejection_is_believed_only_after_ten_minutes() -> None:
    async with serving(send_one_and_drop, closing(4401)) as url:
        subject = bench(url)
        async with running(subject) as run:
            await subject.retry()
            began = subject.clock.monotonic()
            while not run.done():
                retried = asyncio.ensure_future(subject.retry())
                await asyncio.wait((run, retried), return_when=asyncio.FIRST_COMPLETED)
                retried.cancel()
            with pytest.raises(RejectedError):
                await run
    assert 600 <= subject.clock.monotonic() - began <= 661


async def test_a_rejection_that_passes_is_forgotten() -> None:
    reject = closing(4401)
    handlers = (send_one_and_drop, reject, reject, send_one_and_drop, reject, behave)
    async with serving(*handlers) as url:
        subject = bench(url)
        async with running(subject):
            for _ in range(3):
                await subject.retry()
            await subject.backs_off()
            await subject.clock.advance(700)
            await subject.retry()
            assert await subject.event_ids(3) == [1, 1, 1]


async def test_without_an_acknowledgement_the_connection_is_given_up() -> None:
    async def ignore(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.wait_closed()

    async with serving(ignore, behave) as url:
        subject = bench(url)
        async with running(subject):
            assert await subject.clock.slept.get() == ACK_TIMEOUT
            assert not subject.reader.state.acknowledged
            await subject.clock.advance(ACK_TIMEOUT)
            assert await subject.retry() < 2
            assert "no acknowledgement" in subject.reader.state.last_error
            assert await subject.event_ids(1) == [1]


def upgrade(request: bytes) -> bytes:
    key = next(line.split(": ")[1] for line in request.decode().split("\r\n") if line.startswith("Sec-WebSocket-Key"))
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n"
    ).encode()


async def test_a_peer_that_falls_silent_is_dropped_and_connected_to_again() -> None:
    async with raw_server(upgrade) as port:
        subject = bench(f"ws://127.0.0.1:{port}/ws", ping_every=0.02, ping_timeout=0.02, close_timeout=0.02)
        async with running(subject):
            await subject.retry()
            assert "stopped answering pings" in subject.reader.state.last_error
            await subject.backs_off()
            assert [step.phase for step in subject.reader.state.history].count(Phase.OPEN) == 2


async def test_a_server_that_never_answers_the_upgrade_is_given_up() -> None:
    async with raw_server(lambda _: b"") as port:
        subject = bench(f"ws://127.0.0.1:{port}/ws", open_timeout=0.05)
        async with running(subject):
            await subject.backs_off()
            assert "no answer in time" in subject.reader.state.last_error


@pytest.mark.parametrize(("scheme", "words"), [("ws", "no HTTP"), ("wss", "TLS failed")])
async def test_what_speaks_no_http_or_no_tls_is_tried_again(scheme: str, words: str) -> None:
    async with raw_server(lambda _: b"SSH-2.0-OpenSSH_9.6\r\n\r\n", hang_up=True) as port:
        subject = bench(f"{scheme}://127.0.0.1:{port}/ws")
        async with running(subject):
            await subject.backs_off()
            assert words in subject.reader.state.last_error
