"""Found events between the answer and the store, so that they go in by ascending id.

Items of a full page wait, because paging and splitting may still bring lower ids. They wait neither long nor in great
number: order is worth a little lateness, not a late alert.

What was seen is remembered in bounded memory. What is forgotten is handed on a second time where REST shows it again,
and the store knows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from relay.backfill.spans import Spans
from relay.clock import Clock
from relay.events import Event

MOST: Final = 5_000
LONGEST: Final = 5.0
AT_ONCE: Final = 250
"""Events that are stored in one step: what judging and writing them takes holds up live ones, and memory."""
MOST_KEYS: Final = 10_000
"""Alerts without an id that a round remembers having seen."""


class Held:
    """Each event of one channel's round once, until it is taken.

    Attributes:
        found: How many were taken.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: list[Event] = []
        self._ids = Spans()
        self._keys: set[str] = set()  # of those without an id
        self._since: float | None = None
        self._unproven = False
        self.found = 0

    def keep(self, events: Iterable[Event], *, proven: bool) -> None:
        """Take in a page; ``proven`` says that nothing was cut from it."""
        for event in events:
            if self._is_new(event):
                self._events.append(event)
        if not self._events:
            return
        self._unproven = self._unproven or not proven
        if self._since is None:
            self._since = self._clock.monotonic()

    def __len__(self) -> int:
        """How many wait to be taken."""
        return len(self._events)

    def _is_new(self, event: Event) -> bool:
        """Whether this was not seen before, as far as that is remembered; now it was."""
        if event.id is not None:
            new = event.id not in self._ids
            self._ids.add(event.id)
            return new
        key = event.key()
        new = key not in self._keys
        if len(self._keys) < MOST_KEYS:
            self._keys.add(key)
        return new

    @property
    def due(self) -> bool:
        """Whether it should be stored before anything else is asked for."""
        if self._since is None:
            return False
        waited = self._clock.monotonic() - self._since
        return not self._unproven or len(self._events) >= MOST or waited > LONGEST

    def take(self) -> list[Event]:
        """All of it, by ascending id; what has no id comes last, by its time."""
        events = sorted(self._events, key=by_id)
        self.found += len(events)
        self._events = []
        self._since = None
        self._unproven = False
        return events


def in_steps(events: Sequence[Event]) -> list[Sequence[Event]]:
    """``events`` in order, ``AT_ONCE`` in each part; always one part at least."""
    return [events[start : start + AT_ONCE] for start in range(0, max(1, len(events)), AT_ONCE)]


def by_id(event: Event) -> tuple[bool, int]:
    """Sort key: ascending id; what has none last, by its time."""
    if event.id is not None:
        return (False, event.id)
    return (True, event.triggered_at.us if event.triggered_at else 0)
