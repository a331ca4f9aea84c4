"""The relay itself: the place that knows concrete classes, and puts them together; ``beginning`` alone opens the store.

    Reader ──events────────────> Intake (Judge) ──> SqliteOutbox ──> Dispatcher (a Lane each) ──> Webhook · Discord · …
      │ └──ticks──> Engine ─fired──> ^                   └──> Decider ──asks── Lookup
      └──gaps──> Backfiller ─recovered   Web ──FrontDesk──> all of them       the House beside them
                     └──asks── Rest

The store's lock is taken first, then the port, then the socket; ``life`` tells how it runs and drains.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack

import aiohttp
import structlog

from relay import __version__
from relay.backfill.backfiller import Backfiller
from relay.backfill.errands import Errands
from relay.backfill.ports import Settings as BackfillSettings
from relay.backfill.ports import Tools
from relay.beginning import open_store, would_begin
from relay.clock import Clock, SystemClock
from relay.config.model import Config
from relay.delivery.dispatcher import Dispatcher
from relay.delivery.lane import Lane
from relay.desk import FrontDesk
from relay.destinations.factory import Factory, refuse_real
from relay.destinations.http import HttpClient
from relay.destinations.kinds import AnyConfig
from relay.destinations.notice import TroubleKind
from relay.edges.engine import Engine
from relay.errors import ConfigError, RelayError, StoreError
from relay.events import Channel
from relay.house import House
from relay.intake import Intake
from relay.judging.decider import Decider
from relay.judging.judge import Judge
from relay.judging.marks import Marks, remembered_since
from relay.judging.snoozes import Snoozes
from relay.life import Life, Living
from relay.link import Link
from relay.loopback import is_loopback_url
from relay.metrics import Metrics
from relay.outbox import ending
from relay.outbox.memory import MOST_MARKS, Side
from relay.pulse import Pulse
from relay.reload import Parts, Reloader
from relay.rules.rule import Rule
from relay.rules.wanted import asks_for_states, channels_of, literal_symbols
from relay.systemd import Notifier, watchdog_interval
from relay.upstream.access import AuthStyle, rest_session
from relay.upstream.dial import ReaderSettings
from relay.upstream.lookup import Lookup
from relay.upstream.reader import Reader
from relay.upstream.rest import Rest
from relay.upstream.tick import Tick, event_of
from relay.wants import lane_settings, plan_of, topics_of
from relay.web.broadcast import Broadcast
from relay.web.server import Web, refuse_taken

_log = structlog.get_logger()


class Relay:
    """One running relay.

    Args:
        config: A config without faults.
        env: The environment, for the service manager's socket.
        allow_real: Let simulated alerts out to destinations that are not on loopback.
    """

    def __init__(
        self, config: Config, *, env: Mapping[str, str], allow_real: bool = False, clock: Clock | None = None
    ) -> None:
        self._config = config
        self._allow_real = allow_real
        self._env = env
        self.clock: Clock = clock or SystemClock()
        self.metrics = Metrics()
        self.broadcast = Broadcast(self.clock)
        self.pulse = Pulse(self.clock)
        self.started_at_us = self.clock.now_us()
        self.simulated = is_loopback_url(config.stratalerts.websocket_url)
        self._notifier = Notifier(env)
        self._watchdog_seconds = watchdog_interval(env)
        self._rng = random.Random()  # noqa: S311  because it only spreads retries
        self._stop = asyncio.Event()  # may be set before there is anything to stop
        self.reloader: Reloader | None = None
        self._check(config)

    @property
    def config(self) -> Config:
        """What runs now; a reload brings in another."""
        return self._config if self.reloader is None else self.reloader.config

    def _check(self, config: Config) -> None:
        """Whether a config without faults may run here.

        Raises:
            ConfigError: It would send simulated alerts to real destinations.
        """
        real = refuse_real(config.destinations, simulated=self.simulated, allow_real=self._allow_real)
        if real:
            raise ConfigError(
                f"the upstream is a simulator, and these destinations are real: {', '.join(real)}",
                hint="Point them at this machine, or say --allow-real to send invented alerts there.",
            )

    async def open(self, stack: AsyncExitStack, *, serve: bool = True) -> None:
        """Take the store, put everything together and let the pages answer; nothing is read or sent yet.

        Args:
            stack: What is opened is closed with it.
            serve: Listen where the config says; a verb that needs the parts alone does not.

        Raises:
            LockedError: Another relay holds the store, or the port is taken.
            StoreError: The store can't be used.
        """
        address = self.config.http.address if serve else None
        if address is not None and await asyncio.to_thread(would_begin, self.config.store_path):
            await refuse_taken(*address)  # a store that is there is asked for first, a new one is not begun for nothing
        self.outbox, self.store_is_new = await open_store(
            self.config, stack, clock=self.clock, notifier=self._notifier, started_at_us=self.started_at_us
        )
        self._build_sending(stack)
        session = await stack.enter_async_context(rest_session(self.config.stratalerts.tls))
        await self._build_judging(stack, session)
        self._build_listening(session)
        self._build_desk(stack)
        self._build_life()
        if address is not None:
            await self.web.start(*address)
            stack.push_async_callback(self.web.stop)

    def _build_sending(self, stack: AsyncExitStack) -> None:
        """Store ──> Dispatcher, a Lane for each destination."""
        self._client = HttpClient()
        stack.push_async_callback(self._client.close)
        self._factory = Factory(self._client, self.clock)
        self.dispatcher = Dispatcher(
            [self._lane(name, destination) for name, destination in self.config.destinations.items()]
        )

    async def _build_judging(self, stack: AsyncExitStack, session: aiohttp.ClientSession) -> None:
        """Intake (Judge) ──> Store; ticks ──> Engine ──> Intake; what must be looked up ──> Decider."""
        config, clock, metrics, upstream = self.config, self.clock, self.metrics, self.config.stratalerts
        plan = plan_of(config)
        since_us = remembered_since(now_us=clock.now_us(), longest=plan.longest_cooldown)
        known = await self.outbox.memory.marks(since_us=since_us, limit=MOST_MARKS)
        self.marks = Marks(known, longest=plan.longest_cooldown)
        self.snoozes = Snoozes(self.outbox.memory, clock)
        await self.snoozes.load()
        self.judge = Judge(plan, self.marks, self.snoozes)
        self.engine = self._engine(config.rules, await self.outbox.memory.sides())
        self.lookup = Lookup(
            upstream.rest_url,
            upstream.api_key,
            session=session,
            clock=clock,
            rng=self._rng,
            auth=AuthStyle(upstream.auth),
        )
        stack.push_async_callback(self.lookup.close)
        self.outbox.archive.max_ages = config.max_ages
        self.decider = Decider(
            self.outbox,
            self.lookup,
            self.marks,
            clock=clock,
            metrics=metrics,
            max_age=lambda name: self.judge.plan.max_age(name),  # noqa: PLW0108  because a reload makes another plan
            notify=self.dispatcher.notify,
        )
        self.intake = Intake(
            self.outbox,
            self.judge,
            clock=clock,
            metrics=metrics,
            notify=self.dispatcher.notify,
            on_deciding=self.decider.notify,
            on_overflow=lambda: self.backfiller.request("overflow"),
        )
        self.intake.observers += [self.broadcast.stored, self.pulse.stored]

    def _build_listening(self, session: aiohttp.ClientSession) -> None:
        """Reader and Backfiller ──> Intake; the Link holds the one connection."""
        config, clock, metrics, upstream = self.config, self.clock, self.metrics, self.config.stratalerts
        auth = AuthStyle(upstream.auth)
        rest = Rest(upstream.rest_url, upstream.api_key, session=session, clock=clock, auth=auth)
        self.backfiller = Backfiller(
            Tools(rest, self.outbox, self.intake, clock, self._rng, lambda: literal_symbols(self.config.rules)),
            metrics,
            BackfillSettings(config.backfill.every, config.backfill.on_first_start, config.backfill.page_size),
            channels=self.channels,
        )
        self.reader = Reader(
            ReaderSettings(upstream.websocket_url, upstream.api_key, auth, tls=upstream.tls),
            clock=clock,
            rng=self._rng,
            metrics=metrics,
            topics=lambda: topics_of(self.config.rules),
            on_event=self.intake.offer,
            on_tick=self._take_tick,
            on_gap=self.backfiller.request,
            before_subscribe=lambda channel: self.backfiller.ensure_baseline((channel,)),
        )
        self.link = Link(
            self.reader,
            metrics=metrics,
            on_evicted=lambda: self.config.stratalerts.on_evicted,
            last_words=self._say_last_words,
        )

    def _build_desk(self, stack: AsyncExitStack) -> None:
        """What people see and do: Web ──FrontDesk──> all of the parts; the Reloader swaps their config."""
        config, clock, metrics = self.config, self.clock, self.metrics
        self.reloader = Reloader(
            config,
            Parts(self.dispatcher, self._check, self._lane, self._prepare, self._resubscribe),
            env=self._env,
            clock=clock,
            metrics=metrics,
            notifier=self._notifier,
        )
        errands = Errands(self.backfiller, clock)
        stack.push_async_callback(errands.close)
        self.desk = FrontDesk(
            outbox=self.outbox,
            dispatcher=self.dispatcher,
            backfiller=self.backfiller,
            connection=self.reader.state,
            metrics_registry=metrics,
            clock=clock,
            types=self.reloader.types,
            channels=lambda: [topic.channel for topic in topics_of(self.config.rules)],
            refused_lookup=lambda: self.lookup.refusal if asks_for_states(self.config.rules) else None,
            rules=lambda: [rule.name for rule in self.config.rules],
            snoozes=self.snoozes,
            decider=self.decider,
            minutes=self.pulse.minutes,
            standby=lambda: self.link.standby,
            take_back=self.link.take_back,
            errands=errands,
            started_at_us=self.started_at_us,
            simulated=self.simulated,
            reloader=self.reloader,
            config_file=str(config.path.absolute()),
        )
        stack.push_async_callback(self.desk.undertakings.close)
        self.web = Web(
            self.desk, token=config.http.token, hosts=config.http.hosts, clock=clock, broadcast=self.broadcast
        )

    def _build_life(self) -> None:
        """The House beside it all, and the order in which everything lives and drains."""
        self.house = House(
            lambda: self.config,
            self.desk,
            marks=self.marks,
            sides=self._sides,
            client=self._client,
            build=self._factory.build,
            notifier=self._notifier,
            watchdog_seconds=self._watchdog_seconds,
            loops=lambda: {"the reader": self.reader.sign(), "the store": self.outbox.sign()},
            rng=self._rng,
        )
        assert self.reloader is not None  # it was built with the desk
        self.life = Life(
            Living(
                self.link,
                self.intake,
                self.decider,
                self.dispatcher,
                self.backfiller,
                self.reloader,
                self.house.keep,
                self.house.drain,
                self.house.farewell,
                self._store_stays,
                lambda: bool(self.outbox.damage),
            ),
            self._notifier,
            stop=self._stop,
            grace=lambda: self.config.shutdown_grace,
        )

    def channels(self) -> Sequence[Channel]:
        """The alert channels that an enabled rule listens to."""
        return channels_of(self.config.rules)

    def reload(self) -> None:
        """Load the config's file anew, soon; a signal's handler may call this."""
        if self.reloader is not None:
            self.reloader.ask()

    def _lane(self, name: str, destination: AnyConfig) -> Lane:
        lane = Lane(
            self._factory.build(name, destination),
            self.outbox,
            lane_settings(destination, simulated=self.simulated),
            clock=self.clock,
            rng=self._rng,
            metrics=self.metrics,
        )
        lane.observers += [self.broadcast.attempted, self.pulse.attempted]
        return lane

    def _prepare(self, config: Config) -> Callable[[], None]:
        plan = plan_of(config)

        def swap() -> None:
            engine = self._engine(config.rules, self.engine.sides())  # first: it may fail, what follows can't
            self.judge.plan, self.engine, self.marks.longest = plan, engine, plan.longest_cooldown
            self.outbox.archive.max_ages = config.max_ages
            self.decider.reconsider()
            self.lookup.forget_refusal()

        return swap

    async def _resubscribe(self) -> None:
        await self.reader.resubscribe()
        await self.outbox.memory.forget_sides(but=self._sides())  # on a full disk this takes its time

    def _take_tick(self, tick: Tick) -> None:
        self.engine.take(tick)  # the engine of now: a reload makes another

    def _sides(self) -> list[Side]:
        return self.engine.sides()  # likewise

    def _engine(self, rules: Sequence[Rule], sides: Iterable[Side]) -> Engine:
        def fire(tick: Tick, fired: tuple[Rule, ...], changed: tuple[Side, ...]) -> None:
            self.intake.fired(event_of(tick), fired, changed)

        def flip(changed: Sequence[Side]) -> None:
            self.intake.flipped(changed)

        return Engine(rules, sides, fire=fire, flip=flip)

    def stop(self) -> None:
        """Begin to drain; ``run`` returns when that is done."""
        self._stop.set()

    async def run(self) -> None:
        """Relay until ``stop``.

        Raises:
            EvictedError: Another connection took over and the config says to exit; drained.
            RejectedError: The upstream refuses the key; drained.
            StoreError: The store's file was taken away; drained.
        """
        _log.info(
            "relay started",
            version=__version__,
            rules=sum(rule.enabled for rule in self.config.rules),
            destinations=len(self.config.destinations),
            simulated=self.simulated,
            **({"page": self._page()} if self.config.http.address else {}),
        )
        await self.life.run()

    async def _store_stays(self) -> None:
        try:
            await self.outbox.stays()
        except StoreError as error:
            await self._say_last_words(TroubleKind.STORE, error)
            raise

    async def _say_last_words(self, kind: TroubleKind, error: RelayError) -> None:
        await asyncio.to_thread(ending.note, self.config.store_path, error, at_us=self.clock.now_us())
        await self.house.last_words(kind, error)

    def _page(self) -> str:
        assert self.config.http.address is not None
        host = self.config.http.address[0] or "0.0.0.0"  # noqa: S104  because it is shown, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.web.port}/"
