"""The REST endpoints, as the vendor's pages describe them.

    GET …/alerts/in-force  …/alerts/simultaneous-breaks   {"items": […]}, bounded, filtered, truncated
    GET …/states/{symbol}                                 a snapshot, or 404 unknown_symbol

A call passes faults, key, rate limit and only then the question itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from aiohttp import web

from relay.clock import Clock, wait_until
from relay.events import Channel
from relay.simulator.access import NO_KEY, NOT_ENTITLED, TOO_MANY, UNKNOWN_SYMBOL, Denial, Limiter, authorize, key_of
from relay.simulator.faults import Faults, RestFault
from relay.simulator.feed import PROXY_PAGE
from relay.simulator.history import Fired, History, parse_query, spell
from relay.simulator.settings import Scope, SimulatorSettings

PREFIX: Final = "/api/market/v1"
PATHS: Final = {Channel.IN_FORCE: "/alerts/in-force", Channel.BREAKS: "/alerts/simultaneous-breaks"}

_REMEMBERED_CALLS: Final = 10_000
_encode: Final = msgspec.json.Encoder().encode


class Call(msgspec.Struct, frozen=True):
    """A REST call that came, faults included; ``at`` is monotonic seconds."""

    path: str
    query: dict[str, str]
    at: float


class Rest:
    """The endpoints over the channels' histories.

    Attributes:
        calls: The last calls, oldest first.
        stopping: Set when answers in the making are to be given up.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        clock: Clock,
        *,
        faults: Faults,
        histories: Mapping[Channel, History],
        snapshot: Callable[[str], Mapping[str, object] | None],
        changed: Callable[[], None],
    ) -> None:
        self._settings, self._clock, self._faults = settings, clock, faults
        self._histories, self._snapshot, self._changed = histories, snapshot, changed
        self._limiter = Limiter(settings, clock)
        self.calls: deque[Call] = deque(maxlen=_REMEMBERED_CALLS)
        self.stopping = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        """The routes to serve."""
        return [
            *(
                web.get(PREFIX + path, self._guarded(Scope.ALERTS, self._alerts(channel)))
                for channel, path in PATHS.items()
            ),
            web.get(PREFIX + "/states/{symbol}", self._guarded(Scope.STATES, self._state)),
        ]

    def _guarded(
        self, scope: Scope, answer: Callable[[web.Request], web.Response]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.calls.append(Call(request.path, dict(request.query), self._clock.monotonic()))
            self._changed()
            fault = self._faults.rest_fault(request.path)
            if fault is not None and (spoilt := await self._spoil(request, fault)) is not None:
                return spoilt
            key = authorize(request.headers, self._settings.keys, scope)
            if isinstance(key, Denial):
                return key.response()
            if wait := self._limiter.wait(key_of(request.headers)):
                return TOO_MANY.response({"Retry-After": str(int(wait) + 1)} if self._settings.retry_after else None)
            return answer(request)

        return handle

    async def _spoil(self, request: web.Request, fault: RestFault) -> web.Response | None:
        """The answer a fault makes; None where the true one follows."""
        match fault.kind:
            case "slow":
                await wait_until(self.stopping, self._clock, fault.value or 1.0)
                return None
            case "hang":
                await self.stopping.wait()
            case "reset" if request.transport is not None:
                request.transport.abort()
        return _spoilt(fault)

    def _alerts(self, channel: Channel) -> Callable[[web.Request], web.Response]:
        def answer(request: web.Request) -> web.Response:
            try:
                query = parse_query(channel, request.query, self._settings)
            except ValueError:
                return Denial(400, "invalid_parameter", "invalid parameter").response()
            found: list[Fired] = self._histories[channel].select(
                query, self._settings, now_us=self._clock.now_us(), now=self._clock.monotonic()
            )
            items = [spell(fired, self._settings.rest) for fired in found]
            return web.Response(body=_encode({"items": items}), content_type="application/json")

        return answer

    def _state(self, request: web.Request) -> web.Response:
        snapshot = self._snapshot(request.match_info["symbol"].upper())
        if snapshot is None:
            return UNKNOWN_SYMBOL.response()
        return web.Response(body=_encode(snapshot), content_type="application/json")


_DENIALS: Final = {"401": NO_KEY, "403": NOT_ENTITLED, "429": TOO_MANY}
_NONSENSE: Final = {
    "html": (PROXY_PAGE.encode(), "text/html"),
    "json": (b'{"items": [{"id": 1, "symb', "application/json"),
    "items": (b'{"count": 0}', "application/json"),
}


def _spoilt(fault: RestFault) -> web.Response:
    if (denial := _DENIALS.get(fault.kind)) is not None:
        return denial.response({"Retry-After": f"{fault.value:g}"} if fault.value else None)
    if (nonsense := _NONSENSE.get(fault.kind)) is not None:
        body, content_type = nonsense
        return web.Response(body=body, content_type=content_type)
    status = int(fault.kind) if fault.kind.isdecimal() else 503  # nobody hears the answer after a hang or a reset
    return web.Response(status=status, text=PROXY_PAGE, content_type="text/html")
