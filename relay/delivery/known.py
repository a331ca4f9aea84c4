"""Which deliveries a lane knows already, so that none is taken in twice.

    window ──take──> known ──answered, its note on the way──> known ──settled──> may be taken in again

A read of the store is a picture of the past: what is settled while one is on its way stays known until what it found
has been taken in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from relay.deliveries import Delivery


class Known:
    """The deliveries of one window, by number.

    Attributes:
        overtaken: A read brought something that was settled while the read was on its way.
    """

    def __init__(self) -> None:
        self._numbers: set[int] = set()
        self._parked: set[int] = set()
        self._reading = False
        self._settled_meanwhile: set[int] = set()
        self.overtaken = False

    @property
    def parked(self) -> int:
        """How many parked ones are known."""
        return len(self._parked)

    def take(self, delivery: Delivery) -> bool:
        """Know ``delivery`` from now on; False where it was known before."""
        number = delivery.id
        if number in self._numbers:
            self.overtaken |= number in self._settled_meanwhile
            return False
        self._numbers.add(number)
        if delivery.parked:
            self._parked.add(number)
        return True

    @property
    def numbers(self) -> frozenset[int]:
        """All that are known."""
        return frozenset(self._numbers)

    def hold(self, numbers: Collection[int]) -> None:
        """Know these too: somebody else has had an answer for them, and the store does not know."""
        self._numbers.update(numbers)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Around a read of the store and taking in what it found: what is settled meanwhile stays known."""
        self._reading = True
        try:
            yield
        finally:
            self._reading = False
            self.let_go(self._settled_meanwhile)
            self._settled_meanwhile = set()

    def settled(self, number: int) -> None:
        """The store knows about it: it may be taken in again if it is pending there."""
        if self._reading:
            self._settled_meanwhile.add(number)
        else:
            self.let_go((number,))

    def let_go(self, numbers: Collection[int]) -> None:
        """These are no longer held; the store still has them."""
        self._numbers.difference_update(numbers)
        self._parked.difference_update(numbers)
