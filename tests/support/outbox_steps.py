"""Writes that a machine asks of an outbox and of its model: what can be drawn at any time, and a step for each call.

arrivals · round_ends · … ──drawn──> Step ──run(outbox)──> its answer
several steps at once ──> one transaction of the store   ≙   ``write_to_model``, in the order of a transaction
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import msgspec
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.deliveries import Ask, Delivery, Outcome, RuleMatch, Suppression, Verdict
from relay.events import Channel
from relay.outbox import archive
from relay.outbox.archive import Selection
from relay.outbox.base import Decision, DestinationState, Entry, NewDelivery, Outbox, Switch
from relay.outbox.channels import Baseline, Hole, RoundEnd
from relay.outbox.memory import Mark, Side, Snooze, SnoozeKind
from relay.states import StateWanted
from tests.support.clock import START_US
from tests.support.events import RULE, a_quote, entry
from tests.support.memory_outbox import MemoryOutbox
from tests.support.sightings import sightings

NAMES: Final = ("bot", "swing")
ASKING: Final = RuleMatch("green days", ask=Ask(StateWanted(tfc={"D": "green"}), cooldown=900.0))
_MINUTE_US: Final = 60 * MICROS
_HOUR_US: Final = 60 * _MINUTE_US


class Order(IntEnum):
    """In which one transaction writes what came together."""

    COMMIT = 0
    SETTLE = 1
    CHANGE = 2


@dataclass(frozen=True)
class Step:
    """One write.

    Attributes:
        order: Of its kind within a transaction.
        run: Asks it of an outbox.
        commit: What is committed, where it is a commit.
    """

    order: Order
    run: Callable[[Outbox], Awaitable[object]]
    commit: tuple[Sequence[Entry], RoundEnd | None, Sequence[Hole]] | None = None


async def write_to_model(model: MemoryOutbox, steps: Sequence[Step]) -> list[object]:
    """Write what came together as one transaction does; the answers in the order of ``steps``."""
    commits = [step.commit for step in steps if step.commit is not None]
    found = iter(await model.commit([made for entries, _, _ in commits for made in entries]))
    for _, round_end, holes in commits:
        await model.commit([], round_end=round_end, holes=holes)
    answers: dict[int, object] = {}
    for place in sorted(range(len(steps)), key=lambda place: steps[place].order):
        commit = steps[place].commit
        answers[place] = await steps[place].run(model) if commit is None else [next(found) for _ in commit[0]]
    return [answers[place] for place in range(len(steps))]


# --- what is drawn

minutes = st.integers(0, 12).map(lambda number: START_US + number * _MINUTE_US)
names = st.sampled_from(NAMES)
numbers = st.integers(0, 60)
"""Picks one of however many there are."""

_new_deliveries = st.builds(
    NewDelivery,
    destination=st.just(""),
    rules=st.sampled_from(((RULE,), (ASKING,), (RULE, ASKING))),
    suppressed=st.sampled_from((None, None, None, Suppression.SOURCE, Suppression.COOLDOWN)),
    detail=st.sampled_from(("", "held back")),
)
_marks = st.builds(
    Mark,
    rule=st.just("calm"),
    subject=st.sampled_from(("AAPL", "breaks")),
    timeframe=st.just("D"),
    direction=st.just("bullish"),
    at_us=minutes,
    noted_us=minutes,
    upstream_id=st.none() | st.integers(1, 6),
)
marks = st.lists(_marks, max_size=2)
sides = st.lists(
    st.builds(
        Side,
        rule=st.sampled_from(("through 200", "full continuity")),
        symbol=st.sampled_from(("AAPL", "SPY")),
        condition=st.just("crosses_above 200"),
        side=st.integers(0, 2),
    ),
    max_size=2,
    unique_by=lambda side: (side.rule, side.symbol),
)


@st.composite
def arrivals(draw: st.DrawFn) -> Entry:
    """A sighting of an alert, or a quote by which a rule fired, with what is to be sent of it."""
    made = draw(sightings())
    if draw(st.integers(0, 9)) == 0:
        made = entry(a_quote(), at_us=draw(minutes))
    to = draw(st.lists(names, unique=True, max_size=2))
    return msgspec.structs.replace(
        made,
        deliveries=tuple(msgspec.structs.replace(draw(_new_deliveries), destination=name) for name in to),
        marks=tuple(draw(marks)),
        sides=tuple(draw(sides)),
    )


@st.composite
def round_ends(draw: st.DrawFn) -> RoundEnd:
    """A round that ended in one of the next hours, so that older ones are forgotten."""
    began = START_US + draw(st.integers(0, 5)) * _HOUR_US // 2
    baseline = draw(st.none() | st.builds(Baseline, id=st.none() | st.integers(0, 6), before_us=minutes))
    channel = draw(st.sampled_from((Channel.IN_FORCE, Channel.BREAKS)))
    return RoundEnd(channel, draw(st.integers(0, 7)), began, began + draw(st.integers(0, 9)), baseline)


holes = st.lists(
    st.builds(
        Hole,
        channel=st.just(Channel.IN_FORCE),
        after_id=st.integers(0, 2),
        up_to_id=st.integers(3, 4),
        part=st.sampled_from(("timeframe=D", "")),
        found_at_us=minutes,
    ),
    max_size=2,
)
states = st.builds(
    DestinationState,
    switch=st.sampled_from(Switch),
    reason=st.sampled_from(("", "401 Unauthorized")),
    since_us=minutes,
    fingerprint=st.sampled_from(("", "abc")),
)
snoozes = st.builds(Snooze, kind=st.sampled_from(SnoozeKind), name=names, since_us=minutes, until_us=minutes)
selections = st.builds(
    Selection,
    destination=st.none() | names,
    symbol=st.none() | st.sampled_from(("AAPL", "MSFT")),
    since_us=st.none() | minutes,
    until_us=st.none() | minutes,
)
outcomes = st.builds(
    Outcome,
    verdict=st.just(Verdict.RETRY),
    code=st.sampled_from(("503", "timeout")),
    detail=st.sampled_from(("", 'no "answer" in time')),
    answer=st.sampled_from(("", "\u2028 try later")),
)


# --- a step for each call


def commit(entries: Sequence[Entry], round_end: RoundEnd | None, found: Sequence[Hole]) -> Step:
    return Step(
        Order.COMMIT,
        lambda outbox: outbox.commit(entries, round_end=round_end, holes=found),
        (entries, round_end, found),
    )


def settle(delivery: Delivery, how: str, outcome: Outcome, *, at_us: int, retry_at_us: int) -> Step:
    """``how`` is the name of a call, or ``park``."""

    async def run(outbox: Outbox) -> None:
        if how == "ack":
            await outbox.ack(delivery, outcome, at_us=at_us)
        elif how == "bury":
            await outbox.bury(delivery, outcome, at_us=at_us)
        elif how == "expire":
            await outbox.expire(delivery, at_us=at_us)
        else:
            await outbox.retry(delivery, outcome, at_us=at_us, retry_at_us=retry_at_us, parked=how == "park")

    return Step(Order.SETTLE, run)


def decide(decisions: Sequence[Decision], noted: Sequence[Mark], *, at_us: int) -> Step:
    marked = [msgspec.structs.replace(decision, marks=tuple(noted)) for decision in decisions]
    return Step(Order.CHANGE, lambda outbox: outbox.decide(marked, at_us=at_us))


def retry_dead(selection: Selection) -> Step:
    return _by_hand(lambda outbox: outbox.archive.retry(selection))


def drop(selection: Selection, *, waiting: bool) -> Step:
    return _by_hand(lambda outbox: outbox.archive.drop(selection, waiting=waiting))


def replay(selection: Selection, *, new_ids: bool) -> Step:
    return _by_hand(lambda outbox: outbox.archive.replay(selection, new_ids=new_ids))


def _by_hand(ask: Callable[[Outbox], Awaitable[archive.Step]]) -> Step:
    """How many it looked at for that is a store's own business."""

    async def run(outbox: Outbox) -> object:
        done = await ask(outbox)
        return done.done, done.destinations, done.next

    return Step(Order.CHANGE, run)


def drop_older(name: str, *, before_us: int, at_us: int) -> Step:
    return Step(Order.CHANGE, lambda outbox: outbox.drop_older(name, before_us=before_us, at_us=at_us))


def switch(name: str, state: DestinationState) -> Step:
    return Step(Order.CHANGE, lambda outbox: outbox.switch(name, state))


def hold(name: str, *, since_us: int, until_us: int) -> Step:
    return Step(Order.CHANGE, lambda outbox: outbox.hold(name, since_us=since_us, until_us=until_us))


def learn_page(channel: Channel, size: int) -> Step:
    return Step(Order.CHANGE, lambda outbox: outbox.learn_page(channel, size))


def note_sides(noted: Sequence[Side]) -> Step:
    return Step(Order.CHANGE, lambda outbox: outbox.memory.note_sides(noted))


def forget_sides(kept: Sequence[Side]) -> Step:
    return Step(Order.CHANGE, lambda outbox: outbox.memory.forget_sides(but=kept))


def snooze(made: Snooze) -> Step:
    return Step(Order.CHANGE, lambda outbox: outbox.memory.snooze(made))


def wake(kind: SnoozeKind, name: str) -> Step:
    return Step(Order.CHANGE, lambda outbox: outbox.memory.wake(kind, name))
