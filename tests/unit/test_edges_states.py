"""Rules on states: what fires, and what costs nothing."""

from __future__ import annotations

import pytest

from relay.edges.condition import state_condition
from relay.states import Snapshot, snapshot_of
from relay.upstream.tick import Tick
from tests.support.ticks import Desk, on_quotes, on_states, quote, state

GREEN = {"D": "green", "W": "green"}
RED = {"D": "red", "W": "green"}


def test_a_rule_fires_as_its_colours_come_together_and_not_while_they_stay() -> None:
    desk = Desk([on_states("both", tfc=GREEN)])
    ticks = [state("AAPL", tfc=tfc, n=n) for n, tfc in enumerate([RED, GREEN, GREEN, RED, GREEN])]
    assert desk.take(*ticks) == [("both",), ("both",)]
    assert [fired.tick for fired in desk.fired] == [ticks[1], ticks[4]]


def test_a_state_that_says_what_the_last_one_said_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []

    def note(data: bytes) -> Snapshot:
        read.append(data)
        return snapshot_of(data)

    monkeypatch.setattr("relay.edges.states.snapshot_of", note)
    Desk([on_states("both", tfc=GREEN)]).take(*(state("AAPL", tfc=GREEN, price={"price": n}) for n in range(5)))
    assert len(read) == 1


def test_full_continuity_and_sector_are_asked_as_everywhere() -> None:
    desk = Desk([on_states("up", ftfc="bullish"), on_states("tech", ftfc="bullish", sectors=("technology",))])
    technology = {"sector": "Technology"}
    assert desk.take(state("AAPL", tfc=RED), state("AAPL", tfc=GREEN)) == [("up",)]
    assert desk.take(state("AAPL", tfc=GREEN, instrument=technology)) == [("tech",)]
    assert desk.take(state("AAPL", tfc=RED, instrument=technology)) == []


def test_the_first_state_only_sets_the_side_and_it_survives_a_restart() -> None:
    rules = [on_states("both", tfc=GREEN)]
    desk = Desk(rules)
    assert desk.take(state("AAPL", tfc=GREEN)) == []
    assert Desk(rules, desk.stored.values()).take(state("AAPL", tfc=GREEN)) == []
    desk.take(state("AAPL", tfc=RED))
    assert Desk(rules, desk.stored.values()).take(state("AAPL", tfc=GREEN)) == [("both",)]


@pytest.mark.parametrize(
    "tick",
    [
        state("AAPL"),
        state("AAPL", tfc=None),
        state("AAPL", tfc=[]),
        state("AAPL", price={"price": 1}),
        Tick(state("AAPL").channel, "AAPL", None, b"[]"),
    ],
)
def test_a_state_without_colours_says_nothing(tick: Tick) -> None:
    desk = Desk([on_states("red", tfc={"D": "na"})])
    desk.take(state("AAPL", tfc=GREEN), tick)
    assert (desk.engine.unusable, len(desk.flipped), desk.fired) == (1, 1, [])


def test_a_state_older_than_the_last_one_is_passed_over() -> None:
    desk = Desk([on_states("both", tfc=GREEN)])
    assert desk.take(
        state("AAPL", tfc=RED, at="2026-04-10T13:45:22Z"),
        state("AAPL", tfc=GREEN, at="2026-04-10T13:45:21Z"),
        state("AAPL", tfc=GREEN, at="2026-04-10T13:45:23Z"),
    ) == [("both",)]
    assert desk.engine.late == 1


def test_quotes_and_states_of_one_symbol_do_not_meet() -> None:
    desk = Desk([on_states("both", tfc=GREEN), on_quotes("up", crosses_above=200.0)])
    ticks = [state("AAPL", tfc=RED), quote("AAPL", 199), state("AAPL", tfc=GREEN), quote("AAPL", 201)]
    assert desk.take(*ticks) == [("both",), ("up",)]
    assert [side.rule for side in desk.engine.sides()] == ["up", "both"]


def test_equal_conditions_have_equal_texts_whatever_their_order() -> None:
    one = on_states("a", tfc={"D": "green", "W": "red"}, sectors=("energy", "technology"))
    other = on_states("b", tfc={"W": "red", "D": "green"}, sectors=("technology", "energy"))
    assert state_condition(one).text == state_condition(other).text
    assert state_condition(one).text != state_condition(on_states("c", tfc={"D": "green", "W": "red"})).text
