"""A REST endpoint and a store, in memory, with the vendor's unknowns as switches."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from relay.backfill.backfiller import Backfiller
from relay.backfill.ports import Settings, Tools
from relay.clock import MICROS, isoformat
from relay.events import Channel, Event
from relay.metrics import Metrics
from relay.outbox.channels import Baseline, ChannelState, Hole, RoundEnd
from relay.upstream.errors import RestRefusedError, RestUnavailableError, Unavailability
from relay.upstream.rest import RestPage
from tests.support.clock import START_US, FakeClock
from tests.support.events import a_break, in_force

MINUTE = 60 * MICROS
HOUR = 60 * MINUTE

DOWN = RestUnavailableError(Unavailability.SERVER_ERROR, "the upstream answered HTTP 503")
REFUSED = RestRefusedError("missing_scope", "alerts:read", "the upstream refused the key")
UNKNOWN_VALUE = RestUnavailableError(Unavailability.STATUS, "the upstream answered HTTP 422")


def alert(id_: int | None, symbol: str = "AAPL", *, at_us: int = START_US - MINUTE, **fields: str | None) -> Event:
    """An in-force alert triggered at ``at_us``."""
    return in_force(id_, symbol, at=isoformat(at_us), **fields)  # type: ignore[arg-type]


def some_break(id_: int, threshold: int = 3, *, at_us: int = START_US - MINUTE, timeframe: str = "D") -> Event:
    """A simultaneous break triggered at ``at_us``."""
    return a_break(id_, timeframe=timeframe, symbols=("ES1!", "NQ1!", "RTY1!", "YM1!")[:threshold], at=isoformat(at_us))


@dataclass(frozen=True)
class Asked:
    """One request."""

    channel: Channel
    limit: int
    window_minutes: int
    since_id: int | None
    filters: Mapping[str, str]


@dataclass
class FakeRest:
    """The alert endpoints over ``alerts``.

    Attributes:
        clamp: What the server makes of a larger ``limit``.
        keeps_newest: Which end of a cut answer it keeps.
        descending: The order of items in an answer.
        failures: Raised by the next requests, one each; None answers.
        down: Raised by every request while set.
        before: Called before each answer, to let things happen in the middle of a round.
        gate: Answers wait for it.
        seconds: What an answer takes.
    """

    clock: FakeClock
    alerts: list[Event] = field(default_factory=list)
    clamp: int = 200
    keeps_newest: bool = True
    descending: bool = True
    heeds_since_id: bool = True
    heeds_filters: bool = True
    server_ahead_us: int = 0
    tells_time: bool = True
    failures: list[Exception | None] = field(default_factory=list)
    down: Exception | None = None
    before: Callable[[Asked], None] | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[Asked] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.gate.set()

    async def page(
        self, channel: Channel, *, limit: int, window_minutes: int, since_id: int | None, filters: Mapping[str, str]
    ) -> RestPage:
        asked = Asked(channel, limit, window_minutes, since_id, dict(filters))
        self.asked.append(asked)
        if self.seconds:
            await self.clock.sleep(self.seconds)
        await self.gate.wait()
        if self.before is not None:
            self.before(asked)
        failure = self.failures.pop(0) if self.failures else self.down
        if failure is not None:
            raise failure
        return self._answer(asked)

    def _answer(self, asked: Asked) -> RestPage:
        now_us = self.clock.now_us() + self.server_ahead_us
        shown = [event for event in self.alerts if self._shows(event, asked, now_us)]
        shown.sort(key=lambda event: event.id or 0, reverse=self.keeps_newest)
        cut = shown[: min(asked.limit, self.clamp)]
        cut.sort(key=lambda event: event.id or 0, reverse=self.descending)
        ids = [event.id for event in cut if event.id is not None]
        time_us = now_us // MICROS * MICROS if self.tells_time else None
        return RestPage(tuple(cut), len(cut), 0, max(ids, default=None), time_us)

    def _shows(self, event: Event, asked: Asked, now_us: int) -> bool:
        filters = asked.filters if self.heeds_filters else {}
        assert len(filters.get("symbols", "").split(",")) <= 250
        return (
            event.channel is asked.channel
            and (not self.heeds_since_id or (event.id or 1 << 60) > (asked.since_id or 0))
            and (event.triggered_at is None or event.triggered_at.us >= now_us - asked.window_minutes * MINUTE)
            and filters.get("timeframe", event.timeframe) == event.timeframe
            and filters.get("direction", event.direction) == event.direction
            and filters.get("cc", event.cc) == event.cc
            and filters.get("threshold", str(event.threshold)) == str(event.threshold)
            and ("symbols" not in filters or event.symbol in filters["symbols"].split(","))
        )


@dataclass(frozen=True)
class Stored:
    """One call of the sink."""

    recovered: tuple[Event, ...]
    old: tuple[Event, ...]
    round_end: RoundEnd | None
    holes: tuple[Hole, ...]


@dataclass
class FakeStore:
    """The outbox's memory and the sink in one."""

    first_started_at_us: int = START_US
    states: dict[Channel, ChannelState] = field(default_factory=dict)
    calls: list[Stored] = field(default_factory=list)
    delivered: list[Event] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    symbols: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    async def channel(self, channel: Channel) -> ChannelState:
        return self.states.get(channel, ChannelState())

    async def learn_page(self, channel: Channel, size: int) -> None:
        state = self.states.get(channel, ChannelState())
        assert size > state.largest_page
        self.states[channel] = ChannelState(state.rounds, state.baseline, size)

    async def known_symbols(self) -> list[str]:
        return sorted(self.symbols)

    async def store(
        self,
        recovered: Sequence[Event],
        old: Sequence[Event],
        *,
        round_end: RoundEnd | None = None,
        holes: Sequence[Hole] = (),
    ) -> int:
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.calls.append(Stored(tuple(recovered), tuple(old), round_end, tuple(holes)))
        new = [event for event in recovered if event.key() not in self.known]
        self.known.update(event.key() for event in (*recovered, *old))
        self.delivered.extend(new)
        if round_end is not None:
            state = self.states.get(round_end.channel, ChannelState())
            assert round_end.position >= (state.cursor or 0), "the cursor moved back"
            baseline = round_end.baseline or state.baseline
            self.states[round_end.channel] = ChannelState((*state.rounds, round_end), baseline, state.largest_page)
        return len(new)

    def begin(self, channel: Channel, *positions: tuple[int, int], baseline: Baseline | None = None) -> None:
        """Give a channel completed rounds: a position, and how long ago in µs it was noted."""
        rounds = tuple(
            RoundEnd(channel, position, START_US - ago_us, START_US - ago_us + 1) for position, ago_us in positions
        )
        self.states[channel] = ChannelState(rounds, baseline or Baseline(0, 0))

    @property
    def ids(self) -> list[int | None]:
        """Ids of what was delivered, in order."""
        return [event.id for event in self.delivered]

    async def holes(self, *, limit: int) -> list[Hole]:
        """Recorded holes, newest first."""
        return self.recorded[::-1][:limit]

    @property
    def recorded(self) -> list[Hole]:
        """All recorded holes."""
        return [hole for call in self.calls for hole in call.holes]


