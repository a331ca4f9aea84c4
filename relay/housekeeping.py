"""What a relay does beside its work: forget what is finished, keep its gauges fresh, tell the service manager it lives.

    every minute   outbox.prune, in small steps      every 5 s   store's stats ──> gauges
    every half watchdog interval   sd_notify: the event loop turns

None of it stops the relay: while the store can't be read it is left out, and tried again at its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Final

import structlog

from relay.clock import MICROS, Clock
from relay.deliveries import State
from relay.errors import StoreBusyError
from relay.metrics import Metrics
from relay.outbox.base import Outbox
from relay.systemd import Notifier

_log = structlog.get_logger()

_PRUNE_SECONDS: Final = 60.0
_PRUNE_PAUSE: Final = 0.05  # between two steps: a commit that waits goes first
_MEASURE_SECONDS: Final = 5.0
_IDENTITIES_KEPT: Final = 30 * 86_400.0


async def tidy(outbox: Outbox, clock: Clock, *, retention: float) -> None:
    """Prune for ever, in steps so small that none holds up a commit for long.

    Args:
        outbox: What is pruned.
        clock: Paces it.
        retention: Seconds for which finished deliveries stay visible.
    """
    while True:
        now_us = clock.now_us()
        finished = now_us - round(retention * MICROS)
        identities = now_us - round(max(_IDENTITIES_KEPT, retention) * MICROS)
        while await outbox.prune(finished_before_us=finished, identities_before_us=identities):
            await clock.sleep(_PRUNE_PAUSE)
        await clock.sleep(_PRUNE_SECONDS)


async def measure(outbox: Outbox, clock: Clock, metrics: Metrics, *, destinations: Collection[str]) -> None:
    """Keep the gauges that come from the store fresh; one that was never set would be missing, not 0."""
    for name in destinations:
        metrics.queue_depth.labels(name)
        metrics.oldest_pending.labels(name)
    while True:
        try:
            stats = await outbox.stats()
        except StoreBusyError as error:
            _log.warning("queues can't be measured", error=str(error))
            stats = {}
        now_us = clock.now_us()
        for name, queue in stats.items():
            oldest = queue.oldest_pending_us
            metrics.queue_depth.labels(name).set(queue.counts.get(State.PENDING, 0))
            metrics.oldest_pending.labels(name).set(0.0 if oldest is None else max(0.0, (now_us - oldest) / MICROS))
        await clock.sleep(_MEASURE_SECONDS)


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
