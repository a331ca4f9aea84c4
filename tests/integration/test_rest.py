"""The REST client beside a real server that answers well, badly or not at all."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from relay.events import Channel
from relay.secret import Secret
from relay.upstream.access import AuthStyle
from relay.upstream.errors import RestRefusedError, RestUnavailableError
from relay.upstream.rest import Rest, RestPage, _date_us
from tests.support.clock import FakeClock

KEY = "sk_test_4f9c1e77"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def asking(answer: Answer, **settings: Any) -> AsyncIterator[Rest]:
    """A client for a server that answers everything with ``answer``."""
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{port}/api/market/v1/"
            yield Rest(url, Secret(KEY), session=session, clock=FakeClock(), **settings)
    finally:
        await runner.cleanup()


def saying(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    async def answer(_request: web.Request) -> web.Response:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return web.Response(status=status, body=body, headers=headers)

    return answer


async def page(rest: Rest, channel: Channel = Channel.IN_FORCE) -> RestPage:
    return await rest.page(channel, limit=200, window_minutes=1440)


async def unavailable(answer: Answer, **settings: Any) -> RestUnavailableError:
    async with asking(answer, **settings) as rest:
        with pytest.raises(RestUnavailableError) as caught:
            await page(rest)
    assert KEY not in f"{caught.value} {caught.value.hint}"
    return caught.value


@pytest.mark.parametrize(
    ("style", "header", "value"),
    [(AuthStyle.BEARER, "Authorization", f"Bearer {KEY}"), (AuthStyle.X_API_KEY, "X-API-Key", KEY)],
)
async def test_it_asks_as_documented(style: AuthStyle, header: str, value: str) -> None:
    requests: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        requests.append(request)
        return web.json_response({"items": []})

    async with asking(answer, auth=style) as rest:
        await rest.page(
            Channel.IN_FORCE,
            limit=200,
            window_minutes=1440,
            since_id=98421,
            filters={"timeframe": "D", "symbols": "BRK.B,BTC-USD,ES1!"},
        )
        await rest.page(Channel.BREAKS, limit=5, window_minutes=60, since_id=0)
        await rest.page(Channel.BREAKS, limit=5, window_minutes=60, since_id=None)
    assert [request.path for request in requests] == [
        "/api/market/v1/alerts/in-force",
        "/api/market/v1/alerts/simultaneous-breaks",
        "/api/market/v1/alerts/simultaneous-breaks",
    ]
    assert [dict(request.query) for request in requests] == [
        {
            "limit": "200",
            "window_minutes": "1440",
            "since_id": "98421",
            "timeframe": "D",
            "symbols": "BRK.B,BTC-USD,ES1!",
        },
        {"limit": "5", "window_minutes": "60"},
        {"limit": "5", "window_minutes": "60"},
    ]
    assert {request.headers[header] for request in requests} == {value}


async def test_items_come_in_the_servers_order_with_their_bytes_unchanged() -> None:
    body = b'{"next": null, "items": [ {"id": 7, "symbol":"A",  "price": 1.50}, {"id": "9", "symbol": "B"} ], "x": 1}'
    headers = {"Date": "Fri, 10 Apr 2026 13:45:22 GMT"}
    async with asking(saying(body, headers=headers)) as rest:
        found = await page(rest)
    assert [(event.id, event.data) for event in found.items] == [
        (7, b'{"id": 7, "symbol":"A",  "price": 1.50}'),
        (9, b'{"id": "9", "symbol": "B"}'),
    ]
    assert (found.size, found.rejected, found.greatest_id) == (2, 0, 9)
    assert found.server_time_us == 1_775_828_722_000_000


async def test_items_that_are_no_events_are_counted_and_their_ids_still_move_on() -> None:
    items = [{"id": 7, "symbol": "A"}, 5, "x", None, [], {}, {"symbol": "B"}]
    async with asking(saying({"items": items})) as rest:
        found = await page(rest)
    assert [(event.id, event.symbol) for event in found.items] == [(7, "A"), (None, "B")]
    assert (found.size, found.rejected, found.greatest_id) == (7, 5, 7)


async def test_an_item_with_a_field_of_the_wrong_type_is_taken_without_that_field() -> None:
    items = [{"id": 12, "symbol": ["A"], "timeframe": "D"}, {"id": 13, "symbol": "B", "triggered_at": [1]}]
    async with asking(saying({"items": items})) as rest:
        found = await page(rest)
    assert [(event.id, event.symbol, event.triggered_at) for event in found.items] == [
        (12, None, None),
        (13, "B", None),
    ]
    assert (found.rejected, found.greatest_id) == (0, 13)


async def test_an_answer_without_a_single_alert_among_its_items_is_no_answer() -> None:
    async with asking(saying({"items": ["x", 3, None]})) as rest:
        with pytest.raises(RestUnavailableError, match="none of the answer's 3 items is an alert"):
            await page(rest)


@pytest.mark.parametrize("depth", [900, 2_000])
async def test_an_item_nested_beyond_what_can_be_read_keeps_no_other_from_being_fetched(depth: int) -> None:
    deep = b'{"id":9,"symbol":"B","later":[%s1%s],"cc":"2U"}' % (b"[" * depth, b"]" * depth)
    async with asking(saying(b'{"items": [{"id":7,"symbol":"A"},%s,{"id":8,"symbol":"C"}]}' % deep)) as rest:
        found = await page(rest)
    assert [(event.id, event.symbol) for event in found.items] == [(7, "A"), (9, "B"), (8, "C")]
    assert (found.rejected, found.greatest_id, found.items[1].cc) == (0, 9, "2U")


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        (rb'"later":NaN', b'"later":null'),
        (rb'"later":[-Infinity,"NaN"]', b'"later":[null,"NaN"]'),
        (rb'"later":"\ud800 \ud83d\ude00 \\ud800"', rb'"later":"\ufffd \ud83d\ude00 \\ud800"'),
        (rb'"\udc00k":1', rb'"\ufffdk":1'),
        (b'"later":"a\nb\x01"', rb'"later":"a\u000ab\u0001"'),
    ],
)
async def test_what_json_does_not_have_keeps_no_other_from_being_fetched(odd: bytes, told: bytes) -> None:
    body = b'\xef\xbb\xbf{"items": [{"id":7,"symbol":"A"},{"id":9,%s},{"id":8,"symbol":"C"}]}' % odd
    async with asking(saying(body)) as rest:
        found = await page(rest)
    assert [event.id for event in found.items] == [7, 9, 8]
    assert (found.rejected, found.items[1].data) == (0, b'{"id":9,%s}' % told)


async def test_an_empty_page_has_no_greatest_id() -> None:
    async with asking(saying({"items": []})) as rest:
        found = await page(rest, Channel.BREAKS)
    assert (found.items, found.size, found.greatest_id) == ((), 0, None)


async def test_a_compressed_answer_is_read() -> None:
    body = gzip.compress(b'{"items": [{"id": 7}]}')
    async with asking(saying(body, headers={"Content-Encoding": "gzip"})) as rest:
        assert (await page(rest)).greatest_id == 7


@pytest.mark.parametrize(
    ("status", "content", "reason"),
    [
        (429, {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}, "rate_limited"),
        (500, b"oops", "server_error"),
        (503, b"", "server_error"),
        (400, {"error": {"code": "bad", "message": f"with {KEY}"}}, "status"),
        (404, b"", "status"),
        (204, b"", "status"),
        (302, b"", "redirect"),
        (200, b"<!doctype html><title>Sign in</title>", "not_json"),
        (200, b"", "not_json"),
        (200, b'{"items": [', "not_json"),
        (200, b'{"items": ' + b"[" * 100_000, "not_json"),
        (200, {}, "no_items"),
        (200, [], "no_items"),
        (200, {"items": None}, "no_items"),
        (200, {"items": {"id": 7}}, "no_items"),
        (200, {"error": {"code": "missing_scope", "message": ""}}, "no_items"),
    ],
)
async def test_an_unusable_answer_may_come_right_later(status: int, content: object, reason: str) -> None:
    assert (await unavailable(saying(content, status))).reason == reason


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    paths: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    assert (await unavailable(redirect)).reason == "redirect"
    assert len(paths) == 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("Fri, 10 Apr 2026 13:46:22 GMT", 60.0),
        ("Fri, 10 Apr 2026 13:40:00 GMT", 0.0),
        ("-3", 0.0),
        ("1000000", 86_400.0),
        ("1e9", None),
        ("99999999999", None),
        ("nan", None),
        ("soon", None),
        (None, None),
    ],
)
async def test_the_wait_the_server_asks_for_is_told(said: str | None, seconds: float | None) -> None:
    error = await unavailable(saying(b"", 429, None if said is None else {"Retry-After": said}))
    assert error.retry_after == seconds


async def test_an_answer_is_read_only_up_to_the_cap() -> None:
    error = await unavailable(saying({"items": [], "padding": "x" * 10_000}), max_answer=5_000)
    assert error.reason == "oversized"


async def test_a_compressed_answer_counts_by_what_it_unfolds_to() -> None:
    body = gzip.compress(b" " * 1_000_000)
    error = await unavailable(saying(body, headers={"Content-Encoding": "gzip"}), max_answer=50_000)
    assert error.reason == "oversized"


async def test_an_answer_that_never_comes_is_a_timeout() -> None:
    async def wait(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    assert (await unavailable(wait, timeout=0.05)).reason == "timeout"


async def test_an_answer_that_stops_in_the_middle_is_a_timeout() -> None:
    async def trickle(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b'{"items": [')
        await asyncio.Event().wait()
        return answer

    assert (await unavailable(trickle, timeout=0.1)).reason == "timeout"


async def test_an_answer_that_is_cut_off_is_a_broken_connection() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b'{"items": []}')
        assert request.transport is not None
        request.transport.abort()
        return answer

    assert (await unavailable(cut)).reason == "connection"


async def test_no_server_is_no_connection() -> None:
    async with aiohttp.ClientSession() as session:
        rest = Rest("http://127.0.0.1:9/api", Secret(KEY), session=session, clock=FakeClock())
        with pytest.raises(RestUnavailableError) as caught:
            await page(rest)
    assert caught.value.reason == "connection"


@pytest.mark.parametrize(
    ("status", "content", "code", "hint"),
    [
        (401, {"error": {"code": "missing_api_key", "message": ""}}, "missing_api_key", "api_key"),
        (403, {"error": {"code": "missing_scope", "message": ""}}, "missing_scope", "alerts:read"),
        (403, {"error": {"code": "inactive_entitlement", "message": ""}}, "inactive_entitlement", "entitlement"),
        (401, b"<html>", "http_401", "api_key"),
        (403, b"", "http_403", "alerts:read"),
    ],
)
async def test_a_refused_key_is_told_with_what_to_add(status: int, content: object, code: str, hint: str) -> None:
    async with asking(saying(content, status)) as rest:
        with pytest.raises(RestRefusedError) as caught:
            await page(rest)
    assert (caught.value.code, caught.value.scope) == (code, "alerts:read")
    assert hint in caught.value.hint


async def test_cancelling_a_call_is_not_swallowed() -> None:
    reached = asyncio.Event()

    async def wait(_request: web.Request) -> web.Response:
        reached.set()
        await asyncio.Event().wait()
        return web.Response()

    async with asking(wait) as rest:
        call = asyncio.ensure_future(page(rest))
        await reached.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


@given(st.text())
def test_no_date_header_makes_it_raise(text: str) -> None:
    assert _date_us(text) is None or text
