"""The control endpoint: what a test or a person asks of a running simulator, on its own port.

    POST /_control/FAULT    {"value": 3, "seconds": 5, "times": 1}, all optional
    POST /_control/fire     an alert's object
    POST /_control/begin    begin the replay
    GET  /_control/status   connections, what was fired, how far the replay is
    GET  /_control/fired    everything fired, one JSON object a line

No key is asked for; it is on loopback and refuses what a browser's page sends.
"""

from __future__ import annotations

from typing import Protocol

import msgspec
from aiohttp import web

from relay.events import Channel
from relay.simulator.faults import Faults
from relay.simulator.history import Fired
from relay.simulator.menu import NAMES, inject


class Controlled(Protocol):
    """What the endpoint needs of a simulator."""

    @property
    def faults(self) -> Faults:
        """Its faults."""
        ...

    @property
    def fired(self) -> list[Fired]:
        """What it fired."""
        ...

    def fire(self, fields: dict[str, object]) -> Fired:
        """Fire an alert."""
        ...

    def begin(self) -> None:
        """Begin the replay."""
        ...

    def status(self) -> dict[str, object]:
        """How it stands."""
        ...


class Parameters(msgspec.Struct, frozen=True):
    """The body of a fault."""

    value: float | None = None
    seconds: float | None = None
    times: int | None = None


class _Line(msgspec.Struct, frozen=True):
    channel: Channel
    id: int
    object: dict[str, object]


class Control:
    """The routes under ``/_control``."""

    def __init__(self, simulator: Controlled) -> None:
        self._simulator = simulator

    def routes(self) -> list[web.RouteDef]:
        """The routes to serve."""
        return [
            web.get("/_control/status", self._status),
            web.get("/_control/fired", self._fired),
            web.post("/_control/{action}", self._act),
        ]

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response(self._simulator.status())

    async def _fired(self, _request: web.Request) -> web.Response:
        lines = [_Line(fired.channel, fired.id, fired.object) for fired in self._simulator.fired]
        return web.Response(body=msgspec.json.Encoder().encode_lines(lines), content_type="application/x-ndjson")

    async def _act(self, request: web.Request) -> web.Response:
        if "Origin" in request.headers:
            return _fault(403, "the control endpoint is not for web pages")
        action = request.match_info["action"]
        body = await request.read() or b"{}"
        try:
            if action == "fire":
                fired = self._simulator.fire(msgspec.json.decode(body, type=dict[str, object]))
                return web.json_response({"ok": True, "id": fired.id})
            if action == "begin":
                self._simulator.begin()
                return web.json_response({"ok": True})
            if action not in NAMES:
                return _fault(404, f"no such fault: {action}; there are {', '.join(NAMES)}")
            asked = msgspec.json.decode(body, type=Parameters)
        except msgspec.MsgspecError as error:
            return _fault(400, str(error))
        inject(self._simulator.faults, action, value=asked.value, seconds=asked.seconds, times=asked.times)
        return web.json_response({"ok": True})


def _fault(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"code": "control", "message": message}}, status=status)
