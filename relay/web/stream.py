"""``GET /api/stream``: what happens, as it happens, as server-sent events.

    Broadcast ──keys──> look up, a page for many ──Note──┐
    Desk ──how it stands, every few seconds──────────────┼──> Listener ──next──> response
    clock ──a comment, so that nothing between gives up──┘

What holds always: one task serves all who listen, and there is none while nobody does; a socket that takes nothing
keeps nobody waiting (``connections`` closes it) and, for long, nobody out (``broadcast``); a client that comes back is
shown what it missed, or that it did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

import structlog
from aiohttp import web

from relay.clock import Clock, wait_until
from relay.errors import RelayError
from relay.events import Channel
from relay.outbox.archive import PAGE
from relay.outbox.selecting import stored_number
from relay.web.answers import error
from relay.web.asked import BadQueryError
from relay.web.broadcast import (
    BUFFER_BYTES,
    BUFFER_MESSAGES,
    Broadcast,
    Choice,
    Listener,
    Note,
    event_note,
    gap,
    message,
)
from relay.web.connections import Connection
from relay.web.desk import Desk

STREAM_PATH: Final = "/api/stream"

STATUS_SECONDS: Final = 5.0
KEEP_ALIVE_SECONDS: Final = 15.0
RETRY_MS: Final = 3_000
_FULL_RETRY_SECONDS: Final = 10
_LOOK_UP_SECONDS: Final = 0.05  # between two look-ups: what comes meanwhile is looked up together
_PAGES: Final = 12  # of a look-up: all the keys that may wait, and some that nobody asked for
_CHOICES: Final = 100
_CHOOSING: Final = ("channel", "destination")

_log = structlog.get_logger()


class Stream:
    """Serves what ``broadcast`` tells to who asks for it."""

    def __init__(self, desk: Desk, broadcast: Broadcast, clock: Clock) -> None:
        self._desk = desk
        self._broadcast = broadcast
        self._clock = clock
        self._pump: asyncio.Task[None] | None = None

    def routes(self) -> list[web.RouteDef]:
        """Paths and what answers them."""
        return [web.get(STREAM_PATH, self.stream, allow_head=False)]

    async def close(self, _app: web.Application) -> None:
        """End every stream, at once."""
        self._broadcast.close()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Events, attempts and the status until the client goes."""
        choice, last = _choice(request), _last_event(request)
        self._require_known(choice.destinations)
        connection = request.protocol if isinstance(request.protocol, Connection) else None
        listener = self._broadcast.join(choice, None if connection is None else connection.cut)
        if listener is None:
            headers = {"Retry-After": str(_FULL_RETRY_SECONDS)}
            return error(503, "too_many_streams", "as many streams are open as may be; try again", headers=headers)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        )
        try:
            if connection is not None:
                connection.when_lost(listener.close)
            self._start_pump()
            missed = b"" if last is None else await self._since(last, listener)
            await response.prepare(request)
            text = b"retry: %d\n\n" % RETRY_MS + missed + self._status()
            while text:
                await response.write(text)
                await request.writer.drain()
                text = await listener.next()
        except ConnectionError:
            pass  # the client is gone
        finally:
            self._broadcast.leave(listener)
        return response

    def _require_known(self, destinations: frozenset[str]) -> None:
        """Refuse a name that no destination has: nothing would ever come, and a typo would look like a quiet market.

        The store is not asked, so that a stream opens while it is stuck.
        """
        known = self._desk.destinations()
        if not destinations.issubset(known):
            raise BadQueryError(f"`destination` is one of {', '.join(known)}")

    async def _since(self, last: int, listener: Listener) -> bytes:
        """What was stored after event ``last``, as far as a buffer holds it.

        A number above the newest is another store's, before a backup was put back or this store begun: what its events
        are here, nobody knows.
        """
        found: list[Note] = []
        lost = 0
        before: int | None = None
        complete = False
        while not complete and len(found) < BUFFER_MESSAGES and sum(len(note.text) for note in found) < BUFFER_BYTES:
            page = await self._desk.archive.list_events(before=before, limit=PAGE)
            newest = int(page.items[0]["id"]) if page.items else 0
            if before is None and newest < last:
                listener.shown = newest
                return gap(None, newest)
            notes, untold = _notes(item for item in page.items if item["id"] > last)
            found += notes
            lost += untold
            before = page.next
            complete = before is None or before <= last + 1
        listener.shown = max([last, *(note.number for note in found)])
        wanted = [note.text for note in reversed(found) if listener.choice.wants(note)]
        missing = gap(lost if complete else None) if lost or not complete else b""
        return missing + b"".join(wanted)

    def _start_pump(self) -> None:
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._run(), name="stream")
            self._pump.add_done_callback(self._ended)

    async def _run(self) -> None:
        """Look up, tick and keep alive, until nobody listens."""
        every = [
            _Every(self._clock, STATUS_SECONDS, lambda: self._broadcast.tell_status(self._status())),
            _Every(self._clock, KEEP_ALIVE_SECONDS, self._broadcast.keep_alive),
        ]
        while self._broadcast.listeners:
            now = self._clock.monotonic()
            await wait_until(self._broadcast.heard, self._clock, min(one.due for one in every) - now)
            if self._broadcast.heard.is_set():
                self._broadcast.heard.clear()
                await self._look_up()
            for one in every:
                one.tick()

    async def _look_up(self) -> None:
        """Tell of the events whose keys wait, in the order of their numbers."""
        keys, missed = self._broadcast.take_keys()
        if not keys:
            return
        found: list[Note] = []
        before: int | None = None
        try:
            for _ in range(_PAGES):
                page = await self._desk.archive.list_events(before=before, limit=min(len(keys) + 1, PAGE))
                notes, lost = _notes(item for item in page.items if item["event"] in keys)
                found += notes
                missed += lost
                keys -= {str(item["event"]) for item in page.items}
                before = page.next
                if not keys or before is None:
                    break
        except RelayError as fault:
            _log.warning("events are not streamed: the store can't be read", error=str(fault))
        for note in reversed(found):
            self._broadcast.tell(note)
        if missed + len(keys):
            self._broadcast.tell_missed(missed + len(keys))
        await self._clock.sleep(_LOOK_UP_SECONDS)

    def _ended(self, pump: asyncio.Task[None]) -> None:
        if not pump.cancelled() and (fault := pump.exception()) is not None:
            _log.error("streams broke down", exc_info=fault)
            self._broadcast.close()  # clients come back, and with them another pump

    def _status(self) -> bytes:
        return message("status", self._desk.ready())


