"""What waits for a look-up: decided by what was found, within its time, over restarts, and holding up nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from relay.clock import MICROS
from relay.deliveries import Ask, Delivery, Other, RuleMatch, State, Suppression
from relay.errors import StoreBusyError, UpstreamError
from relay.events import Event, Source
from relay.judging import decider
from relay.judging.case import MOST_NAMES, PATIENCE
from relay.judging.decider import Decider
from relay.judging.marks import Marks, mark_of
from relay.metrics import Metrics
from relay.outbox.archive import Selection
from relay.outbox.base import Entry, NewDelivery
from relay.states import Snapshot, StateWanted, snapshot_of
from relay.upstream.lookup import Facts
from tests.support.clock import START_US, FakeClock, settle
from tests.support.events import a_break, in_force
from tests.support.memory_outbox import Memory
from tests.support.troubled_outbox import TroubledOutbox

GREEN = StateWanted(tfc={"D": "green"})
RED = StateWanted(tfc={"D": "red"})
GREEN_DAY = b'{"symbol":"AAPL","tfc":{"D":"green","W":"red"},"instrument":{"sector":"Energy"},"price":{"price":1.10}}'


class States:
    """Answers look-ups once it is told to; each symbol that is asked for is noted."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.known_now: dict[str, bytes | Exception] = {}
        self._changed = asyncio.Event()

    def tell(self, symbol: str, found: bytes | Exception) -> None:
        self.known_now[symbol] = found
        self._changed.set()

    async def known(self, symbol: str) -> Snapshot:
        self.asked.append(symbol)
        return await self._wait(symbol)

    async def facts(self, symbol: str) -> Facts:
        self.asked.append(f"facts of {symbol}")
        return Facts((await self._wait(symbol)).sector)

    async def _wait(self, symbol: str) -> Snapshot:
        while symbol not in self.known_now:
            self._changed.clear()
            await self._changed.wait()
        found = self.known_now[symbol]
        if isinstance(found, Exception):
            raise found
        return snapshot_of(found)


class Scene:
    def __init__(self, memory: Memory | None = None) -> None:
        self.clock = FakeClock()
        self.kept = memory or Memory(START_US)
        self.outbox = TroubledOutbox(self.kept)
        self.states = States()
        self.marks = Marks()
        self.metrics = Metrics()
        self.notified: list[str] = []
        self.ages: dict[str, float] = {}
        self.decider = Decider(
            self.outbox,
            self.states,
            self.marks,
            clock=self.clock,
            metrics=self.metrics,
            max_age=lambda name: self.ages.get(name),  # noqa: PLW0108  because a test sets others
            notify=self.notified.extend,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.decider.run())
        await settle()
        try:
            yield
        finally:
            self.decider.stop()
            await asyncio.wait_for(task, 5)

    async def commit(self, event: Event, *rules: RuleMatch, to: tuple[str, ...] = ("bot",)) -> None:
        made = tuple(NewDelivery(name, rules) for name in to)
        await self.outbox.commit([Entry(event, Source.LIVE, self.clock.now_us(), made)])
        self.decider.notify()
        await settle()

    def states_of(self, name: str = "bot") -> dict[int | None, State]:
        records = [record for record in self.kept.records.values() if record.delivery.destination == name]
        return {record.delivery.event.id: record.state for record in records}

    def sent(self, name: str = "bot") -> list[Delivery]:
        return self.outbox._waiting(name, parked=False)

    def reason(self) -> tuple[str, str]:
        (record,) = self.kept.records.values()
        return record.code, record.error


def asking(ask: Ask, name: str = "green days", expires_at_us: int | None = None) -> RuleMatch:
    return RuleMatch(name, expires_at_us, ask=ask)


async def test_a_condition_that_holds_sends_the_alert_without_its_question() -> None:
    scene = Scene()
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(GREEN)))
        assert scene.states_of() == {1: State.DECIDING}
        scene.states.tell("AAPL", GREEN_DAY)
        await settle()
    assert [(d.event.id, d.rules, d.states) for d in scene.sent()] == [(1, (RuleMatch("green days"),), None)]
    assert scene.notified == ["bot"]


async def test_a_condition_that_does_not_hold_takes_the_delivery_away() -> None:
    scene = Scene()
    scene.states.tell("AAPL", GREEN_DAY)
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(RED)))
    assert scene.kept.records == {}


