"""The server itself: its port, its faults, and what no answer may hold."""

from __future__ import annotations

import asyncio
import json
import socket

import aiohttp
import pytest
from structlog.testing import capture_logs

from relay import redaction
from relay.errors import ConfigError, LockedError, StoreBusyError
from relay.secret import Secret
from relay.web.desk import ConnectionStatus, Readiness
from relay.web.looks import LinkState
from relay.web.server import Web
from tests.support.desk import FakeDesk, a_letter
from tests.support.web import EVERY_PATH, TOKEN, get, own_page, raw, serving


@pytest.mark.parametrize("path", ["/nowhere", "/api", "/api/", "/api/stream/", "/static/other.css", "/favicon.ico"])
async def test_an_unknown_path_is_404(local: aiohttp.ClientSession, path: str) -> None:
    status, body = await get(local, path)
    assert (status, body["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/api/status", {"GET", "HEAD"}),
        ("PUT", "/", {"GET", "HEAD"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("GET", "/api/dead/1/retry", {"POST"}),
    ],
)
async def test_another_method_is_405_and_says_which_would_do(
    local: aiohttp.ClientSession, method: str, path: str, allow: set[str]
) -> None:
    async with local.request(method, path) as answer:
        assert answer.status == 405
        assert set(answer.headers["Allow"].split(",")) == allow
        assert (await answer.json())["error"]["code"] == "method_not_allowed"


async def test_a_fault_inside_is_logged_whole_and_told_in_one_sentence(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    desk.fault = ZeroDivisionError("inner workings")
    with capture_logs() as said:
        status, body = await get(local, "/api/status")

    assert (status, body["error"]["code"]) == (500, "internal")
    assert "inner" not in json.dumps(body)
    assert [(line["event"], line["exc_info"]) for line in said] == [("a request failed", True)]


async def test_a_trouble_the_relay_knows_is_503_with_its_sentence(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    desk.fault = StoreBusyError("the disk is full")

    assert await get(local, "/api/status") == (503, {"error": {"code": "unavailable", "message": "the disk is full"}})


async def test_a_request_that_takes_too_long_is_answered_all_the_same(desk: FakeDesk) -> None:
    desk.gate = asyncio.Event()
    async with serving(desk, request_seconds=0.02) as client:
        status, body = await get(client, "/api/status")
    assert (status, body["error"]["code"]) == (503, "timeout")


@pytest.fixture
def _no_secrets_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_REDACTOR", redaction.Redactor())


@pytest.mark.usefixtures("_no_secrets_yet")
async def test_no_answer_holds_a_secret_wherever_it_got_in(desk: FakeDesk) -> None:
    url = "https://discord.com/api/webhooks/123456789012345678/aB3-dEfGhIjKlMnOpQrStUvWxYz?wait=1&x=2"
    for secret in (Secret(url), TOKEN):
        redaction.register_secret(secret)
    said = f"refused {url} with {TOKEN.reveal()}"
    desk.health = (False, [said])
    desk.readiness = Readiness(ready=False, reasons=(said,), degraded=(said,))
    desk.letters = [{**a_letter(1), "last_error": said, "data": {"note": said}}]
    desk.events = [{**desk.events[0], "symbol": said, "data": [said, {said: said}]}]
    desk.change(connection=ConnectionStatus(LinkState.WAITING, 0, detail=said))

    for fault in (None, StoreBusyError(said), ValueError(said)):
        desk.fault = fault
        async with serving(desk, token=TOKEN) as client:
            for method, path in EVERY_PATH:
                async with client.request(method, path, headers=own_page(client)) as answer:
                    text = await answer.text() + str(answer.headers)
                assert TOKEN.reveal() not in text, path
                assert "aB3-dEfGhIjKlMnOpQrStUvWxYz" not in text, path


async def test_a_port_that_is_taken_is_told_as_another_relay(desk: FakeDesk) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(LockedError, match="is taken") as caught:
            await Web(desk).start("127.0.0.1", other.getsockname()[1])
    assert caught.value.exit_code == 75
    assert caught.value.hint


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("127.0.0.1", 99_999)])
async def test_an_address_that_can_not_be_listened_on_is_a_fault_of_the_config(host: str, port: int) -> None:
    with pytest.raises(ConfigError, match="can't listen"):
        await Web(FakeDesk(), token=TOKEN).start(host, port)


@pytest.mark.parametrize("token", [None, Secret("")])
@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.0.2.1"])
async def test_without_a_token_it_refuses_to_be_reached_from_elsewhere(host: str, token: Secret | None) -> None:
    with pytest.raises(ConfigError, match=r"http\.token") as caught:
        await Web(FakeDesk(), token=token).start(host, 0)
    assert caught.value.exit_code == 78


async def test_stopping_frees_the_port_and_twice_is_harmless(desk: FakeDesk) -> None:
    first = Web(desk)
    await first.start("127.0.0.1", 0)
    port = first.port
    await first.stop()
    await first.stop()
    second = Web(desk)
    await second.start("127.0.0.1", port)
    await second.stop()


async def test_a_request_that_is_not_http_does_not_disturb_the_next(local: aiohttp.ClientSession) -> None:
    assert b" 400 " in await raw(local, b"\x16\x03\x01 not http\r\n\r\n")
    assert (await get(local, "/healthz"))[0] == 200
