"""What a person sees: the status page and the login form, rendered on the server, readable without script.

    desk ──status, listings──> template ──escaped and redacted──> HTML

Templates and styles are read once, when the pages are made: no handler touches the disk.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import jinja2
from aiohttp import web

from relay.clock import MICROS, Clock
from relay.deliveries import State
from relay.errors import StoreBusyError
from relay.events import Instant, symbol_root
from relay.logs import redact
from relay.web.access import LOGIN_PATH, SESSION_COOKIE, SESSION_SECONDS, STYLE_PATH, Policy, new_session
from relay.web.answers import too_many
from relay.web.desk import Desk
from relay.web.throttle import LOGIN_FAILURES, Throttle

_HERE: Final = Path(__file__).parent
_LISTED: Final = 20


class Pages:
    """HTML over ``desk``, for those whom ``policy`` lets in."""

    def __init__(self, desk: Desk, policy: Policy, clock: Clock) -> None:
        self._desk = desk
        self._policy = policy
        self._clock = clock
        self._throttle = Throttle(clock, allowed=LOGIN_FAILURES)
        self._style = (_HERE / "static" / "page.css").read_text(encoding="utf-8")
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "pages"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            finalize=_without_secrets,
            trim_blocks=True,
            lstrip_blocks=True,
            enable_async=False,
        )
        environment.filters |= {"span": span, "clock": clock_time, "root": symbol_root}
        self._status = environment.get_template("status.html")
        self._login = environment.get_template("login.html")
        self._stuck = environment.get_template("stuck.html")

    def routes(self) -> list[web.RouteDef]:
        """Paths and what answers them."""
        return [
            web.get("/", self.status),
            web.get(LOGIN_PATH, self.form),
            web.post(LOGIN_PATH, self.login),
            web.get(STYLE_PATH, self.style),
        ]

    async def status(self, _request: web.Request) -> web.Response:
        """The page; where the store can't be read, what is known without it."""
        try:
            status = await self._desk.status()
            events = await self._desk.archive.list_events(limit=_LISTED)
            dead = await self._desk.archive.list_deliveries(state=State.DEAD, limit=_LISTED)
        except StoreBusyError as error:
            readiness = self._desk.ready()
            told = any(str(error) in reason for reason in readiness.reasons)  # as damage is, and mere slowness is not
            problem = "" if told else f"{error}."
            html = self._stuck.render(readiness=readiness, problem=problem)
            return web.Response(text=html, status=HTTPStatus.SERVICE_UNAVAILABLE, content_type="text/html")
        html = self._status.render(
            status=status, readiness=self._desk.ready(), events=events, dead=dead, State=State, micros=MICROS
        )
        return web.Response(text=html, content_type="text/html")

    async def style(self, _request: web.Request) -> web.Response:
        """Its looks."""
        return web.Response(text=self._style, content_type="text/css")

    async def form(self, _request: web.Request) -> web.Response:
        """The login form."""
        return self.ask_token(status=200)

    def ask_token(self, *, status: int, problem: str = "") -> web.Response:
        """The login form, as the answer to who came without a token or with a wrong one."""
        return web.Response(text=self._login.render(problem=problem), status=status, content_type="text/html")

    async def login(self, request: web.Request) -> web.Response:
        """Exchange the token for a session cookie."""
        token = self._policy.token
        if token is None:
            raise web.HTTPSeeOther("/")  # nothing to log in to
        if request.content_type != "application/x-www-form-urlencoded":
            raise web.HTTPUnsupportedMediaType
        if wait := self._throttle.wait(request.remote):
            return too_many(wait)
        try:
            given = (await request.post()).get("token")
        except (ValueError, LookupError):
            given = None
        if not isinstance(given, str) or not self._policy.accepts(given.strip()):
            self._throttle.failed(request.remote)
            return self.ask_token(status=401, problem="That is not the token.")
        # 303 as a value, not as an exception: aiohttp sets cookies on responses.
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(
            SESSION_COOKIE,
            new_session(token, now_us=self._clock.now_us()),
            max_age=SESSION_SECONDS,
            path="/",
            httponly=True,
            samesite="Strict",
            secure=urlsplit(request.headers.get("Origin", "")).scheme == "https",  # what the browser saw, proxy or not
        )
        return response


def span(seconds: float) -> str:
    """A length of time at the precision a glance needs: ``4s``, ``3m 12s``, ``2h 5m``, ``9d 3h``."""
    whole = max(0, int(seconds))
    for size, unit, rest, rest_unit in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit} {whole % size // rest}{rest_unit}"
    return f"{whole}s"


def clock_time(text: object, now_us: int) -> str:
    """A time as a glance needs it, UTC: ``13:45:22``, ``2026-04-09 13:45`` on another day than ``now_us``."""
    moment = Instant.parse(text)
    if moment is None:
        return str(text)
    day, _, time = Instant(moment.us, max(moment.precision_us, MICROS)).isoformat().rstrip("Z").partition("T")
    today = Instant(now_us).isoformat().partition("T")[0]
    return time if day == today else f"{day} {time[:5]}"


def _without_secrets(value: object) -> object:
    """Every expression of a template passes here, before it is escaped."""
    return redact(value) if type(value) is str else value
