"""What a person may ask of the connection and of REST, in answers that keep nobody waiting.

POST /api/connect               take the connection back, where another one took over
POST /api/backfill              since=2h, in the query, a form or a JSON object: 202, and the number of the errand
GET  /api/backfill/{number}     how it stands, and what came of it
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from relay.backfill.errands import Errand, looking_back
from relay.backfill.round import Report, Result
from relay.clock import isoformat
from relay.web.answers import answer
from relay.web.asked import BadQueryError, UnknownError, value_of
from relay.web.desk import Desk

_MOST_DIGITS: Final = 18


class UpstreamApi:
    """Handlers over ``desk``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Paths and what answers them."""
        return [
            web.post("/api/connect", self.connect),
            web.post("/api/backfill", self.backfill),
            web.get(f"/api/backfill/{{number:[0-9]{{1,{_MOST_DIGITS}}}}}", self.errand),
        ]

    async def connect(self, _request: web.Request) -> web.Response:
        """Connect again; ``taken_back`` is false where this relay did not stand by."""
        taken_back = self._desk.connect()
        return answer({"taken_back": taken_back})

    async def backfill(self, request: web.Request) -> web.Response:
        """Begin a round of every subscribed channel."""
        text = await value_of(request, "since")
        try:
            seconds = looking_back(text) if text else None
        except ValueError as fault:
            raise BadQueryError(f"`since`: {fault}") from None
        errand = self._desk.backfill(seconds)
        return answer(errand_fields(errand), status=202)

    async def errand(self, request: web.Request) -> web.Response:
        """How an errand stands."""
        number = int(request.match_info["number"])
        found = self._desk.errand(number)
        if found is None:
            raise UnknownError(f"there is no backfill {number} in this run")
        return answer(errand_fields(found))


def errand_fields(errand: Errand) -> dict[str, object]:
    """An errand as it is told; ``ok`` is None while it runs."""
    reports = errand.reports or ()
    return {
        "number": errand.number,
        "running": errand.running,
        "ok": None if errand.running else not errand.failed and all(one.result is Result.OK for one in reports),
        "error": errand.failed,
        "since": None if errand.since_us is None else isoformat(errand.since_us),
        "begun_at": isoformat(errand.begun_at_us),
        "channels": [_report(report) for report in reports],
    }


def _report(report: Report) -> dict[str, object]:
    return {
        "channel": report.channel.value,
        "result": report.result.value,
        "found": report.found,
        "recovered": report.recovered,
        "requests": report.requests,
        "holes": len(report.holes),
        "error": report.error,
    }
