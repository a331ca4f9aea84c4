"""Health, metrics, listings and verbs: each handler asks the desk one thing and tells the answer.

GET  /healthz /readyz /metrics
GET  /api/status /api/events /api/deliveries?state=&destination= /api/dead      (?before= continues a listing)
GET  /api/events/{number or key}
POST /api/dead/{id}/retry
POST /api/destinations/{name}/pause
POST /api/destinations/{name}/resume     drop_older=1m, in the query, a form or a JSON object
GET  /api/config
POST /api/reload                         removed=keep or drain, likewise
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
from relay.metrics import CONTENT_TYPE
from relay.outbox.base import Page
from relay.web.answers import answer, wants_page
from relay.web.desk import Desk

PAGE_SIZE: Final = 100

_NUMBER: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_BIGGEST: Final = 2**63 - 1  # what a store can number


class BadQueryError(ValueError):
    """A request's value can't be used; the text names it and says what would do."""


class UnknownError(LookupError):
    """The thing a request names is not there."""


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
    text = await _value(request, "drop_older")
    if not text:  # a form's empty field is a field left out
        return None
    try:
        return parse_duration(text)
    except ValueError as fault:
        raise BadQueryError(f"`drop_older`: {fault}") from None


async def _drain(request: web.Request) -> bool:
    text = await _value(request, "removed") or "keep"
    if text not in {"keep", "drain"}:
        raise BadQueryError("`removed` is keep or drain")
    return text == "drain"


async def _value(request: web.Request, name: str) -> str | None:
    """A value from the query, else from a form or a JSON object in the body."""
    text = request.query.get(name)
    if text is not None or not request.body_exists:
        return text
    try:
        match request.content_type:
            case "application/json":
                given = msgspec.json.decode(await request.read(), type=dict[str, object]).get(name)
            case "application/x-www-form-urlencoded":
                given = (await request.post()).get(name)
            case _:
                raise web.HTTPUnsupportedMediaType
        return None if given is None else msgspec.convert(given, str)
    except (ValueError, LookupError, RecursionError):  # not what it says it is, or in a charset nobody knows
        raise BadQueryError("the body can't be read as its content type says") from None
