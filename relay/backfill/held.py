"""Found events between the answer and the store, so that they go in by ascending id.

Items of a full page wait, because paging and splitting may still bring lower ids. They wait neither long nor in great
number: order is worth a little lateness, not a late alert.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from relay.clock import Clock
from relay.events import Event

MOST: Final = 5_000
LONGEST: Final = 5.0


class Held:
    """Each event of a round once, until it is taken."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: list[Event] = []
        self._keys: set[str] = set()
        self._since: float | None = None
        self._unproven = False
        self.found = 0

    def keep(self, events: Iterable[Event], *, proven: bool) -> None:
        """Take in a page; ``proven`` says that nothing was cut from it."""
        for event in events:
            key = event.key()
            if key in self._keys:
                continue
            self._keys.add(key)
            self._events.append(event)
        if not self._events:
            return
        self._unproven = self._unproven or not proven
        if self._since is None:
            self._since = self._clock.monotonic()

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


def by_id(event: Event) -> tuple[bool, int]:
    """Sort key: ascending id; what has none last, by its time."""
    if event.id is not None:
        return (False, event.id)
    return (True, event.triggered_at.us if event.triggered_at else 0)
