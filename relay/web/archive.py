"""What is stored, over HTTP: listings with filters, dead letters, replay.

GET  /api/events /api/deliveries /api/dead      ?destination=&rule=&symbol=&code=&event=&since=&until=&before=&limit=
GET  /api/deliveries?state=                     likewise
GET  /api/deliveries/count?state=               how many there are, by state, and what of it could be sent
GET  /api/events/{number or key} /api/deliveries/{id} /api/dead/{id}
POST /api/dead/{id}/retry /api/dead/{id}/drop
POST /api/dead/retry /api/dead/drop /api/replay the filters, in the query, a form or a JSON object; all=true where none

The last three go in steps, so that a request takes no longer however many are meant: `after` with the answer's `next`
takes the next one. Whoever makes them is `relay.cli.archive`; a hand with curl can as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from relay.clock import Clock
from relay.deliveries import State
from relay.outbox.archive import Page, Selection, Step
from relay.outbox.forecast import forecast_drop, forecast_replay, forecast_retry
from relay.outbox.selecting import stored_number
from relay.web import selected
from relay.web.answers import answer, error
from relay.web.asked import BadQueryError, UnknownError, flag, query_of
from relay.web.desk import Desk
from relay.web.looks import LaneState


class ArchiveApi:
    """Handlers over the archive of ``desk``."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Paths and what answers them."""
        return [
            web.get("/api/events", self.events),
            web.get("/api/events/{name:.+}", self.event),
            web.get("/api/deliveries", self.deliveries),
            web.get("/api/deliveries/count", self.count),
            web.get("/api/deliveries/{id:[0-9]+}", self.delivery),
            web.get("/api/dead", self.dead),
            web.get("/api/dead/{id:[0-9]+}", self.letter),
            web.post("/api/dead/{id:[0-9]+}/retry", self.retry),
            web.post("/api/dead/{id:[0-9]+}/drop", self.drop),
            web.post("/api/dead/retry", self.retry_all),
            web.post("/api/dead/drop", self.drop_all),
            web.post("/api/replay", self.replay),
        ]

    async def events(self, request: web.Request) -> web.Response:
        """Stored events, newest first."""
        query = query_of(request)
        page = await self._desk.archive.list_events(
            selection=self._selection(query), before=selected.before(query), limit=selected.limit(query)
        )
        return _page(page)

    async def event(self, request: web.Request) -> web.Response:
        """One stored event, by its number or its key."""
        name = request.match_info["name"]
        found = await self._desk.archive.event(name)
        if found is None:
            raise UnknownError(f"there is no event {name}")
        return answer(found)

    async def deliveries(self, request: web.Request) -> web.Response:
        """Deliveries, newest first."""
        text = query_of(request).get("state")
        return await self._deliveries(request, None if text is None else selected.state(text))

    async def dead(self, request: web.Request) -> web.Response:
        """Dead letters, newest first."""
        return await self._deliveries(request, State.DEAD)

    async def _deliveries(self, request: web.Request, state: State | None) -> web.Response:
        query = query_of(request)
        page = await self._desk.archive.list_deliveries(
            state=state, selection=self._selection(query), before=selected.before(query), limit=selected.limit(query)
        )
        return _page(page)

    async def count(self, request: web.Request) -> web.Response:
        """How many deliveries there are in each state; without ``state``, in all."""
        states = [selected.state(text) for text in request.query.getall("state", list(State))]
        query = query_of(request, many=("state",))
        flags = {name: flag(query, name) for name in ("copies", "dropped")}
        return answer(await self._desk.archive.count(states, self._selection(query), **flags))

    async def delivery(self, request: web.Request) -> web.Response:
        """One delivery, whatever its state."""
        return answer(await self._delivery(request, "delivery"))

    async def letter(self, request: web.Request) -> web.Response:
        """One dead letter."""
        found = await self._delivery(request, "dead letter")
        if found["state"] != State.DEAD:
            raise UnknownError(f"there is no dead letter {found['id']}: that delivery is {found['state']}")
        return answer(found)

    async def _delivery(self, request: web.Request, noun: str) -> dict[str, object]:
        number = _id(request, noun)
        found = await self._desk.archive.delivery(number)
        if found is None:
            raise UnknownError(f"there is no {noun} {number}")
        return found

    async def retry(self, request: web.Request) -> web.Response:
        """Queue a dead letter again."""
        number = _id(request, "dead letter")
        step = await self._desk.queue(self._desk.archive.retry(Selection(id=number)))
        return _one(number, step, State.PENDING)

    async def drop(self, request: web.Request) -> web.Response:
        """Let go of a dead letter."""
        number = _id(request, "dead letter")
        step = await self._desk.drop(self._desk.archive.drop(Selection(id=number)))
        return _one(number, step, State.EXPIRED)

    async def retry_all(self, request: web.Request) -> web.Response:
        """Queue the selected dead letters again: one step, or what it would come to."""
        given = await selected.given_in(request)
        chosen = selected.selection_or_all(given, now_us=self._clock.now_us())
        if flag(given, "dry_run"):
            found = await forecast_retry(self._desk.archive, [chosen])
            return answer({"dry_run": True, **msgspec.structs.asdict(found)})
        return _step(await self._desk.queue(self._desk.archive.retry(chosen, **selected.step(given))))

    async def drop_all(self, request: web.Request) -> web.Response:
        """Let go of the selected dead letters: one step, or what it would come to; 409 where a lane has what waits."""
        given = await selected.given_in(request)
        chosen = selected.selection_or_all(given, now_us=self._clock.now_us())
        waiting = flag(given, "waiting")
        if waiting and chosen.destination is None:
            raise BadQueryError("`waiting` goes with the `destination` that is gone from the config")
        if waiting and await self._has_lane(chosen.destination):
            why = (
                f"{chosen.destination} is in the running config, and sends what waits; reload first, or leave `waiting`"
            )
            return error(409, "not_removed", why)
        if flag(given, "dry_run"):
            come = await forecast_drop(self._desk.archive, [chosen], waiting=waiting)
            return answer({"dry_run": True, **msgspec.structs.asdict(come)})
        step = self._desk.archive.drop(chosen, waiting=waiting, **selected.step(given))
        return _step(await self._desk.drop(step))

    async def replay(self, request: web.Request) -> web.Response:
        """Send the selected events again: one step, or what it would come to."""
        given = await selected.given_in(request)
        chosen = selected.selection_or_all(given, now_us=self._clock.now_us())
        if flag(given, "dry_run"):
            foretold = await forecast_replay(self._desk.archive, chosen, dropped=flag(given, "dropped"))
            return answer({"dry_run": True, **msgspec.structs.asdict(foretold)})
        flags = {name: flag(given, name) for name in ("new_ids", "dropped")}
        step = self._desk.archive.replay(chosen, **flags, **selected.step(given))
        return _step(await self._desk.queue(step))

    def _selection(self, query: Mapping[str, str]) -> Selection:
        return selected.selection(query, now_us=self._clock.now_us())

    async def _has_lane(self, name: str | None) -> bool:
        status = await self._desk.status()
        return any(one.name == name and one.state is not LaneState.REMOVED for one in status.destinations)


def _id(request: web.Request, noun: str) -> int:
    text = request.match_info["id"]
    number = stored_number(text)
    if number is None:
        raise UnknownError(f"there is no {noun} {text}")
    return number


def _page(page: Page) -> web.Response:
    return answer({"items": page.items, "next": page.next})


def _one(number: int, step: Step, state: State) -> web.Response:
    if not step.done:
        raise UnknownError(f"there is no dead letter {number}")
    return answer({"id": number, "state": state})


def _step(step: Step) -> web.Response:
    return answer(msgspec.structs.asdict(step))
