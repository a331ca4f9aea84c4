"""How each state looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.deliveries import State
from relay.web.looks import MEANINGS, WELL, LaneState, LinkState, Look, look_of

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


def test_the_page_and_the_documents_say_what_the_words_mean() -> None:
    text = (Path(__file__).parents[2] / "docs" / "page.md").read_text().partition("## What the words mean")[2]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in text.splitlines() if "|" in line]
    assert rows[2:] == list(MEANINGS.items())
    assert {*LaneState, *State} - {State.DELIVERED} <= MEANINGS.keys()
