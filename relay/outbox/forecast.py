"""What a replay would come to, before it is made.

    Selection ──count──> Forecast: to be sent · left as they wait · left as they were held back · their body is gone

It is told in states of deliveries, which may change before the replay is made, and what a replay already queued is not
looked at: ``to_send`` is the most that it can be.
"""

from __future__ import annotations

import msgspec

from relay.deliveries import State
from relay.outbox.archive import REPLAYED, Archive, Selection


class Forecast(msgspec.Struct, frozen=True):
    """How many deliveries a replay of a selection takes, and why it leaves others.

    Attributes:
        to_send: Queued once more; at most so many.
        expired: Those among them that had expired: whatever is still older than its ``max_age`` expires again.
        waiting: They wait to be sent anyway, or for a look-up.
        suppressed: They were held back, and stay so.
        bodiless: The event's body is gone.
    """

    to_send: int
    expired: int
    waiting: int
    suppressed: int
    bodiless: int


async def forecast(archive: Archive, selection: Selection) -> Forecast:
    """What a replay of ``selection`` would come to now."""
    taken = await archive.count(REPLAYED, selection)
    left = await archive.count([state for state in State if state not in REPLAYED], selection)
    return Forecast(
        to_send=sum(taken.states.values()) - taken.bodiless,
        expired=taken.states.get(State.EXPIRED, 0),
        waiting=left.states.get(State.PENDING, 0) + left.states.get(State.DECIDING, 0),
        suppressed=left.states.get(State.SUPPRESSED, 0),
        bodiless=taken.bodiless,
    )
