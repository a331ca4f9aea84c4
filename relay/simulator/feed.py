"""The WebSocket endpoint: lets clients in, one an account, and hands events to those who subscribed.

upgrade ──> faults ──> key ──> evict the older (4409) ──> Connection.live
publish ──> every connection that wants the channel (and symbol)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from relay.clock import Clock
from relay.events import ALERT_CHANNELS, Channel
from relay.simulator.access import CLOSE_EVICTED, Denial, authorize
from relay.simulator.connection import Connection
from relay.simulator.faults import Faults, RefuseUpgrade
from relay.simulator.settings import Refusal, Scope, SimulatorSettings

PROXY_PAGE = "<html><head><title>Error</title></head><body><h1>The proxy has no answer</h1></body></html>"


class Feed:
    """The live connections of all accounts.

    Attributes:
        opened: How many connections were let in so far.
        refused: How many upgrades were refused.
    """

    def __init__(self, settings: SimulatorSettings, clock: Clock, changed: Callable[[], None]) -> None:
        self._settings = settings
        self._clock = clock
        self._changed = changed
        self._live: dict[str, Connection] = {}
        self._all: set[Connection] = set()
        self.opened = 0
        self.refused = 0

    @property
    def connections(self) -> list[Connection]:
        """The current connection of each account."""
        return list(self._live.values())

    def wants(self, channel: Channel, symbol: str | None = None) -> bool:
        """Whether anyone subscribed to ``channel`` (for ``symbol``)."""
        return any(connection.wants(channel, symbol) for connection in self._live.values())

    def wants_alerts(self) -> bool:
        """Whether anyone subscribed to an alert channel."""
        return any(self.wants(channel) for channel in ALERT_CHANNELS)

    def publish(self, channel: Channel, type_: str, data: bytes, symbol: str | None = None) -> int:
        """Send an encoded object to whom it concerns; to how many."""
        wanting = [connection for connection in self._live.values() if connection.wants(channel, symbol)]
        for connection in wanting:
            connection.deliver(type_, data)
        return len(wanting)

    async def room(self) -> None:
        """Return once no client is far behind."""
        for connection in self.connections:
            await connection.room.wait()

    def handler(self, faults: Faults) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The handler of the endpoint."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._upgrade(request, faults)

        return handle

    async def leave(self, code: int, reason: str) -> None:
        """End every connection, half-open ones without a word; return when all are over."""
        leaving = list(self._all)
        for connection in leaving:
            if connection.silent:
                connection.drop()
            else:
                connection.end(code, reason)
        for connection in leaving:
            await connection.over.wait()

    async def _upgrade(self, request: web.Request, faults: Faults) -> web.StreamResponse:
        if (fault := faults.refusal()) is not None:
            self.refused += 1
            return _refused(fault)
        key = authorize(request.headers, self._settings.keys, Scope.CONNECT)
        if isinstance(key, Denial) and self._settings.refusal is Refusal.HTTP:
            self.refused += 1
            return key.response()
        if not isinstance(key, Denial):
            await self._evict(key.account)
        socket = web.WebSocketResponse(
            compress=self._settings.compress, heartbeat=self._settings.heartbeat, timeout=1.0
        )
        await socket.prepare(request)
        if isinstance(key, Denial):
            self.refused += 1
            await socket.close(code=key.close_code, message=key.code.encode())
            return socket
        await self._evict(key.account)  # two may have come at once
        connection = Connection(key, socket, request, faults=faults, clock=self._clock, changed=self._changed)
        self._live[key.account] = connection
        self._all.add(connection)
        self.opened += 1
        self._changed()
        try:
            await connection.live()
        finally:
            self._all.discard(connection)
            if self._live.get(key.account) is connection:
                del self._live[key.account]
            self._changed()
        return socket

    async def _evict(self, account: str) -> None:
        while (older := self._live.pop(account, None)) is not None:
            older.end(CLOSE_EVICTED, "evicted by a newer connection")
            await older.goodbye.wait()


def _refused(fault: RefuseUpgrade) -> web.Response:
    if not fault.vendor:
        return web.Response(status=fault.status, text=PROXY_PAGE, content_type="text/html")
    codes = {401: "missing_api_key", 403: "inactive_entitlement"}
    return Denial(fault.status, codes.get(fault.status, "unavailable"), "refused").response()
