"""Sees all that arrives, wherever it does, and gives account of it to the tally.

inbox ──Received──verify──> Receipt ──┐
chats ──Posted────shown───> Look ─────┴──> Tally

What can't be read is wrong, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from relay.demo.scene import Arrival
from relay.demo.shown import shown
from relay.demo.tally import Tally
from relay.demo.verify import ReceiptError, read
from relay.simulator.changes import Changes
from relay.simulator.chat.posted import Posted
from relay.simulator.inbox import Received

_TAKEN: Final = 200
_KEPT: Final = 500  # arrivals between two moments shown


class Witness:
    """Sees.

    Args:
        tally: Is told.
        key: What deliveries to the inbox are signed with.

    Attributes:
        tally: How it stands.
    """

    def __init__(self, tally: Tally, key: bytes) -> None:
        self.tally = tally
        self._key = key
        self._arrivals: deque[Arrival] = deque(maxlen=_KEPT)
        self._unreadable: list[str] = []
        self._came = 0
        self._comes = Changes()

    @property
    def wrong(self) -> list[str]:
        """What should not have arrived so, in words."""
        return [*self._unreadable, *self.tally.wrong]

    @property
    def arrivals(self) -> tuple[Arrival, ...]:
        """The last ones, oldest first, since they were last forgotten."""
        return tuple(self._arrivals)

    def forget(self) -> None:
        """The last arrivals have been shown."""
        self._arrivals.clear()

    def received(self, received: Received) -> None:
        """A request came to the inbox."""
        if received.status == _TAKEN:
            try:
                receipt = read(received, self._key)
            except ReceiptError as error:
                self._unreadable.append(str(error))
            else:
                latency = self.tally.arrive(receipt)
                if latency is not None:
                    self._arrivals.append(Arrival(receipt, latency))
        self._notice()

    def posted(self, destination: str, message: Posted) -> None:
        """A chat took a message for ``destination``."""
        looks, strange = shown(message)
        self._unreadable += [f"{destination} shows what is no alert: {text}" for text in strange]
        for look in looks:
            receipt = self.tally.see(destination, look, message.at_us)
            if receipt is not None:
                self._arrivals.append(Arrival(receipt, self.tally.latency_of(receipt)))
        self._notice()

    async def anything(self, within: float) -> None:
        """Return once something more came, or all that is due has.

        Raises:
            TimeoutError: Nothing came ``within`` so many real seconds.
        """
        before = self._came
        await self._comes.until(lambda: self.tally.complete or self._came > before, within)

    async def until(self, holds: Callable[[], bool], within: float) -> None:
        """Return once ``holds()``; looked at with everything that comes.

        Raises:
            TimeoutError: It did not ``within`` so many real seconds.
        """
        await self._comes.until(holds, within)

    def _notice(self) -> None:
        self._came += 1
        self._comes.notify()