async def test_a_rule_that_does_not_match_leaves_the_delivery_to_the_others() -> None:
    scene = Scene()
    scene.states.tell("AAPL", GREEN_DAY)
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(RED)), RuleMatch("plain"))
    assert [delivery.rules for delivery in scene.sent()] == [(RuleMatch("plain"),)]


async def test_only_a_rule_that_enriches_shows_the_state_and_it_is_the_upstreams_own() -> None:
    scene = Scene()
    scene.states.tell("AAPL", GREEN_DAY)
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(enrich=True)))
        await scene.commit(in_force(2), asking(Ask(GREEN)))
    assert [delivery.states for delivery in scene.sent()] == [b'{"AAPL":' + GREEN_DAY + b"}", None]


async def test_waiting_for_one_symbol_delays_no_other() -> None:
    scene = Scene()
    scene.states.tell("SPY", GREEN_DAY)
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(GREEN)))
        await scene.commit(in_force(2, "SPY"), asking(Ask(GREEN)))
        assert scene.states_of() == {1: State.DECIDING, 2: State.PENDING}


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (Ask(GREEN), State.SUPPRESSED),
        (Ask(GREEN, deliver_unknown=True), State.PENDING),
        (Ask(enrich=True), State.PENDING),
    ],
)
async def test_what_is_not_known_in_time_is_decided_by_the_rule(ask: Ask, expected: State) -> None:
    scene = Scene()
    async with scene.running():
        await scene.commit(in_force(1), asking(ask))
        await scene.clock.advance(PATIENCE - 0.1)
        assert scene.states_of() == {1: State.DECIDING}
        await scene.clock.advance(0.2)
        await settle()
        assert scene.states_of() == {1: expected}
    if expected is State.SUPPRESSED:
        assert scene.reason() == (Suppression.UNKNOWN, "green days: the symbol's state could not be known in time")


async def test_what_can_not_be_known_at_all_is_decided_at_once() -> None:
    scene = Scene()
    scene.states.tell("AAPL", UpstreamError("no such symbol"))
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(GREEN)))
    assert scene.states_of() == {1: State.SUPPRESSED}


async def test_a_fault_of_ours_in_a_look_up_keeps_no_alert_undecided() -> None:
    scene = Scene()
    scene.states.tell("AAPL", ZeroDivisionError())
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(GREEN, deliver_unknown=True)))
    assert scene.states_of() == {1: State.PENDING}


async def test_an_alert_that_would_expire_is_sent_shortly_before() -> None:
    scene = Scene()
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(enrich=True), expires_at_us=START_US + 5 * MICROS))
        await scene.clock.advance(4.4)
        assert scene.states_of() == {1: State.DECIDING}
        await scene.clock.advance(0.2)
        await settle()
        (sent,) = scene.sent()
    assert sent.wanted_by(scene.clock.now_us())


async def test_an_age_that_a_destination_gets_meanwhile_counts_for_what_is_being_decided() -> None:
    scene = Scene()
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(enrich=True)), to=("bot", "chat"))
        await scene.clock.advance(4.4)
        scene.ages = {"bot": 5.0}
        scene.decider.reconsider()
        await settle()
        assert scene.states_of() == {1: State.DECIDING}
        await scene.clock.advance(0.2)
        await settle()
        (sent,) = scene.sent()
        assert sent.wanted_by(scene.clock.now_us(), 5.0)
        assert scene.states_of("chat") == {1: State.DECIDING}


async def test_a_restart_takes_up_what_was_left_and_is_patient_anew() -> None:
    scene = Scene()
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(GREEN)))
        await scene.clock.advance(20)
    again = Scene(scene.kept)
    again.clock.jump(3600)
    again.decider._began_us = again.clock.now_us()
    async with again.running():
        await again.clock.advance(20)
        assert again.states_of() == {1: State.DECIDING}
        again.states.tell("AAPL", GREEN_DAY)
        await settle()
        assert again.states_of() == {1: State.PENDING}


async def test_one_event_is_judged_once_for_all_its_destinations() -> None:
    scene = Scene()
    scene.states.tell("AAPL", GREEN_DAY)
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(GREEN, cooldown=900.0)), to=("bot", "swing"))
    assert (len(scene.sent()), len(scene.sent("swing"))) == (1, 1)
    assert (len(scene.kept.marks), scene.states.asked) == (1, ["AAPL"])


