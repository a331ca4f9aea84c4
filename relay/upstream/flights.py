"""One errand for many: whoever wants what is already under way waits for that.

    join(key, errand) ──the first──> a task ──┐
    join(key, errand) ──the others────────────┴──> its result, or its error, for everybody

An errand lives as long as somebody waits for it: the last who leaves ends it, and one who leaves earlier takes nothing
from the others. So nothing is left running that nobody wants.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from relay.upstream.errors import RestUnavailableError, Unavailability

T = TypeVar("T")


class _Flight(Generic[T]):
    def __init__(self, task: asyncio.Task[T]) -> None:
        self.task = task
        self.waiting = 0


class Flights(Generic[T]):
    """Errands under way, one a key."""

    def __init__(self) -> None:
        self._under_way: dict[str, _Flight[T]] = {}
        self._tasks: set[asyncio.Task[T]] = set()  # those, too, that were told to end and have not yet
        self._closed = False

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._under_way)

    async def join(self, key: str, errand: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the errand under way brings; where there is none, ``errand`` is begun.

        Raises:
            RestUnavailableError: ``close`` ended it.
        """
        if self._closed:
            raise _closed()
        flight = self._under_way.get(key)
        if flight is None:
            flight = self._under_way[key] = _Flight(self._begin(errand))
        flight.waiting += 1
        try:
            await asyncio.wait((flight.task,))  # which a caller's cancellation leaves alone
        finally:
            flight.waiting -= 1
            self._left(key, flight)
        if flight.task.cancelled():
            raise _closed()
        return flight.task.result()

    def _begin(self, errand: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        task = asyncio.create_task(errand())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[T]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, or asyncio complains of one that nobody stayed to hear

    def _left(self, key: str, flight: _Flight[T]) -> None:
        """Keep no errand that has ended or that nobody waits for."""
        if flight.waiting and not flight.task.done():
            return
        flight.task.cancel()
        if self._under_way.get(key) is flight:
            del self._under_way[key]

    async def close(self) -> None:
        """End all of them; who waits gets an error, and nothing can be begun any more."""
        self._closed = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _closed() -> RestUnavailableError:
    return RestUnavailableError(Unavailability.CLOSED, "the look-up was ended")
