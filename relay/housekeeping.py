"""What a relay does beside its work: forget what is finished.

    every minute   outbox.prune, in small steps

What is pruned is gone, so a wall clock that leaps forward prunes nothing: for a day it may be set right. After that it
is believed, or a machine that began with an old time would never prune again. What it says at the start is believed at
once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from relay.clock import MICROS, Clock, SteadyTime
from relay.outbox.base import IDENTITIES_SECONDS, Outbox

_PRUNE_SECONDS: Final = 60.0
_LEAP_SECONDS: Final = 86_400.0
_PRUNE_PAUSE: Final = 0.05  # between two steps: a commit that waits goes first


async def tidy(outbox: Outbox, clock: Clock, *, retention: float, marks_since_us: Callable[[int], int]) -> None:
    """Prune for ever, in steps so small that none holds up a commit for long.

    Args:
        outbox: What is pruned.
        clock: Paces it.
        retention: Seconds for which finished deliveries stay visible.
        marks_since_us: Since when marks of cooldowns matter at a time, as things stand; both µs since the epoch.
    """
    time = SteadyTime(clock, patience=_LEAP_SECONDS)
    while True:
        now_us = time.now_us()
        finished = now_us - round(retention * MICROS)
        identities = now_us - round(max(IDENTITIES_SECONDS, retention) * MICROS)
        while await outbox.prune(
            finished_before_us=finished, identities_before_us=identities, marks_before_us=marks_since_us(now_us)
        ):
            await clock.sleep(_PRUNE_PAUSE)
        await clock.sleep(_PRUNE_SECONDS)
