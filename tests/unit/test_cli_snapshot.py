"""What `relay state` shows of a snapshot, whatever the upstream put into it."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from relay.cli.snapshot import drawn, plain
from relay.states import SnapshotError, snapshot_of

AAPL: dict[str, Any] = {
    "symbol": "AAPL",
    "instrument": {"symbol": "AAPL", "name": "Apple Inc.", "sector": "Information Technology", "active": True},
    "price": {"price": 214.3, "volume": 1200},
    "tfc": {"D": "green", "W": "red", "60": "na", "Y": "green"},
    "setups": [
        {"timeframe": "D", "shape": "1-2U", "in_force": True, "continuation": False},
        {"timeframe": "W", "shape": "2D-2D", "in_force": False, "continuation": True},
    ],
    "chart_timeframes": ["60", "D", "W", "M"],
}


def shown(state: object, *, colour: bool = False, encoding: str = "utf-8") -> str:
    """As it is printed, 80 wide."""
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    console = Console(
        file=out, width=80, highlight=False, force_terminal=colour, color_system="standard" if colour else None
    )
    data = state if isinstance(state, bytes) else json.dumps(state).encode()
    console.print(drawn(snapshot_of(data), encoding=console.encoding))
    out.seek(0)
    return "\n".join(line.rstrip() for line in out.read().splitlines())


def test_a_snapshot_is_a_head_and_two_tables() -> None:
    lines = shown(AAPL).splitlines()
    assert lines[:5] == [
        "AAPL  Apple Inc.",
        "sector           Information Technology",
        "price            214.30",
        "volume           1,200",
        "full continuity  none",
    ]
    assert [line.split() for line in lines if line.endswith((" green", " red", " na"))] == [
        ["60", "1", "hour", "na"],
        ["D", "Daily", "green"],
        ["W", "Weekly", "red"],
        ["M", "Monthly", "na"],
        ["Q", "Quarterly", "na"],
        ["Y", "Yearly", "green"],
    ]
    assert [line.split() for line in lines if "-2" in line] == [["1-2U", "D", "yes", "no"], ["2D-2D", "W", "no", "yes"]]


@pytest.mark.parametrize(("colour", "word"), [("green", "up"), ("red", "down")])
def test_full_continuity_is_said_in_a_word(colour: str, word: str) -> None:
    assert f"full continuity  {word}" in shown({"symbol": "SPY", "tfc": dict.fromkeys("DWMQY", colour)})


def test_colours_stand_beside_their_words() -> None:
    text = shown(AAPL, colour=True)
    assert re.search(r"\x1b\[32mgreen *\x1b\[0m", text)
    assert re.search(r"\x1b\[31mred *\x1b\[0m", text)


def test_what_is_missing_is_said_or_left_out() -> None:
    text = shown({"symbol": "NEW", "price": {}, "tfc": {}, "setups": []})
    assert "no recent trade" in text
    assert "no active setups" in text
    assert "sector" not in text
    assert "volume" not in text


def test_numbers_may_come_as_text_and_many_setups_are_cut() -> None:
    state = {**AAPL, "price": {"price": "214.32", "volume": "9e400"}, "setups": [{"shape": "3-1"}] * 70}
    text = shown(state)
    assert "214.32" in text
    assert "volume" not in text
    assert "and 20 more" in text


def test_upstream_text_can_not_steer_a_terminal() -> None:
    evil = "\x1b[2J\x9b31m\u202eevil\r\n[bold]x[/bold]"
    state = {
        "symbol": evil,
        "instrument": {"name": evil, "sector": evil},
        "tfc": {evil: evil},
        "setups": [{"shape": evil}],
    }
    text = shown(state)
    assert all(char.isprintable() or char == "\n" for char in text)
    assert text.count("[bold]x[/bold]") >= 4
    told = plain(snapshot_of(json.dumps(state, ensure_ascii=False).encode()))
    assert told.isprintable()
    assert json.loads(told) == state


def test_json_is_the_upstream_s_object_value_for_value() -> None:
    data = b'{"symbol": "AAPL",\n "tfc": {}, "price": {"price": 214.3200, "volume": 12345678901234567890123}}'
    told = '{"symbol":"AAPL","tfc":{},"price":{"price":214.3200,"volume":12345678901234567890123}}'
    assert plain(snapshot_of(data)) == told


def test_what_an_output_can_not_encode_is_replaced() -> None:
    assert "Z?rich" in shown({"symbol": "ZURN", "instrument": {"name": "Zürich"}, "tfc": {}}, encoding="ascii")


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "symbol": values,
            "instrument": st.fixed_dictionaries({}, optional={"name": values, "sector": values, "active": values})
            | values,
            "price": st.fixed_dictionaries({}, optional={"price": values, "volume": values}) | values,
            "tfc": st.dictionaries(st.text(), values, max_size=3) | values,
            "setups": st.lists(st.fixed_dictionaries({}, optional={"shape": values, "timeframe": values}) | values)
            | values,
            "chart_timeframes": values,
        },
    )
)
def test_nothing_that_is_a_snapshot_makes_it_fail(state: dict[str, Any]) -> None:
    data = json.dumps(state).encode()
    try:
        snapshot = snapshot_of(data)
    except SnapshotError:
        return
    assert shown(data)
    assert json.loads(plain(snapshot)) == state
