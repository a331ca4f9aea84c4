"""What a person sees: the page, rendered on the server, readable without script, and its sections by themselves.

    desk ──status, readiness, config──┐
    archive ──last alerts, dead──────┴─> template ──escaped and redacted──> /        the whole page
                                                                      └───> /parts   its sections, for ``page.js``

Templates, style and script are read once, when the pages are made: no handler touches the disk. Whatever is stored, a
page costs a page of each listing (``latest``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web

from relay.clock import Clock
from relay.deliveries import State
from relay.errors import RelayError, StoreBusyError
from relay.outbox.archive import Page, page_by_page
from relay.web.access import STYLE_PATH, Policy
from relay.web.chart import chart_of
from relay.web.desk import ConfigStatus, Desk
from relay.web.flash import Flashes
from relay.web.glance import glance_of, lanes_in_words, unreadable
from relay.web.latest import Wanted, latest, wanted_in
from relay.web.login import Login
from relay.web.rows import brief, row_of
from relay.web.shown import templates

PARTS_PATH: Final = "/parts"

REFRESH_MS: Final = 1_000
"""Between two refreshes of a page that moves by itself, at least."""

_STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HTML: Final = "text/html"
_LETTERS: Final = 20


class Pages:
    """HTML over ``desk``, for those whom ``policy`` lets in."""

    def __init__(self, desk: Desk, policy: Policy, clock: Clock) -> None:
        self._desk = desk
        environment = templates()
        self.login = Login(environment.get_template("login.html"), policy, clock)
        self.flashes = Flashes()
        self._page = environment.get_template("status.html")
        self._parts = environment.get_template("parts.html")
        self._files = {
            f"/static/{file.name}": (file.read_text(encoding="utf-8"), _TYPES[file.suffix])
            for file in sorted(_STATIC.iterdir())
        }
        assert STYLE_PATH in self._files

    def routes(self) -> list[web.RouteDef]:
        """Paths and what answers them."""
        files = [web.get(path, partial(self._file, path)) for path in self._files]
        return [web.get("/", self.page), web.get(PARTS_PATH, self.parts), *files, *self.login.routes()]

    async def page(self, request: web.Request) -> web.Response:
        """The page; where the store can't be read, what is known without it."""
        values = await self._values(wanted_in(request.query))
        flash = self.flashes.take(request.query.get("flash", ""))
        html = self._page.render(values, flash=flash, refresh_ms=REFRESH_MS)
        return web.Response(text=html, status=_status(values), content_type=_HTML)

    async def parts(self, request: web.Request) -> web.Response:
        """The sections alone, each with its id; of the page with the same query."""
        values = await self._values(wanted_in(request.query))
        return web.Response(text=self._parts.render(values), status=_status(values), content_type=_HTML)

    async def _values(self, wanted: Wanted) -> dict[str, object]:
        """What the templates show."""
        archive = self._desk.archive
        try:
            status = await self._desk.status()
            found = await latest(archive, wanted)
            newest = found.items if wanted == Wanted() else (await archive.list_events(limit=1)).items
            dead = await page_by_page(self._letters, _LETTERS)
        except StoreBusyError as fault:
            return {"glance": unreadable(self._desk.ready(), str(fault)), "status": None}
        readiness = self._desk.ready()  # after what may wait, so that both tell the same of each destination
        return {
            "glance": glance_of(readiness, status.notes, status.destinations),
            "lanes": lanes_in_words(status.destinations),
            "status": status,
            "now_us": status.now_us,
            "chart": chart_of(status.minutes),
            "wanted": wanted,
            "found": found,
            "rows": [row_of(event) for event in found.items],
            "newest": newest[0] if newest else None,
            "dead": dead,
            "config": self._config(),
        }

    async def _letters(self, before: int | None, limit: int) -> Page:
        page = await self._desk.archive.list_deliveries(state=State.DEAD, before=before, limit=limit)
        return Page([brief(item) for item in page.items], page.next)

    def _config(self) -> ConfigStatus | None:
        """The config that runs; None where this relay runs without a file of it."""
        try:
            return self._desk.config()
        except RelayError:
            return None

    async def _file(self, path: str, _request: web.Request) -> web.Response:
        """Looks, script, icons."""
        text, kind = self._files[path]
        return web.Response(text=text, content_type=kind)


def _status(values: Mapping[str, object]) -> HTTPStatus:
    return HTTPStatus.OK if values["status"] is not None else HTTPStatus.SERVICE_UNAVAILABLE
