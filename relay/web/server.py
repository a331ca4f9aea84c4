"""The HTTP server: one application, one middleware that guards and answers for every path.

    socket ──> aiohttp ──> guard (access, time limit, errors as JSON) ──> Api | Pages ──> Desk

What holds always: nobody the policy refuses reaches a handler; every answer carries the same security headers;
a fault inside is logged whole and told outside in one sentence; a request takes bounded time and room.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

from relay.clock import Clock, SystemClock
from relay.errors import ConfigError, LockedError, RelayError
from relay.logs import redact
from relay.loopback import is_loopback_host
from relay.secret import Secret
from relay.web.access import SESSION_COOKIE, Asked, Denial, Policy
from relay.web.answers import error, wants_page
from relay.web.api import Api
from relay.web.asked import BadQueryError, UnknownError
from relay.web.desk import Desk
from relay.web.pages import Pages

REQUEST_SECONDS: Final = 10.0
REQUEST_BYTES: Final = 64 * 1024
_DRAIN_SECONDS: Final = 2.0

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

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = structlog.get_logger()


class Web:
    """Serves ``desk`` over HTTP.

    Args:
        desk: The running relay.
        token: What opens it from elsewhere than this machine.
        hosts: Further Host names to accept, behind a proxy.
        clock: For sessions and the login throttle.
        request_seconds: What a request may take at most.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        token: Secret | None = None,
        hosts: Iterable[str] = (),
        clock: Clock | None = None,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._desk = desk
        self._token = token or None
        self._hosts = frozenset(hosts)
        self._clock = clock or SystemClock()
        self._request_seconds = request_seconds
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port listened on."""
        assert self._runner is not None
        return int(self._runner.addresses[0][1])

    async def start(self, host: str, port: int) -> None:
        """Listen on ``host`` (empty: every address) and ``port`` (0: any free one).

        Raises:
            LockedError: Something listens there already.
            ConfigError: That address can't be listened on, or others could reach it and there is no token.
        """
        if not is_loopback_host(host) and self._token is None:
            raise ConfigError(
                f"http.listen {host}:{port} can be reached from other machines, and http.token is not set",
                hint="Set http.token (or http.token_file), or listen on 127.0.0.1.",
            )
        app = _application(self._desk, Policy(host, self._hosts, self._token), self._clock, self._request_seconds)
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=75, shutdown_timeout=_DRAIN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, host or None, port).start()
        except (OSError, OverflowError) as fault:
            await runner.cleanup()
            raise _bind_error(host, port, fault) from fault
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening; requests under way get a moment to end."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


def _bind_error(host: str, port: int, fault: OSError | OverflowError) -> RelayError:
    if isinstance(fault, OSError) and fault.errno == errno.EADDRINUSE:
        return LockedError(
            f"{host}:{port} is taken: something listens there already, perhaps another relay",
            hint="Stop it, or choose another http.listen (`off` for none).",
        )
    reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
    return ConfigError(f"can't listen on {host}:{port}: {reason}", hint="Choose another http.listen (`off` for none).")


def _application(desk: Desk, policy: Policy, clock: Clock, seconds: float) -> web.Application:
    pages = Pages(desk, policy, clock)

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        denial = policy.judge(_head(request), now_us=clock.now_us())
        if denial is not None:
            return _refusal(request, denial, pages)
        try:
            async with asyncio.timeout(seconds):
                return await handler(request)
        except (web.HTTPException, BadQueryError, UnknownError, RelayError, TimeoutError) as fault:
            return _told(fault)
        except Exception:  # noqa: BLE001  because this is the rim: whatever a handler trips over is logged and answered
            _log.exception("a request failed", method=request.method, path=request.path)
            return error(500, "internal", "the relay could not answer this; its log says why")

    app = web.Application(middlewares=[guard], client_max_size=REQUEST_BYTES)
    app.add_routes([*pages.routes(), *Api(desk).routes()])
    app.on_response_prepare.append(_add_headers)
    return app


def _head(request: web.Request) -> Asked:
    headers = request.headers
    resource = request.match_info.route.resource  # what will answer, not how the path happens to be spelt
    return Asked(
        method=request.method,
        path=request.path if resource is None else resource.canonical,
        host=headers.get("Host"),
        origin=headers.get("Origin"),
        authorization=headers.get("Authorization"),
        session=request.cookies.get(SESSION_COOKIE),
        known=request.match_info.http_exception is None,
    )


def _refusal(request: web.Request, denial: Denial, pages: Pages) -> web.Response:
    if denial.status != HTTPStatus.UNAUTHORIZED:
        return error(denial.status, denial.code, denial.message)
    if request.path == "/" and wants_page(request):
        return pages.ask_token(status=401)
    return error(401, denial.code, denial.message, headers={"WWW-Authenticate": "Bearer"})


def _told(fault: Exception) -> web.StreamResponse:
    """What a foreseen fault looks like from outside."""
    match fault:
        case web.HTTPException() if fault.status < HTTPStatus.BAD_REQUEST:
            return web.Response(status=fault.status, headers={"Location": fault.headers["Location"]})
        case web.HTTPException():
            allow = {"Allow": fault.headers["Allow"]} if "Allow" in fault.headers else None
            return error(fault.status, fault.reason.lower().replace(" ", "_"), fault.reason, headers=allow)
        case BadQueryError():
            return error(400, "bad_request", str(fault))
        case UnknownError():
            return error(404, "not_found", str(fault))
        case RelayError():
            return error(503, "unavailable", redact(str(fault)))
        case _:
            return error(503, "timeout", "the relay took too long over this; try again")


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
