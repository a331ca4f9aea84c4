"""Whatever the server keeps, cuts and shows late: what it can show is stored or lies in a recorded hole."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.events import CANDLES, DIRECTIONS, TIMEFRAMES, Channel, Event
from relay.outbox.channels import Hole
from tests.support.backfill import DOWN, Asked, Scene, alert, some_break
from tests.support.clock import START_US

SYMBOLS = ("AAPL", "SPY", "BTC-USD", "NQ=F", "TSLA")

gaps = st.integers(1, 60).flatmap(lambda count: st.lists(st.integers(1, 4), min_size=count, max_size=count))
dice = st.randoms(use_true_random=False)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """In-force alerts over few or many kinds, so that some parts can't be split."""
    timeframes = draw(st.sampled_from((TIMEFRAMES[:1], TIMEFRAMES[3:6], TIMEFRAMES)))
    symbols = draw(st.sampled_from((SYMBOLS[:1], SYMBOLS)))
    candles = draw(st.sampled_from((CANDLES[:1], CANDLES)))
    rng = draw(dice)
    id_ = 1_000
    events: list[Event] = []
    for gap in draw(gaps):
        id_ += gap
        events.append(
            alert(
                id_,
                rng.choice(symbols),
                timeframe=rng.choice(timeframes),
                direction=rng.choice(DIRECTIONS),
                cc=rng.choice(candles),
            )
        )
    return events


@st.composite
def break_histories(draw: st.DrawFn) -> list[Event]:
    rng = draw(dice)
    id_ = 1_000
    events: list[Event] = []
    for gap in draw(gaps):
        id_ += gap
        events.append(some_break(id_, rng.choice((2, 3, 4)), timeframe=rng.choice(("D", "W"))))
    return events


def in_hole(event: Event, hole: Hole) -> bool:
    """Whether the alert lies in the range and the part of the hole."""
    assert event.id is not None
    parts = dict(word.split("=", 1) for word in hole.part.split() if "=" in word)
    return (
        hole.after_id < event.id <= hole.up_to_id
        and parts.get("timeframe", event.timeframe) == event.timeframe
        and parts.get("direction", event.direction) == event.direction
        and parts.get("cc", event.cc) == event.cc
        and parts.get("threshold", str(event.threshold)) == str(event.threshold)
        and (event.symbol or "") in parts.get("symbols", event.symbol or "").split(",")
    )


async def catch_up(
    scene: Scene, history: list[Event], *, channel: Channel, late: set[int], trouble: set[int], rounds: int = 4
) -> None:
    """Rounds five minutes apart, with alerts that become visible up to two minutes after a greater one was shown."""
    scene.caught_up(1_000, channel=channel)
    scene.subscribed = (channel,)
    hidden = [event for index, event in enumerate(history[:-1]) if index in late]
    scene.rest.alerts = [event for event in history if event not in hidden]
    began = scene.clock.monotonic()

    def meanwhile(asked: Asked) -> None:
        del asked
        if hidden and len(scene.rest.asked) > 2:
            scene.rest.alerts.append(hidden.pop())
        if scene.clock.monotonic() - began > 85:  # a pause may last 30 s more
            reveal()
        if len(scene.rest.asked) in trouble:
            scene.rest.failures = [DOWN]

    def reveal() -> None:
        scene.rest.alerts.extend(hidden)
        hidden.clear()

    scene.rest.before = meanwhile
    for _ in range(rounds):
        running = asyncio.ensure_future(scene.backfiller.run_now())
        await scene.settled(running, most=100_000)
        reveal()
        await scene.clock.advance(300)


