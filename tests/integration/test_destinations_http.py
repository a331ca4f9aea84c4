"""The bounded exchange against servers that don't speak HTTP properly, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from yarl import URL

from relay.destinations.answer import Answer, Failure
from relay.destinations.http import HttpClient, Request
from tests.support.receiver import raw_server, receiving


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


def _request(url: str, timeout: float = 5.0, headers: dict[str, str] | None = None) -> Request:
    return Request("POST", URL(url), headers or {}, b"{}", timeout)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\nabc", 200),
        (b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n", 200),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil it closes", 200),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 429 \xff\xfe\r\nRetry-After: \xff\xc3\r\n\r\n", 429),
        (b"HTTP/1.1 999 No\r\n\r\n", 999),
    ],
)
async def test_whoever_sends_a_status_has_answered(client: HttpClient, answer: bytes, status: int) -> None:
    async with raw_server(answer) as url:
        result = await client.exchange(_request(url))
    assert isinstance(result, Answer)
    assert result.status == status


async def test_broken_chunks_raise_nothing(client: HttpClient) -> None:
    async with raw_server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n", b"zz\r\n") as url:
        result = await client.exchange(_request(url))
    assert isinstance(result, Answer | Failure)  # whether both arrive in one read is the kernel's business


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "reset"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "protocol"),
        (b"\x16\x03\x01\x02\r\n\r\n", "protocol"),
        (b"HTTP/1.1 \r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n", "protocol"),
    ],
)
async def test_what_is_no_http_is_a_failure_with_a_name(client: HttpClient, answer: bytes, code: str) -> None:
    async with raw_server(answer) as url:
        result = await client.exchange(_request(url))
    assert isinstance(result, Failure)
    assert result.code == code
    assert "tok-123456789" not in result.detail


async def test_half_a_header_times_out(client: HttpClient) -> None:
    async with raw_server(b"HTTP/1.1 200 OK\r\nContent-Len", keep_open=True) as url:
        result = await client.exchange(_request(url, 0.1))
    assert isinstance(result, Failure)
    assert result == Failure("timeout", f"127.0.0.1:{URL(url).port} did not answer within 100ms")


@pytest.mark.parametrize("url", ["http://" + "a" * 70 + ".example/tok-123456789", "ftp://h.example/tok-123456789"])
async def test_an_address_nobody_can_have_is_invalid(client: HttpClient, url: str) -> None:
    result = await client.exchange(_request(url))
    assert isinstance(result, Failure)
    assert result.code == "invalid"
    assert "tok-123456789" not in result.detail


async def test_a_header_with_a_line_break_is_never_sent(client: HttpClient) -> None:
    async with receiving() as receiver:
        result = await client.exchange(_request(receiver.url, headers={"X-Token": "a\r\nX-Other: b"}))
        assert receiver.requests == []
    assert isinstance(result, Failure)
    assert result.code == "invalid"


async def test_a_password_in_the_url_is_sent_as_basic_and_not_shown(client: HttpClient) -> None:
    async with receiving() as receiver:
        result = await client.exchange(_request(receiver.url.replace("://", "://ann:s3cret@")))
        assert receiver.requests[0].headers["Authorization"].startswith("Basic ")
    assert isinstance(result, Answer)
