"""What a person asks for is seen through, whether or not they still wait for it.

    see_through(work) ──a task of its own──> its answer, to whoever is still there
                                          └> nobody is: it goes on, and what went wrong is logged

A request is given up after some seconds; what it asked of a store that stands still is written all the same once the
store takes it. So what has to follow the write follows from here, and no one has to ask again.

Memory: ``MOST`` at a time; who asks for one more is told so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import structlog

from relay.errors import RelayError, StoreBusyError

T = TypeVar("T")

_log = structlog.get_logger()

MOST: Final = 256
"""Undertakings under way."""


class Undertakings:
    """Sees through what it is given."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def see_through(self, work: Coroutine[Any, Any, T]) -> T:
        """Do ``work`` to its end, also when the caller is cancelled meanwhile; what it came to.

        Raises:
            StoreBusyError: Too much is under way; nothing of it was done.
        """
        if len(self._tasks) >= MOST:
            work.close()
            raise StoreBusyError(
                f"{MOST} things that were asked for still wait for the store",
                hint="They are done once it takes writes again; ask then.",
            )
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done():
                task.add_done_callback(_tell)
            raise

    async def close(self) -> None:
        """See nothing through any more: the relay ends."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _tell(task: asyncio.Task[Any]) -> None:
    """How it ended, where nobody waits for it."""
    error = None if task.cancelled() else task.exception()
    if isinstance(error, RelayError):
        _log.warning("what was asked for by hand came to nothing", error=str(error))
    elif error is not None:
        _log.error("what was asked for by hand broke down", exc_info=error)
