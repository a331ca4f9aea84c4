"""The HTTP server: one application behind one guard, on connections that are bounded.

    socket ──> Connections (number, time, room) ──> Guard (access, time, errors) ──> Api | Pages | Stream ──> Desk

What holds always: nobody the policy refuses reaches a handler; every answer carries the same security headers; a
connection and a request take bounded time and room.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterable
from typing import Final, NamedTuple

from aiohttp import web

from relay.clock import Clock, SystemClock
from relay.errors import ConfigError, LockedError, RelayError
from relay.loopback import is_loopback_host
from relay.secret import Secret
from relay.web.access import Policy
from relay.web.api import Api
from relay.web.archive import ArchiveApi
from relay.web.broadcast import Broadcast
from relay.web.connections import MOST_CONNECTIONS, Connections
from relay.web.desk import Desk
from relay.web.guard import HEADERS, Guard, add_headers
from relay.web.pages import Pages
from relay.web.stream import Stream
from relay.web.upstream import UpstreamApi

REQUEST_SECONDS: Final = 10.0
REQUEST_BYTES: Final = 64 * 1024
_DRAIN_SECONDS: Final = 2.0
_KEEP_ALIVE_SECONDS: Final = 75.0  # longer than a proxy's, or it sends into what is just being closed
_BACKLOG: Final = 128


class _Running(NamedTuple):
    """What is to be ended."""

    server: asyncio.Server
    runner: web.AppRunner
    connections: Connections


class Web:
    """Serves ``desk`` over HTTP.

    Args:
        desk: The running relay.
        token: What opens it from elsewhere than this machine.
        hosts: Further Host names to accept, behind a proxy.
        clock: For sessions, throttles, streams and connections.
        request_seconds: What a request may take at most.
        broadcast: What streams tell of; without one they tell the status only.
        most_connections: How many may be open.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        token: Secret | None = None,
        hosts: Iterable[str] = (),
        clock: Clock | None = None,
        request_seconds: float = REQUEST_SECONDS,
        broadcast: Broadcast | None = None,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._desk = desk
        self._token = token or None
        self._hosts = frozenset(hosts)
        self._clock = clock or SystemClock()
        self._request_seconds = request_seconds
        self._broadcast = Broadcast(self._clock) if broadcast is None else broadcast
        self._most = most_connections
        self._running: _Running | None = None

    @property
    def port(self) -> int:
        """The port listened on."""
        assert self._running is not None
        return int(self._running.server.sockets[0].getsockname()[1])

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
        policy = Policy(host, self._hosts, self._token)
        pages = Pages(self._desk, policy, self._clock)
        guard = Guard(policy, pages, self._clock, seconds=self._request_seconds)
        stream = Stream(self._desk, self._broadcast, self._clock)
        app = _application(self._desk, guard, pages, stream, ArchiveApi(self._desk, self._clock))
        runner = web.AppRunner(app, shutdown_timeout=_DRAIN_SECONDS)
        await runner.setup()
        assert runner.server is not None
        runner.server.request_handler = guard.rim(runner.server.request_handler)
        connections = Connections(
            runner.server, HEADERS, self._clock, most=self._most, access_log=None, keepalive_timeout=_KEEP_ALIVE_SECONDS
        )
        try:
            server = await asyncio.get_running_loop().create_server(connections, host or None, port, backlog=_BACKLOG)
        except (OSError, OverflowError) as fault:
            await runner.cleanup()
            raise _bind_error(host, port, fault) from fault
        self._running = _Running(server, runner, connections)

    async def stop(self) -> None:
        """Stop listening; streams end at once, requests under way get a moment to."""
        if self._running is not None:
            running, self._running = self._running, None
            running.server.close()
            await running.runner.cleanup()
            await running.connections.close()


async def refuse_taken(host: str, port: int) -> None:
    """Make sure that ``Web.start`` could listen there, before anything is made; nobody is listened to yet.

    Raises:
        LockedError: Something listens there already.
        ConfigError: That address can't be listened on.
    """
    try:
        server = await asyncio.get_running_loop().create_server(
            asyncio.Protocol, host or None, port, start_serving=False
        )
    except (OSError, OverflowError) as fault:
        raise _bind_error(host, port, fault) from fault
    server.close()


def _bind_error(host: str, port: int, fault: OSError | OverflowError) -> RelayError:
    if isinstance(fault, OSError) and fault.errno == errno.EADDRINUSE:
        return LockedError(
            f"{host}:{port} is taken: something listens there already, perhaps another relay",
            hint="Stop it, or choose another http.listen (`off` for none).",
        )
    reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
    return ConfigError(f"can't listen on {host}:{port}: {reason}", hint="Choose another http.listen (`off` for none).")


def _application(desk: Desk, guard: Guard, pages: Pages, stream: Stream, archive: ArchiveApi) -> web.Application:
    app = web.Application(middlewares=[guard.middleware], client_max_size=REQUEST_BYTES)
    app.add_routes(
        [*pages.routes(), *stream.routes(), *archive.routes(), *Api(desk).routes(), *UpstreamApi(desk).routes()]
    )
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(stream.close)
    return app
