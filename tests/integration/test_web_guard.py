"""Access over a real socket: names, tokens, origins, logging in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from relay.web.access import SESSION_COOKIE, SESSION_SECONDS
from relay.web.throttle import LOGIN_FAILURES
from tests.support.clock import FakeClock
from tests.support.desk import FakeDesk
from tests.support.web import BEARER, EVERY_PATH, TOKEN, get, own_page, post, raw, serving


@pytest.fixture
async def public(desk: FakeDesk) -> AsyncIterator[aiohttp.ClientSession]:
    async with serving(desk, "0.0.0.0", token=TOKEN, clock=FakeClock()) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), EVERY_PATH)
async def test_every_answer_carries_the_security_headers(local: aiohttp.ClientSession, method: str, path: str) -> None:
    async with local.request(method, path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Server"] == "relay"


@pytest.mark.parametrize(("method", "path"), EVERY_PATH)
async def test_a_name_that_is_not_ours_is_403_everywhere(local: aiohttp.ClientSession, method: str, path: str) -> None:
    async with local.request(method, path, headers={"Host": "evil.example"}) as answer:
        assert answer.status == 403
        assert (await answer.json())["error"]["code"] == "unknown_host"


@pytest.mark.parametrize(
    ("method", "path"),
    [pair for pair in EVERY_PATH if pair[1] not in {"/healthz", "/readyz", "/login", "/static/page.css"}],
)
async def test_from_elsewhere_everything_but_health_needs_the_token(
    public: aiohttp.ClientSession, method: str, path: str
) -> None:
    async with public.request(method, path, headers=own_page(public)) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert (await answer.json())["error"]["code"] == "token_required"
    async with public.request(method, path, headers=BEARER) as answer:
        assert answer.status != 401


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/static/../api/status", 401),
        ("/healthz/../metrics", 401),
        ("/static/page.css/../../metrics", 401),
        ("//metrics", 401),
        ("/%6detrics", 401),
        ("http://localhost/metrics", 401),
        ("/healthz?/metrics", 200),
    ],
)
async def test_no_spelling_of_a_path_opens_what_is_closed(
    public: aiohttp.ClientSession, target: str, status: int
) -> None:
    answer = await raw(public, f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


async def test_a_request_without_a_host_is_refused(local: aiohttp.ClientSession) -> None:
    assert b" 403 " in await raw(local, b"GET /api/status HTTP/1.0\r\n\r\n")


async def test_a_post_on_loopback_from_another_page_is_403(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        status, body = await post(local, "/api/destinations/bot/pause", headers=headers)
        assert (status, body["error"]["code"]) == (403, "cross_origin")
    assert desk.asked == []


async def test_a_browser_without_a_session_is_shown_the_login_form(public: aiohttp.ClientSession) -> None:
    async with public.get("/", headers={"Accept": "text/html"}) as answer:
        assert (answer.status, answer.content_type) == (401, "text/html")
        assert '<form method="post" action="/login">' in await answer.text()


async def test_logging_in_opens_the_page_with_a_cookie_that_is_not_the_token(
    desk: FakeDesk, public: aiohttp.ClientSession
) -> None:
    form = {"token": TOKEN.reveal()}
    async with public.post("/login", data=form, headers=own_page(public), allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        cookie = answer.cookies[SESSION_COOKIE]
    assert (cookie["samesite"], cookie["httponly"], cookie["path"]) == ("Strict", True, "/")
    assert int(cookie["max-age"]) == SESSION_SECONDS
    assert TOKEN.reveal() not in cookie.OutputString()
    assert not cookie["secure"]

    async with public.get("/") as answer:
        assert answer.status == 200
    assert (await get(public, "/api/dead"))[0] == 200
    assert (await post(public, "/api/destinations/bot/pause"))[0] == 200
    assert (await post(public, "/api/destinations/bot/pause", headers={}))[0] == 403
    assert desk.asked[-1] == ("pause", "bot")


async def test_a_session_opened_over_https_is_never_sent_in_the_clear(desk: FakeDesk) -> None:
    async with serving(desk, token=TOKEN, hosts=["relay.example"]) as client:
        headers = {"Host": "relay.example", "Origin": "https://relay.example"}
        async with client.post(
            "/login", data={"token": TOKEN.reveal()}, headers=headers, allow_redirects=False
        ) as answer:
            assert answer.cookies[SESSION_COOKIE]["secure"]


@pytest.mark.parametrize("form", [{"token": "wrong"}, {"token": ""}, {}, {"other": "x"}])
async def test_a_wrong_token_opens_nothing(public: aiohttp.ClientSession, form: dict[str, str]) -> None:
    headers = {**own_page(public), "Content-Type": "application/x-www-form-urlencoded"}
    async with public.post("/login", data=form, headers=headers) as answer:
        assert answer.status == 401
        assert SESSION_COOKIE not in answer.cookies
        assert "That is not the token." in await answer.text()


async def test_guessing_is_slowed_down_and_the_bearer_of_the_token_is_not(public: aiohttp.ClientSession) -> None:
    for _ in range(LOGIN_FAILURES):
        async with public.post("/login", data={"token": "guess"}, headers=own_page(public)) as answer:
            assert answer.status == 401
    async with public.post("/login", data={"token": TOKEN.reveal()}, headers=own_page(public)) as answer:
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) > 0
    assert (await get(public, "/api/status", headers=BEARER))[0] == 200