def _notes(items: Iterable[dict[str, Any]]) -> tuple[list[Note], int]:
    """What is told of these, and of how many nothing can be: one alert must not end the streams of all."""
    found: list[Note] = []
    lost = 0
    for item in items:
        try:
            found.append(event_note(item))
        except Exception as fault:  # noqa: BLE001  because an alert may hold what nobody has thought of
            _log.error("an event can't be streamed", event_key=item.get("event"), exc_info=fault)
            lost += 1
    return found, lost


class _Every:
    """Something to do again and again."""

    def __init__(self, clock: Clock, seconds: float, work: Callable[[], None]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._work = work
        self.due = clock.monotonic() + seconds

    def tick(self) -> None:
        now = self._clock.monotonic()
        if now >= self.due:
            self.due = now + self._seconds
            self._work()


def _choice(request: web.Request) -> Choice:
    for key in request.query:
        if key not in _CHOOSING:
            raise BadQueryError(f"`{key}` chooses nothing here; there are {' and '.join(_CHOOSING)}")
    channels = frozenset(request.query.getall("channel", []))
    if channels - set(Channel):
        raise BadQueryError(f"`channel` is one of {', '.join(Channel)}")
    destinations = frozenset(request.query.getall("destination", []))
    if len(destinations) > _CHOICES:
        raise BadQueryError(f"`destination`: {_CHOICES} of them at most")
    return Choice(channels, destinations)


def _last_event(request: web.Request) -> int | None:
    """The number of the last event that a client saw before it came back; None where it says nothing of use."""
    return stored_number(request.headers.get("Last-Event-ID", ""))
