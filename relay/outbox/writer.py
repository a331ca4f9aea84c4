"""Group commit: whatever asks to be written while a transaction is being synced goes into the next one, together.

    submit(op) ──> waiting ──(writer idle)──> one transaction in the writer's thread ──> every caller's answer

A lone write starts at once, so its latency is one transaction; a burst of thousands costs a few. When the store can't
take a transaction now (disk full, I/O error), it is rolled back and tried again until it can, while the callers
wait and ``healthy`` is False. When one operation is at fault itself, the others are written without it. When the store
is damaged, nothing is tried again: each further page written might bury what can still be read. Callers wait as they do
on a full disk, for a person, and are let go when the writer is closed.

Memory: ``MOST_WAITING`` operations; what asks bounds what is in one. Who comes later waits in turn to be taken in, and
leaves nothing behind when they give up first.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, TypeVar

import structlog

from relay.clock import Clock
from relay.errors import StoreBusyError
from relay.outbox.check import Damage
from relay.turning import Sign

T = TypeVar("T")
Op = TypeVar("Op")

_log = structlog.get_logger()

MOST_WAITING: Final = 10_000
"""Operations that are taken in and not written yet."""

HANGS_AFTER: Final = 600.0
"""Seconds without an answer after which the store stands still; a disk on the network may need minutes to come back."""

_GROUP: Final = 1_000  # operations a transaction: bounds how long one may take
_RETRY_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0)
_OUR_FAULT: Final = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)


class GroupWriter(Generic[Op, T]):
    """Runs ``apply`` on groups of operations, in one thread, one transaction a group.

    Args:
        apply: Writes a group in one transaction, or raises and leaves nothing of it; one answer an operation.
        clock: Paces the retries.
        damage: What is known to be wrong with the store.
    """

    def __init__(self, apply: Callable[[Sequence[Op]], Sequence[T]], clock: Clock, damage: Damage) -> None:
        self._apply = apply
        self._clock = clock
        self._damage = damage
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="relay-store-write")
        self._waiting: list[tuple[Op, asyncio.Future[T]]] = []
        self._room = asyncio.Semaphore(MOST_WAITING)
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._writing = False
        self._turns = 0
        self.healthy = True

    def sign(self) -> Sign:
        """Whether its thread answers; an error is an answer, and what waits for room is not in the thread."""
        return Sign(self._turns, self._writing, HANGS_AFTER)

    def start(self) -> None:
        """Begin writing."""
        self._task = asyncio.create_task(self._run(), name="store-writer")

    async def submit(self, op: Op) -> T:
        """Write ``op``; returns when it is durable.

        Raises:
            StoreBusyError: The writer was closed before the store could take it.
        """
        await self._room.acquire()  # at once, unless very many wait
        if self._closing.is_set():
            self._room.release()
            raise StoreBusyError("the store is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((op, future))
        self._wake.set()
        return await future

    async def close(self) -> None:
        """Write what was submitted, give up on what the store won't take, and end the thread."""
        self._closing.set()
        self._wake.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown(wait=True)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            if not self._waiting and self._closing.is_set():
                return
            group, self._waiting = self._waiting[:_GROUP], self._waiting[_GROUP:]
            if not self._waiting and not self._closing.is_set():
                self._wake.clear()
            if group and self._damage.found:
                await self._closing.wait()
                _fail(group, StoreBusyError(f"the store is damaged: {self._damage.found}"))
            elif group:
                await self._write(group)
            for _ in group:
                self._room.release()

    async def _write(self, group: list[tuple[Op, asyncio.Future[T]]]) -> None:
        failures = 0
        while True:
            try:
                answers = await self._in_thread([op for op, _ in group])
            except _OUR_FAULT as error:
                await self._write_apart(group, error)
                return
            except sqlite3.Error as error:
                if not await self._wait_for_room(error, failures):
                    refusal = StoreBusyError(f"the store could not take it: {error}")
                    _fail(group, refusal)
                    return
                failures += 1
            except Exception as error:  # noqa: BLE001  because a fault of ours must reach the callers, not end the writer
                await self._write_apart(group, error)
                return
            else:
                if not self.healthy:
                    _log.info("store takes writes again", after_failures=failures)
                self.healthy = True
                for (_, future), answer in zip(group, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
                return

    async def _in_thread(self, operations: list[Op]) -> Sequence[T]:
        self._writing = True
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._apply, operations)
        finally:
            self._writing = False
            self._turns += 1

    async def _write_apart(self, group: list[tuple[Op, asyncio.Future[T]]], error: Exception) -> None:
        if len(group) == 1:
            _log.error("store refused an operation", error=str(error), error_type=type(error).__name__)
            _fail(group, error)
            return
        for single in group:
            await self._write([single])

    async def _wait_for_room(self, error: sqlite3.Error, failures: int) -> bool:
        """False when the writer is being closed: then nobody waits for room any more, or for a person to mend it."""
        if self._damage.meets(error):
            await self._closing.wait()
            return False
        if self.healthy:
            _log.error("store takes no writes, trying until it does", error=str(error))
        self.healthy = False
        if self._closing.is_set():
            return False
        sleep = asyncio.ensure_future(self._clock.sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)]))
        closing = asyncio.ensure_future(self._closing.wait())
        await asyncio.wait((sleep, closing), return_when=asyncio.FIRST_COMPLETED)
        sleep.cancel()
        closing.cancel()
        return True


def _fail(group: list[tuple[Op, asyncio.Future[T]]], error: Exception) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(error)
