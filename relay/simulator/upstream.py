"""A simulated upstream on loopback: one port for the WebSocket, REST and the control endpoint.

    market ──replay──┬─> tape ─────────────────> the subscribed sockets
                     ├─> ledger ──┬── feed ────> the subscribed sockets
    a test, control ─┘            └── history ─> REST

Nothing leaves the machine: any other than a loopback address is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Final, Self

import structlog
from aiohttp import web

from relay.clock import Clock
from relay.errors import LockedError, UsageError
from relay.events import Channel
from relay.loopback import is_loopback_host
from relay.simulator.bars import load_bars
from relay.simulator.changes import Changes
from relay.simulator.control import Control
from relay.simulator.faults import Faults
from relay.simulator.feed import Feed
from relay.simulator.history import Fired
from relay.simulator.ledger import Ledger, fields_of
from relay.simulator.market import Market, Moment, Tick
from relay.simulator.menu import Scheduled, inject
from relay.simulator.replay import replay
from relay.simulator.rest import PREFIX, Call, Rest
from relay.simulator.settings import Begin, ReplaySettings, SimulatorSettings
from relay.simulator.tape import Tape

SOCKET_PATH: Final = "/ws/market/v1"
_GOING_AWAY: Final = 1001

log = structlog.get_logger()


class Simulator:
    """A simulated upstream; an async context manager, or ``start`` and ``stop``, which may be repeated.

    To be made, and used, on a running event loop.

    Attributes:
        faults: Whatever is to go wrong.
        done: Set when the replay is over, or where there is none.
        market: What is replayed; None where a test fires its own alerts.
    """

    def __init__(self, settings: SimulatorSettings, clock: Clock) -> None:
        self.settings = settings
        self.done = asyncio.Event()
        self.market = _market(settings)
        if self.market is None:
            self.done.set()
        self._clock = clock
        self._changes = Changes()
        self._feed = Feed(settings, clock, self._changed)
        self._ledger = Ledger(settings, clock, self._feed)
        self._tape = Tape(self.market, clock, self._feed)
        self.faults = Faults(clock, lambda: self._feed.connections, self._later)
        self._rest = Rest(
            settings,
            clock,
            faults=self.faults,
            histories=self._ledger.histories,
            snapshot=self._tape.snapshot,
            changed=self._changes.notify,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun = False
        self._port = settings.port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def websocket_url(self) -> str:
        """Where the socket is, once started."""
        return f"ws://{self._address}{SOCKET_PATH}"

    @property
    def rest_url(self) -> str:
        """The prefix of the REST endpoints, once started."""
        return f"http://{self._address}{PREFIX}"

    @property
    def control_url(self) -> str:
        """The prefix of the control endpoint, once started."""
        return f"http://{self._address}/_control"

    @property
    def fired(self) -> list[Fired]:
        """All alerts fired, oldest first: the truth. At least as many as the settings remember."""
        return self._ledger.fired

    @property
    def calls(self) -> list[Call]:
        """The last REST calls, oldest first."""
        return list(self._rest.calls)

    @property
    def connected(self) -> int:
        """How many clients hold a connection."""
        return len(self._feed.connections)

    @property
    def opened(self) -> int:
        """How many connections were let in so far."""
        return self._feed.opened

    @property
    def refused(self) -> int:
        """How many upgrades were refused so far."""
        return self._feed.refused

    def subscribed(self, channel: Channel, symbol: str | None = None) -> bool:
        """Whether a client is subscribed to ``channel`` (for ``symbol``)."""
        return self._feed.wants(channel, symbol)

    async def start(self, faults: tuple[Scheduled, ...] = ()) -> None:
        """Listen; the schedule of ``faults`` counts from here.

        Raises:
            UsageError: the host is not a loopback address.
            LockedError: the port can't be had.
        """
        host = self.settings.host
        if not is_loopback_host(host):
            raise UsageError(f"the simulator listens on loopback only, not on {host}", hint="Use 127.0.0.1 or ::1.")
        self._rest.stopping.clear()
        app = web.Application()
        app.add_routes([web.get(SOCKET_PATH, self._feed.handler(self.faults))])
        app.add_routes([*self._rest.routes(), *Control(self).routes()])
        # a handler ends with its connection: a half-open socket or a slow answer must not outlive its client
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, self._port, reuse_address=True).start()
        except OSError as error:
            await runner.cleanup()
            raise LockedError(
                f"can't listen on port {self._port}: {error.strerror}",
                hint="Choose another with --listen, or end what holds it.",
            ) from error
        self._runner = runner
        self._port = int(runner.addresses[0][1])
        for fault in faults:
            self._later(fault.at, _causing(self.faults, fault))
        if self.settings.replay is not None and self.settings.replay.begin is Begin.AT_ONCE:
            self.begin()

    async def stop(self) -> None:
        """Say goodbye to the clients (1001) and stop listening; what was fired is kept for another ``start``."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._rest.stopping.set()
        await self._feed.leave(_GOING_AWAY, "going away")
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def begin(self) -> None:
        """Begin the replay; a second time does nothing."""
        part = self.settings.replay
        if part is not None and self.market is not None and not self._begun:
            self._begun = True
            self._spawn(self._replay(self.market, part))

    def fire(
        self, fields: Mapping[str, object], *, live: bool = True, rest: bool = True, late_by: float | None = None
    ) -> Fired:
        """Fire an alert now.

        Args:
            fields: Its object; a break is known by its ``symbols``. ``id`` and ``triggered_at`` are filled in where
                missing, and kept as they are where given.
            live: Send it to subscribed sockets.
            rest: Show it over REST …
            late_by: … so many seconds from now; None for what the settings say.
        """
        fired = self._ledger.fire(fields, live=live, rest=rest, late_by=late_by)
        self._changes.notify()
        return fired

    def quote(self, symbol: str, price: float, volume: int = 0) -> None:
        """Send a quote to those subscribed to the symbol."""
        self._tape.quote(symbol, price, volume)

    def state(self, state: Mapping[str, object]) -> None:
        """Make ``state`` its symbol's snapshot from now on, and send it to those subscribed to the symbol."""
        self._tape.state(state)

    async def wait_until(self, holds: Callable[[], bool], timeout: float = 10.0) -> None:
        """Return once ``holds()``; looked at whenever a client, a call or an alert comes or goes.

        Raises:
            TimeoutError: it did not within ``timeout`` real seconds.
        """
        await self._changes.until(holds, timeout)

    def status(self) -> dict[str, object]:
        """How it stands, for a person or a test."""
        return {
            "connected": self.connected,
            "opened": self.opened,
            "refused": self.refused,
            "fired": len(self.fired),
            "calls": len(self._rest.calls),
            "begun": self._begun,
            "done": self.done.is_set(),
            "day": self.market.day_index if self.market else 0,
            "days": len(self.market.days) if self.market else 0,
        }

    @property
    def _address(self) -> str:
        host = self.settings.host
        return f"[{host}]:{self._port}" if ":" in host else f"{host}:{self._port}"

    async def _replay(self, market: Market, part: ReplaySettings) -> None:
        await replay(market, part, self._clock, show=self._show, room=self._feed.room)
        self.done.set()
        self._changes.notify()

    def _show(self, moment: Moment) -> None:
        if isinstance(moment, Tick):
            self._tape.tick(moment)
        else:
            self.fire(fields_of(moment))

    def _changed(self) -> None:
        replayed = self.settings.replay
        if replayed is not None and replayed.begin is Begin.SUBSCRIBED and self._feed.wants_alerts():
            self.begin()
        self._changes.notify()

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        async def wait() -> None:
            await self._clock.sleep(seconds)
            act()

        self._spawn(wait())

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _market(settings: SimulatorSettings) -> Market | None:
    part = settings.replay
    if part is None:
        return None
    return Market(load_bars(), seed=settings.seed, first=part.first, last=part.last, symbols=part.symbols)


def _causing(faults: Faults, fault: Scheduled) -> Callable[[], None]:
    def cause() -> None:
        log.info("causing a fault", fault=fault.name, value=fault.value, seconds=fault.seconds)
        inject(faults, fault.name, value=fault.value, seconds=fault.seconds)

    return cause
