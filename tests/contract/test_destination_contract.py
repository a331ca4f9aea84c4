"""What every destination keeps to, whatever it is: one attempt, bounded, judged, and no secret in what it says.

One suite, run against each kind over real sockets on loopback.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from relay.clock import MICROS
from relay.deliveries import Outcome, Verdict
from relay.destinations.base import Destination
from relay.destinations.endpoint import ANSWER_SHOWN, DETAIL_SHOWN
from relay.destinations.factory import Factory
from relay.destinations.http import BODY_CAP, SUCCESS_PATIENCE, HttpClient
from tests.support.clock import START_US, FakeClock
from tests.support.events import in_force
from tests.support.messages import config_of, message
from tests.support.receiver import Receiver, raw_server, receiving

KINDS = ("webhook", "discord", "slack")
TOKEN = "tok-123456789"  # in the path of every url here
SIGNING = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
HEADER = "header-secret-1"
SOON = 0.2  # seconds; the time-out of attempts that are meant to time out


class Kind:
    """Builds destinations of one kind."""

    def __init__(self, kind: str, client: HttpClient) -> None:
        self.kind = kind
        self._factory = Factory(client, FakeClock())

    def at(self, url: str, timeout: float = 5.0) -> Destination:
        secrets = {"secret": SIGNING, "headers": {"X-Token": HEADER}} if self.kind == "webhook" else {}
        return self._factory.build("bot", config_of(self.kind, url, timeout=timeout, **secrets))


@pytest.fixture(params=KINDS)
async def kind(request: pytest.FixtureRequest) -> AsyncIterator[Kind]:
    client = HttpClient()
    yield Kind(str(request.param), client)
    await client.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def _says_no_secret(outcome: Outcome) -> None:
    for secret in (TOKEN, "/hooks", SIGNING, SIGNING.removeprefix("whsec_"), HEADER):
        assert secret not in repr(outcome)


def _elapsed_since(start: float) -> float:
    return asyncio.get_running_loop().time() - start


def _now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_a_2xx_is_delivered_and_the_body_is_json(kind: Kind, receiver: Receiver, status: int) -> None:
    receiver.answer(status)
    outcome = await kind.at(receiver.url).send([message()])
    assert (outcome.verdict, outcome.code, outcome.retry_after) == (Verdict.DELIVERED, str(status), None)
    [request] = receiver.requests
    assert (request.method, request.headers["Content-Type"]) == ("POST", "application/json")
    assert "AAPL" in str(msgspec.json.decode(request.body))
    assert request.headers["User-Agent"].startswith(("relay/", "DiscordBot ("))


@pytest.mark.parametrize("waiting", [1, 2, 9, 40])
@pytest.mark.parametrize("rule", ["all", "a rule with a long name " * 40])
async def test_a_batch_that_fits_goes_out_whole_in_one_request(
    kind: Kind, receiver: Receiver, waiting: int, rule: str
) -> None:
    destination = kind.at(receiver.url)
    alerts = [message(in_force(number, f"SYM{number}"), rules=(rule,)) for number in range(waiting)]
    offered = alerts[: destination.capacity]
    count = destination.fits(offered)
    assert 1 <= count <= len(offered)
    assert (await destination.send(offered[:count])).verdict is Verdict.DELIVERED
    [request] = receiver.requests
    msgspec.json.decode(request.body)
    assert all(re.search(rf"\bSYM{number}\b".encode(), request.body) for number in range(count))
    assert f"SYM{count}".encode() not in request.body


async def test_a_limiter_that_knows_nothing_lets_the_next_begin(kind: Kind, receiver: Receiver) -> None:
    destination = kind.at(receiver.url)
    limiter = destination.limiter
    assert limiter is None or limiter.ready_at() <= FakeClock().monotonic()


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, Verdict.RETRY) for status in (408, 425, 429, 500, 502, 503, 504)),
        *((status, Verdict.DEAD) for status in (300, 304, 400, 404, 413, 422)),
        (410, Verdict.SWITCH_OFF),
    ],
)
async def test_other_statuses_are_retried_dead_or_switch_it_off(
    kind: Kind, receiver: Receiver, status: int, verdict: Verdict
) -> None:
    receiver.answer(status, "why it is so")
    outcome = await kind.at(receiver.url).send([message()])
    assert (outcome.verdict, outcome.code) == (verdict, str(status))
    assert outcome.answer == ("" if status == 304 else "why it is so")
    assert str(status) in outcome.detail


@pytest.mark.parametrize(
    "asked", ["30", "Fri, 10 Apr 2026 13:45:52 GMT", formatdate(START_US / MICROS + 30, usegmt=True)]
)
async def test_a_wait_is_passed_on_in_seconds(kind: Kind, receiver: Receiver, asked: str) -> None:
    receiver.answer(429, Retry_After=asked, Via="1.1 edge")
    assert (await kind.at(receiver.url).send([message()])).retry_after == 30.0


async def test_one_that_never_answers_times_out(kind: Kind, receiver: Receiver) -> None:
    receiver.handler = receiver.hang
    start = _now()
    outcome = await kind.at(receiver.url, SOON).send([message()])
    assert SOON <= _elapsed_since(start) < SOON + 5
    assert (outcome.verdict, outcome.code) == (Verdict.RETRY, "timeout")
    assert "127.0.0.1" in outcome.detail
    _says_no_secret(outcome)


async def test_a_hanging_one_holds_up_no_other(kind: Kind, receiver: Receiver) -> None:
    receiver.handler = receiver.hang
    hanging = [asyncio.ensure_future(kind.at(receiver.url).send([message()])) for _ in range(120)]
    async with receiving() as good:
        assert (await kind.at(good.url).send([message()])).verdict is Verdict.DELIVERED
    for task in hanging:
        task.cancel()
    assert all(
        isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*hanging, return_exceptions=True)
    )


async def test_cancelling_is_not_swallowed(kind: Kind, receiver: Receiver) -> None:
    arrived = asyncio.Event()

    async def notice(request: web.Request) -> web.StreamResponse:
        arrived.set()
        return await receiver.hang(request)

    receiver.handler = notice
    task = asyncio.ensure_future(kind.at(receiver.url).send([message()]))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_connection_closed_without_an_answer_is_retried(kind: Kind, receiver: Receiver) -> None:
    async def abort(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    receiver.handler = abort
    outcome = await kind.at(receiver.url).send([message()])
    assert (outcome.verdict, outcome.code) == (Verdict.RETRY, "reset")
    _says_no_secret(outcome)


@pytest.mark.parametrize(("status", "verdict"), [(200, Verdict.DELIVERED), (503, Verdict.RETRY), (400, Verdict.DEAD)])
async def test_after_the_status_a_broken_answer_changes_nothing(
    kind: Kind, receiver: Receiver, status: int, verdict: Verdict
) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Length": "5000"})
        await response.prepare(request)
        await response.write(b"the beginning")
        assert request.transport is not None
        request.transport.close()
        return response

    receiver.handler = break_off
    outcome = await kind.at(receiver.url).send([message()])
    assert (outcome.verdict, outcome.code) == (verdict, str(status))


@pytest.mark.parametrize(("status", "verdict"), [(200, Verdict.DELIVERED), (500, Verdict.RETRY)])
async def test_an_endless_answer_is_read_to_the_cap_and_cut_off(
    kind: Kind, receiver: Receiver, status: int, verdict: Verdict
) -> None:
    cut_off = asyncio.Event()

    async def flood(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * BODY_CAP)
        finally:
            cut_off.set()

    receiver.handler = flood
    outcome = await kind.at(receiver.url).send([message()])
    assert (outcome.verdict, outcome.code, len(outcome.answer)) == (verdict, str(status), ANSWER_SHOWN)
    await asyncio.wait_for(cut_off.wait(), 5)


@pytest.mark.parametrize(("status", "verdict"), [(200, Verdict.DELIVERED), (503, Verdict.RETRY)])
async def test_a_dripping_answer_holds_us_no_longer_than_the_time_out(
    kind: Kind, receiver: Receiver, status: int, verdict: Verdict
) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        await response.write(b"drip")
        await receiver.stopping.wait()
        return response

    receiver.handler = drip
    start = _now()
    outcome = await kind.at(receiver.url, SOON).send([message()])
    assert _elapsed_since(start) < SOON + 5
    assert (outcome.verdict, outcome.code, outcome.answer) == (verdict, str(status), "drip")


async def test_a_dripping_success_is_not_waited_for_to_the_end(kind: Kind, receiver: Receiver) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await receiver.stopping.wait()
        return response

    receiver.handler = drip
    start = _now()
    assert (await kind.at(receiver.url, 60.0).send([message()])).verdict is Verdict.DELIVERED
    assert _elapsed_since(start) < SUCCESS_PATIENCE + 5


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(kind: Kind, receiver: Receiver, status: int) -> None:
    async with receiving() as elsewhere:
        receiver.answer(status, Location=elsewhere.url)
        outcome = await kind.at(receiver.url).send([message()])
        assert (outcome.verdict, outcome.code) == (Verdict.DEAD, str(status))
        assert len(receiver.requests) == 1
        assert elsewhere.requests == []
    _says_no_secret(outcome)


async def test_https_to_a_port_without_tls_is_retried(kind: Kind, receiver: Receiver) -> None:
    outcome = await kind.at(receiver.url.replace("http://", "https://")).send([message()])
    assert (outcome.verdict, outcome.code) == (Verdict.RETRY, "tls")
    _says_no_secret(outcome)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with the openssl command")
async def test_a_certificate_nobody_vouches_for_is_refused(kind: Kind, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    making = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    subject = ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    await asyncio.to_thread(subprocess.run, [*making, *subject], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    reached = asyncio.Event()

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        outcome = await kind.at(f"https://127.0.0.1:{port}/hooks/{TOKEN}").send([message()])
    assert (outcome.verdict, outcome.code) == (Verdict.RETRY, "tls")
    assert "self-signed certificate" in outcome.detail.replace("self signed", "self-signed")
    assert not reached.is_set()
    _says_no_secret(outcome)


async def test_a_refused_connection_is_retried(kind: Kind) -> None:
    async with raw_server() as url:
        pass  # the port was free a moment ago and nobody listens there now
    outcome = await kind.at(url).send([message()])
    assert (outcome.verdict, outcome.code) == (Verdict.RETRY, "connect")
    assert "127.0.0.1" in outcome.detail
    _says_no_secret(outcome)


async def test_an_unknown_name_is_retried(kind: Kind) -> None:
    outcome = await kind.at(f"https://name.invalid/hooks/{TOKEN}").send([message()])
    assert (outcome.verdict, outcome.code) == (Verdict.RETRY, "dns")
    assert "name.invalid" in outcome.detail
    _says_no_secret(outcome)


async def test_an_answer_that_repeats_the_request_shows_no_secret(kind: Kind, receiver: Receiver) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        told = f"Cannot POST {request.path_qs} with {dict(request.headers)} {TOKEN}"
        told += f" {SIGNING}" if kind.kind == "webhook" else ""
        body = {"message": told, "code": 1, "padding": "p" * (ANSWER_SHOWN - 30), "again": told}
        return web.json_response(body, status=404)

    receiver.handler = echo
    outcome = await kind.at(f"{receiver.url}?key={HEADER}").send([message()])
    assert outcome.verdict is Verdict.DEAD
    assert "Cannot POST" in outcome.answer
    assert len(outcome.answer) <= ANSWER_SHOWN
    assert len(outcome.detail) <= DETAIL_SHOWN
    _says_no_secret(outcome)


async def test_control_characters_of_an_answer_are_not_passed_on(kind: Kind, receiver: Receiver) -> None:
    receiver.answer(400, b"\x1b[2J\x00\xff fine")
    assert (await kind.at(receiver.url).send([message()])).answer.endswith("fine")
    assert "\x1b" not in (await kind.at(receiver.url).send([message()])).answer


@pytest.mark.parametrize(("body", "shown"), [(gzip.compress(b"no_text", mtime=0), "no_text"), (b"not gzip at all", "")])
async def test_a_compressed_answer_is_read_and_a_broken_one_is_no_failure(
    kind: Kind, receiver: Receiver, body: bytes, shown: str
) -> None:
    receiver.answer(400, body, Content_Encoding="gzip")
    outcome = await kind.at(receiver.url).send([message()])
    assert (outcome.verdict, outcome.answer) == (Verdict.DEAD, shown)
    assert receiver.requests[0].headers["Accept-Encoding"] == "identity"


async def test_a_small_bomb_does_not_unfold(kind: Kind, receiver: Receiver) -> None:
    receiver.answer(200, gzip.compress(b"x" * 5_000_000), Content_Encoding="gzip")
    outcome = await kind.at(receiver.url).send([message()])
    assert (outcome.verdict, len(outcome.answer)) == (Verdict.DELIVERED, ANSWER_SHOWN)


async def test_cookies_are_not_kept_and_connections_are(kind: Kind, receiver: Receiver) -> None:
    receiver.answer(200, "ok", Set_Cookie="session=1; Path=/")
    destination = kind.at(receiver.url)
    for _ in range(3):
        await destination.send([message()])
    assert all("Cookie" not in request.headers for request in receiver.requests)
    assert len({request.connection for request in receiver.requests}) == 1


async def test_proxies_of_the_environment_are_not_used(
    kind: Kind, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert (await kind.at(receiver.url).send([message()])).verdict is Verdict.DELIVERED


async def test_the_query_of_the_url_is_kept(kind: Kind, receiver: Receiver) -> None:
    await kind.at(f"{receiver.url}?thread_id=5&sig=a%2Bb").send([message()])
    expected = "?thread_id=5&sig=a%2Bb" + ("&wait=true" if kind.kind == "discord" else "")
    assert receiver.requests[0].path_qs == f"/hooks/{TOKEN}{expected}"