@dataclass
class Scene:
    """A backfiller over fakes."""

    clock: FakeClock = field(default_factory=FakeClock)
    settings: Settings = field(default_factory=Settings)
    subscribed: Collection[Channel] = (Channel.IN_FORCE,)
    rule_symbols: Collection[str] = ()

    def __post_init__(self) -> None:
        self.rest = FakeRest(self.clock)
        self.store = FakeStore()
        self.metrics = Metrics()
        self.restart()

    def restart(self) -> None:
        """A new process over the same store."""
        rng = random.Random(1)
        tools = Tools(self.rest, self.store, self.store, self.clock, rng, lambda: self.rule_symbols)
        self.backfiller = Backfiller(tools, self.metrics, self.settings, channels=lambda: self.subscribed)

    def configure(self, **changes: float) -> None:
        """Change settings."""
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        self.backfiller.configure(self.settings)

    def caught_up(self, position: int = 0, *, channel: Channel = Channel.IN_FORCE) -> None:
        """A channel that has been running for a while, with its cursor at ``position``."""
        self.store.begin(channel, (position, 10 * MINUTE), (position, 5 * MINUTE))

    def fire(self, *events: Event) -> None:
        """More alerts upstream."""
        self.rest.alerts.extend(events)

    async def settled(self, task: asyncio.Future[Any], *, most: float = 3_600.0) -> None:
        """Let time pass until ``task`` is done."""
        passed = 0.0
        while not task.done() and passed < most:
            await self.clock.advance(0.5)
            passed += 0.5
        assert task.done()

    def value(self, result: str) -> float:
        """``relay_backfills_total{result}``."""
        return self.metrics.registry.get_sample_value("relay_backfills_total", {"result": result}) or 0.0
