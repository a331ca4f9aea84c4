"""Rules that remember and rules that ask, on a real file, against whoever wants an alert lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from relay.deliveries import Delivery
from relay.events import Channel, Event, Source
from relay.housekeeping import tidy
from relay.intake import Intake
from relay.judging.decider import Decider
from relay.judging.judge import Judge
from relay.judging.marks import Marks, remembered_since
from relay.judging.plan import Plan, Terms
from relay.metrics import Metrics
from relay.outbox.base import Sighting
from relay.outbox.sqlite import SqliteOutbox
from relay.rules.match import compile_rules
from relay.rules.rule import Rule, Symbols
from relay.states import Snapshot, StateWanted, snapshot_of
from relay.upstream.lookup import Facts
from tests.support.clock import FakeClock
from tests.support.events import a_break, in_force
from tests.support.judging import Awake

GREEN = StateWanted(tfc={"D": "green"})
GREEN_DAY = b'{"symbol":"AAPL","tfc":{"D":"green","W":"red"}}'
LIVE = Terms(sources=frozenset({Source.LIVE}))


class States:
    """Answers what it was told, and hangs for all else."""

    def __init__(self) -> None:
        self.known_now: dict[str, bytes] = {}
        self._changed = asyncio.Event()

    def tell(self, symbol: str, found: bytes) -> None:
        self.known_now[symbol] = found
        self._changed.set()
        self._changed.clear()

    async def known(self, symbol: str) -> Snapshot:
        await asyncio.sleep(0)
        while symbol not in self.known_now:
            await self._changed.wait()
        return snapshot_of(self.known_now[symbol])

    async def facts(self, symbol: str) -> Facts:
        return Facts((await self.known(symbol)).sector)


class House:
    """Intake, judge and decider over one file."""

    def __init__(self, outbox: SqliteOutbox, clock: FakeClock, *rules: Rule, **terms: Terms) -> None:
        self.outbox = outbox
        self.clock = clock
        self.states = States()
        self.marks = Marks()
        names = {name for rule in rules for name in rule.to}
        plan = Plan(
            compile_rules(rules),
            {name: terms.get(name, Terms()) for name in names},
            longest_cooldown=max((rule.cooldown or 0.0 for rule in rules), default=0.0),
        )
        self.judge = Judge(plan, self.marks, Awake())
        metrics = Metrics()
        self.decider = Decider(
            outbox,
            self.states,
            self.marks,
            clock=clock,
            metrics=metrics,
            max_age=plan.max_age,
            notify=lambda _names: None,
        )
        self.intake = Intake(
            outbox,
            self.judge,
            clock=clock,
            metrics=metrics,
            notify=lambda _names: None,
            on_deciding=self.decider.notify,
            on_overflow=lambda: None,
        )

    async def live(self, event: Event) -> None:
        """Offer it, and wait until it is in the store."""
        seen = asyncio.Event()
        self.intake.observers.append(lambda *_: seen.set())
        task = asyncio.ensure_future(self.intake.run())
        self.intake.offer(event)
        self.intake.stop()
        await asyncio.wait_for(task, 5)
        self.intake._stopping = False

    async def waiting(self, name: str) -> list[Delivery]:
        found, _ = await self.outbox.claim(name, after=0, limit=2_000)
        return found

    async def sent(self, name: str) -> list[int | None]:
        return [delivery.event.id for delivery in await self.waiting(name)]

    async def states_of(self, name: str) -> dict[str, int]:
        counts = (await self.outbox.stats())[name].counts
        return {state.value: number for state, number in counts.items() if number}

    @asynccontextmanager
    async def deciding(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.decider.run())
        try:
            yield
        finally:
            self.decider.stop()
            await asyncio.wait_for(task, 5)

    async def decided(self, name: str) -> None:
        """Wait until nothing of a queue is undecided."""
        async with asyncio.timeout(10):
            while "deciding" in await self.states_of(name):  # noqa: ASYNC110  because a thread brings it about
                await asyncio.sleep(0.01)

    async def quiet(self) -> None:
        """Let threads and tasks do what they can without time."""
        for _ in range(150):
            await asyncio.sleep(0.002)


@pytest.fixture
async def outbox(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteOutbox]:
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", clock)
    yield outbox
    await outbox.close()


# --- REST is faster than the socket, and one of two destinations takes only what is live


async def test_a_cooldown_holds_back_no_alert_for_its_own_sake(outbox: SqliteOutbox, clock: FakeClock) -> None:
    house = House(outbox, clock, Rule("calm", ("chat", "bot"), cooldown=900.0), bot=LIVE)
    await house.intake.store([in_force(1)], [])  # REST shows it first: the chat takes it, the bot does not
    assert (await house.sent("chat"), await house.sent("bot")) == ([1], [])
    await house.live(in_force(1))  # here it comes the way the bot wants it
    assert await house.sent("bot") == [1]


async def test_a_cooldown_holds_back_no_alert_for_its_own_sake_where_the_rule_asks(
    outbox: SqliteOutbox, clock: FakeClock
) -> None:
    rule = Rule("calm", ("chat", "bot"), cooldown=900.0, state=GREEN)
    house = House(outbox, clock, rule, bot=LIVE)
    house.states.tell("AAPL", GREEN_DAY)
    async with house.deciding():
        await house.intake.store([in_force(1)], [])
        await house.decided("chat")
        assert await house.sent("chat") == [1]
        await house.live(in_force(1))
        await house.decided("bot")
    assert await house.sent("bot") == [1]


# --- look-ups and ages


async def test_an_age_that_one_destination_has_takes_no_time_from_the_others(
    outbox: SqliteOutbox, clock: FakeClock
) -> None:
    house = House(outbox, clock, Rule("green", ("chat", "bot"), state=GREEN), bot=Terms(max_age=10.0))
    clock.jump(120)  # recovered, two minutes old: too late for the bot, and not for the chat
    async with house.deciding():
        await house.intake.store([in_force(1)], [])
        await house.quiet()
        house.states.tell("AAPL", GREEN_DAY)  # it answers within the half minute
        await house.decided("chat")
    assert await house.sent("chat") == [1]


async def test_a_rule_that_has_expired_takes_no_time_from_another(outbox: SqliteOutbox, clock: FakeClock) -> None:
    house = House(outbox, clock, Rule("hasty", ("chat",), max_age=10.0), Rule("green", ("chat",), state=GREEN))
    clock.jump(120)
    async with house.deciding():
        await house.intake.store([in_force(1)], [])
        await house.quiet()
        house.states.tell("AAPL", GREEN_DAY)
        await house.decided("chat")
    (delivery,) = await house.waiting("chat")
    assert [rule.name for rule in delivery.wanted_by(clock.now_us())] == ["green"]


async def test_an_age_of_one_destination_does_not_shorten_the_patience_of_another(
    outbox: SqliteOutbox, clock: FakeClock
) -> None:
    house = House(outbox, clock, Rule("green", ("chat", "bot"), state=GREEN), bot=Terms(max_age=10.0))
    async with house.deciding():
        await house.live(in_force(1))
        await house.quiet()
        await clock.advance(12.0)  # the bot's time is over, the half minute is not
        await house.quiet()
        house.states.tell("AAPL", GREEN_DAY)
        await house.decided("chat")
    assert await house.sent("chat") == [1]


async def test_what_is_known_does_not_wait_behind_what_is_not(outbox: SqliteOutbox, clock: FakeClock) -> None:
    house = House(outbox, clock, Rule("shown", ("bot",), enrich=True))
    house.states.tell("AAPL", GREEN_DAY)
    async with house.deciding():
        await house.intake.store([in_force(n, f"S{n}") for n in range(1, 501)], [])  # REST hangs for all of these
        await house.quiet()
        await house.live(in_force(501, "AAPL"))
        await house.quiet()
        assert await house.sent("bot") == [501]


async def test_an_alert_with_an_age_does_not_expire_behind_what_is_not_known(
    outbox: SqliteOutbox, clock: FakeClock
) -> None:
    rules = (
        Rule("shown", ("chat",), symbols=Symbols(none=("AAPL",)), enrich=True),
        Rule("quick", ("bot",), symbols=Symbols(any=("AAPL",)), enrich=True, max_age=10.0),
    )
    house = House(outbox, clock, *rules)
    async with house.deciding():
        await house.intake.store([*(in_force(n, f"S{n}") for n in range(1, 501)), in_force(501)], [])
        await house.quiet()
        await clock.advance(9.5)  # half a second before it is too old
        await house.quiet()
        (delivery,) = await house.waiting("bot")
        assert delivery.wanted_by(clock.now_us())


# --- memory


async def test_marks_of_rules_that_ask_are_let_go_in_time(outbox: SqliteOutbox, clock: FakeClock) -> None:
    house = House(outbox, clock, Rule("calm", ("bot",), cooldown=60.0, state=GREEN))
    for _ in range(4):
        now = clock.now_us()
        symbols = [f"D{now}S{n}" for n in range(600)]
        for symbol in symbols:
            house.states.tell(symbol, GREEN_DAY)
        house.decider._stopping = False
        async with house.deciding():
            await house.intake.store([in_force(None, symbol) for symbol in symbols], [])
            await house.decided("bot")
        clock.jump(5 * 86_400)
    assert len(house.marks) <= 1_300


# --- faults in the midst of it


async def test_a_decision_that_the_store_refuses_is_made_again_and_not_held_against_itself(
    outbox: SqliteOutbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(outbox, clock, Rule("calm", ("bot",), cooldown=900.0, state=GREEN))
    house.states.tell("AAPL", GREEN_DAY)
    decide, refusals = outbox.decide, [sqlite3.IntegrityError("once")]

    async def refuse_once(*positional: Any, **named: Any) -> frozenset[int]:
        if refusals:
            raise refusals.pop()
        return await decide(*positional, **named)

    monkeypatch.setattr(outbox, "decide", refuse_once)
    async with house.deciding():
        await house.intake.store([in_force(1)], [])
        await house.quiet()
        await clock.advance(60)
        await house.intake.store([in_force(2, "MSFT")], [])  # whatever comes next wakes the decider
        await house.quiet()
        assert not refusals
        assert await house.sent("bot") == [1]


async def test_a_break_of_very_many_symbols_does_not_hold_up_the_loop(outbox: SqliteOutbox, clock: FakeClock) -> None:
    house = House(outbox, clock, Rule("shown", ("bot",), channel=Channel.BREAKS, enrich=True))
    async with house.deciding():
        await house.intake.store([a_break(1, symbols=tuple(f"S{n}" for n in range(20_000)))], [])
        await house.quiet()
        assert len(asyncio.all_tasks()) < 1_000


# --- retention


async def test_a_long_cooldown_outlasts_retention_and_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    days = 86_400.0
    rule = Rule("once a quarter", ("bot",), cooldown=90 * days)
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", clock)
    house = House(outbox, clock, rule)
    await house.live(in_force(1))
    clock.jump(31 * days)
    since_us = remembered_since(now_us=clock.now_us(), longest=90 * days)
    tidying = asyncio.ensure_future(tidy(outbox, clock, retention=7 * days, marks_since_us=lambda _: since_us))
    await house.quiet()
    tidying.cancel()
    kept = await outbox.memory.marks(since_us=since_us, limit=10)
    await outbox.close()
    assert [mark.rule for mark in kept] == ["once a quarter"]


# --- cost


async def test_cooldowns_make_no_commit_of_each_symbol(
    outbox: SqliteOutbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(outbox, clock, Rule("calm", ("bot",), cooldown=900.0))
    commit, commits = outbox.commit, 0

    async def counted(*positional: Any, **named: Any) -> list[Sighting]:
        nonlocal commits
        commits += 1
        return await commit(*positional, **named)

    monkeypatch.setattr(outbox, "commit", counted)
    page = [in_force(n, f"S{n // 2}", at=f"2026-04-10T13:45:2{n % 2}Z") for n in range(2, 202)]  # each symbol twice
    assert await house.intake.store(page, []) == 200
    assert await house.sent("bot") == list(range(2, 202, 2))
    assert commits <= 4
