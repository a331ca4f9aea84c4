"""The market's time laid onto wall time.

    Market.moments ──pace──> show(moment)      a session's share becomes a share of 1/speed seconds

The pace is held against the start, so a delay is caught up with. Without a speed it goes as fast as clients read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from relay.clock import Clock
from relay.simulator.market import Market, Moment, Tick
from relay.simulator.settings import ReplaySettings

_FINEST: Final = 0.002  # seconds; sooner than this is now
_BREATH: Final = 64  # moments after which the event loop gets a turn


async def replay(
    market: Market,
    settings: ReplaySettings,
    clock: Clock,
    *,
    show: Callable[[Moment], None],
    room: Callable[[], Awaitable[None]],
) -> None:
    """Show every moment of the market at its time.

    Args:
        market: Fresh: its moments can be lived through once.
        settings: Speed and rate; the days are the market's own.
        clock: To sleep by.
        show: Takes each moment.
        room: Returns when clients have caught up; asked only where there is no speed.
    """
    began = clock.monotonic()
    next_alert = began
    for count, moment in enumerate(market.moments(), 1):
        if settings.speed is not None:
            due = began + (market.day_index + moment.at) / settings.speed
            if (ahead := due - clock.monotonic()) > _FINEST:
                await clock.sleep(ahead)
        elif count % _BREATH == 0:
            await room()
        if settings.rate is not None and not isinstance(moment, Tick):
            if (ahead := next_alert - clock.monotonic()) > _FINEST:
                await clock.sleep(ahead)
            next_alert = max(next_alert, clock.monotonic() - 1) + 1 / settings.rate
        show(moment)
        if count % _BREATH == 0:
            await clock.sleep(0)
