"""Starts the relay again whenever it ends, as a service manager would, and takes note of how it ended.

    kill · term · freeze ──> process ──ends──> clean | hard end | complaint ──> started again

A hard end is one after which what was in flight may be sent again: it was killed, or could not note what it had sent
because its store took no writes. An end that nobody asked for, and no trouble of the store explains, is a complaint.
"""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Final

from relay.errors import Exit
from tests.support.process import RelayProcess

_AFTERMATH: Final = 5.0  # seconds: what was begun in the trouble may be told after it
_AGAIN: Final = 0.3
_PATIENCE: Final = 20.0
_FOR_EVER: Final = 1e9


class Supervisor:
    """Keeps one relay running.

    Attributes:
        relay: The process.
        hard_ends: When it ended without having drained, monotonic seconds.
        complaints: What should not have happened.
        store_trouble: How many faults of the store are in force.
        file_trouble: How many are, that leave it no file descriptors.
        troubled_at: When the last of them ended.
    """

    def __init__(self, relay: RelayProcess) -> None:
        self.relay = relay
        self.hard_ends: list[float] = []
        self.complaints: list[str] = []
        self.store_trouble = self.file_trouble = 0
        self.troubled_at = -_FOR_EVER
        self.lock = asyncio.Lock()
        self._asked: signal.Signals | None = None
        self._may_start = asyncio.Event()
        self._may_start.set()
        self._changed = asyncio.Condition()
        self._watching: asyncio.Task[None] | None = None
        self._started_at = 0.0
        self._runs_that_served = 0
        self._leaving = False

    @property
    def in_trouble(self) -> bool:
        """Whether the store takes no writes, or there are no files for it; or it was so a moment ago."""
        return self.store_trouble + self.file_trouble > 0 or time.monotonic() - self.troubled_at < _AFTERMATH

    async def start(self) -> None:
        """Start it, and begin to watch."""
        await self._start()
        self._watching = asyncio.create_task(self._watch(), name="supervisor")

    async def _start(self) -> None:
        self._started_at, self._runs_that_served = time.monotonic(), self._served()
        await self.relay.start()

    def _served(self) -> int:
        """How many runs got as far as to read and send; before that, SIGTERM may mean what it means to any process."""
        return self.relay.stderr.count('"event": "relay started"')

    async def up(self) -> None:
        """Wait until it answers.

        Raises:
            AssertionError: It never does.
        """
        for _ in range(5):
            try:
                await self.relay.until("/healthz", lambda status, _: status == 200, _PATIENCE)
            except AssertionError:
                await asyncio.sleep(_AGAIN)  # it ended meanwhile and is started again
            else:
                return
        raise AssertionError(f"it does not come up:\n{self.relay.tail()}")

    async def kill(self) -> None:
        """``kill -9``; it is started again at once."""
        async with self.lock:
            await self._end(signal.SIGKILL)

    async def term(self, *, hold: bool = False) -> None:
        """SIGTERM, and a new start; with ``hold`` not before ``go_on``."""
        async with self.lock:
            if hold:
                self._may_start.clear()
            await self._end(signal.SIGTERM)

    def go_on(self) -> None:
        """It may be started again."""
        self._may_start.set()

    async def freeze(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so many seconds."""
        async with self.lock:
            if self.relay.alive:
                self.relay.send(signal.SIGSTOP)
                await asyncio.sleep(seconds)
                self.relay.send(signal.SIGCONT)

    async def stop(self) -> None:
        """The last SIGTERM: it must drain and end with 0."""
        self._leaving = True
        await self._end(signal.SIGTERM)

    async def leave(self) -> None:
        """Watch no longer, whatever it does."""
        self._leaving = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _end(self, how: signal.Signals) -> None:
        if not self.relay.alive:
            return
        run = self.relay.pid
        self._asked = how
        self.relay.send(how)
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._over(run)
        except TimeoutError:
            self.complaints.append(f"still running {_PATIENCE:g} s after {how.name}:\n{self.relay.tail()}")
            self._asked = signal.SIGKILL
            self.relay.send(signal.SIGKILL)
            await self._over(run)

    async def _over(self, run: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: not self.relay.alive or self.relay.pid != run)

    async def _watch(self) -> None:
        while True:
            code = await self.relay.ended(_FOR_EVER)
            quick = self._judge(code)
            async with self._changed:
                self._changed.notify_all()
            if self._leaving:
                return
            await asyncio.sleep(0 if quick else _AGAIN)
            await self._may_start.wait()
            await self._start()

    def _judge(self, code: int) -> bool:
        """Take note of an end; whether the next start may follow at once."""
        asked, self._asked = self._asked, None
        served = self._served() > self._runs_that_served
        if not served and (asked is not None or (self.in_trouble and code in {Exit.STORE, Exit.FAILED})):
            return asked is not None  # it sent nothing
        drained = asked is signal.SIGTERM and code == 0
        if not drained or self.in_trouble:
            self.hard_ends.append(time.monotonic())
        if drained or asked is signal.SIGKILL:
            return True
        self.complaints.append(
            f"ended with {code} after {time.monotonic() - self._started_at:.1f} s, "
            f"asked for by {asked.name if asked else 'nobody'}:\n{self.relay.tail()}"
        )
        return False
