"""Whatever comes in, an answer goes out that is no 500, tells no secret, and is JSON where JSON is promised.

The desk is the real one over a real store. CI tries the same few hundred requests each time; by hand, more and others:
RELAY_FUZZ=5000 pytest tests/integration/test_web_fuzz.py
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from relay.outbox.sqlite import SqliteOutbox
from relay.web.server import Web
from tests.support.clock import FakeClock
from tests.support.front_desk import fill, front_desk
from tests.support.web import TOKEN

BY_HAND: Final = int(os.environ.get("RELAY_FUZZ", "0"))
EXAMPLES: Final = settings(
    max_examples=BY_HAND or 150,
    derandomize=not BY_HAND,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

HTML: Final = {"/", "/login"}
PATHS: Final = [
    *("/", "/login", "/static/page.css", "/healthz", "/readyz", "/metrics", "/api/status", "/api/config"),
    *("/api/events", "/api/events/1", "/api/events/alerts.in_force%3A1", "/api/deliveries", "/api/dead"),
    *("/api/dead/1/retry", "/api/destinations/bot/pause", "/api/destinations/bot/resume", "/api/snooze"),
    *("/api/reload", "/api/stream", "/nowhere", "//", "/%2e%2e/", "/api/dead/99999999999999999999/retry", "*"),
]
KEYS: Final = ["before", "limit", "state", "destination", "channel", "drop_older", "removed", "name", "kind", "for"]
VALUES: Final = [
    "1",
    "0",
    "-1",
    "x",
    "dead",
    "bot",
    "AAPL",
    "1h",
    "true",
    "9" * 30,
    "1e9",
    "٣",
    "",
    "%00",
    "%ff",
    "keep",
]

text = st.one_of(st.sampled_from(VALUES), st.text(max_size=20))
visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
pairs = st.lists(st.tuples(st.sampled_from(KEYS) | visible, text), max_size=3)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | text
bodies = st.one_of(
    st.binary(max_size=60),
    pairs.map(lambda found: "&".join(f"{key}={value}" for key, value in found).encode(errors="replace")),
    st.dictionaries(st.sampled_from(KEYS) | text, scalars | st.lists(scalars, max_size=2), max_size=4).map(
        lambda found: json.dumps(found).encode()
    ),
)
NAMES: Final = ["Accept", "Authorization", "Cookie", "Last-Event-ID", "Range", "Upgrade", "X-Forwarded-For"]
ODD_NAMES: Final = [
    "Connection",
    "Expect",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Host",
    "Transfer-Encoding",
]
SAID: Final = [
    *("text/html", "application/json", "application/x-www-form-urlencoded", "application/json; charset=nope"),
    *("http://localhost", "null", "chunked", "gzip", "100-continue", "upgrade", "websocket", "7", "-1", "bytes=0-1"),
    *(f"Bearer {TOKEN.reveal()}", "Bearer x", "Basic x", "relay_session=1.2", "relay_session=x"),
]
values = visible | st.sampled_from(SAID)
KINDS: Final = [
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "multipart/form-data; boundary=x",
]


@st.composite
def requests(draw: st.DrawFn, *, odd: bool = False) -> bytes:
    """A request that means something, or, where it is odd, something that looks like one."""
    query = [(key, value) for key, value in draw(pairs)]
    asked = "&".join(f"{key}={value}" for key, value in query) if odd else urlencode(query)
    path = draw(st.sampled_from(PATHS) | visible.map(lambda found: f"/{found if odd else quote(found)}"))
    method = draw(st.sampled_from(["GET", "POST", "HEAD", "PUT", "OPTIONS"]) if not odd else visible)
    body = b"" if method == "GET" else draw(bodies)
    lines = [f"{method} {path}{'?' if asked else ''}{asked} HTTP/1.1"]
    if not odd or draw(st.booleans()):
        lines += ["Host: localhost", "Origin: http://localhost", f"Content-Length: {len(body)}"]
        lines += [f"Content-Type: {draw(st.sampled_from(KINDS))}"]
    names = st.sampled_from([*NAMES, *ODD_NAMES] if odd else NAMES)
    lines += [f"{name}: {value}" for name, value in draw(st.lists(st.tuples(names, values), max_size=3))]
    return "\r\n".join([*lines, "", ""]).encode(errors="replace") + body


class Served:
    """The server and what asks it, on a loop of their own."""

    def __init__(self, runner: asyncio.Runner, port: int) -> None:
        self._runner = runner
        self._port = port

    def ask(self, data: bytes, *, seconds: float = 0.1) -> bytes:
        """What comes back for these bytes: an answer, or nothing where a moment later there is none."""
        return self._runner.run(self._ask(data, seconds))

    async def _ask(self, data: bytes, seconds: float) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(data)
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(seconds):
                    return await self._answer(reader)
            return b""
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        found = b""
        while not (b"\r\n\r\n" in found and len(body_of(found)) >= length_of(found)):
            data = await reader.read(2**16)
            if not data:
                break
            found += data
        return found


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def fields_of(answer: bytes) -> dict[bytes, bytes]:
    lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}


def length_of(answer: bytes) -> int:
    return int(fields_of(answer).get(b"content-length", b"0"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("fuzz")
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        port = runner.run(_serve(folder, stack))
        yield Served(runner, port)
        runner.run(stack.aclose())


async def _serve(folder: Path, stack: contextlib.AsyncExitStack) -> int:
    outbox = await SqliteOutbox.open(folder / "relay.db", FakeClock())
    stack.push_async_callback(outbox.close)
    await fill(outbox)
    desk = await stack.enter_async_context(front_desk(outbox))
    web = Web(desk, token=TOKEN, request_seconds=0.05)
    await web.start("127.0.0.1", 0)
    stack.push_async_callback(web.stop)
    return web.port


def judge(answer: bytes, said: list[object]) -> None:
    """Nothing that comes back may be one of ours gone wrong."""
    assert said == []
    assert b"Traceback" not in answer
    assert TOKEN.reveal().encode() not in answer
    if not answer:
        return
    head = answer.partition(b"\r\n")[0].split()
    status = int(head[1])
    assert 100 <= status < 500 or status == 503, answer
    if status == 100:
        return
    fields = fields_of(answer)
    assert fields[b"server"] == b"relay"
    assert b"content-security-policy" in fields
    kind, body = fields.get(b"content-type", b""), body_of(answer)
    if body.startswith(b"HTTP/1."):  # after the answer to a HEAD the next one follows
        return
    body = body[: length_of(answer)] or body
    if kind.startswith(b"application/json") and body:
        assert isinstance(json.loads(body), dict)
    elif body:
        assert kind.split(b";")[0] in {b"text/html", b"text/css", b"text/plain", b"text/event-stream"}


@EXAMPLES
@given(requests())
def test_nothing_that_looks_like_a_request_brings_about_a_fault(served: Served, data: bytes) -> None:
    with capture_logs() as said:
        judge(served.ask(data), [line for line in said if line["log_level"] == "error"])


@EXAMPLES
@given(st.lists(st.binary(max_size=40) | requests(odd=True) | requests(), min_size=1, max_size=3).map(b"".join))
def test_no_bytes_bring_about_a_fault(served: Served, data: bytes) -> None:
    with capture_logs() as said:
        judge(served.ask(data), [line for line in said if line["log_level"] == "error"])


def test_the_server_lives_on_after_all_that(served: Served) -> None:
    answer = served.ask(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", seconds=10)
    assert json.loads(body_of(answer)) == {"healthy": True, "reasons": []}
