"""One message on the wire: what goes into it, and what came of it.

    what waits ──pack──> Batch (as much of it as fits, rendered as messages) ──send──> Outcome

Whoever no rule wants any more is left out, and left where it is: its turn to expire comes when it heads the queue.
A destination that breaks down, instead of saying what came of it, ends no lane.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from relay.deliveries import Message, Outcome, Verdict
from relay.delivery.item import Item
from relay.destinations.base import Destination

_log = structlog.get_logger()


class Batch(msgspec.Struct, frozen=True):
    """What one attempt carries, in the order of the queue.

    Attributes:
        items: As the window holds them.
        messages: As the destination renders them, one an item.
    """

    items: Sequence[Item]
    messages: Sequence[Message]


class Sender:
    """Packs and sends for one lane.

    Args:
        simulated: The upstream is a simulator; receivers are told.
        max_age: Seconds after its trigger from which on nothing is sent here; None is never.
    """

    def __init__(self, destination: Destination, *, simulated: bool, max_age: float | None) -> None:
        self._destination = destination
        self._simulated = simulated
        self._max_age = max_age

    def pack(self, waiting: Sequence[Item], now_us: int) -> Batch | None:
        """As many of ``waiting`` as go into one message; None where no rule wants the first of them any more."""
        wanted = [(item, rules) for item in waiting if (rules := item.delivery.wanted_by(now_us, self._max_age))]
        if not wanted or wanted[0][0] is not waiting[0]:
            return None
        messages = [
            item.delivery.message(rules, now_us=now_us, simulated=self._simulated, max_age=self._max_age)
            for item, rules in wanted
        ]
        count = self._fits(messages)
        return Batch([item for item, _ in wanted[:count]], messages[:count])

    async def send(self, batch: Batch) -> Outcome:
        """Make the attempt."""
        try:
            return await self._destination.send(batch.messages)
        except Exception as error:  # noqa: BLE001  because a fault of ours in one destination must not end the others
            _log.exception("destination broke down", destination=self._destination.name, **_first(batch.messages))
            return Outcome(Verdict.RETRY, "internal", f"the relay failed to send it: {type(error).__name__}")

    def _fits(self, waiting: Sequence[Message]) -> int:
        if len(waiting) == 1:
            return 1
        try:
            return self._destination.fits(waiting)
        except Exception:  # noqa: BLE001  because of the same
            _log.exception("destination can't tell what fits", destination=self._destination.name, **_first(waiting))
            return 1


def _first(messages: Sequence[Message]) -> dict[str, int]:
    return {"delivery": messages[0].delivery.id, "alerts": len(messages)}