def check(scene: Scene, history: list[Event], channel: Channel) -> None:
    missing = [
        event
        for event in history
        if event.key() not in scene.store.known and not any(in_hole(event, hole) for hole in scene.store.recorded)
    ]
    assert missing == []
    state = scene.store.states[channel]
    positions = [done.position for done in state.rounds]
    assert positions == sorted(positions)
    assert positions[-1] <= max(event.id or 0 for event in history)
    for call in scene.store.calls:
        ids = [event.id or 0 for event in call.recovered]
        assert ids == sorted(ids)
    assert len(scene.store.ids) == len(set(scene.store.ids))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    history=histories(),
    clamp=st.integers(2, 12),
    page_size=st.integers(1, 20),
    keeps_newest=st.booleans(),
    descending=st.booleans(),
    late=st.sets(st.integers(0, 59), max_size=4),
    trouble=st.sets(st.integers(1, 40), max_size=12),
    learnt=st.booleans(),
)
async def test_every_in_force_alert_is_stored_or_lies_in_a_recorded_hole(
    history: list[Event],
    clamp: int,
    page_size: int,
    late: set[int],
    trouble: set[int],
    *,
    keeps_newest: bool,
    descending: bool,
    learnt: bool,
) -> None:
    scene = Scene(rule_symbols=SYMBOLS[:2] if learnt else ())
    scene.configure(page_size=page_size)
    scene.rest.clamp, scene.rest.keeps_newest, scene.rest.descending = clamp, keeps_newest, descending
    await catch_up(scene, history, channel=Channel.IN_FORCE, late=late, trouble=trouble)
    check(scene, history, Channel.IN_FORCE)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=break_histories(), clamp=st.integers(2, 12), keeps_newest=st.booleans())
async def test_every_break_is_stored_or_lies_in_a_recorded_hole(
    history: list[Event], clamp: int, *, keeps_newest: bool
) -> None:
    scene = Scene()
    scene.rest.clamp, scene.rest.keeps_newest = clamp, keeps_newest
    await catch_up(scene, history, channel=Channel.BREAKS, late=set(), trouble=set())
    check(scene, history, Channel.BREAKS)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories(), clamp=st.integers(8, 30))
async def test_a_server_that_keeps_the_oldest_hides_nothing(history: list[Event], clamp: int) -> None:
    scene = Scene()
    scene.rest.clamp, scene.rest.keeps_newest = clamp, False
    await catch_up(scene, history, channel=Channel.IN_FORCE, late=set(), trouble=set(), rounds=1)
    assert scene.store.ids == [event.id for event in history]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    data=st.data(),
    before=st.lists(st.integers(0, 20), max_size=60),
    after=st.lists(st.integers(0, 20), min_size=1, max_size=40),
    clamp=st.integers(2, 12),
    late=st.sets(st.integers(0, 39), max_size=4),
    kinds=st.integers(1, 4),
    keeps_newest=st.booleans(),
)
async def test_of_a_young_channel_all_that_is_not_old_is_delivered_or_lies_in_a_recorded_hole(
    data: st.DataObject,
    before: list[int],
    after: list[int],
    late: set[int],
    *,
    clamp: int,
    kinds: int,
    keeps_newest: bool,
) -> None:
    """However much fires in the two minutes before the beginning. Ids are given in the order of times, up to 2 min."""
    scene = Scene()
    scene.rest.clamp, scene.rest.keeps_newest = clamp, keeps_newest
    rng = data.draw(dice)

    def fired(number: int, at_us: int) -> Event:
        kind = rng.randrange(kinds)
        return alert(
            number, SYMBOLS[kind], at_us=at_us, timeframe=("D", "W")[kind % 2], cc=CANDLES[kind % len(CANDLES)]
        )

    at_us, number = START_US - sum(before) * MICROS, 1_000
    for gap in before:
        at_us, number = at_us + gap * MICROS, number + rng.randint(2, 4)
        scene.fire(fired(number, at_us - MICROS))
    await scene.backfiller.ensure_baseline((Channel.IN_FORCE,))
    young, hidden = [], []
    for index, gap in enumerate(after):
        at_us, number = at_us + gap * MICROS, number + rng.randint(2, 4)
        if index in late:  # it took its number up to two minutes before its time
            hidden.append(fired(max(1, number - rng.randint(1, 30)), at_us))
        else:
            young.append(fired(number, at_us))
    taken = {event.id for event in (*scene.rest.alerts, *young)}
    hidden = [event for event in hidden if event.id not in taken]
    scene.fire(*young)
    for _ in range(4):
        await scene.settled(asyncio.ensure_future(scene.backfiller.run_now()), most=100_000)
        scene.fire(*hidden)
        young, hidden = [*young, *hidden], []
        await scene.clock.advance(300)
    missing = [
        event
        for event in young
        if event not in scene.store.delivered and not any(in_hole(event, hole) for hole in scene.store.recorded)
    ]
    assert missing == []
