"""Health, metrics, listings and verbs: each handler asks the desk one thing and tells the answer.

GET  /healthz /readyz /metrics
GET  /api/status /api/events /api/deliveries?state=&destination= /api/dead      (?before= continues a listing)
GET  /api/events/{number or key}
POST /api/dead/{id}/retry
POST /api/destinations/{name}/pause
POST /api/destinations/{name}/resume     drop_older=1m, in the query, a form or a JSON object
GET  /api/config
POST /api/reload                         removed=keep or drain, likewise
GET  /api/snooze
POST /api/snooze                         name=…&for=2h, name=…&clear=true, clear=true, likewise
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from aiohttp import web

from relay.config.diff import plain
from relay.deliveries import State
from relay.document.faults import InvalidConfigError
from relay.durations import parse_duration
from relay.errors import ConfigError
from relay.judging.silence import AmbiguousNameError, UnknownNameError
from relay.metrics import CONTENT_TYPE
from relay.outbox.archive import Page
from relay.web.answers import answer, error, wants_page
from relay.web.asked import BadQueryError, UnknownError, snooze_asked, value_of
from relay.web.desk import Desk

PAGE_SIZE: Final = 100

_NUMBER: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_BIGGEST: Final = 2**63 - 1  # what a store can number


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
            web.get("/api/events", self.events),
            web.get("/api/events/{name:.+}", self.event),
            web.get("/api/deliveries", self.deliveries),
            web.get("/api/dead", self.dead),
            web.post("/api/dead/{id:[0-9]+}/retry", self.retry),
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
        readiness = self._desk.ready()
        status = await self._desk.status()
        return answer({**msgspec.structs.asdict(readiness), **msgspec.structs.asdict(status)})

    async def events(self, request: web.Request) -> web.Response:
        """Stored events, newest first."""
        return _page(await self._desk.list_events(before=_number(request, "before"), limit=_limit(request)))

    async def event(self, request: web.Request) -> web.Response:
        """One stored event, by its number or its key."""
        name = request.match_info["name"]
        found = await self._desk.event(name)
        if found is None:
            raise UnknownError(f"there is no event {name}")
        return answer(found)

    async def deliveries(self, request: web.Request) -> web.Response:
        """Deliveries, newest first."""
        return await self._deliveries(request, _state(request))

    async def dead(self, request: web.Request) -> web.Response:
        """Dead letters, newest first."""
        return await self._deliveries(request, State.DEAD)

    async def _deliveries(self, request: web.Request, state: State | None) -> web.Response:
        page = await self._desk.list_deliveries(
            state=state,
            destination=request.query.get("destination"),
            before=_number(request, "before"),
            limit=_limit(request),
        )
        return _page(page)

    async def retry(self, request: web.Request) -> web.Response:
        """Queue a dead letter again."""
        text = request.match_info["id"]
        number = int(text) if _NUMBER.fullmatch(text) else 0
        if not 1 <= number <= _BIGGEST or not await self._desk.retry_dead(number):
            raise UnknownError(f"there is no dead letter {text}")
        return _done(request, {"id": number, "state": State.PENDING})

    async def pause(self, request: web.Request) -> web.Response:
        """Stop sending to a destination."""
        name = request.match_info["name"]
        try:
            await self._desk.pause(name)
        except KeyError:
            raise UnknownError(f"there is no destination {name!r}") from None
        return _done(request, {"destination": name, "state": "paused"})

    async def resume(self, request: web.Request) -> web.Response:
        """Send to a destination again."""
        name = request.match_info["name"]
        drop_older = await _drop_older(request)
        try:
            dropped = await self._desk.resume(name, drop_older=drop_older)
        except KeyError:
            raise UnknownError(f"there is no destination {name!r}") from None
        return _done(request, {"destination": name, "state": "on", "dropped": dropped})

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
        return _done(request, {"ok": True, "changes": plain(found)})

    async def snoozed(self, _request: web.Request) -> web.Response:
        """What is snoozed."""
        return answer({"items": self._desk.snoozed()})

    async def snooze(self, request: web.Request) -> web.Response:
        """Snooze a rule, a destination or a symbol, or end that; 409 where the name is of several things."""
        asked = await snooze_asked(request)
        try:
            if asked.seconds and asked.name is not None:
                begun = await self._desk.snooze(asked.name, asked.seconds, kind=asked.kind)
                return _done(request, msgspec.structs.asdict(begun))
            return _done(request, {"ended": await self._desk.wake(asked.name, kind=asked.kind)})
        except UnknownNameError as fault:
            raise UnknownError(f"{fault}. {fault.hint}".strip()) from None
        except AmbiguousNameError as fault:
            return error(409, "ambiguous", f"{fault}. {fault.hint}")


def _page(page: Page) -> web.Response:
    return answer({"items": page.items, "next": page.next})


def _done(request: web.Request, value: dict[str, object]) -> web.Response:
    if wants_page(request):
        raise web.HTTPSeeOther("/")  # a button was pressed: back to the page, which shows what came of it
    return answer(value)


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= _BIGGEST:
        raise BadQueryError(f"`{name}` is a whole number from 1 up")
    return int(text)


def _limit(request: web.Request) -> int:
    return min(_number(request, "limit") or PAGE_SIZE, PAGE_SIZE)


def _state(request: web.Request) -> State | None:
    text = request.query.get("state")
    try:
        return None if text is None else State(text)
    except ValueError:
        raise BadQueryError(f"`state` is one of {', '.join(State)}") from None


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
