"""The one sentence above everything."""

from __future__ import annotations

import pytest

from relay.web.desk import DestinationStatus, Readiness
from relay.web.glance import glance_of, lanes_in_words, unreadable
from relay.web.looks import LaneState


@pytest.mark.parametrize(
    ("readiness", "kind", "headline", "title"),
    [
        (Readiness(ready=True), "good", "All is well", "✓ all is well · Relay"),
        (Readiness(ready=True, notes=("bot is paused",)), "good", "All is well", "✓ all is well · Relay"),
        (Readiness(ready=True, degraded=("a",)), "fair", "It runs, with one trouble", "▲ one trouble · Relay"),
        (Readiness(ready=True, degraded=("a", "b")), "fair", "It runs, with 2 troubles", "▲ 2 troubles · Relay"),
        (Readiness(ready=False, reasons=("a",), degraded=("b",)), "bad", "Not ready", "✕ not ready · Relay"),
    ],
)
def test_it_is_well_or_troubled_or_not_ready(readiness: Readiness, kind: str, headline: str, title: str) -> None:
    glance = glance_of(readiness)
    assert (glance.kind, glance.headline, glance.title) == (kind, headline, title)
    assert (glance.reasons, glance.degraded) == (readiness.reasons, readiness.degraded)


def test_what_waits_for_a_person_is_told_and_is_no_trouble() -> None:
    glance = glance_of(Readiness(ready=True, notes=("bot is paused",)), ["2 dead letters wait"])
    assert (glance.kind, glance.notes) == ("good", ("bot is paused", "2 dead letters wait"))


def test_while_a_destination_fails_all_is_not_well_though_it_is_no_trouble_yet() -> None:
    failing = [DestinationStatus("bot", "webhook", LaneState.BACKING_OFF)]
    glance = glance_of(Readiness(ready=True), lanes=failing)
    assert (glance.kind, glance.headline, glance.title) == ("good", "Alerts flow", "✓ alerts flow · Relay")
    assert glance_of(Readiness(ready=True, degraded=("a",)), lanes=failing).headline == "It runs, with one trouble"


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([], "0 destinations"),
        ([LaneState.IDLE], "1 destination"),
        ([LaneState.PACING, LaneState.LEAVING, LaneState.SENDING, LaneState.REMOVED], "4 destinations"),
        ([LaneState.IDLE, LaneState.BACKING_OFF], "2 destinations (b is backing off)"),
        (
            [LaneState.OFF, LaneState.PAUSED, LaneState.REFUSING],
            "3 destinations (a is off, b is paused, c is refusing)",
        ),
        ([LaneState.OFF] * 4, "4 destinations (a is off, b is off, c is off, and more)"),
    ],
)
def test_destinations_are_counted_and_those_that_are_not_well_named(states: list[LaneState], words: str) -> None:
    lanes = [DestinationStatus(name, "webhook", state) for name, state in zip("abcdefg", states, strict=False)]
    assert lanes_in_words(lanes) == words


def test_a_store_that_can_not_be_read_is_told_once() -> None:
    damaged = "the store is damaged"
    assert unreadable(Readiness(ready=False, reasons=(f"{damaged}: repair it",)), damaged).reasons == (
        f"{damaged}: repair it",
    )
    slow = unreadable(Readiness(ready=True), "the store took too long")
    assert (slow.kind, slow.reasons) == ("bad", ("the store took too long.",))
    full = Readiness(ready=True, degraded=("the store takes no writes (is the disk full?)",))
    assert unreadable(full, "the store takes no writes.").reasons == ()
