"""How each state looks."""

from __future__ import annotations

import pytest

from relay.deliveries import State
from relay.web.looks import WELL, LaneState, LinkState, Look, look_of

LANES = {
    LaneState.IDLE: Look.GOOD,
    LaneState.SENDING: Look.GOOD,
    LaneState.PACING: Look.BUSY,
    LaneState.LEAVING: Look.BUSY,
    LaneState.BACKING_OFF: Look.FAIR,
    LaneState.REFUSING: Look.BAD,
    LaneState.OFF: Look.BAD,
    LaneState.PAUSED: Look.REST,
    LaneState.REMOVED: Look.REST,
}


def test_each_state_of_a_destination_has_its_look() -> None:
    assert {state: look_of(state) for state in LaneState} == LANES
    assert {state for state in LaneState if look_of(state) in WELL} == {"idle", "sending", "pacing", "leaving"}


@pytest.mark.parametrize("state", [*State, *LinkState])
def test_no_state_is_without_a_look(state: str) -> None:
    assert look_of(state) in Look
    assert look_of(str(state)) is look_of(state), "a word out of JSON looks the same"


def test_a_word_that_is_no_state_is_no_fault() -> None:
    assert look_of("?") is Look.BUSY
