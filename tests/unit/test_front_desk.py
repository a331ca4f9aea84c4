"""How the running relay words what its parts know."""

from __future__ import annotations

import asyncio
import random

import pytest

from relay.clock import MICROS
from relay.delivery.lane import Lane
from relay.delivery.settings import LaneSettings, LaneStatus
from relay.desk import FrontDesk
from relay.events import Channel
from relay.outbox.archive import Selection
from relay.outbox.base import Switch
from relay.standings import lane_word
from relay.upstream.state import ConnectionState, Phase
from tests.support.clock import START_US, FakeClock, settle
from tests.support.events import entry, in_force
from tests.support.front_desk import LETTERS, fill, front_desk
from tests.support.lane import BAD, OK, Receiver
from tests.support.memory_outbox import Memory, MemoryOutbox
from tests.support.waiting import until

GONE = "404 Not Found"


@pytest.mark.parametrize(
    ("switch", "failures", "in_flight", "refusal", "word"),
    [
        (Switch.ON, 0, 0, "", "idle"),
        (Switch.ON, 0, 1, "", "sending"),
        (Switch.ON, 1, 0, GONE, "backing off"),
        (Switch.ON, 1, 0, "", "backing off"),
        (Switch.ON, 0, 0, GONE, "refusing"),
        (Switch.ON, 0, 1, GONE, "sending"),
        (Switch.PAUSED, 1, 0, GONE, "paused"),
        (Switch.OFF, 0, 0, GONE, "off"),
    ],
)
def test_a_destination_whose_last_message_died_is_refusing_and_not_idle(
    *, switch: Switch, failures: int, in_flight: int, refusal: str, word: str
) -> None:
    status = LaneStatus(
        switch=switch,
        reason="",
        since_us=0,
        held_seconds=0,
        paced_seconds=0,
        in_flight=in_flight,
        failures=failures,
        last_error=GONE,
        refusal=refusal,
    )
    assert lane_word(status, waiting=True) == word


@pytest.mark.parametrize(("waiting", "word"), [(True, "pacing"), (False, "idle")])
def test_a_destination_that_keeps_to_its_rate_is_pacing_while_something_waits(*, waiting: bool, word: str) -> None:
    status = LaneStatus(
        switch=Switch.ON,
        reason="",
        since_us=0,
        held_seconds=0,
        paced_seconds=1.5,
        in_flight=0,
        failures=0,
        last_error="",
    )
    assert lane_word(status, waiting=waiting) == word


def test_only_acknowledged_connections_are_counted() -> None:
    state = ConnectionState()
    for phase in (Phase.CONNECTING, Phase.WAITING, Phase.CONNECTING, Phase.OPEN, Phase.WAITING):
        state.enter(phase, START_US)
    assert state.connections == 0
    for phase in (Phase.ACKNOWLEDGED, Phase.ACKNOWLEDGED, Phase.WAITING, Phase.OPEN, Phase.ACKNOWLEDGED):
        state.enter(phase, START_US)
    assert state.connections == 2


async def test_attempts_before_the_first_connection_are_no_reconnects() -> None:
    async with front_desk(MemoryOutbox(Memory(START_US))) as desk:
        desk.connection.attempts = 5
        assert (await desk.status()).connection.reconnects == 0
        desk.connection.enter(Phase.WAITING, START_US)
        desk.connection.enter(Phase.ACKNOWLEDGED, START_US)
        assert (await desk.status()).connection.reconnects == 1