async def test_a_cooldown_is_judged_when_the_rule_turns_out_to_match() -> None:
    scene = Scene()
    scene.states.tell("AAPL", GREEN_DAY)
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(RED, cooldown=900.0), "calm"))
        await scene.commit(in_force(2, at="2026-04-10T13:46:00Z"), asking(Ask(GREEN, cooldown=900.0), "calm"))
        await scene.commit(in_force(3, at="2026-04-10T13:47:00Z"), asking(Ask(GREEN, cooldown=900.0), "calm"))
    assert scene.states_of() == {2: State.PENDING, 3: State.SUPPRESSED}
    (told,) = [record.error for record in scene.kept.records.values() if record.state is State.SUPPRESSED]
    assert told == "calm: within 15m of the one at 2026-04-10T13:46:00.000Z"


@pytest.mark.parametrize(
    ("found", "expected"),
    [(GREEN_DAY, None), (b'{"symbol":"AAPL","tfc":{"D":"red"}}', State.PENDING), (None, State.PENDING)],
)
async def test_otherwise_takes_what_does_not_match_or_can_not_be_known_to(
    found: bytes | None, expected: State | None
) -> None:
    scene = Scene()
    if found is not None:
        scene.states.tell("AAPL", found)
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(unless=(Other(GREEN),)), "rest"))
        await scene.clock.advance(PATIENCE)
        await settle()
    assert scene.states_of().get(1) is expected


async def test_a_break_asks_for_all_that_took_part_and_each_must_hold() -> None:
    scene = Scene()
    for symbol in ("ES1!", "NQ1!"):
        scene.states.tell(symbol, GREEN_DAY)
    async with scene.running():
        await scene.commit(a_break(1), asking(Ask(GREEN)))
        assert sorted(scene.states.asked) == ["ES1!", "NQ1!", "YM1!"]
        assert scene.states_of() == {1: State.DECIDING}
        scene.states.tell("YM1!", b'{"symbol":"YM1!","tfc":{"D":"red"}}')
        await settle()
    assert scene.kept.records == {}


async def test_a_sector_alone_is_asked_of_the_facts() -> None:
    scene = Scene()
    scene.states.tell("AAPL", GREEN_DAY)
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(StateWanted(sectors=("energy", "utilities")))))
    assert (scene.states.asked, scene.states_of()) == (["facts of AAPL"], {1: State.PENDING})


async def test_a_store_that_can_not_be_read_is_asked_again() -> None:
    scene = Scene()
    scene.states.tell("AAPL", GREEN_DAY)
    scene.outbox.errors["deciding"].append(StoreBusyError("busy"))
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(GREEN)))
        await scene.clock.advance(1.0)
        await settle()
    assert scene.states_of() == {1: State.PENDING}


async def test_a_flood_is_decided_whole() -> None:
    scene = Scene()
    entries = [
        Entry(in_force(n, f"S{n}"), Source.LIVE, START_US, (NewDelivery("bot", (asking(Ask(enrich=True)),)),))
        for n in range(1, 1301)
    ]
    await scene.outbox.commit(entries)
    async with scene.running():
        assert scene.decider.under_way == 1300
        for n in range(1, 1301):
            scene.states.tell(f"S{n}", GREEN_DAY)
            if n % 100 == 0:
                await settle()
        await settle()
        assert set(scene.states_of().values()) == {State.PENDING}
    assert len(scene.states.asked) == 1300


def until(seconds: float) -> int:
    return START_US + round(seconds * MICROS)


async def commit_to(scene: Scene, **rules: RuleMatch) -> None:
    """An alert with a rule of its own for each destination."""
    made = tuple(NewDelivery(name, (rule,)) for name, rule in rules.items())
    await scene.outbox.commit([Entry(in_force(1), Source.LIVE, scene.clock.now_us(), made)])
    scene.decider.notify()
    await settle()


async def test_a_short_age_at_one_destination_takes_no_patience_from_another() -> None:
    scene = Scene()
    async with scene.running():
        await commit_to(scene, chat=asking(Ask(GREEN)), bot=asking(Ask(GREEN), expires_at_us=until(5)))
        await scene.clock.advance(6)
        assert (scene.states_of("chat"), scene.states_of("bot")) == ({1: State.DECIDING}, {1: State.SUPPRESSED})
        scene.states.tell("AAPL", GREEN_DAY)
        await settle()
        assert scene.states_of("chat") == {1: State.PENDING}


