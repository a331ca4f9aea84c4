"""What a lane holds of its queue: read from the outbox while there is room, and anew when the store knows better.

    outbox ──┬─ claim_key     keys that were left behind ──┐
             ├─ claim_parked  those whose time has come ───┼──> Window
             └─ claim         onward through the queue ────┘

What holds always:

* A read that fails forgets nothing: the next call reads it again.
* A read is a picture of the past. What was answered and noted while it was on its way is not taken in a second
  time; where that can't be told from something new, the queue is read anew.
* While the destination fails, there is something in the window that has not been tried yet, if the queue has it:
  messages that nobody can take, however many, don't hide what came after them.
"""

from __future__ import annotations

import math
from typing import Final

from relay.clock import MICROS, Clock
from relay.deliveries import Delivery
from relay.delivery.item import Item
from relay.delivery.settings import LaneSettings
from relay.delivery.window import Window
from relay.errors import StoreBusyError
from relay.outbox.base import Outbox

LEAST: Final = 64
A_SLOT: Final = 16
"""Deliveries that a lane may hold: so many at least, and for each attempt that may be under way."""

_A_KEY_AT_ONCE: Final = 16
_UNTRIED_AT_ONCE: Final = 8


class Supply:
    """Keeps one lane's window filled.

    Args:
        capacity: How many one message may hold; as many more are there when it goes out.
    """

    def __init__(self, name: str, outbox: Outbox, settings: LaneSettings, clock: Clock, *, capacity: int = 1) -> None:
        self._name = name
        self._outbox = outbox
        self._retry_max = settings.retry_max
        self._clock = clock
        at_once = settings.at_once
        self.window = Window(
            settings.ordering, size=max(LEAST, A_SLOT * at_once, 2 * capacity), key_size=max(16, 2 * at_once)
        )
        self._more = True
        self._anew = False
        self._forgiven_us = 0
        self._parked_due: float | None = -math.inf  # what an earlier run parked is not known yet

    def notify(self) -> None:
        """There may be something new at the end of the queue."""
        self._more = True

    def start_over(self, *, forgive: bool = False) -> None:
        """The store knows better what waits: drop what is held and read again.

        Args:
            forgive: What failed until now need not wait any longer.
        """
        self._anew = True
        if forgive:
            self._forgiven_us = self._clock.now_us()

    def expect_parked(self, seconds: float) -> None:
        """A parked delivery is due in so many seconds; never later than the longest back-off from now."""
        due = self._clock.monotonic() + min(max(seconds, 0.0), self._retry_max)
        self._parked_due = due if self._parked_due is None else min(self._parked_due, due)

    @property
    def parked_due(self) -> float | None:
        """The monotonic time from which parked ones can be loaded; None where none waits or none has room."""
        return self._parked_due if self.window.parked_room else None

    async def load(self, *, failing: bool) -> None:
        """Fill the window.

        Args:
            failing: The destination fails, and a probe that has not been tried is worth more than room.

        Raises:
            StoreBusyError: The store can't be read now; call again.
        """
        while True:
            if self._anew:
                self._anew = False
                self.window.forget()
                self._more = True
                self.expect_parked(0.0)
            await self._read(failing=failing)
            if not self._anew:
                return

    async def _read(self, *, failing: bool) -> None:
        await self._read_left_behind()
        await self._read_parked()
        while self._more and (self.window.low or (failing and self.window.tired)):
            await self._read_onward()

    async def _read_left_behind(self) -> None:
        while self.window.room and (key := self.window.reloadable()) is not None:
            asked = min(self.window.room, _A_KEY_AT_ONCE)
            after = self.window.skipped[key]
            with self.window.known.reading():
                found = await self._outbox.claim_key(self._name, key, after=after, limit=asked)
                self.window.reload(key, [self._item(delivery) for delivery in found], asked=asked)
            self._mind_the_overtaken()

    async def _read_onward(self) -> None:
        asked = max(self.window.room, _UNTRIED_AT_ONCE)
        self._more = False  # a notify that comes while we read sets it again
        try:
            with self.window.known.reading():
                found, position = await self._outbox.claim(
                    self._name, after=self.window.position, limit=asked, skip=tuple(self.window.skips)
                )
                self.window.load((self._item(delivery) for delivery in found), position=position)
        except StoreBusyError:
            self._more = True
            raise
        self._more = self._more or len(found) == asked
        self._mind_the_overtaken()

    async def _read_parked(self) -> None:
        if self.parked_due is None or self.parked_due > self._clock.monotonic():
            return
        now_us, asked = self._clock.now_us(), self.window.parked_quota
        self._parked_due = None  # what is parked while we read sets it again
        try:
            with self.window.known.reading():
                # No back-off reaches beyond ``latest``: such a time was noted before the clock was set back.
                latest_us = now_us + round(self._retry_max * MICROS)
                found = await self._outbox.claim_parked(self._name, due_us=now_us, latest_us=latest_us, limit=asked)
                for delivery in found:
                    self.window.add(Item(delivery))
            self._mind_the_overtaken()
            next_us = now_us if len(found) == asked else await self._outbox.next_parked_us(self._name, after_us=now_us)
        except StoreBusyError:
            self.expect_parked(0.0)
            raise
        if next_us is not None:
            self.expect_parked((next_us - now_us) / MICROS)

    def _mind_the_overtaken(self) -> None:
        if self.window.known.overtaken:
            self.window.known.overtaken = False
            self._anew = True

    def _item(self, delivery: Delivery) -> Item:
        """A claimed delivery with its own back-off, as far as it is left.

        A stored time means little when the clock has jumped: nothing waits longer than the longest back-off. What the
        destination itself asked for is held against the whole lane, not here.
        """
        seconds = min((delivery.retry_at_us - self._clock.now_us()) / MICROS, self._retry_max)
        if seconds <= 0 or delivery.updated_at_us <= self._forgiven_us:
            return Item(delivery)
        return Item(delivery, not_before=self._clock.monotonic() + seconds)
