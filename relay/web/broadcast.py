"""What happens in the relay, told to everyone who listens, without ever waiting for one of them.

    Intake ──stored──> keys ──────(Stream looks them up)──┐
    Lane ────attempted────────────────────────────────────┴─> Broadcast ──offer──> Listener (a bounded buffer each)

What holds always: nobody who tells waits for anybody who listens; while nobody listens, telling costs one look; who
does not read loses the oldest, and is told how many; whoever listens has a place for a while, and nobody for ever.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from relay.clock import Clock
from relay.deliveries import Delivery, Outcome, Verdict
from relay.events import Event, Source
from relay.web.answers import plain

LISTENERS: Final = 32
KEPT_SECONDS: Final = 30.0  # so long a place is one's own: more than may listen don't throw each other out in a circle
BUFFER_MESSAGES: Final = 256
BUFFER_BYTES: Final = 256 * 1024
WAITING_KEYS: Final = 1_000  # events whose listing is still to be looked up

KEEP_ALIVE: Final = b": keep-alive\n\n"


class Note(msgspec.Struct, frozen=True):
    """A message and whom it concerns.

    Attributes:
        text: As it goes out, in the form of server-sent events.
        channel: Of the event that it is about.
        destinations: Those that it is about.
        number: The relay's number of the event; 0 where it tells of no new one.
    """

    text: bytes
    channel: str
    destinations: frozenset[str]
    number: int = 0


class Choice(msgspec.Struct, frozen=True):
    """What somebody wants to hear of; empty is everything."""

    channels: frozenset[str] = frozenset()
    destinations: frozenset[str] = frozenset()

    def wants(self, note: Note) -> bool:
        """Whether this is part of it."""
        return (not self.channels or note.channel in self.channels) and (
            not self.destinations or not self.destinations.isdisjoint(note.destinations)
        )


class Listener:
    """Somebody who listens, and what waits for them to read: never more than the bounds say.

    Attributes:
        since: When they came, in monotonic seconds.
        cut: Ends their connection without waiting for them.
    """

    def __init__(self, choice: Choice, since: float = 0.0, cut: Callable[[], None] | None = None) -> None:
        self.choice = choice
        self.since = since
        self.cut = cut or self.close
        self.shown = 0  # events up to this number have been shown
        self._notes: deque[Note] = deque()
        self._bytes = 0
        self._lost = 0
        self._status = b""
        self._keep_alive = False
        self._closed = False
        self._wake = asyncio.Event()

    def offer(self, note: Note) -> None:
        """Keep this until it is read, or until too much has come after it."""
        if not self.choice.wants(note) or (note.number and note.number <= self.shown):
            return
        self._notes.append(note)
        self._bytes += len(note.text)
        while len(self._notes) > BUFFER_MESSAGES or self._bytes > BUFFER_BYTES:
            self._bytes -= len(self._notes.popleft().text)
            self._lost += 1
        self._wake.set()

    def missed(self, count: int) -> None:
        """So many were lost before they came here."""
        self._lost += count
        self._wake.set()

    def status(self, text: bytes) -> None:
        """The status of now; one that was not read is no longer of interest."""
        self._status = text
        self._wake.set()

    def keep_alive(self) -> None:
        """Have something written, so that what stands between sees that the connection lives."""
        self._keep_alive = True
        self._wake.set()

    def close(self) -> None:
        """Nothing more comes."""
        self._closed = True
        self._wake.set()

    async def next(self) -> bytes:
        """What waits, as soon as there is something; empty at the end."""
        while not self._closed:
            await self._wake.wait()
            self._wake.clear()
            if text := self._take():
                return text
        return b""

    def _take(self) -> bytes:
        notes = [note.text for note in self._notes if not note.number or note.number > self.shown]
        parts = [gap(self._lost)] if self._lost else []
        parts += [*notes, self._status]
        if self._keep_alive:
            parts.append(KEEP_ALIVE)
        self._notes.clear()
        self._bytes = self._lost = 0
        self._status, self._keep_alive = b"", False
        return b"" if self._closed else b"".join(parts)


class Broadcast:
    """Everybody who listens.

    Attributes:
        heard: Set when somebody who looks things up has something to do.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._listeners: dict[Listener, None] = {}  # the eldest first
        self._keys: dict[str, None] = {}
        self._missed = 0
        self.heard = asyncio.Event()

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def join(self, choice: Choice, cut: Callable[[], None] | None = None) -> Listener | None:
        """Somebody new; None where too many listen already, and none of them for long.

        Who stands still can't be told from who reads while the kernel's buffers have room, for hours where little
        happens. So it is the eldest who makes room: who is still there comes back, and is shown what was missed.
        """
        now = self._clock.monotonic()
        if len(self._listeners) >= LISTENERS:
            eldest = next(iter(self._listeners))
            if now - eldest.since < KEPT_SECONDS:
                return None
            self.leave(eldest)
            eldest.cut()
        listener = Listener(choice, now, cut)
        self._listeners[listener] = None
        return listener

    def leave(self, listener: Listener) -> None:
        """Somebody is gone."""
        listener.close()
        self._listeners.pop(listener, None)
        if not self._listeners:
            self._keys.clear()
            self._missed = 0
            self.heard.set()

    def close(self) -> None:
        """Nobody hears anything more."""
        for listener in tuple(self._listeners):
            self.leave(listener)

    def stored(self, event: Event, _source: Source) -> None:
        """A new event was stored; an observer of the intake."""
        if not self._listeners:
            return
        if len(self._keys) < WAITING_KEYS:
            self._keys[event.key()] = None
        else:
            self._missed += 1
        self.heard.set()

    def attempted(self, delivery: Delivery, outcome: Outcome, seconds: float) -> None:
        """An attempt ended; an observer of every lane."""
        if not self._listeners:
            return
        value = {
            "id": delivery.id,
            "event": delivery.event_key,
            "channel": delivery.event.channel,
            "destination": delivery.destination,
            "outcome": outcome.verdict,
            "code": outcome.code,
            "error": "" if outcome.verdict is Verdict.DELIVERED else outcome.detail,
            "attempt": delivery.attempt,
            "latency": round(seconds, 3),
            "at_us": self._clock.now_us(),
        }
        destinations = frozenset({delivery.destination})
        self.tell(Note(message("delivery", value), delivery.event.channel.value, destinations))

    def take_keys(self) -> tuple[set[str], int]:
        """Keys of the events that were stored since, and how many more there were."""
        keys, missed = set(self._keys), self._missed
        self._keys, self._missed = {}, 0
        return keys, missed

    def tell(self, note: Note) -> None:
        """Everybody whom it concerns hears this."""
        for listener in self._listeners:
            listener.offer(note)

    def tell_missed(self, count: int) -> None:
        """Everybody hears that so many events are not shown."""
        for listener in self._listeners:
            listener.missed(count)

    def tell_status(self, text: bytes) -> None:
        """Everybody hears how it stands."""
        for listener in self._listeners:
            listener.status(text)

    def keep_alive(self) -> None:
        """Everybody's connection is used."""
        for listener in self._listeners:
            listener.keep_alive()


def event_note(item: dict[str, object]) -> Note:
    """A stored event, as listings show it."""
    number, deliveries = item["id"], item["deliveries"]
    assert isinstance(number, int)
    assert isinstance(deliveries, dict)
    return Note(message("event", item, number), str(item["channel"]), frozenset(deliveries), number)


def gap(lost: int | None, number: int = 0) -> bytes:
    """Some messages are missing here, the last of them event ``number``; None where nobody counted."""
    return message("gap", {"lost": lost}, number)


def message(name: str, value: object, number: int = 0) -> bytes:
    """``value`` as a server-sent event (WHATWG HTML, "Server-sent events"): JSON has no line ends of its own."""
    lines: Iterable[bytes] = (
        b"event: " + name.encode(),
        *([b"id: %d" % number] if number else []),
        b"data: " + msgspec.json.encode(plain(value)),
    )
    return b"\n".join(lines) + b"\n\n"