async def test_what_has_expired_already_waits_for_nothing_and_hurries_nobody() -> None:
    scene = Scene()
    async with scene.running():
        await commit_to(scene, chat=asking(Ask(GREEN)), bot=asking(Ask(GREEN), expires_at_us=until(-60)))
        assert (scene.states_of("chat"), scene.states_of("bot")) == ({1: State.DECIDING}, {1: State.PENDING})
        assert not scene.sent("bot")[0].wanted_by(scene.clock.now_us())  # its lane says that it has expired
        scene.states.tell("AAPL", GREEN_DAY)
        await settle()
        assert scene.states_of("chat") == {1: State.PENDING}


async def test_a_rule_that_has_expired_leaves_the_other_at_its_destination_in_peace() -> None:
    scene = Scene()
    async with scene.running():
        await scene.commit(
            in_force(1), asking(Ask(GREEN), "trend"), asking(Ask(GREEN), "fast", expires_at_us=until(-60))
        )
        await scene.clock.advance(10)
        assert scene.states_of() == {1: State.DECIDING}
        scene.states.tell("AAPL", GREEN_DAY)
        await settle()
        (sent,) = scene.sent()
    assert [rule.name for rule in sent.wanted_by(scene.clock.now_us())] == ["trend"]


async def test_what_one_rule_wants_sent_does_not_expire_while_another_asks() -> None:
    scene = Scene()
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(GREEN), "trend"), RuleMatch("plain", until(10)))
        await scene.clock.advance(8.9)
        assert scene.states_of() == {1: State.DECIDING}
        await scene.clock.advance(0.2)
        await settle()
        (sent,) = scene.sent()
    assert [(rule.name, rule.suppressed) for rule in sent.rules] == [
        ("trend", Suppression.UNKNOWN),
        ("plain", None),
    ]


async def test_what_is_known_does_not_wait_behind_hundreds_that_hang() -> None:
    scene = Scene()
    entries = [
        Entry(in_force(n, f"S{n}"), Source.LIVE, START_US, (NewDelivery("bot", (asking(Ask(GREEN)),)),))
        for n in range(1, 3_001)
    ]
    await scene.outbox.commit(entries)
    scene.states.tell("AAPL", GREEN_DAY)
    async with scene.running():
        await scene.commit(in_force(9_999), asking(Ask(GREEN)))
        assert scene.states_of()[9_999] is State.PENDING


async def test_many_alerts_of_one_symbol_are_one_look_up_and_keep_their_order() -> None:
    scene = Scene()
    async with scene.running():
        for number in range(1, 21):
            await scene.commit(in_force(number), asking(Ask(GREEN)))
        scene.states.tell("AAPL", GREEN_DAY)
        await settle()
    assert scene.states.asked == ["AAPL"]
    assert [delivery.event.id for delivery in scene.sent()] == list(range(1, 21))


async def test_a_decision_that_the_store_refuses_is_made_again_and_not_held_back_for_its_own_sake() -> None:
    scene = Scene()
    scene.outbox.errors["decide"].append(OverflowError("too large"))
    scene.states.tell("AAPL", GREEN_DAY)
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(GREEN, cooldown=900.0)))
        assert (scene.states_of(), len(scene.marks)) == ({1: State.DECIDING}, 0)
        await scene.clock.advance(1)
        await settle()
        assert (scene.states_of(), len(scene.marks)) == ({1: State.PENDING}, 1)


async def test_what_rests_on_an_alert_that_may_be_a_repetition_waits_for_the_news_of_it() -> None:
    scene = Scene()
    doubtful = mark_of("calm", in_force(7, at="2026-04-10T13:44:00Z"), START_US)
    scene.marks.add(doubtful, tentative=True)
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(cooldown=900.0), "calm"))
        assert scene.states_of() == {1: State.DECIDING}
        scene.marks.take_back(doubtful)
        await scene.clock.advance(0.1)
        await settle()
    assert (scene.states_of(), scene.states.asked) == ({1: State.PENDING}, [])


async def test_a_break_of_very_many_symbols_is_not_known_and_asks_for_few() -> None:
    scene = Scene()
    async with scene.running():
        await scene.commit(a_break(1, symbols=tuple(f"S{n}" for n in range(20_000))), asking(Ask(GREEN)))
        assert len(scene.states.asked) == MOST_NAMES
        for name in list(scene.states.asked):
            scene.states.tell(name, GREEN_DAY)
        await settle()
    assert scene.states_of() == {1: State.SUPPRESSED}


