"""How the running relay words what its parts know."""

from __future__ import annotations

import pytest

from relay.deliveries import State
from relay.delivery.settings import LaneStatus
from relay.desk import _lane_word
from relay.outbox.base import QueueStats, Switch
from relay.upstream.state import ConnectionState, Phase
from tests.support.clock import START_US
from tests.support.front_desk import front_desk
from tests.support.memory_outbox import Memory, MemoryOutbox

GONE = "404 Not Found"


@pytest.mark.parametrize(
    ("failures", "in_flight", "last_error", "last_delivered_us", "counts", "word"),
    [
        (0, 0, "", None, {}, "idle"),
        (0, 1, "", None, {}, "sending"),
        (1, 0, GONE, None, {State.PENDING: 1}, "backing off"),
        (0, 0, GONE, None, {State.DEAD: 2}, "refusing"),
        (0, 1, GONE, None, {State.DEAD: 2}, "sending"),
        (0, 0, GONE, None, {State.DEAD: 2, State.PENDING: 1}, "idle"),
        (0, 0, GONE, START_US, {State.DEAD: 2, State.DELIVERED: 9}, "idle"),
        (0, 0, GONE, None, {}, "idle"),
        (0, 0, "", None, {State.DEAD: 2}, "idle"),
    ],
)
def test_a_destination_that_takes_nothing_and_fails_for_good_is_refusing(
    *,
    failures: int,
    in_flight: int,
    last_error: str,
    last_delivered_us: int | None,
    counts: dict[State, int],
    word: str,
) -> None:
    status = LaneStatus(
        switch=Switch.ON,
        reason="",
        condition="open",
        held_seconds=0,
        in_flight=in_flight,
        failures=failures,
        last_error=last_error,
        last_delivered_us=last_delivered_us,
    )
    assert _lane_word(status, QueueStats(counts)) == word


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
