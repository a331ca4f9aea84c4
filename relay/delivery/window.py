"""The part of a queue that a lane holds in memory, and which of it may go next.

    outbox ──forward scan──> per ordering key: head, successors …      bounded, however long the queue is
                              │
                              └── a key that is held up keeps its head only; the rest stays in the store (``skipped``)

What holds always: within a key, nothing goes before its predecessor, except past one that is parked; those that share
a message go at once. A key with a delivery under way offers nothing. Position and skipped keys tell exactly which
stored deliveries were not loaded.

Three orderings, one mechanism: ``symbol`` uses the delivery's ordering key, ``strict`` one key for all, ``none`` a
key of its own for each.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, takewhile
from typing import Final

from relay.deliveries import Delivery, Ordering
from relay.delivery.item import Item
from relay.delivery.known import Known

PARK_AFTER: Final = 8
"""Attempts after which a failing head of an ordered key lets its successors go on."""

CROWD: Final = 8
"""Times its size, to which the window may grow while the destination fails for every head."""


class Window:
    """Held deliveries of one lane.

    Attributes:
        position: Up to which sequence the queue has been looked at.
        skipped: Keys left behind, with the sequence up to which each was loaded.
        known: What is held, and what was answered and is not noted yet.
    """

    def __init__(self, ordering: Ordering, *, size: int, key_size: int) -> None:
        self._ordering = ordering
        self._size = size
        self._key_size = key_size
        self._keys: OrderedDict[str, deque[Item]] = OrderedDict()
        self._busy: dict[str, list[Item]] = {}
        self._loaded = 0
        self.known = Known()
        self.parked_quota = size // 4
        self.position = 0
        self.skipped: dict[str, int] = {}

    def __len__(self) -> int:
        return self._loaded

    @property
    def room(self) -> int:
        """How many more may be loaded."""
        return max(0, self._size - self._loaded)

    @property
    def low(self) -> bool:
        """Whether it is time to load more."""
        return self._loaded <= self._size // 2

    @property
    def parked_room(self) -> int:
        """How many more parked ones may be loaded: they never take up more than their quota."""
        return min(self.room, max(0, self.parked_quota - self.known.parked))

    @property
    def tired(self) -> bool:
        """Whether every head has been tried before, in an ordering in which other heads may follow.

        Never beyond ``CROWD`` times the size: through a long outage every head is tried in the end, and memory has a
        bound.
        """
        if self._ordering == "strict" or self._loaded >= CROWD * self._size:
            return False
        return all(item.delivery.attempts > 0 for item in self.heads())

    def key_of(self, delivery: Delivery) -> str:
        """What ``delivery`` is ordered by in this lane; a parked one stands alone."""
        if delivery.parked:
            return f"parked:{delivery.id}"
        if self._ordering == "symbol":
            return delivery.ordering_key
        return "" if self._ordering == "strict" else str(delivery.id)

    @property
    def skips(self) -> Iterable[str]:
        """Ordering keys that the forward scan leaves out."""
        return self.skipped.keys() if self._ordering == "symbol" else ()

    def load(self, items: Iterable[Item], *, position: int) -> None:
        """Take in what a forward scan found up to ``position``.

        A key that was held up while the scan ran is left out: all of it above its mark is loaded later, in order.
        """
        for item in items:
            key = item.delivery.ordering_key
            if self._ordering != "symbol":
                self.add(item)
            elif key not in self.skipped:
                queue = self._keys.get(key)
                if queue is None or len(queue) < self._key_size:
                    self.add(item)
                else:
                    self.skipped[key] = queue[-1].delivery.sequence
        self.position = max(self.position, position)

    def add(self, item: Item) -> None:
        """Hold one more delivery, at its place among those of its key; one that is held already stays as it is."""
        if not self.known.take(item.delivery):
            return
        queue = self._keys.setdefault(self.key_of(item.delivery), deque())
        place = len(queue)
        while place and queue[place - 1].delivery.sequence > item.delivery.sequence:
            place -= 1  # a successor is under way in its stead, and the queue was read anew
        queue.insert(place, item)
        self._loaded += 1

    def reloadable(self) -> str | None:
        """A skipped key that could be loaded on.

        Nothing of it is under way, and nothing of it waits in memory but perhaps a lone head that has failed so often
        that a successor is to be tried in its place.
        """
        for key in self.skipped:
            queue = self._keys.get(key, ())
            if key not in self._busy and (not queue or _is_alone_and_worn(queue)):
                return key
        return None

    def reload(self, key: str, items: list[Item], *, asked: int) -> None:
        """Take in what was found of a skipped key above where it was left, ``asked`` at most."""
        known = [item for item in items if item.delivery.sequence <= self.position]
        for item in known:
            self.add(item)
        if len(known) == asked:
            self.skipped[key] = known[-1].delivery.sequence
        else:
            del self.skipped[key]  # caught up with the forward scan

    def heads(self) -> Iterator[Item]:
        """The first of every key that has nothing under way."""
        for key, queue in self._keys.items():
            if key not in self._busy:
                yield queue[0]

    def next_open(self, now: float) -> Item | None:
        """What goes next at full speed: keys take turns, a key in its own back-off is passed over."""
        for item in self.heads():
            if item.not_before <= now:
                return item
        return None

    def next_probe(self, now: float) -> Item | None:
        """What goes as the single probe: of the heads not in a back-off of their own, the one tried longest ago.

        Parked ones have had their chances: they are probes only where there is no other. Where every head has failed
        ``PARK_AFTER`` times, each lets a successor be tried once in as many turns, so that a destination that is down
        is told from a message that nobody can take.
        """
        heads = [item for item in self.heads() if item.not_before <= now]
        if all(item.delivery.attempts >= PARK_AFTER for item in heads):
            heads = [self._stand_in(item) for item in heads]
        return min(heads, key=lambda item: (item.delivery.parked, item.tried_longest_ago()), default=None)

    def _stand_in(self, head: Item) -> Item:
        turns = head.delivery.attempts // PARK_AFTER
        queue = self._keys[self.key_of(head.delivery)]
        if turns <= head.stepped_aside or len(queue) == 1:
            return head
        return min((item for item in queue if item is not head), key=Item.tried_longest_ago)

    def waiting(self, item: Item, now: float, *, most: int) -> list[Item]:
        """``item`` and those right behind it that may share its message, ``most`` in all.

        Whoever goes alone shares with nobody, and nobody is passed over: one that must not go yet ends it.
        """
        queue = self._keys[self.key_of(item.delivery)]
        if item.alone or queue[0] is not item:
            return [item]
        together = takewhile(lambda other: other.not_before <= now and not other.alone, queue)
        return list(islice(together, most))

    def begin(self, batch: Sequence[Item], now: float) -> None:
        """An attempt of ``batch``, all of one key, begins."""
        first = batch[0]
        key = self.key_of(first.delivery)
        head = self._keys[key][0]
        if head is not first:
            head.stepped_aside = head.delivery.attempts // PARK_AFTER
        self._busy[key] = list(batch)
        self._keys.move_to_end(key)
        if len(batch) == 1:
            first.last_attempt = now
            return
        for item in batch:
            item.shared += 1

    def failed(self, item: Item) -> None:
        """It stays at its place."""
        self._ended(item)

    def remove(self, item: Item) -> None:
        """It leaves its queue (answered, or parked), but stays known as held until ``settled``."""
        key = self.key_of(item.delivery)
        queue = self._keys[key]
        queue.remove(item)
        if not queue:
            del self._keys[key]
        self._ended(item)
        self._loaded -= 1

    def settled(self, item: Item) -> None:
        """The store knows about it: it may be loaded again if it is pending there."""
        self.known.settled(item.delivery.id)

    @property
    def unnoted(self) -> frozenset[int]:
        """Numbers of those that were answered, and of which the store does not know it."""
        return self.known.numbers.difference(item.delivery.id for queue in self._keys.values() for item in queue)

    def put_back(self, item: Item, not_before: float) -> None:
        """What came of ``item`` could not be noted: if it still has its place, it is tried again at ``not_before``.

        An answered one has left its place: it stays known as held, so that it is not sent twice while we live.
        """
        if item in self._keys.get(self.key_of(item.delivery), ()):
            item.not_before = not_before
        self._ended(item)

    def _ended(self, item: Item) -> None:
        """Its attempt is over; its key is free when that is true of all who shared it."""
        key = self.key_of(item.delivery)
        under_way = self._busy.get(key, [])
        if item in under_way:
            under_way.remove(item)
            if not under_way:
                del self._busy[key]

    def hold_up(self, item: Item) -> None:
        """``item``'s key waits for it: keep only it, leave its successors in the store."""
        if self._ordering != "symbol":
            return
        key = self.key_of(item.delivery)
        queue = self._keys[key]
        if queue[0] is not item or len(queue) == 1:
            self.skipped.setdefault(key, max(self.position, item.delivery.sequence))
            return
        while queue[-1] is not item:
            dropped = queue.pop()
            self.known.let_go((dropped.delivery.id,))
            self._loaded -= 1
        self.skipped[key] = item.delivery.sequence

    def suspect_predecessors(self, item: Item) -> None:
        """``item`` was answered: those of its key before it failed while the destination works, as it seems."""
        for other in self._keys[self.key_of(item.delivery)]:
            if other is item:
                break
            other.suspect = True

    def forget(self) -> None:
        """Drop all that is not under way; the next scan begins anew."""
        for key, queue in list(self._keys.items()):
            under_way = self._busy.get(key, [])
            dropped = {item.delivery.id for item in queue if item not in under_way}
            self.known.let_go(dropped)
            self._loaded -= len(dropped)
            for item in under_way:
                item.stale = True
            if under_way:
                self._keys[key] = deque(item for item in queue if item in under_way)
            else:
                del self._keys[key]
        self.position = 0
        self.skipped.clear()

    def crowded(self, now: float) -> bool:
        """Whether heads in their own back-off take up half of the room."""
        return sum(item.not_before > now for item in self.heads()) * 2 >= self._size

    def next_due(self) -> float | None:
        """The earliest monotonic time at which a head's own back-off ends."""
        return min((item.not_before for item in self.heads()), default=None)


def _is_alone_and_worn(queue: Sequence[Item]) -> bool:
    return len(queue) == 1 and queue[0].delivery.attempts >= PARK_AFTER