async def test_what_is_released_while_its_event_is_being_decided_is_decided_with_it() -> None:
    scene = Scene()
    held = NewDelivery("chat", (asking(Ask(GREEN)),), Suppression.SOURCE)
    async with scene.running():
        made = (NewDelivery("bot", (asking(Ask(GREEN)),)), held)
        await scene.outbox.commit([Entry(in_force(1), Source.BACKFILL, START_US, made)])
        scene.decider.notify()
        await settle()
        await scene.outbox.commit([Entry(in_force(1), Source.LIVE, START_US, (NewDelivery("chat", held.rules),))])
        scene.decider.notify(anew=True)
        await settle()
        scene.states.tell("AAPL", GREEN_DAY)
        await settle()
    assert (scene.states_of("bot"), scene.states_of("chat")) == ({1: State.PENDING}, {1: State.PENDING})
    assert scene.states.asked == ["AAPL"]


async def test_no_more_are_decided_at_once_than_there_is_room_for_and_the_rest_waits_in_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decider, "CASES", 6)
    monkeypatch.setattr(decider, "PAGE", 4)
    scene = Scene()
    for number in range(1, 21):
        await scene.commit(in_force(number, f"S{number}"), asking(Ask(GREEN)))
    async with scene.running():
        assert scene.decider.under_way <= 6 + 4
        assert len(scene.states.asked) <= 6 + 4
        assert len(scene.decider._due) <= 3 * (6 + 4)
        for number in range(1, 21):
            scene.states.tell(f"S{number}", GREEN_DAY)
        await settle(500)
        assert set(scene.states_of().values()) == {State.PENDING}
        assert scene.decider.under_way == 0


async def test_deadlines_of_what_is_decided_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decider, "PAGE", 4)
    scene = Scene()
    scene.states.tell("AAPL", GREEN_DAY)
    async with scene.running():
        for number in range(1, 101):
            await scene.commit(in_force(number), asking(Ask(GREEN)))
            await settle()
            assert len(scene.decider._due) <= 8
    assert set(scene.states_of().values()) == {State.PENDING}


async def test_what_was_dropped_while_it_was_looked_up_stays_so_and_leaves_no_mark() -> None:
    scene = Scene()
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(GREEN, cooldown=900.0)))
        await scene.outbox.archive.drop(Selection(destination="bot"), waiting=True)
        scene.states.tell("AAPL", GREEN_DAY)
        await settle()
        assert scene.states_of() == {1: State.EXPIRED}
        assert (len(scene.marks), scene.kept.marks, scene.decider.under_way) == (0, [], 0)
        await scene.commit(in_force(2), asking(Ask(GREEN, cooldown=900.0)))
        assert scene.states_of()[2] is State.PENDING


async def test_a_rule_that_still_sends_to_another_destination_keeps_its_mark() -> None:
    scene = Scene()
    async with scene.running():
        await scene.commit(in_force(1), asking(Ask(GREEN, cooldown=900.0)), to=("bot", "swing"))
        await scene.outbox.archive.drop(Selection(destination="bot"), waiting=True)
        scene.states.tell("AAPL", GREEN_DAY)
        await settle()
    assert (scene.states_of("bot"), scene.states_of("swing")) == ({1: State.EXPIRED}, {1: State.PENDING})
    assert (len(scene.marks), len(scene.kept.marks)) == (1, 1)


async def test_what_is_released_while_the_store_is_read_is_taken_up_though_it_stands_before_that() -> None:
    scene = Scene()
    scene.states.tell("AAPL", GREEN_DAY)
    await scene.outbox.commit([Entry(in_force(1), Source.LIVE, START_US, (NewDelivery("bot", (asking(Ask(GREEN)),)),))])
    first = scene.kept.records.pop(1)
    await scene.outbox.commit([Entry(in_force(2), Source.LIVE, START_US, (NewDelivery("bot", (asking(Ask(GREEN)),)),))])
    scene.outbox.late["deciding"] = asyncio.Event()
    async with scene.running():
        scene.kept.records = {1: first, **scene.kept.records}
        scene.decider.notify(anew=True)
        scene.outbox.late["deciding"].set()
        await settle()
    assert scene.states_of() == {1: State.PENDING, 2: State.PENDING}
