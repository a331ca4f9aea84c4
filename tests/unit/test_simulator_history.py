from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.events import Channel
from relay.simulator.history import Fired, History, parse_query, spell
from relay.simulator.settings import Age, SimulatorSettings, WireStyle
from tests.support.clock import START_US


def alert(id_: int, *, at_us: int = START_US, visible_at: float | None = 0.0, **fields: object) -> Fired:
    item: dict[str, object] = {"id": id_, "symbol": "AAPL", "timeframe": "D", "direction": "bullish", "cc": "2U"}
    return Fired(Channel.IN_FORCE, id_, item | fields, at_us, own_time=False, visible_at=visible_at)


def ask(history: History, parameters: Mapping[str, str], settings: SimulatorSettings | None = None) -> list[int]:
    settings = settings or SimulatorSettings()
    query = parse_query(Channel.IN_FORCE, parameters, settings)
    return [fired.id for fired in history.select(query, settings, now_us=START_US, now=10.0)]


def filled(*alerts: Fired) -> History:
    history = History(1000)
    for one in alerts:
        history.add(one)
    return history


def test_an_answer_holds_what_is_greater_than_since_id() -> None:
    history = filled(*(alert(n) for n in (3, 7, 8, 20)))
    assert ask(history, {"since_id": "7"}) == [20, 8]
    assert ask(history, {"since_id": "20"}) == []
    assert ask(history, {"since_id": "0"}) == [20, 8, 7, 3]


@pytest.mark.parametrize(
    ("keep", "order", "expected"),
    [
        (Age.NEWEST, Age.NEWEST, [5, 4]),
        (Age.NEWEST, Age.OLDEST, [4, 5]),
        (Age.OLDEST, Age.NEWEST, [2, 1]),
        (Age.OLDEST, Age.OLDEST, [1, 2]),
    ],
)
def test_a_truncated_answer_keeps_either_end_in_either_order(keep: Age, order: Age, expected: list[int]) -> None:
    settings = SimulatorSettings(keep=keep, order=order)
    assert ask(filled(*map(alert, range(1, 6))), {"limit": "2"}, settings) == expected


@pytest.mark.parametrize(("asked", "count"), [("1", 1), ("5", 5), ("200", 5), ("0", 1), ("-3", 1), (None, 3)], ids=str)
def test_a_limit_is_clamped(asked: str | None, count: int) -> None:
    settings = SimulatorSettings(clamp=5, default_limit=3)
    parameters = {} if asked is None else {"limit": asked}
    assert len(ask(filled(*map(alert, range(1, 21))), parameters, settings)) == count


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [2, 1]),  # the default window: an hour
        ({"window_minutes": "1440"}, [3, 2, 1]),
        ({"window_minutes": "0.5"}, [1]),
        ({"window_minutes": "1440", "since_id": "2"}, [3]),
    ],
)
def test_the_window_hides_what_is_older(parameters: dict[str, str], expected: list[int]) -> None:
    minutes = {1: 0, 2: 59, 3: 61}
    history = filled(*(alert(id_, at_us=START_US - ago * 60 * MICROS) for id_, ago in minutes.items()))
    assert ask(history, parameters) == expected


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"symbols": "aapl, ibm"}, [3, 1]),
        ({"symbols": ",".join([f"X{n}" for n in range(249)] + ["AAPL", "IBM"])}, [1]),  # the 251st is dropped
        ({"timeframe": "W"}, [2]),
        ({"timeframe": "all", "direction": "All", "cc": "all"}, [3, 2, 1]),
        ({"direction": "bearish"}, [3]),
        ({"cc": "3"}, [2]),
        ({"cc": "3", "timeframe": "D"}, []),
        ({"threshold": "3"}, [3, 2, 1]),  # no parameter of this endpoint
    ],
)
def test_filters_narrow_the_answer(parameters: dict[str, str], expected: list[int]) -> None:
    history = filled(
        alert(1), alert(2, symbol="MSFT", timeframe="W", cc="3"), alert(3, symbol="IBM", direction="bearish")
    )
    assert ask(history, parameters) == expected


def test_breaks_are_filtered_by_their_exact_threshold() -> None:
    settings = SimulatorSettings()
    history = filled(*(alert(n, threshold=n, cc=None) for n in (2, 3, 4)))
    query = parse_query(Channel.BREAKS, {"threshold": "3", "symbols": "AAPL", "cc": "1"}, settings)
    assert [fired.id for fired in history.select(query, settings, now_us=START_US, now=10)] == [3]


@pytest.mark.parametrize(
    "parameters", [{"limit": "many"}, {"since_id": "x"}, {"window_minutes": "soon"}, {"window_minutes": "inf"}]
)
def test_a_number_that_is_none_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"convert|invalid"):
        parse_query(Channel.IN_FORCE, parameters, SimulatorSettings())


def test_an_alert_shows_once_it_is_visible() -> None:
    assert ask(filled(alert(1, visible_at=10.0), alert(2, visible_at=10.1), alert(3, visible_at=None)), {}) == [1]


def test_a_history_forgets_its_oldest() -> None:
    history = History(100)
    for id_ in range(1, 1000):
        history.add(alert(id_))
    assert 100 <= len(history) <= 110
    assert ask(history, {}, SimulatorSettings(clamp=1))[0] == 999


@given(st.lists(st.integers(1, 100), unique=True), st.integers(0, 100))
def test_alerts_fired_out_of_order_are_asked_in_order(ids: list[int], since: int) -> None:
    history = filled(*map(alert, ids))
    asked = {"since_id": str(since), "limit": "200"}
    found = ask(history, asked, SimulatorSettings(order=Age.OLDEST))
    assert found == sorted(id_ for id_ in ids if id_ > since)


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (WireStyle(), {"id": 7, "price": 2.5, "triggered_at": "2026-04-10T13:45:22Z", "pmg": None, "x": True}),
        (WireStyle(ids=False), {"price": 2.5, "triggered_at": "2026-04-10T13:45:22Z", "pmg": None, "x": True}),
        (
            WireStyle(micros=True, text_numbers=True),
            {"id": "7", "price": "2.5", "triggered_at": "2026-04-10T13:45:22.000042+00:00", "pmg": None, "x": True},
        ),
    ],
)
def test_an_alert_is_spelled_as_the_style_says(style: WireStyle, expected: dict[str, object]) -> None:
    item: dict[str, object] = {
        "id": 7, "price": 2.5, "triggered_at": "2026-04-10T13:45:22Z", "pmg": None, "x": True,
    }  # fmt: skip
    assert spell(Fired(Channel.IN_FORCE, 7, item, START_US + 42, False, 0.0), style) == expected
