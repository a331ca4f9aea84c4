"""What a relay does beside its work: forget what is finished, and tell the service manager that it lives.

    every minute   outbox.prune, in small steps
    every half watchdog interval   sd_notify: the event loop turns

None of it stops the relay: while the store can't be read it is left out, and tried again at its time.

What is pruned is gone, so a wall clock that leaps forward prunes nothing: for a day it may be set right. After that it
is believed, or a machine that began with an old time would never prune again. What it says at the start is believed at
once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from relay.clock import MICROS, Clock, SteadyTime
from relay.outbox.base import IDENTITIES_SECONDS, Outbox
from relay.systemd import Notifier

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


async def feed_watchdog(notifier: Notifier, clock: Clock, *, seconds: float | None, status: Callable[[], str]) -> None:
    """Tell the service manager that the event loop turns, and how the relay stands.

    Args:
        notifier: Where to.
        clock: Paces it.
        seconds: Between two signs of life; None where nobody watches.
        status: One line for ``systemctl status``.
    """
    if seconds is None:
        await asyncio.Event().wait()
        return
    while True:
        notifier.watchdog()
        notifier.status(status())
        await clock.sleep(seconds)
