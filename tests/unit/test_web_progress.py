"""When a connection is cut: the table."""

from __future__ import annotations

import pytest

from relay.web.connections import HEAD_SECONDS, STUCK_SECONDS, Fault, Progress


@pytest.mark.parametrize(
    ("progress", "now", "fault"),
    [
        pytest.param(Progress(0.0, waited_for=0.0), HEAD_SECONDS - 0.1, None, id="a head is on its way"),
        pytest.param(Progress(0.0, waited_for=0.0), HEAD_SECONDS, Fault.SLOW_HEAD, id="it takes too long"),
        pytest.param(Progress(0.0, whole=True), 1_000.0, None, id="a request takes its time: that is others' business"),
        pytest.param(Progress(0.0), 1_000.0, None, id="nothing is under way: aiohttp ends that"),
        pytest.param(Progress(0.0, stuck_since=5.0), STUCK_SECONDS + 4.9, None, id="it reads slowly"),
        pytest.param(Progress(0.0, stuck_since=5.0), STUCK_SECONDS + 5.0, Fault.STUCK, id="it reads nothing"),
    ],
)
def test_a_connection_is_cut_when_it_is_time(progress: Progress, now: float, fault: Fault | None) -> None:
    assert progress.fault(now) is fault


def test_whoever_takes_a_little_is_not_stuck_and_who_is_sent_more_without_taking_is() -> None:
    progress = Progress(0.0)
    for now, unsent, since in [
        (1.0, 0, None),
        (2.0, 500, 2.0),
        (3.0, 500, 2.0),
        (4.0, 900, 2.0),
        (5.0, 899, 5.0),
        (6.0, 899, 5.0),
        (7.0, 0, None),
    ]:
        progress.look(unsent, now)
        assert progress.stuck_since == since
