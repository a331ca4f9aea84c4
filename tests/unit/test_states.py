"""What is read of a snapshot, and what is none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.states import Snapshot, SnapshotError, snapshot_of


def test_a_snapshot_is_its_symbol_its_colours_its_sector_and_its_bytes() -> None:
    data = b'{"symbol": " aapl", "tfc": {"d": "Green", "4H": " red "}, "instrument": {"sector": " Energy "}}'
    assert snapshot_of(data) == Snapshot("AAPL", {"D": "green", "4H": "red"}, "Energy", data)


@pytest.mark.parametrize("colour", [None, 1, True, [], {}])
def test_a_colour_that_is_no_text_is_not_recorded(colour: object) -> None:
    data = json.dumps({"symbol": "AAPL", "tfc": {"D": colour, "W": "red"}}).encode()
    assert snapshot_of(data).colours == {"W": "red"}


def test_a_snapshot_may_record_no_colour_at_all() -> None:
    assert snapshot_of(b'{"symbol": "AAPL", "tfc": {}}').colours == {}


@pytest.mark.parametrize("symbol", ["", '"symbol": null,', '"symbol": 7,', '"symbol": {},'])
@pytest.mark.parametrize("instrument", ["", ',"instrument": []', ',"instrument": {"sector": 7}'])
def test_what_else_can_not_be_read_is_not_said(symbol: str, instrument: str) -> None:
    data = f'{{{symbol} "tfc": {{}} {instrument}}}'.encode()
    assert snapshot_of(data) == Snapshot("", {}, None, data)


@pytest.mark.parametrize("tfc", ["", ',"tfc": null', ',"tfc": []', ',"tfc": "green"', ',"tfc": 1', ',"tfc": true'])
def test_an_object_without_an_object_of_colours_is_no_snapshot(tfc: str) -> None:
    with pytest.raises(SnapshotError, match="tfc"):
        snapshot_of(f'{{"symbol": "AAPL" {tfc}}}'.encode())


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"{", b'{"tfc": {}, "note": "\xff"}', b'{"tfc": ' + b"[" * 99_999]
)
def test_what_is_no_json_object_is_no_snapshot(data: bytes) -> None:
    with pytest.raises(SnapshotError):
        snapshot_of(data)


@given(st.binary() | st.builds(lambda inner: b'{"tfc":' + inner + b"}", st.binary()))
def test_whatever_comes_is_a_snapshot_or_is_none(data: bytes) -> None:
    try:
        assert snapshot_of(data).data == data
    except SnapshotError:
        return
