"""What REST answers instead of the truth, by the name of the fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from tests.faults.schedule import Fault, Kind
from tests.faults.upstream import FaultyUpstream

_HTML: Final = "<!doctype html><html><body><h1>Just a moment …</h1></body></html>"
_WRONG: Final = {
    "cut": '{"items":[{"id":1,"symbol":"AA',
    "array": "[]",
    "items": '{"count":3}',
    "types": '{"items":{"id":1}}',
}

Spoiler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def spoiler(fault: Fault, upstream: FaultyUpstream) -> Spoiler:
    """How REST answers while ``fault`` lasts."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if fault.kind is Kind.REST_HANG and not fault.how:
            return await upstream.hang(request)
        if fault.kind is Kind.REST_HANG and request.transport is not None:
            request.transport.abort()
        return _answer(fault)

    return answer


def _answer(fault: Fault) -> web.Response:
    match fault.kind:
        case Kind.REST_429:
            headers = {"Retry-After": f"{fault.value:g}"} if fault.how else {}
            error = {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}
            return web.json_response(error, status=429, headers=headers)
        case Kind.REST_HTML | Kind.REST_HANG:
            return web.Response(text=_HTML, content_type="text/html")
        case Kind.REST_JSON:
            return web.Response(text=_WRONG[fault.how], content_type="application/json")
        case _:
            return web.Response(status=int(fault.how or 503), text=_HTML, content_type="text/html")
