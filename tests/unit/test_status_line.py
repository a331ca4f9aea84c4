"""One line for ``systemctl status``."""

from __future__ import annotations

import pytest

from relay.clock import MICROS
from relay.deliveries import State
from relay.status_line import status_line
from relay.web.desk import BackfillStatus, ConnectionStatus, DestinationStatus, Status, StoreStatus
from relay.web.looks import LaneState, LinkState

NOW_US = 1_775_828_722_000_000
CONNECTED = ConnectionStatus(LinkState.CONNECTED, NOW_US, seq=4812)


def line(
    *destinations: DestinationStatus, connection: ConnectionStatus = CONNECTED, store: StoreStatus | None = None
) -> str:
    status = Status(
        "1.0", NOW_US, NOW_US, connection, store or StoreStatus(healthy=True), BackfillStatus(), (), destinations
    )
    return status_line(status)


def lane(
    name: str, state: LaneState = LaneState.IDLE, reason: str = "", *, retry: float | None = None, **counts: int
) -> DestinationStatus:
    retry_at_us = None if retry is None else NOW_US + round(retry * MICROS)
    kept = {State(word): count for word, count in counts.items()}
    return DestinationStatus(name, "webhook", state, reason, retry_at_us=retry_at_us, counts=kept)


BACKING_OFF = lane("bot", LaneState.BACKING_OFF, "HTTP 503", retry=12.2, pending=13, deciding=1, dead=2)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (line(), "connected, seq 4812; 0 destinations; 0 waiting, 0 dead"),
        (line(lane("a")), "connected, seq 4812; 1 destination: 1 idle; 0 waiting, 0 dead"),
        (
            line(lane("a"), BACKING_OFF, lane("b", delivered=9)),
            "connected, seq 4812; 3 destinations: 2 idle, bot backing off 12 s (HTTP 503); 14 waiting, 2 dead",
        ),
        (
            line(
                lane("a", LaneState.SENDING, pending=1234),
                lane("b", LaneState.PACING, retry=3),
                lane("c", LaneState.PAUSED, "by hand"),
            ),
            "connected, seq 4812; 3 destinations: 1 sending, 1 pacing, c paused (by hand); 1,234 waiting, 0 dead",
        ),
        (
            line(*(lane(name, LaneState.OFF, "410 Gone") for name in "abcde")),
            (
                "connected, seq 4812; 5 destinations: a off (410 Gone), b off (410 Gone), c off (410 Gone), "
                "2 more not well; 0 waiting, 0 dead"
            ),
        ),
        (
            line(lane("former", LaneState.REMOVED, pending=3), lane("a")),
            "connected, seq 4812; 1 destination: 1 idle; 3 waiting, 0 dead",
        ),
        (
            line(lane("a"), connection=ConnectionStatus(LinkState.CONNECTED, 0)),
            "connected; 1 destination: 1 idle; 0 waiting, 0 dead",
        ),
        (
            line(
                lane("a"), connection=ConnectionStatus(LinkState.WAITING, 0, "the server closed\nthe connection", seq=4)
            ),
            "waiting (the server closed the connection); 1 destination: 1 idle; 0 waiting, 0 dead",
        ),
        (
            line(lane("a"), connection=ConnectionStatus(LinkState.STANDBY, 0), store=StoreStatus(False, "no room")),
            "standby; no room; 1 destination: 1 idle; 0 waiting, 0 dead",
        ),
    ],
)
def test_what_is_well_is_counted_and_what_is_not_is_named(said: str, expected: str) -> None:
    assert said == expected


def test_it_stays_a_line_however_much_there_is_to_tell() -> None:
    many = [lane("d" * 100, LaneState.OFF, "why " * 100) for _ in range(20)]
    said = line(*many, connection=ConnectionStatus(LinkState.WAITING, 0, "\n".join("because" for _ in range(100))))
    assert len(said) <= 240
    assert "\n" not in said
