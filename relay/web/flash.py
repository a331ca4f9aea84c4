"""Back to the page after a button: without script a browser follows, with it ``page.js`` does, and both are told.

    POST by a page ──> handler ──JSON──> a sentence, kept here ──303──> /?flash=3f9a#dead ──> the page shows it, once

What holds always: a program is answered as ever; whoever was not let in leaves no flash; the page shows no sentence
but those that the relay itself put here. Few are kept: who does not come for theirs loses it.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web
from yarl import URL

from relay.web.answers import wants_page
from relay.web.asked import route_of
from relay.web.latest import QUERY
from relay.web.said import Said, said

MOST_FLASHES: Final = 64
_API: Final = "/api/"


class Flashes:
    """Sentences on their way to the page."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Said] = OrderedDict()

    def keep(self, flash: Said) -> str:
        """Keep it; by what name it is asked for."""
        name = secrets.token_hex(8)
        self._kept[name] = flash
        while len(self._kept) > MOST_FLASHES:
            self._kept.popitem(last=False)
        return name

    def take(self, name: str) -> Said | None:
        """That of this name, once."""
        return self._kept.pop(name, None)

    def lead_back(self, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        """What ``request``, which was let in, is answered: ``answer``, or the way back where a page posted it."""
        if request.method != "POST" or not request.path.startswith(_API) or not wants_page(request):
            return answer
        if request.match_info.http_exception is not None or not isinstance(answer, web.Response):
            return answer  # there is no such path: any site may ask for that
        return self._way_back(request, answer)

    def _way_back(self, request: web.Request, answer: web.Response) -> web.Response:
        body = answer.body if isinstance(answer.body, bytes) else b"{}"
        flash = said(route_of(request), msgspec.json.decode(body, type=dict[str, object]), status=answer.status)
        # The filters of the page that the button is on; nothing else of an address is taken over.
        query = {key: value for key, value in _page_before(request).query.items() if key in QUERY}
        to = URL.build(path="/", query={**query, "flash": self.keep(flash)}, fragment=flash.section)
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": str(to)})


def _page_before(request: web.Request) -> URL:
    try:
        return URL(request.headers.get("Referer", "/"))
    except ValueError:
        return URL("/")
