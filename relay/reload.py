"""Another config for the relay that runs: built whole before it is swapped in, or nothing changes.

    SIGHUP ──ask──────────┐
    POST ──reload(drain)──┴─> one at a time:
        load (in a thread, 30 s at most) ──> may it run here? ──> prepare (in a thread) ──> destinations and lanes
            └── any of these fails: nothing has changed; logged with every fault, metric 0, told in ``status``
        swap: plan, edges, lanes, all between two turns of the loop; metric 1
        resubscribe, in the background, until it is done or a later reload does it ──> Changes

What holds always:

* No event sees half of a change: nothing is awaited between the first and the last part that is swapped.
* Rules are swapped before the new subscriptions are sent, so no event comes that no rule is ready for.
* A file that never answers (a network drive that hangs) holds up no later reload, and not the relay's end.
* Lanes of unchanged destinations are not touched; a changed one is handed over by the dispatcher, in the background.
* What needs a restart stays as it is and is told, in this reload and in every later one.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import structlog

from relay import logs
from relay.backoff import doubled
from relay.clock import MICROS, Clock, wait_until
from relay.config.diff import Changes, changes, lines
from relay.config.load import load
from relay.config.model import Config
from relay.config.outline import Outline, effective, outline_of
from relay.config.secrets import hide_secrets
from relay.delivery.dispatcher import Dispatcher
from relay.delivery.lane import Lane
from relay.destinations.kinds import AnyConfig
from relay.document.faults import InvalidConfigError
from relay.errors import ConfigError, RelayError
from relay.metrics import Metrics
from relay.systemd import Notifier
from relay.threads import call_in_daemon
from relay.web.desk import ConfigStatus

_log = structlog.get_logger()

LOAD_SECONDS: Final = 30.0
"""For reading the config and the files that it names."""

MOST_READING: Final = 8
"""Reads that have not come back; there is no other until one does."""

_LONGEST_WAIT: Final = 30.0  # before subscriptions that could not be changed are tried again


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reload asks of the relay.

    Attributes:
        check: Raises ConfigError where a config without faults must not run here.
        lane: Makes a destination and its lane; called in the event loop.
        prepare: Builds from a config what the events meet; called in a thread, changes nothing. What it returns swaps
            that in, at once, in the event loop.
        resubscribe: Brings the subscriptions in line with what was swapped in last; it may be called anew before it
            has returned. A RelayError means not yet.
    """

    dispatcher: Dispatcher
    check: Callable[[Config], None]
    lane: Callable[[str, AnyConfig], Lane]
    prepare: Callable[[Config], Callable[[], None]]
    resubscribe: Callable[[], Awaitable[None]]


