"""From sighting to commit: matched once, merged at a destination, bounded, and never stopped by one event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
import pytest

from relay.clock import MICROS
from relay.deliveries import RuleMatch
from relay.errors import StoreBusyError
from relay.events import Channel, Event, Source
from relay.intake import FIRED_LIMIT, QUEUE_BYTES, QUEUE_LIMIT, Intake
from relay.judging.judge import Judge, Sighted
from relay.judging.marks import Marks
from relay.judging.plan import Plan, Terms
from relay.metrics import Metrics
from relay.outbox.base import Entry, Sighting
from relay.outbox.channels import Baseline, Hole, RoundEnd
from relay.rules.match import compile_rules
from relay.rules.rule import Rule, Symbols
from tests.support.clock import START_US, FakeClock, settle
from tests.support.events import a_quote, in_force
from tests.support.judging import Awake
from tests.support.memory_outbox import Memory
from tests.support.troubled_outbox import TroubledOutbox

EVERYTHING = Rule("everything", ("bot",))


def plan(*rules: Rule, **terms: Terms) -> Plan:
    names = {name for rule in rules for name in rule.to}
    return Plan(compile_rules(rules), {name: terms.get(name, Terms()) for name in names})


class PickyOutbox(TroubledOutbox):
    """Refuses commits that hold one of the ``guilty``."""

    guilty: frozenset[int] = frozenset()

    async def commit(
        self, entries: Iterable[Entry], *, round_end: RoundEnd | None = None, holes: Iterable[Hole] = ()
    ) -> list[Sighting]:
        entries = list(entries)
        if any(entry.event.id in self.guilty for entry in entries):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return await super().commit(entries, round_end=round_end, holes=list(holes))


@dataclass
class Scene:
    rules: Plan = field(default_factory=lambda: plan(EVERYTHING))

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.memory = Memory(START_US)
        self.outbox = PickyOutbox(self.memory)
        self.metrics = Metrics()
        self.marks = Marks()
        self.judge = Judge(self.rules, self.marks, Awake())
        self.notified: list[set[str]] = []
        self.deciding = 0
        self.overflows = 0
        self.seen: list[tuple[int | None, Source]] = []
        self.intake = Intake(
            self.outbox,
            self.judge,
            clock=self.clock,
            metrics=self.metrics,
            notify=lambda names: self.notified.append(set(names)),
            on_deciding=self._on_deciding,
            on_overflow=self._overflow,
        )
        self.intake.observers.append(lambda event, source: self.seen.append((event.id, source)))

    def _on_deciding(self, released: bool) -> None:
        del released
        self.deciding += 1

    def _overflow(self) -> None:
        self.overflows += 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.intake.run())
        await settle()
        try:
            yield
        finally:
            self.intake.stop()
            await asyncio.wait_for(task, 5)

    def stored(self) -> list[int | None]:
        return [stored.known.event.id for stored in self.memory.events.values()]

    def waiting(self, destination: str = "bot") -> list[int | None]:
        return [d.event.id for d in self.outbox._waiting(destination, parked=False)]

    def count(self, metric: str) -> float:
        return sum(
            sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name == metric
        )


# --- matching at commit


def test_rules_that_meet_at_a_destination_are_one_delivery_and_each_keeps_its_own_age() -> None:
    rules = (
        Rule("first", ("bot", "swing"), max_age=60.0),
        Rule("second", ("swing",)),
        Rule("no match", ("bot",), symbols=Symbols(any=("MSFT",))),
        Rule("third", ("bot", "bot"), max_age=5.0),
    )
    event = in_force(1)
    assert event.triggered_at is not None
    at_us = event.triggered_at.us
    scene = Scene(plan(*rules, swing=Terms(max_age=30.0)))
    verdict = scene.judge.judge(Sighted(event, Source.LIVE, START_US))
    found = verdict.deliveries
    assert {new.destination: new.rules for new in found} == {
        "bot": (RuleMatch("first", at_us + 60 * MICROS), RuleMatch("third", at_us + 5 * MICROS)),
        "swing": (RuleMatch("first", at_us + 60 * MICROS), RuleMatch("second")),
    }
    assert len(found) == 2


async def test_the_rules_of_the_commits_moment_decide_once() -> None:
    scene = Scene()
    scene.intake.offer(in_force(1))
    scene.judge.plan = plan(Rule("other", ("swing",)))
    async with scene.running():
        await settle()
    scene.judge.plan = plan(EVERYTHING)
    await scene.intake.store([in_force(1)], [])
    assert (scene.waiting("bot"), scene.waiting("swing")) == ([], [1])


# --- the queue


async def test_what_arrives_during_a_commit_goes_together_in_order() -> None:
    scene = Scene()
    room = scene.outbox.stuck["commit"] = asyncio.Event()
    async with scene.running():
        scene.intake.offer(in_force(1))
        await settle()
        for number in range(2, 60):
            scene.intake.offer(in_force(number, f"S{number}"))
        await settle()
        del scene.outbox.stuck["commit"]
        room.set()
        await settle()
        assert scene.waiting() == list(range(1, 60))
    assert scene.outbox.calls["commit"] == 2
    assert scene.notified == [{"bot"}, {"bot"}]


async def test_stopping_commits_what_is_left() -> None:
    scene = Scene()
    for number in range(1, 2501):
        scene.intake.offer(in_force(number, f"S{number}"))
    scene.intake.stop()
    await asyncio.wait_for(scene.intake.run(), 10)
    assert scene.stored() == list(range(1, 2501))
    assert scene.outbox.calls["commit"] == 3


async def test_what_does_not_fit_is_let_go_counted_and_fetched_once_the_store_writes() -> None:
    scene = Scene()
    room = scene.outbox.stuck["commit"] = asyncio.Event()
    async with scene.running():
        scene.intake.offer(in_force(1))
        await settle()
        for number in range(2, QUEUE_LIMIT + 12):
            scene.intake.offer(Event(Channel.IN_FORCE, id=number, symbol="AAPL"))
        await settle()
        assert scene.count("relay_upstream_frames_rejected_total") == 10
        assert scene.overflows == 0
        scene.intake.stop()
        scene.intake._queue = scene.intake._queue[:1500]  # the rest would only take time
        del scene.outbox.stuck["commit"]
        room.set()
        await settle()
    assert scene.overflows == 1
    assert len(scene.stored()) == 1501


async def test_huge_alerts_are_let_go_by_their_bytes_and_not_by_their_number() -> None:
    scene = Scene()
    room = scene.outbox.stuck["commit"] = asyncio.Event()
    huge = b" " * (1 << 20)
    fit = QUEUE_BYTES // len(huge)
    async with scene.running():
        scene.intake.offer(in_force(1))
        await settle()
        for number in range(2, fit + 7):
            scene.intake.offer(msgspec.structs.replace(in_force(number, f"S{number}"), data=huge))
        await settle()
        assert scene.count("relay_upstream_frames_rejected_total") == 5
        del scene.outbox.stuck["commit"]
        room.set()
        await settle()
        assert scene.overflows == 1
        assert scene.stored() == list(range(1, fit + 2))
        scene.intake.offer(in_force(9_999, "LAST"))  # there is room again
        await settle()
        assert scene.stored()[-1] == 9_999


async def test_what_a_quote_fired_may_go_beyond_and_not_without_end() -> None:
    scene = Scene()
    room = scene.outbox.stuck["commit"] = asyncio.Event()
    async with scene.running():
        scene.intake.offer(in_force(1))
        await settle()
        for number in range(QUEUE_LIMIT):
            scene.intake.offer(Event(Channel.IN_FORCE, id=2 + number, symbol="AAPL"))
        quote = a_quote()
        for _ in range(FIRED_LIMIT - QUEUE_LIMIT + 5):
            scene.intake.fired(quote, (EVERYTHING,), ())
        await settle()
        assert scene.count("relay_upstream_frames_rejected_total") == 5
        assert len(scene.intake._queue) == FIRED_LIMIT
        scene.intake._queue = []  # they would only take time
        del scene.outbox.stuck["commit"]
        room.set()


# --- duplicates, old ones, observers


async def test_a_repetition_is_counted_and_neither_delivered_nor_shown_again() -> None:
    scene = Scene()
    async with scene.running():
        for _ in range(3):
            scene.intake.offer(in_force(7))
        await settle()
    assert await scene.intake.store([in_force(7), in_force(8)], []) == 1
    assert scene.waiting() == [7, 8]
    assert scene.count("relay_events_duplicate_total") == 3
    assert scene.count("relay_events_total") == 2
    assert scene.seen == [(7, Source.LIVE), (8, Source.BACKFILL)]


async def test_old_ones_become_known_and_nothing_else() -> None:
    scene = Scene()
    end = RoundEnd(Channel.IN_FORCE, 9, START_US, START_US, Baseline(9, START_US))
    hole = Hole(Channel.IN_FORCE, 1, 5, "timeframe=D", START_US)
    assert await scene.intake.store([in_force(10)], [in_force(8), in_force(9)], round_end=end, holes=[hole]) == 1
    assert scene.stored() == [8, 9, 10]
    assert scene.waiting() == [10]
    assert scene.seen == [(10, Source.BACKFILL)]
    assert (await scene.outbox.channel(Channel.IN_FORCE)).cursor == 9
    assert await scene.outbox.holes() == [hole]


# --- one event must not stop the others


async def test_an_event_that_the_store_refuses_is_let_go_and_the_others_go_on() -> None:
    scene = Scene()
    scene.outbox.guilty = frozenset({3})
    async with scene.running():
        for number in range(1, 6):
            scene.intake.offer(in_force(number, f"S{number}"))
        await settle()
        scene.intake.offer(in_force(6))
        await settle()
        assert scene.waiting() == [1, 2, 4, 5, 6]
    assert scene.count("relay_upstream_frames_rejected_total") == 1
    assert [number for number, _ in scene.seen] == [1, 2, 4, 5, 6]


async def test_a_round_with_an_event_that_the_store_refuses_still_ends() -> None:
    scene = Scene()
    scene.outbox.guilty = frozenset({3, 5})
    end = RoundEnd(Channel.IN_FORCE, 9, START_US, START_US)
    events = [in_force(number, f"S{number}") for number in range(1, 10)]
    assert await scene.intake.store(events[3:], events[:3], round_end=end) == 5
    assert scene.stored() == [1, 2, 4, 6, 7, 8, 9]
    assert scene.waiting() == [4, 6, 7, 8, 9]
    assert (await scene.outbox.channel(Channel.IN_FORCE)).cursor == 9


async def test_a_round_whose_end_is_refused_fails() -> None:
    scene = Scene()
    scene.outbox.errors["commit"].extend([OverflowError("no"), OverflowError("no"), OverflowError("no")])
    with pytest.raises(OverflowError):
        await scene.intake.store([in_force(1)], [], round_end=RoundEnd(Channel.IN_FORCE, 9, START_US, START_US))


async def test_a_store_that_is_closing_is_nobodys_fault() -> None:
    scene = Scene()
    scene.outbox.errors["commit"].append(StoreBusyError("the store is closed"))
    with pytest.raises(StoreBusyError):
        await scene.intake.store([in_force(1), in_force(2)], [])
    assert scene.count("relay_upstream_frames_rejected_total") == 0


def test_events_of_each_channel_are_counted_from_zero_so_that_the_first_is_an_increase() -> None:
    told = Scene().metrics.render().decode()
    for channel in Channel:
        for source in ("live", "backfill"):
            assert f'relay_events_total{{channel="{channel.value}",source="{source}"}} 0.0' in told
