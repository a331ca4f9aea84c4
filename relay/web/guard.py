"""The rim: every request passes here on its way in, and every answer on its way out.

    request ──one Host, as it says where it goes──> may they? (access, throttle) ──> handler, in bounded time ──> answer
                  └── 400                            └── 401, 403, 429                └── what went wrong, as JSON

What holds always: nobody the policy refuses reaches a handler; a fault inside is logged whole and told outside in one
sentence; a token that is wrong costs its bearer a part of the tries that they have in a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from relay.clock import Clock
from relay.errors import RelayError
from relay.redaction import redact
from relay.web.access import SESSION_COOKIE, Asked, Denial, Policy, is_open
from relay.web.answers import error, too_many, wants_page
from relay.web.asked import BadQueryError, UnknownError, route_of
from relay.web.connections import Connection
from relay.web.pages import Pages
from relay.web.stream import STREAM_PATH
from relay.web.throttle import BEARER_FAILURES, Throttle

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not `no-referrer`: under that one browsers post our own forms with `Origin: null`, which we would refuse.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "relay",
}

_GOES_ON: Final = (
    "the relay took too long over this; what it has begun goes on: look how it stands before you ask again"
)

_Inner = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = structlog.get_logger()


class Guard:
    """Lets in whom ``policy`` lets in, and answers whatever happens.

    Args:
        seconds: What a request may take at most; a stream may take for ever.
    """

    def __init__(self, policy: Policy, pages: Pages, clock: Clock, *, seconds: float) -> None:
        self._policy = policy
        self._pages = pages
        self._clock = clock
        self._seconds = seconds
        self._throttle = Throttle(clock, allowed=BEARER_FAILURES)

    def rim(self, inner: _Inner) -> _Inner:
        """Around ``inner``, the application: what aiohttp would refuse before any middleware is asked."""

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            connection = request.protocol
            if not isinstance(connection, Connection):
                return await inner(request)
            connection.begin()
            try:
                return await inner(request)
            except web.HTTPException as fault:  # an `Expect` that nobody can fulfil
                return _told(fault)
            finally:
                connection.end(read=request.content.is_eof())

        return handle

    @property
    def middleware(self) -> Middleware:
        """What the application asks before each handler."""

        @web.middleware
        async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
            refusal = self._refusal(request)
            if refusal is not None:
                return refusal
            if isinstance(request.protocol, Connection) and not is_open(route_of(request)):
                request.protocol.may_stay()
            return self._pages.flashes.lead_back(request, await self._answer(request, handler))

        return guard

    def _refusal(self, request: web.Request) -> web.Response | None:
        if not _is_plain(request):
            return error(400, "bad_request", "a request names its host once, and asks that host")
        head = _head(request)
        wait = self._wait(request, head)
        denial = self._policy.judge(replace(head, authorization=None) if wait else head, now_us=self._clock.now_us())
        if denial is None:
            return None
        if wait:
            return too_many(wait)
        return self._denied(request, denial)

    def _wait(self, request: web.Request, head: Asked) -> float:
        """Seconds until a token of this peer is looked at again; 0 where it is now, or none was given."""
        if not self._policy.asks_bearer(head.authorization):
            return 0.0
        wait = self._throttle.wait(request.remote)
        if not wait and not self._policy.bears_token(head.authorization):
            self._throttle.failed(request.remote)
        return wait

    async def _answer(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            async with asyncio.timeout(None if route_of(request) == STREAM_PATH else self._seconds):
                return await handler(request)
        except (
            web.HTTPException,
            web.RequestPayloadError,
            BadQueryError,
            UnknownError,
            RelayError,
            TimeoutError,
        ) as fault:
            if isinstance(fault, TimeoutError) and request.method == "POST":
                return error(503, "timeout", _GOES_ON)
            return _told(fault)
        except Exception as fault:  # because this is the rim: whatever a handler trips over is logged and answered
            if isinstance(fault, ConnectionError) and request.transport is None:
                raise  # who asked is gone
            _log.exception("a request failed", method=request.method, path=request.path)
            return error(500, "internal", "the relay could not answer this; its log says why")

    def _denied(self, request: web.Request, denial: Denial) -> web.Response:
        if denial.status != HTTPStatus.UNAUTHORIZED:
            return error(denial.status, denial.code, denial.message)
        if wants_page(request) and (request.path == "/" or request.method == "POST"):  # a button of an old page
            return self._pages.login.ask_token(status=401)
        return error(401, denial.code, denial.message, headers={"WWW-Authenticate": "Bearer"})


def _is_plain(request: web.Request) -> bool:
    """Whether nobody on the way could read another host in it than we do (RFC 9112, sections 3.2.2 and 7.2)."""
    hosts = [host.lower() for host in request.headers.getall("Host", [])]
    if len(hosts) > 1:
        return False
    target = request.raw_path
    return target.startswith("/") or target == "*" or [urlsplit(target).netloc.lower()] == hosts


def _head(request: web.Request) -> Asked:
    headers = request.headers
    return Asked(
        method=request.method,
        path=route_of(request),
        host=headers.get("Host"),
        origin=", ".join(headers.getall("Origin", [])) or None,  # several are no origin, whatever each of them says
        authorization=headers.get("Authorization"),
        session=request.cookies.get(SESSION_COOKIE),
        known=request.match_info.http_exception is None,
    )


def _told(fault: Exception) -> web.StreamResponse:
    """What a foreseen fault looks like from outside."""
    match fault:
        case web.HTTPException() if fault.status < HTTPStatus.BAD_REQUEST:
            return web.Response(status=fault.status, headers={"Location": fault.headers["Location"]})
        case web.HTTPException():
            allow = {"Allow": fault.headers["Allow"]} if "Allow" in fault.headers else None
            return error(fault.status, fault.reason.lower().replace(" ", "_"), fault.reason, headers=allow)
        case BadQueryError() | web.RequestPayloadError():
            ours = isinstance(fault, BadQueryError)
            return error(400, "bad_request", str(fault) if ours else "the body does not come as its headers say")
        case UnknownError():
            return error(404, "not_found", str(fault))
        case RelayError():
            return error(503, "unavailable", redact(str(fault)))
        case _:
            return error(503, "timeout", "the relay took too long over this; try again")


async def add_headers(_request: web.BaseRequest, response: web.StreamResponse) -> None:
    """What every answer carries."""
    response.headers.update(HEADERS)
