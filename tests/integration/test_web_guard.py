"""Access over a real socket: names, tokens, origins, logging in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from structlog.testing import capture_logs

from relay.secret import Secret
from relay.web.access import SESSION_COOKIE, SESSION_SECONDS
from relay.web.guard import HEADERS
from relay.web.throttle import BEARER_FAILURES, FAILURES_WINDOW, LOGIN_FAILURES
from tests.support.clock import FakeClock, settle
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


def asking(*lines: str, line: str = "GET /api/status HTTP/1.1") -> bytes:
    """A request of these header lines."""
    return "\r\n".join([line, *lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(asking("Host: localhost", "Host: evil.example"), 400, id="two names"),
        pytest.param(asking("Host: localhost", "host: localhost"), 400, id="the same name twice"),
        pytest.param(asking("Host: localhost, evil.example"), 403, id="two names in one"),
        pytest.param(asking(), 400, id="none"),
        pytest.param(asking("Host:"), 403, id="empty"),
        pytest.param(asking("Host: evil.example@localhost"), 403, id="a user"),
        pytest.param(asking("Host: localhost/"), 403, id="a path"),
        pytest.param(asking("Host: localhost", line="GET http://evil.example/api/status HTTP/1.1"), 400, id="another"),
        pytest.param(asking("Host: localhost", line="GET http://localhost/api/status HTTP/1.1"), 200, id="the same"),
        pytest.param(asking("Host: localhost", line="GET http://a@localhost/api/status HTTP/1.1"), 400, id="its user"),
        pytest.param(
            asking("Host: evil.example", line="GET http://localhost/ HTTP/1.1"), 400, id="only the target is ours"
        ),
        pytest.param(
            asking("Host: evil.example", line="GET http://evil.example/ HTTP/1.1"), 403, id="both are another's"
        ),
        pytest.param(asking("Host: localhost", line="CONNECT evil.example:443 HTTP/1.1"), 400, id="a tunnel"),
        pytest.param(
            asking("Host: evil.example", "X-Forwarded-Host: localhost"), 403, id="forwarded for a name of ours"
        ),
        pytest.param(asking("Host: evil.example", "Forwarded: host=localhost"), 403, id="forwarded, by the standard"),
        pytest.param(asking("Host: localhost", "X-Forwarded-Host: evil.example"), 200, id="forwarded for another"),
        pytest.param(asking("Host: evil.example", line="GET /api/status HTTP/1.0"), 403, id="HTTP/1.0 for another"),
        pytest.param(asking("Host: localhost", line="GET /api/status HTTP/1.0"), 200, id="HTTP/1.0"),
    ],
)
async def test_only_a_request_that_names_us_once_and_for_sure_is_answered(
    local: aiohttp.ClientSession, request_: bytes, status: int
) -> None:
    assert (await raw(local, request_)).split()[1] == str(status).encode()


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="none"),
        pytest.param(["Origin: null"], id="null"),
        pytest.param(["Origin: http://localhost, http://evil.example"], id="two in one"),
        pytest.param(["Origin: http://evil.example", "Origin: http://localhost"], id="the second is ours"),
        pytest.param(["Origin: http://localhost", "Origin: http://evil.example"], id="the first is ours"),
        pytest.param(["Origin: http://localhost", "Origin: http://localhost"], id="ours twice"),
        pytest.param(["Origin: http://localhost:9999"], id="another port"),
        pytest.param(["Origin: http://localhost.evil.example"], id="a name that begins like ours"),
        pytest.param(["Referer: http://localhost/", "Sec-Fetch-Site: same-origin"], id="only other headers"),
        pytest.param(["Origin: http://evil.example", "X-Forwarded-Host: evil.example"], id="forwarded"),
        pytest.param(["Origin: https://localhost", "X-Forwarded-Proto: https"], id="forwarded over TLS"),
    ],
)
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b'{"name":"bot","for":"1h"}'),
        ("application/x-www-form-urlencoded", b"name=bot&for=1h"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nbot\r\n--b--'),
        ("application/json", b'{"name":"bot","for":"1h"}'),
    ],
    ids=["text", "form", "multipart", "json"],
)
async def test_no_other_page_can_post(
    desk: FakeDesk, local: aiohttp.ClientSession, lines: list[str], content_type: str, body: bytes
) -> None:
    post = asking(
        "Host: localhost",
        *lines,
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        line="POST /api/snooze HTTP/1.1",
    )
    assert (await raw(local, post + body)).split()[1] == b"403"
    assert desk.asked == []


async def test_what_no_form_of_ours_sends_is_not_read_even_from_our_own_page(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    for content_type in ("text/plain", "multipart/form-data; boundary=b", "application/octet-stream", "text/json"):
        headers = {**own_page(local), "Content-Type": content_type}
        status, _ = await post(local, "/api/snooze", data=b'{"name":"bot","for":"1h"}', headers=headers)
        assert status == 415
    assert desk.asked == []


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"\x16\x03\x01 not http\r\n\r\n", id="not HTTP"),
        pytest.param(asking("Host: localhost", "X: " + "x" * 9_000), id="a long header"),
        pytest.param(asking("Host: localhost", line=f"GET /{'x' * 9_000} HTTP/1.1"), id="a long line"),
        pytest.param(asking("Host: localhost", "Cookie: \x01"), id="bytes that are no text"),
        pytest.param(asking("Host: localhost", "Content-Length: -1"), id="a length below 0"),
        pytest.param(asking("Host: localhost", "Content-Length: 1", "Transfer-Encoding: chunked"), id="two lengths"),
        pytest.param(asking("Host: localhost", "Expect: <script>"), id="an expectation"),
        pytest.param(asking("Host: evil.example", "Expect: <script>"), id="another's expectation"),
    ],
)
async def test_what_reaches_no_handler_is_answered_like_everything_else(
    local: aiohttp.ClientSession, request_: bytes
) -> None:
    assert local._base_url is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", local._base_url.port)
    writer.write(request_)
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
    body = json.loads(await reader.readexactly(int(fields["Content-Length"])))
    writer.close()
    await writer.wait_closed()
    assert head.split()[1] in {"400", "417"}
    assert set(body) == {"error"}
    assert fields["Content-Type"] == "application/json; charset=utf-8"
    for name, value in HEADERS.items():
        assert fields[name] == value


async def test_a_body_that_breaks_off_or_lies_is_the_askers_fault(local: aiohttp.ClientSession) -> None:
    lines = ("Host: localhost", "Origin: http://localhost", "Content-Type: application/json")
    posting = "POST /api/snooze HTTP/1.1"
    packed = asking(*lines, "Content-Encoding: gzip", "Content-Length: 5", line=posting) + b"abcde"
    with capture_logs() as said:
        assert (await raw(local, packed)).split()[1] == b"400"
        assert local._base_url is not None
        _, writer = await asyncio.open_connection("127.0.0.1", local._base_url.port)
        writer.write(asking(*lines, "Content-Length: 9", line=posting) + b"{")
        await settle()
        writer.close()
        await writer.wait_closed()
        await settle()
        assert (await get(local, "/healthz"))[0] == 200
    assert said == []


async def test_a_post_on_loopback_from_another_page_is_403(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        status, body = await post(local, "/api/destinations/bot/pause", headers=headers)
        assert (status, body["error"]["code"]) == (403, "cross_origin")
    assert desk.asked == []


async def test_a_browser_without_a_session_is_shown_the_login_form(public: aiohttp.ClientSession) -> None:
    async with public.get("/", headers={"Accept": "text/html"}) as answer:
        assert (answer.status, answer.content_type) == (401, "text/html")
        assert '<form method="post" action="/login">' in await answer.text()


async def test_a_button_of_a_page_whose_session_is_over_leads_to_the_login(
    desk: FakeDesk, public: aiohttp.ClientSession
) -> None:
    headers = {**own_page(public), "Accept": "text/html"}
    async with public.post("/api/destinations/bot/pause", headers=headers, allow_redirects=False) as answer:
        assert (answer.status, answer.content_type) == (401, "text/html")
        assert '<form method="post" action="/login">' in await answer.text()
    assert desk.asked == []


@pytest.mark.parametrize("path", ["/static/icon-good.svg", "/static/icon-rest.svg", "/static/page.css"])
async def test_what_the_login_form_shows_needs_no_token(public: aiohttp.ClientSession, path: str) -> None:
    async with public.get(path) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("path", ["/parts", "/static/page.js", "/static/become.js", "/?flash=x"])
async def test_the_page_and_what_it_loads_by_itself_need_one(public: aiohttp.ClientSession, path: str) -> None:
    async with public.get(path) as answer:
        assert answer.status == 401


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


async def test_guesses_that_come_late_and_together_are_counted_one_by_one(public: aiohttp.ClientSession) -> None:
    assert public._base_url is not None
    head = "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nConnection: close\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n"
    guesses = [await asyncio.open_connection("127.0.0.1", public._base_url.port) for _ in range(LOGIN_FAILURES + 5)]
    for reader, writer in guesses:
        writer.write(head.encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await settle()  # each waits for its body
    for _, writer in guesses:
        writer.write(b"token=x")
    told = [(await reader.read()).split(b" ", 2)[1] for reader, _ in guesses]
    for _, writer in guesses:
        writer.close()
        await writer.wait_closed()
    assert sorted(told) == [b"401"] * LOGIN_FAILURES + [b"429"] * 5


async def test_guessing_the_bearer_is_slowed_down_as_well_and_sessions_go_on(desk: FakeDesk) -> None:
    clock = FakeClock()
    async with serving(desk, "0.0.0.0", token=TOKEN, clock=clock) as client:
        form = {"token": TOKEN.reveal()}
        async with client.post("/login", data=form, headers=own_page(client), allow_redirects=False) as answer:
            session = {"Cookie": f"{SESSION_COOKIE}={answer.cookies[SESSION_COOKIE].value}"}
        client.cookie_jar.clear()
        for number in range(BEARER_FAILURES):
            assert (await get(client, "/api/status", headers={"Authorization": f"Bearer {number}"}))[0] == 401
        for wrong_or_right in ("Bearer guess", BEARER["Authorization"]):
            async with client.get("/api/status", headers={"Authorization": wrong_or_right}) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (429, str(int(FAILURES_WINDOW) + 1))
                assert (await answer.json())["error"]["code"] == "too_many_tokens"
        assert (await get(client, "/api/status", headers=session))[0] == 200
        assert (await get(client, "/healthz", headers={"Authorization": "Bearer guess"}))[0] == 200
        assert (await get(client, "/api/status"))[0] == 401
        await clock.advance(FAILURES_WINDOW)
        assert (await get(client, "/api/status", headers=BEARER))[0] == 200


async def test_on_this_machine_a_token_that_nobody_asks_for_opens_and_closes_nothing(desk: FakeDesk) -> None:
    async with serving(desk, token=TOKEN, clock=FakeClock()) as client:
        for number in range(BEARER_FAILURES + 1):
            assert (await get(client, "/api/status", headers={"Authorization": f"Bearer {number}"}))[0] == 200
        assert (await post(client, "/api/snooze", data={"clear": "true"}))[0] == 200
        assert (await post(client, "/api/snooze", data={"clear": "true"}, headers=BEARER))[0] == 429


async def test_where_somebody_says_to_come_from_makes_no_difference(public: aiohttp.ClientSession) -> None:
    for number in range(LOGIN_FAILURES + 1):
        headers = {**own_page(public), "X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": f"10.0.0.{number}"}
        async with public.post("/login", data={"token": "guess"}, headers=headers) as answer:
            assert answer.status == (401 if number < LOGIN_FAILURES else 429)


async def test_a_session_ends_with_the_token_it_was_opened_with(desk: FakeDesk) -> None:
    async with serving(desk, "0.0.0.0", token=TOKEN) as client:
        form = {"token": TOKEN.reveal()}
        async with client.post("/login", data=form, headers=own_page(client), allow_redirects=False) as answer:
            session = {"Cookie": f"{SESSION_COOKIE}={answer.cookies[SESSION_COOKIE].value}"}
    async with serving(desk, "0.0.0.0", token=Secret("another-token-altogether")) as client:
        assert (await get(client, "/api/status", headers=session))[0] == 401


@pytest.mark.parametrize("given", ["", "guess", TOKEN.reveal()[:-1], TOKEN.reveal() + "x", "x" * 60_000, "é\0"])
async def test_every_wrong_token_is_told_the_same(public: aiohttp.ClientSession, given: str) -> None:
    async with public.post("/login", data={"token": given}, headers=own_page(public)) as answer:
        told = await answer.text()
    async with public.post("/login", data={"token": "wrong"}, headers=own_page(public)) as answer:
        assert (answer.status, await answer.text()) == (401, told)