class Reloader:
    """Holds the config that runs, and brings in what its file says when asked.

    Attributes:
        config: What runs; settings that need a restart are as they were at the start.
        types: Each destination's type by name, the removed ones included.
    """

    def __init__(
        self,
        config: Config,
        parts: Parts,
        *,
        env: Mapping[str, str],
        clock: Clock,
        metrics: Metrics,
        notifier: Notifier,
    ) -> None:
        self.config = config
        self.types = {name: destination.type for name, destination in config.destinations.items()}
        self._parts = parts
        self._env = env
        self._clock = clock
        self._metrics = metrics
        self._notifier = notifier
        self._status = ConfigStatus(outline_of(config), (), clock.now_us())
        self._turn = asyncio.Lock()
        self._asked = False
        self._stopped = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._superseded = asyncio.Event()
        self._reading: set[object] = set()  # one for each thread that reads

    @property
    def status(self) -> ConfigStatus:
        """The config that runs, in outline, and how the last load went."""
        return self._status

    def ask(self) -> None:
        """Reload soon, for a signal's handler; whoever asks before it begins is served by the same one."""
        if not self._asked and not self._stopped:
            self._asked = True
            self._start(self._as_asked())

    async def reload(self, *, drain: bool = False) -> Changes:
        """Load the file anew and bring it in; it goes on when its caller is gone.

        Args:
            drain: Destinations that are gone send what waits for them first; else it is kept in the store.

        Raises:
            InvalidConfigError: The file has faults; nothing changed.
            RelayError: It can't be used for another reason; nothing changed.
        """
        return await asyncio.shield(self._start(self._in_turn(drain=drain)))

    def stop(self) -> None:
        """No reload any more: the relay drains."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()

    async def _as_asked(self) -> None:
        with suppress(RelayError):  # it has been logged
            await self._in_turn(drain=False)

    async def _in_turn(self, *, drain: bool) -> Changes:
        async with self._turn:
            self._asked = False
            if self._stopped:
                raise RelayError("the relay is stopping", hint="It reads its config when it starts again.")
            self._notifier.reloading(round(self._clock.monotonic() * MICROS))
            try:
                found = await self._bring_in(drain=drain)
            except Exception as error:
                self._failed(error)
                raise
            finally:
                if not self._stopped:
                    self._notifier.ready()
        self._metrics.reload_success.set(1)
        _log.info("config reloaded", file=str(self.config.path), changes=list(lines(found)))
        return found

    async def _bring_in(self, *, drain: bool) -> Changes:
        config, parts = self.config, self._parts
        loaded = await self._load()
        hide_secrets(loaded)
        now = effective(config, loaded)
        parts.check(now)
        swap, in_file, running = await asyncio.to_thread(self._prepare, now, loaded)
        lanes = self._lanes(now)
        gone = [name for name in config.destinations if name not in now.destinations]
        # From here to the end nothing fails and nothing is awaited.
        swap()
        self.config = now
        self.types.update({name: destination.type for name, destination in now.destinations.items()})
        parts.dispatcher.change(lanes, drain=gone if drain else ())
        if now.log.level != config.log.level:
            logs.configure(now.log.level, now.log.format, sys.stderr)
        waiting = changes(running, in_file).restart
        before, self._status = self._status, ConfigStatus(running, waiting, self._clock.now_us())
        self._superseded.set()
        self._superseded = asyncio.Event()
        self._start(self._resubscribe(self._superseded))
        return changes(before.outline, in_file)

    async def _load(self) -> Config:
        path = self.config.path
        hint = "Is one of them on a drive that does not answer, or a pipe that nobody writes into?"
        if len(self._reading) >= MOST_READING:
            raise ConfigError(f"{MOST_READING} earlier reads of {path} and its files have not come back", hint=hint)
        loading = call_in_daemon(self._read, name="relay-load")
        timer = asyncio.ensure_future(self._clock.sleep(LOAD_SECONDS))
        try:
            await asyncio.wait((loading, timer), return_when=asyncio.FIRST_COMPLETED)
            if loading.done():
                return loading.result()
        finally:
            loading.cancel()
            timer.cancel()
        raise ConfigError(f"reading {path} and the files that it names took longer than {LOAD_SECONDS:g} s", hint=hint)

    def _read(self) -> Config:
        """Runs in a thread of its own."""
        mine = object()
        self._reading.add(mine)
        try:
            return load(self.config.path, env=self._env)
        finally:
            self._reading.discard(mine)

    def _prepare(self, now: Config, loaded: Config) -> tuple[Callable[[], None], Outline, Outline]:
        return self._parts.prepare(now), outline_of(loaded), outline_of(now)

    def _lanes(self, now: Config) -> dict[str, Lane]:
        """The lanes of now: that of before where nothing of its destination changed."""
        before, lanes = self.config.destinations, self._parts.dispatcher.lanes
        return {
            name: lanes[name]
            if name in before and name in lanes and before[name].fingerprint() == destination.fingerprint()
            else self._parts.lane(name, destination)
            for name, destination in now.destinations.items()
        }

    async def _resubscribe(self, superseded: asyncio.Event) -> None:
        for failures in count(1):
            if superseded.is_set():
                return
            try:
                await self._parts.resubscribe()
            except RelayError as error:
                delay = doubled(failures, first=1.0, cap=_LONGEST_WAIT)
                _log.error(
                    "subscriptions not changed yet, trying again",
                    error=str(error),
                    retry_in=delay,
                    **({"hint": error.hint} if error.hint else {}),
                )
            else:
                return
            await wait_until(superseded, self._clock, delay)

    def _failed(self, error: Exception) -> None:
        self._metrics.reload_success.set(0)
        file = str(self.config.path)
        if isinstance(error, InvalidConfigError):
            faults = [fault.line(file) for fault in error.faults]
            _log.error("config not reloaded: it has faults, and nothing changed", file=file, faults=faults)
        elif isinstance(error, RelayError):
            _log.error("config not reloaded, and nothing changed", file=file, error=str(error), hint=error.hint)
        else:
            _log.error("config not reloaded, and nothing changed", file=file, exc_info=error)
        said = str(error) if isinstance(error, RelayError) else f"the relay failed to load it: {type(error).__name__}"
        status = self._status
        self._status = ConfigStatus(status.outline, status.restart, status.loaded_at_us, said)

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, RelayError):
            _log.error("a reload's work broke down", exc_info=error)
