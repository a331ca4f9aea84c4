"""What befalls the relay: each fault of a schedule applied at its time, and healed when that is over.

    Fault ──> one of: process · socket · REST · a destination · the machine ──seconds later──> healed

Faults of different things overlap as they fall; of two that need the same thing, the later one has it.
"""

from __future__ import annotations

import asyncio
import random
import resource
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from tests.faults.nonsense import spoiler
from tests.faults.receivers import MOODS, Receiver
from tests.faults.schedule import Fault, Kind
from tests.faults.supervisor import Supervisor
from tests.faults.surroundings import Disk, Machine, limit, open_files
from tests.faults.upstream import FaultyUpstream

_REST: Final = frozenset({Kind.REST_429, Kind.REST_5XX, Kind.REST_HTML, Kind.REST_JSON, Kind.REST_HANG})
_MANGLES: Final = {Kind.SWALLOW: "swallow", Kind.REPEAT: "repeat", Kind.REORDER: "reorder"}
_REFUSED_START: Final = 40.0  # seconds, for a slow machine


class Misfortunes:
    """Brings faults about.

    Attributes:
        done: What was brought about.
        skipped: What can't be had on this machine.
    """

    def __init__(
        self,
        *,
        upstream: FaultyUpstream,
        receivers: Mapping[str, Receiver],
        supervisor: Supervisor,
        machine: Machine,
        disk: Disk,
        tls: tuple[ssl.SSLContext, ssl.SSLContext],
        rng: random.Random,
    ) -> None:
        self.machine = machine
        self.done: list[Fault] = []
        self.skipped: list[Fault] = []
        self._upstream, self._receivers, self._supervisor = upstream, receivers, supervisor
        self._disk, self._tls, self._rng = disk, tls, rng
        self._disk_lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def befall(self, faults: Sequence[Fault], seconds: float) -> None:
        """Bring them about, each at its time; returns after so many seconds, when the last is over."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
                group.create_task(self._bring_about(fault, self._rng.choice(list(self._receivers))), name=str(fault))
            await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))

    async def heal_all(self) -> None:
        """All is well from now on; but a clock that was set stays so."""
        self._upstream.heal()
        for receiver in self._receivers.values():
            receiver.heal()
        self._impersonate(on=False)
        self._disk.free()
        self.machine.names(on=True)

    async def _bring_about(self, fault: Fault, victim: str) -> None:
        if self._impossible(fault.kind):
            self.skipped.append(fault)
            return
        self.done.append(fault)
        if fault.kind in MOODS:
            await self._spoil_destination(fault, self._receivers[victim])
        elif fault.kind in _REST:
            await self._spoil_rest(fault)
        elif fault.kind in _MANGLES:
            self._upstream.mangle(_MANGLES[fault.kind], int(fault.value))
        else:
            await _DEEDS[fault.kind](self, fault)

    def _impossible(self, kind: Kind) -> bool:
        return kind in {Kind.DISK_FULL, Kind.READ_ONLY} and not self._disk.mounted

    # --- destinations and REST

    async def _spoil_destination(self, fault: Fault, receiver: Receiver) -> None:
        receiver.suffer(fault)
        await asyncio.sleep(fault.seconds)
        if receiver.mood is fault:
            receiver.heal()

    async def _tls_error(self, fault: Fault) -> None:
        self._impersonate(on=True)
        await asyncio.sleep(fault.seconds)
        self._impersonate(on=False)

    def _impersonate(self, *, on: bool) -> None:
        """Show a certificate that nobody has vouched for, to whoever connects from now on."""
        true, impostor = self._tls

        def show(connection: ssl.SSLObject, _name: str, _context: ssl.SSLContext) -> None:
            connection.context = impostor

        true.sni_callback = show if on else None
        if on:
            self._receivers["tls"].hang_up()

    async def _spoil_rest(self, fault: Fault) -> None:
        spoilt = spoiler(fault, self._upstream)
        self._upstream.spoil(spoilt)
        await asyncio.sleep(fault.seconds)
        if self._upstream.rest_fault is spoilt:
            self._upstream.spoil(None)

    async def _cut_other_end(self, fault: Fault) -> None:
        self._upstream.newest_first = fault.how.startswith("newest first")
        self._upstream.keep_newest = fault.how.endswith("newest kept")

    async def _change_window(self, fault: Fault) -> None:
        self._upstream.default_window = fault.value

    # --- the socket

    async def _drop(self, _: Fault) -> None:
        self._upstream.drop()

    async def _half_open(self, fault: Fault) -> None:
        self._upstream.half_open(on=True)
        await asyncio.sleep(fault.seconds)
        self._upstream.half_open(on=False)

    async def _mute(self, fault: Fault) -> None:
        self._upstream.accept_silently(on=True)
        self._upstream.drop()
        await asyncio.sleep(fault.seconds)
        self._upstream.accept_silently(on=False)

    async def _evict(self, fault: Fault) -> None:
        await self._upstream.evict()
        await asyncio.sleep(fault.seconds)
        await self._supervisor.term()  # what stands by comes back to the socket with a new start

    async def _refuse(self, fault: Fault) -> None:
        self._upstream.refuse = fault.how
        self._upstream.drop()
        await asyncio.sleep(fault.seconds)
        self._upstream.refuse = ""

    async def _garbage(self, fault: Fault) -> None:
        self._upstream.garbage(fault.how)

    async def _jump(self, fault: Fault) -> None:
        self._upstream.jump(int(fault.value))

    # --- the process and its machine

    async def _kill(self, _: Fault) -> None:
        await self._supervisor.kill()

    async def _term(self, _: Fault) -> None:
        await self._supervisor.term()

    async def _freeze(self, fault: Fault) -> None:
        await self._supervisor.freeze(fault.seconds)

    async def _no_names(self, fault: Fault) -> None:
        self.machine.names(on=False)
        self._receivers["flaky"].hang_up()
        if fault.how == "restart":  # with a name server gone and nothing remembered
            await self._supervisor.kill()
        await asyncio.sleep(fault.seconds)
        self.machine.names(on=True)

    async def _step_clock(self, fault: Fault) -> None:
        self.machine.set_clock(fault.value)

    async def _fill_disk(self, fault: Fault) -> None:
        async with self._disk_lock:
            with self._store_trouble():
                await asyncio.to_thread(self._disk.fill)
                await asyncio.sleep(fault.seconds)
                self._disk.free()

    async def _refuse_writes(self, fault: Fault) -> None:
        async with self._disk_lock:
            if not self._supervisor.relay.alive:
                return
            pid = self._supervisor.relay.pid
            with self._store_trouble():
                limit(pid, resource.RLIMIT_FSIZE, 0)
                await asyncio.sleep(fault.seconds)
                limit(pid, resource.RLIMIT_FSIZE, None)

    async def _read_only(self, _: Fault) -> None:
        """It finds a store that it may not write: it must say so and end; the supervisor starts it again and again."""
        async with self._disk_lock:
            with self._store_trouble():
                await self._supervisor.term(hold=True)
                runs = self._supervisor.relay.runs
                if not await self._disk.read_only(on=True):
                    self._supervisor.complaints.append("the store was still open after the process had ended")
                async with self._supervisor.lock:  # nobody freezes it while it is being looked at
                    self._supervisor.go_on()
                    await self._refused_start(runs)
                await self._disk.read_only(on=False)

    async def _refused_start(self, runs: int) -> None:
        try:
            async with asyncio.timeout(_REFUSED_START):
                while self._supervisor.relay.runs < runs + 2:  # noqa: ASYNC110  because the supervisor has no event for it
                    await asyncio.sleep(0.05)
        except TimeoutError:
            self._supervisor.complaints.append(f"it runs on a read-only store:\n{self._supervisor.relay.tail()}")

    async def _no_files(self, fault: Fault) -> None:
        if not self._supervisor.relay.alive:
            return
        pid = self._supervisor.relay.pid
        with self._file_trouble(), suppress(FileNotFoundError):  # it may have ended this moment
            limit(pid, resource.RLIMIT_NOFILE, open_files(pid))
            await asyncio.sleep(fault.seconds)
            limit(pid, resource.RLIMIT_NOFILE, None)

    @contextmanager
    def _file_trouble(self) -> Iterator[None]:
        self._supervisor.file_trouble += 1
        try:
            yield
        finally:
            self._supervisor.file_trouble -= 1
            self._supervisor.troubled_at = time.monotonic()

    @contextmanager
    def _store_trouble(self) -> Iterator[None]:
        self._supervisor.store_trouble += 1
        try:
            yield
        finally:
            self._supervisor.store_trouble -= 1
            self._supervisor.troubled_at = time.monotonic()


_Deed = Callable[[Misfortunes, Fault], Awaitable[None]]
_DEEDS: Final[Mapping[Kind, _Deed]] = {
    Kind.KILL: Misfortunes._kill,
    Kind.TERM: Misfortunes._term,
    Kind.FREEZE: Misfortunes._freeze,
    Kind.DROP: Misfortunes._drop,
    Kind.HALF_OPEN: Misfortunes._half_open,
    Kind.MUTE: Misfortunes._mute,
    Kind.EVICT: Misfortunes._evict,
    Kind.REFUSE: Misfortunes._refuse,
    Kind.GARBAGE: Misfortunes._garbage,
    Kind.JUMP: Misfortunes._jump,
    Kind.REST_CUT: Misfortunes._cut_other_end,
    Kind.REST_WINDOW: Misfortunes._change_window,
    Kind.DEST_TLS: Misfortunes._tls_error,
    Kind.DNS: Misfortunes._no_names,
    Kind.DISK_FULL: Misfortunes._fill_disk,
    Kind.STORE_REFUSES: Misfortunes._refuse_writes,
    Kind.READ_ONLY: Misfortunes._read_only,
    Kind.CLOCK: Misfortunes._step_clock,
    Kind.FDS: Misfortunes._no_files,
}
