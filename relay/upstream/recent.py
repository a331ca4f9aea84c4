"""What was learnt lately: bounded in age, in number and in bytes.

put(key, value) ──> kept until it is too old, or until newer or more used ones need the room
get(key) ──> value | None
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, NamedTuple, TypeVar

from relay.clock import Clock

T = TypeVar("T")


class _Kept(NamedTuple, Generic[T]):
    value: T
    until: float
    size: int


class Recent(Generic[T]):
    """Values by text, the least recently used one given up first.

    Args:
        clock: Tells their age, by its monotonic time.
        ttl: Seconds that a value is good for.
        most: How many are kept.
        room: Bytes that all of them may have together, as told by ``put``.
    """

    def __init__(self, clock: Clock, *, ttl: float, most: int, room: int) -> None:
        self._clock = clock
        self._ttl = ttl
        self._most = most
        self._room = room
        self._kept: OrderedDict[str, _Kept[T]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        """How many are kept, those included that are too old and not found out yet."""
        return len(self._kept)

    def get(self, key: str) -> T | None:
        """The value, unless it is too old or gone."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._clock.monotonic() >= kept.until:
            self.drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.value

    def put(self, key: str, value: T, size: int = 0) -> None:
        """Keep ``value`` from now on; one of more than all the room is not kept."""
        self.drop(key)
        self._kept[key] = _Kept(value, self._clock.monotonic() + self._ttl, size)
        self._size += size
        while len(self._kept) > self._most or self._size > self._room:
            self.drop(next(iter(self._kept)))

    def drop(self, key: str) -> None:
        """Forget what is kept for ``key``, if anything is."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._size -= kept.size