async def test_the_connections_history_is_told_newest_first_and_what_reads_the_same_once() -> None:
    async with front_desk(MemoryOutbox(Memory(START_US))) as desk:
        phases = (Phase.WAITING, Phase.CONNECTING, Phase.OPEN, Phase.ACKNOWLEDGED)
        for second, phase in enumerate(phases, 1):
            detail = "closed with 1006" if phase is Phase.WAITING else ""
            desk.connection.enter(phase, START_US + second * MICROS, detail)
        history = (await desk.status()).connection.history
        assert [(step.state, step.detail, (step.at_us - START_US) // MICROS) for step in history] == [
            ("connected", "", 4),
            ("connecting", "", 2),
            ("waiting", "closed with 1006", 1),
            ("connected", "", 0),
        ]


@pytest.mark.parametrize(
    ("ts", "lag"),
    [
        (b"", None),
        (b'"2026-04-10T13:45:21.500Z"', 0.5),
        (b'"2026-04-10T13:45:23+00:00"', -1.0),
        (b"1775828720", 2.0),
        (b'"soon"', None),
        (b"null", None),
        (b"{", None),
        (b'"\xff"', None),
        (b'"' + b"9" * 100 + b'"', None),
    ],
)
def test_the_lag_is_between_the_newest_frames_own_time_and_its_arrival(ts: bytes, lag: float | None) -> None:
    state = ConnectionState(last_frame_us=START_US)
    state.stamp(ts)
    assert state.lag_seconds == lag


def test_of_a_frame_without_a_time_no_lag_is_known() -> None:
    state = ConnectionState(last_frame_us=START_US)
    state.stamp(b'"2026-04-10T13:45:21Z"')
    state.last_frame_us = START_US + MICROS
    assert state.lag_seconds == 1.0
    state.stamp(b"")
    assert state.lag_seconds is None


async def test_the_status_tells_how_long_deliveries_took_and_what_rate_a_lane_keeps_to() -> None:
    async with front_desk(MemoryOutbox(Memory(START_US))) as desk:
        before = {one.name: one for one in (await desk.status()).destinations}["bot"]
        assert (before.latency, before.limit) == (None, "")
        await desk.outbox.commit([entry(in_force(1), "bot")])
        desk.dispatcher.notify({"bot"})
        lane = desk.dispatcher.lanes["bot"]
        await until(lambda: lane.latency() is not None)
        latency = {one.name: one for one in (await desk.status()).destinations}["bot"].latency
        assert latency is not None
        assert latency.count == 1
        assert 0 <= latency.p50 == latency.p99 <= 2


async def test_the_gauges_of_the_queues_are_as_of_the_scrape() -> None:
    memory = Memory(START_US)
    async with front_desk(MemoryOutbox(memory)) as desk:
        await desk.outbox.commit([entry(in_force(1), "bot")])
        assert b'relay_queue_depth{destination="bot"} 1.0' in await desk.metrics()
        delivery = next(iter(memory.records.values())).delivery
        await desk.outbox.ack(delivery, OK, at_us=START_US)
        assert b'relay_queue_depth{destination="bot"} 0.0' in await desk.metrics()


async def test_a_removed_destination_that_is_drained_is_leaving() -> None:
    outbox = MemoryOutbox(Memory(START_US))
    async with front_desk(outbox) as desk:
        lane = desk.dispatcher.lanes["bot"]
        await lane.pause()
        await outbox.commit([entry(in_force(1), "bot")])
        desk.dispatcher.change({"swing": desk.dispatcher.lanes["swing"]}, drain=["bot"])
        await settle()
        assert await _states(desk) == {"swing": "idle", "bot": "paused"}
        assert list(desk.destinations()) == ["swing", "bot"]
        desk.dispatcher.stop()  # so that it goes on no further while we look
        await desk.resume("bot", drop_older=None)
        assert await _states(desk) == {"swing": "idle", "bot": "leaving"}


async def test_requests_that_a_lane_of_before_has_out_are_in_flight_still() -> None:
    outbox = MemoryOutbox(Memory(START_US))
    async with front_desk(outbox) as desk:
        clock, rng, answered = FakeClock(), random.Random(7), asyncio.Event()
        slow, anew = (
            Lane(receiver, outbox, LaneSettings(), clock=clock, rng=rng, metrics=desk.metrics_registry)
            for receiver in (Receiver(clock, gate=answered), Receiver(clock))
        )
        desk.dispatcher.change({"bot": slow})
        await outbox.commit([entry(in_force(number, f"S{number}"), "bot") for number in (1, 2)])
        slow.notify()
        await settle()
        assert await _in_flight(desk) == {"bot": ("sending", 2)}
        desk.dispatcher.change({})
        assert await _in_flight(desk) == {"bot": ("removed", 2)}
        desk.dispatcher.change({"bot": anew})
        assert (await _in_flight(desk))["bot"][1] == 2
        answered.set()
        await settle()
        assert await _in_flight(desk) == {"bot": ("idle", 0)}


async def test_a_destination_refuses_no_more_once_its_last_dead_letter_is_dropped() -> None:
    outbox = MemoryOutbox(Memory(START_US))
    async with front_desk(outbox) as desk:
        clock, rng = FakeClock(), random.Random(7)
        receiver = Receiver(clock, lambda _message: BAD)
        lane = Lane(receiver, outbox, LaneSettings(), clock=clock, rng=rng, metrics=desk.metrics_registry)
        desk.dispatcher.change({"bot": lane})
        await outbox.commit([entry(in_force(number, f"S{number}"), "bot") for number in (1, 2)])
        lane.notify()
        await settle()
        for number, word in ((9, "refusing"), (1, "refusing"), (2, "idle")):
            await desk.drop(desk.archive.drop(Selection(id=number)))
            assert await _states(desk) == {"bot": word}


@pytest.mark.parametrize(
    ("accepted", "refused", "shown"),
    [({Channel.IN_FORCE}, set(), True), (set(), {Channel.IN_FORCE}, False), ({Channel.BREAKS}, set(), None)],
)
async def test_a_channel_that_waits_for_its_baseline_is_not_shown_as_refused(
    accepted: set[Channel], refused: set[Channel], *, shown: bool | None
) -> None:
    async with front_desk(MemoryOutbox(Memory(START_US))) as desk:
        desk.connection.accepted, desk.connection.refused = frozenset(accepted), frozenset(refused)
        [channel] = (await desk.status()).channels
        assert channel.accepted is shown


async def test_what_waits_for_a_person_is_noted_by_the_status_alone() -> None:
    outbox = MemoryOutbox(Memory(START_US))
    await fill(outbox)
    async with front_desk(outbox) as desk:
        letters, hole = (await desk.status()).notes
        assert letters == f"{LETTERS} dead letters at bot wait for a decision: `relay dead list --to bot`"
        assert hole.startswith("1 range of ids shown only in part since yesterday")
        assert desk.ready().notes == ()


async def _in_flight(desk: FrontDesk) -> dict[str, tuple[str, int]]:
    return {status.name: (status.state, status.in_flight) for status in (await desk.status()).destinations}


async def _states(desk: FrontDesk) -> dict[str, str]:
    return {status.name: status.state for status in (await desk.status()).destinations}
