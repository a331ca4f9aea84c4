"""Where a round starts, how far back it looks, and when a page is full: three numbers that decide about loss.

**Start.** An id may become visible up to two minutes after a greater one. So a position may be built upon only when a
*later complete round* has looked below it, once those two minutes were over:

    round j complete, position P ──2 min──> round k begins … complete     round k+1 may start from P

The cursor as it stood two minutes before *now* is not enough: with a round every five minutes it is the newest
position, and the id that appeared a second after that round would be skipped for ever. Nor is the end of round k:
a round that had to retry for an hour asked its first questions an hour before. ``footing`` says by which clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from relay.clock import MICROS
from relay.events import Event
from relay.outbox.base import OVERLAP_SECONDS
from relay.outbox.channels import ChannelState

OVERLAP_US: Final = round(OVERLAP_SECONDS * MICROS)
DAY_MINUTES: Final = 24 * 60
WIDE_MINUTES: Final = 30 * DAY_MINUTES
_MINUTE_US: Final = 60 * MICROS


def start_after(state: ChannelState, now_us: int) -> int | None:
    """The id to ask after; None asks for everything in the window (the baseline recognises what is old)."""
    if not state.rounds:
        return None
    # a wall clock set back makes the newest round lie in the future: then nothing is trusted too early either
    looked_at_us = min(state.rounds[-1].began_at_us, now_us)
    return state.cursor_at(looked_at_us - OVERLAP_US) or None


def window_minutes(now_us: int, since_us: int) -> int:
    """Minutes to look back: at least a day, and at least twice the time since ``since_us``, rounded up."""
    elapsed_us = max(0, now_us - since_us)
    return max(DAY_MINUTES, -(-2 * elapsed_us // _MINUTE_US))


def proof_floor(events: Iterable[Event], matters_from_us: int) -> int:
    """The greatest id that was triggered two minutes before ``matters_from_us``; 0 where there is none.

    The cursor as it would stand had a round ended then: what appears late has a greater id, or fired before.
    """
    early = (
        event.id
        for event in events
        if event.id is not None
        and event.triggered_at is not None
        and event.triggered_at.us + event.triggered_at.precision_us <= matters_from_us - OVERLAP_US
    )
    return max(early, default=0)


def is_full(size: int, *, limit: int, largest: int) -> bool:
    """Whether a page of ``size`` items may have been cut.

    Args:
        size: Items in the answer.
        limit: Items asked for.
        largest: The largest answer ever seen from the endpoint, this one included: the clamp is at least that.
    """
    return size > 0 and size >= min(limit, largest)
