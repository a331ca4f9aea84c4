"""The order of a relay's life: all parts start together, run until one of them ends or a stop is asked for, and drain.

    run ──> link · intake · decider · lanes · backfill · housekeeping · the store's place
              │ a stop is asked for, or one of them ends
              v
    drain ──> reading, rounds and housekeeping end ──> decisions, commits and requests in flight are finished
                                                          └── whatever is not within the grace is given up: queues
                                                              stay in the store, and a request is sent again;
                                                              at once where the store is damaged, for nothing that
                                                              waits for it can be noted (a full disk may have room yet)

Whatever breaks down ends all of it, so that the service manager starts a whole one; nothing limps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, NamedTuple

import structlog

from relay.backfill.backfiller import Backfiller
from relay.delivery.dispatcher import Dispatcher
from relay.intake import Intake
from relay.judging.decider import Decider
from relay.link import Link
from relay.reload import Reloader
from relay.systemd import Notifier

_log = structlog.get_logger()

_LAST_SECONDS: Final = 5.0  # for what was given up to let go
_CLOSING_SECONDS: Final = 15.0  # for all that comes after the grace: letting go, the pages' end, the store's
_LOOK_SECONDS: Final = 0.1  # between two looks at the store: nothing tells of damage, and a drain is short


class Living(NamedTuple):
    """The parts that run, in the order in which an event meets them.

    Attributes:
        housekeeping: What is done beside the work, until cancelled.
        draining: What is done beside the drain, until cancelled.
        farewell: Said beside the drain, and sees to it that it takes no longer than that may.
        store: Ends only with an error: what the store would be at a next start is not what it is now.
        damaged: Whether the store can take nothing any more, until a person mends it.
    """

    link: Link
    intake: Intake
    decider: Decider
    dispatcher: Dispatcher
    backfiller: Backfiller
    reloader: Reloader
    housekeeping: Callable[[], Coroutine[Any, Any, None]]
    draining: Callable[[], Coroutine[Any, Any, None]]
    farewell: Callable[[], Coroutine[Any, Any, None]]
    store: Callable[[], Coroutine[Any, Any, None]]
    damaged: Callable[[], bool]


class _Work(NamedTuple):
    reader: asyncio.Task[None]
    intake: asyncio.Task[None]
    decider: asyncio.Task[None]
    lanes: asyncio.Task[None]
    backfill: asyncio.Task[None]
    housekeeping: asyncio.Task[None]
    store: asyncio.Task[None]


class Life:
    """Runs ``parts``.

    Args:
        parts: They are put together, and none has begun.
        notifier: The service manager's.
        stop: Set to begin to drain, perhaps before the start; ``run`` returns when that is done.
        grace: Seconds that draining may take, by the config of now.
    """

    def __init__(self, parts: Living, notifier: Notifier, *, stop: asyncio.Event, grace: Callable[[], float]) -> None:
        self._parts = parts
        self._notifier = notifier
        self._stop = stop
        self._grace = grace

    async def run(self) -> None:
        """Live.

        Raises:
            EvictedError: Another connection took over and the config says to exit; drained.
            RejectedError: The upstream refuses the key; drained.
            StoreError: The store's file was deleted or moved.
        """
        parts = self._parts
        work = _Work(
            reader=asyncio.create_task(parts.link.run(), name="reader"),
            intake=asyncio.create_task(parts.intake.run(), name="intake"),
            decider=asyncio.create_task(parts.decider.run(), name="decider"),
            lanes=asyncio.create_task(parts.dispatcher.run(), name="lanes"),
            backfill=asyncio.create_task(parts.backfiller.run(), name="backfill"),
            housekeeping=asyncio.create_task(parts.housekeeping(), name="housekeeping"),
            store=asyncio.create_task(parts.store(), name="store"),
        )
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        self._notifier.ready()
        try:
            await asyncio.wait([*work, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._notifier.stopping()
            farewell = await self._drain(work)
            stopping.cancel()
        for task in (*work, farewell):
            if task.done() and not task.cancelled():
                task.result()

    async def _drain(self, work: _Work) -> asyncio.Task[None]:
        """Stop reading, finish commits and requests in flight; queues stay stored. How the farewell went."""
        parts, grace = self._parts, self._grace()
        self._notifier.extend(grace + _CLOSING_SECONDS)  # `shutdown_grace` may be longer than the unit knows
        self._notifier.status(f"draining, for {grace:g} s at most")
        beside = asyncio.create_task(parts.draining(), name="draining")
        _log.info("draining", grace=grace)
        deadline = asyncio.get_running_loop().time() + grace
        parts.reloader.stop()
        parts.link.stop()
        work.backfill.cancel()
        work.housekeeping.cancel()
        parts.dispatcher.stop()
        farewell = asyncio.create_task(parts.farewell(), name="farewell")
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await _ended(work.reader)
                await self._noted(work.backfill, work.housekeeping)
                parts.decider.stop()
                parts.intake.stop()
                await self._noted(work.intake, work.lanes)
        parts.dispatcher.abort()
        for task in work:
            task.cancel()
        await asyncio.wait(work, timeout=_LOOK_SECONDS if parts.damaged() else _LAST_SECONDS)
        await asyncio.wait([farewell])
        beside.cancel()
        return farewell

    async def _noted(self, *tasks: Awaitable[object]) -> None:
        """Wait for tasks that end when the store has taken what they have for it, as long as it can take anything."""
        ending = asyncio.ensure_future(_ended(*tasks))
        try:
            while not (await asyncio.wait((ending,), timeout=_LOOK_SECONDS))[0]:
                if self._parts.damaged():
                    _log.warning("the store is damaged: what is under way ends without a note of it")
                    return
        finally:
            ending.cancel()


async def _ended(*tasks: Awaitable[object]) -> None:
    """Wait for tasks, whatever they end with: the caller looks at that later."""
    await asyncio.gather(*(asyncio.shield(task) for task in tasks), return_exceptions=True)
