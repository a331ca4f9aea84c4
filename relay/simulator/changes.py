"""Waiting for something to come true, without asking the clock again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Changes:
    """Wakes those who wait for a condition, whenever somebody says that something has changed."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[None], Callable[[], bool]] = {}

    def notify(self) -> None:
        """Something has changed: look at every condition again."""
        if self._waiting:
            for waiter, holds in list(self._waiting.items()):
                if not waiter.done() and holds():
                    waiter.set_result(None)

    async def until(self, holds: Callable[[], bool], timeout: float) -> None:
        """Return once ``holds()`` is true.

        Raises:
            TimeoutError: it was not within ``timeout`` seconds.
        """
        if holds():
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = holds
        try:
            async with asyncio.timeout(timeout):
                await waiter
        finally:
            del self._waiting[waiter]
