"""What ``explain`` foretells is what judge and decider do, whatever meets in one alert."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.cli.foretold import Foretelling, Found
from relay.cli.recall import Memory
from relay.clock import MICROS
from relay.deliveries import State
from relay.events import Event, Source, names_of
from relay.judging.decider import Decider
from relay.judging.judge import Judge, Sighted
from relay.judging.marks import Marks, mark_of
from relay.judging.plan import Plan, Terms
from relay.judging.snoozes import Snoozes
from relay.metrics import Metrics
from relay.outbox.base import Entry
from relay.outbox.memory import Snooze, SnoozeKind
from relay.rules.active import Active, Hours
from relay.rules.match import compile_rules
from relay.rules.rule import Rule
from relay.states import Snapshot, StateWanted
from relay.upstream.errors import UnknownSymbolError
from relay.upstream.lookup import Facts
from tests.support import memory_outbox
from tests.support.clock import START_US, FakeClock, settle
from tests.support.events import a_break, in_force

ALERT = in_force(1, at="2026-04-10T13:45:22Z")
BREAK = a_break(1, symbols=("ES1!", "NQ1!"))
NAMES = ("a", "b", "c")
_AGE = 900.0
OLD = in_force(1, at="2026-04-10T13:30:22Z")  # so old
NOW_US = START_US


class States:
    """Knows one symbol, or none."""

    def __init__(self, known: Snapshot | None) -> None:
        self._known = known

    async def known(self, symbol: str) -> Snapshot:
        if self._known is None:
            raise UnknownSymbolError(symbol)
        return self._known

    async def facts(self, symbol: str) -> Facts:
        return Facts((await self.known(symbol)).sector)


_AGES = st.sampled_from((None, None, 60.0, _AGE, 3600.0))
_WANTED = st.none() | st.builds(
    StateWanted,
    tfc=st.sampled_from(({"D": "green"}, {"D": "red"}, {})),
    sectors=st.sampled_from(((), ("energy",))),
).filter(lambda state: state != StateWanted())


@st.composite
def _rules(draw: st.DrawFn) -> list[Rule]:
    return [
        Rule(
            name=f"r{number}",
            to=tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))),
            timeframes=draw(st.sampled_from((None, None, frozenset({"W"})))),
            otherwise=draw(st.booleans()),
            cooldown=draw(st.sampled_from((None, 900.0))),
            max_age=draw(_AGES),
            active=draw(st.sampled_from((None, None, Active("UTC", hours=(Hours(0, 60),))))),
            state=draw(_WANTED),
            enrich=draw(st.booleans()),
            on_unknown=draw(st.sampled_from(("drop", "deliver"))),
        )
        for number in range(draw(st.integers(1, 4)))
    ]


async def _sent(plan: Plan, event: Event, memory: Memory, snapshot: Snapshot | None) -> dict[str, tuple[str, ...]]:
    """What the relay itself has sent where."""
    clock, held = FakeClock(), Marks(memory.marks or ())
    kept = memory_outbox.Memory(clock.now_us())
    outbox = memory_outbox.MemoryOutbox(kept)
    for snooze in memory.snoozes or ():
        await outbox.memory.snooze(snooze)
    snoozes = Snoozes(outbox.memory, clock)
    await snoozes.load()
    verdict = Judge(plan, held, snoozes).judge(Sighted(event, Source.LIVE, clock.now_us()))
    await outbox.commit([Entry(event, Source.LIVE, clock.now_us(), verdict.deliveries)])
    decider = Decider(
        outbox, States(snapshot), held, clock=clock, metrics=Metrics(), max_age=plan.max_age, notify=lambda _: None
    )
    task = asyncio.create_task(decider.run())
    await settle()
    decider.stop()
    await task
    pending = [record.delivery for record in kept.records.values() if record.state is State.PENDING]
    wanted = ((one.destination, one.wanted_by(clock.now_us(), plan.max_age(one.destination))) for one in pending)
    return {name: tuple(rule.name for rule in rules) for name, rules in wanted if rules}


_SNOOZES = st.lists(
    st.builds(
        Snooze,
        kind=st.sampled_from(SnoozeKind),
        name=st.sampled_from(("r0", "a", "AAPL", "ES", "ES1!", "NQ=F")),
        since_us=st.just(NOW_US - 5),
        until_us=st.sampled_from((NOW_US, NOW_US + 1, NOW_US + 2)),
    ),
    max_size=3,
    unique_by=lambda snooze: (snooze.kind, snooze.name),
)


@settings(max_examples=150, deadline=None)
@given(
    config=st.tuples(_rules(), st.fixed_dictionaries(dict.fromkeys(NAMES, st.builds(Terms, max_age=_AGES)))),
    event=st.sampled_from((ALERT, ALERT, BREAK, OLD)),
    marked=st.lists(st.sampled_from(("r0", "r1", "r2")), max_size=2, unique=True),
    snoozes=_SNOOZES,
    snapshot=st.sampled_from((None, Snapshot("AAPL", {"D": "green"}, "Energy"), Snapshot("AAPL", {"D": "red"}))),
)
def test_it_is_foretold_what_comes(
    config: tuple[list[Rule], dict[str, Terms]],
    event: Event,
    marked: list[str],
    snoozes: list[Snooze],
    snapshot: Snapshot | None,
) -> None:
    rules, terms = config
    rules = [replace(rule, channel=event.channel) for rule in rules]
    plan = Plan(compile_rules(rules), terms)
    marks = [mark_of(name, event, NOW_US) for name in marked]
    marks = [msgspec.structs.replace(mark, at_us=mark.at_us - 60 * MICROS) for mark in marks]
    memory = Memory(marks, snoozes)
    telling = Foretelling(plan, rules, Sighted(event, Source.LIVE, NOW_US), memory, now_us=NOW_US)
    found: Found = dict.fromkeys(names_of(event), "unknown" if snapshot is None else snapshot)
    told = telling.told(found)
    foretold = {fate.name: fate.rules for fate in told.destinations if fate.sent}
    assert foretold == asyncio.run(_sent(plan, event, memory, snapshot))
    for fate in told.destinations:
        assert fate.sent is not None
        assert bool(fate.detail) is (fate.sent is False)
