"""What the service manager hears while the relay runs: that it turns, and in a line how it stands.

    reader · store · lanes ──Sign──> Movement ──nothing stands still──> WATCHDOG=1, twice per interval
                                        └──────something does─────────> an error in the log, and nothing: it is
                                                                        killed and started anew
    FrontDesk ──Status, now and then──> status_line ──where it changed──> STATUS=

What keeps the watchdog fed is that things *turn*, not that they go well, because a restart costs and has to help:

* A full disk answers, with an error; the writer tries again, and turns. So do an upstream out of reach and a
  destination that is down. None of them calls for a restart, and lanes are not looked at while the store takes nothing.
* A reader that left one step and has not come to the next for minutes stands still, and so does a lane that could send.
* A store whose thread gives no answer stands still after ten minutes. That may be a fault of ours, which a restart
  mends, or a disk that hangs. There a restart loses nothing and helps nothing, and what was answered and could not be
  noted is sent again afterwards; so a disk on the network is given the time to come back.
* A loop that is blocked feeds nothing at all.

While it drains it is fed whatever stands still: parts end on purpose then, and the drain has a time of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

import structlog

from relay.clock import Clock
from relay.deliveries import State
from relay.errors import RelayError
from relay.outbox.writer import HANGS_AFTER
from relay.status_line import status_line
from relay.systemd import Notifier
from relay.turning import Movement, Sign
from relay.web.desk import Status
from relay.web.looks import LinkState

_log = structlog.get_logger()

LOOK_SECONDS: Final = 5.0
"""Between two looks at how the relay stands; the line changes no more often."""

HASTE_SECONDS: Final = 1.0
"""The same before it is connected: who has just started it wants to see that."""

LEAST_PATIENCE: Final = 600.0
"""For a lane, however short its back-off."""


class Watchdog:
    """Feeds the service manager's watchdog, and tells it how the relay stands.

    Args:
        notifier: The service manager's.
        clock: Paces it.
        seconds: Between two signs of life; None where nobody watches.
        status: How everything stands; may take as long as the store.
        writes: Whether the store takes writes.
        loops: The reader's sign and the store's, by what they are called.
        lanes: The signs of lanes, by destination, for the names of those for which something waits.
    """

    def __init__(
        self,
        notifier: Notifier,
        clock: Clock,
        *,
        seconds: float | None,
        status: Callable[[], Awaitable[Status]],
        writes: Callable[[], bool],
        loops: Callable[[], Mapping[str, Sign]],
        lanes: Callable[[Collection[str]], Mapping[str, Sign]],
    ) -> None:
        self._notifier = notifier
        self._clock = clock
        self._seconds = seconds
        self._status = status
        self._writes = writes
        self._loops = loops
        self._lanes = lanes
        self._movement = Movement()
        self._waiting: frozenset[str] = frozenset()
        self._looks = 0
        self._looking = False
        self._stuck: list[str] = []
        self._line = ""

    async def run(self) -> None:
        """Feed it while everything turns, until cancelled; at once, first."""
        if not self._notifier.listened:
            await asyncio.Event().wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._feed(), name="watchdog")
            group.create_task(self._look(), name="status line")

    async def drain(self) -> None:
        """Feed it whatever stands still, until cancelled; at once, first."""
        while True:
            self._notifier.watchdog()
            if self._seconds is None:
                await asyncio.Event().wait()
            else:
                await self._clock.sleep(self._seconds)

    async def _feed(self) -> None:
        while self._seconds is not None:
            stuck = self._movement.stuck(self._signs(), self._clock.monotonic())
            if stuck:
                self._withhold(stuck)
            else:
                if self._stuck:
                    _log.info("everything turns again: the watchdog is fed")
                self._stuck = []
                self._notifier.watchdog()
            await self._clock.sleep(self._seconds)

    def _signs(self) -> Mapping[str, Sign]:
        waiting = self._waiting if self._writes() else ()
        lanes = self._lanes(waiting).items()
        reading = Sign(self._looks, self._looking, HANGS_AFTER)
        return {**self._loops(), "reading the store": reading, **{f"the lane of {name}": sign for name, sign in lanes}}

    def _withhold(self, stuck: list[str]) -> None:
        if stuck != self._stuck:
            _log.error("standing still: the watchdog is not fed, and the service manager will start anew", what=stuck)
            self._tell(f"standing still: {', '.join(stuck)}")
        self._stuck = stuck

    async def _look(self) -> None:
        while True:
            self._looking, pause = True, LOOK_SECONDS
            try:
                status = await self._status()
            except RelayError as error:  # a store that can't be read is told by others, too
                self._waiting, line = frozenset(), str(error)
            else:
                if status.connection.state is not LinkState.CONNECTED:
                    pause = min(HASTE_SECONDS, pause)
                self._waiting = frozenset(one.name for one in status.destinations if one.counts.get(State.PENDING))
                line = status_line(status)
            finally:
                self._looking = False
                self._looks += 1
            if not self._stuck:
                self._tell(line)
            await self._clock.sleep(pause)

    def _tell(self, line: str) -> None:
        if line != self._line:
            self._line = line
            self._notifier.status(line)
