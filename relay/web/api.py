"""Health, metrics, status and verbs: each handler asks the desk one thing and tells the answer.

GET  /healthz /readyz /metrics
GET  /api/status
POST /api/destinations/{name}/pause
POST /api/destinations/{name}/resume     drop_older=1m, in the query, a form or a JSON object
GET  /api/config
POST /api/reload                         removed=keep or drain, likewise
GET  /api/snooze
POST /api/snooze                         name=…&for=2h, name=…&clear=true, clear=true, likewise

``relay.web.archive`` answers for what is stored.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from relay.config.diff import plain
from relay.document.faults import InvalidConfigError
from relay.durations import parse_duration
from relay.errors import ConfigError
from relay.judging.silence import AmbiguousNameError, UnknownNameError
from relay.judging.snoozes import TooManySnoozesError
from relay.metrics import CONTENT_TYPE
from relay.web.answers import answer, error
from relay.web.asked import BadQueryError, UnknownError, snooze_asked, value_of
from relay.web.desk import Desk


class Api:
    """Handlers over ``desk``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Paths and what answers them."""
        return [
            web.get("/healthz", self.healthz),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
            web.get("/api/status", self.status),
            web.post("/api/destinations/{name}/pause", self.pause),
            web.post("/api/destinations/{name}/resume", self.resume),
            web.get("/api/config", self.config),
            web.post("/api/reload", self.reload),
            web.get("/api/snooze", self.snoozed),
            web.post("/api/snooze", self.snooze),
        ]

    async def healthz(self, _request: web.Request) -> web.Response:
        """200 while the loop turns and the store writes."""
        healthy, reasons = self._desk.healthy()
        return answer({"healthy": healthy, "reasons": reasons}, status=200 if healthy else 503)

    async def readyz(self, _request: web.Request) -> web.Response:
        """200 while alerts can flow."""
        readiness = self._desk.ready()
        return answer(readiness, status=200 if readiness.ready else 503)

    async def metrics(self, _request: web.Request) -> web.Response:
        """Prometheus text."""
        return web.Response(body=await self._desk.metrics(), headers={"Content-Type": CONTENT_TYPE})

    async def status(self, _request: web.Request) -> web.Response:
        """How everything stands, with readiness."""
        status = await self._desk.status()
        readiness = self._desk.ready()  # after what may wait, so that both tell the same of each destination
        notes = (*readiness.notes, *status.notes)
        return answer({**msgspec.structs.asdict(readiness), **msgspec.structs.asdict(status), "notes": notes})

    async def pause(self, request: web.Request) -> web.Response:
        """Stop sending to a destination."""
        name = request.match_info["name"]
        try:
            await self._desk.pause(name)
        except KeyError:
            raise UnknownError(f"there is no destination {name!r}") from None
        return answer({"destination": name, "state": "paused"})

    async def resume(self, request: web.Request) -> web.Response:
        """Send to a destination again."""
        name = request.match_info["name"]
        drop_older = await _drop_older(request)
        try:
            dropped = await self._desk.resume(name, drop_older=drop_older)
        except KeyError:
            raise UnknownError(f"there is no destination {name!r}") from None
        return answer({"destination": name, "state": "on", "dropped": dropped})

    async def config(self, _request: web.Request) -> web.Response:
        """The config that runs, without its secrets."""
        status = self._desk.config()
        rest = msgspec.structs.asdict(status)
        return answer({**msgspec.structs.asdict(rest.pop("outline")), **rest})

    async def reload(self, request: web.Request) -> web.Response:
        """Load the config's file anew; 422 where it can't be used, and nothing changed."""
        drain = await _drain(request)
        try:
            found = await self._desk.reload(drain=drain)
        except InvalidConfigError as error:
            faults = [{**fault.mark._asdict(), "path": fault.path, "message": fault.message} for fault in error.faults]
            return answer({"ok": False, "file": error.file, "faults": faults}, status=422)
        except ConfigError as error:
            return answer({"ok": False, "faults": [], "error": str(error), "hint": error.hint}, status=422)
        return answer({"ok": True, "changes": plain(found)})

    async def snoozed(self, _request: web.Request) -> web.Response:
        """What is snoozed."""
        return answer({"items": self._desk.snoozed()})

    async def snooze(self, request: web.Request) -> web.Response:
        """Snooze a rule, a destination or a symbol, or end that; 409 where the name is of several things."""
        asked = await snooze_asked(request)
        try:
            if asked.seconds and asked.name is not None:
                begun = await self._desk.snooze(asked.name, asked.seconds, kind=asked.kind)
                return answer(msgspec.structs.asdict(begun))
            return answer({"ended": await self._desk.wake(asked.name, kind=asked.kind)})
        except UnknownNameError as fault:
            raise UnknownError(f"{fault}. {fault.hint}".strip()) from None
        except AmbiguousNameError as fault:
            return error(409, "ambiguous", f"{fault}. {fault.hint}")
        except TooManySnoozesError as fault:
            return error(409, "too_many", f"{fault}. {fault.hint}")


async def _drop_older(request: web.Request) -> float | None:
    text = await value_of(request, "drop_older")
    if not text:  # a form's empty field is a field left out
        return None
    try:
        return parse_duration(text)
    except ValueError as fault:
        raise BadQueryError(f"`drop_older`: {fault}") from None


async def _drain(request: web.Request) -> bool:
    text = await value_of(request, "removed") or "keep"
    if text not in {"keep", "drain"}:
        raise BadQueryError("`removed` is keep or drain")
    return text == "drain"
