from __future__ import annotations

import hashlib
import re
from datetime import date
from importlib import resources
from itertools import pairwise

import pytest

from relay.simulator.bars import Bar, load_bars, split_ratio


def test_the_data_is_the_file_its_attribution_names() -> None:
    folder = resources.files("relay.simulator") / "data"
    named = re.search(r"[0-9a-f]{64}", (folder / "README.md").read_text("utf-8"))
    assert named is not None
    assert hashlib.sha256((folder / "stocks.csv.gz").read_bytes()).hexdigest() == named[0]


def test_every_bar_is_sane_and_in_order() -> None:
    bars = load_bars()
    assert {symbol: len(rows) for symbol, rows in bars.items()} == {
        "AAPL": 3270,
        "FB": 196,
        "GOOG": 2148,
        "IBM": 3270,
        "MSFT": 3270,
    }
    for rows in bars.values():
        assert all(0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in rows)
        assert [bar.day for bar in rows] == sorted({bar.day for bar in rows})


def test_the_splits_of_the_data_are_found_and_nothing_else() -> None:
    found = {
        (symbol, after.day, split_ratio(before, after))
        for symbol, rows in load_bars().items()
        for before, after in pairwise(rows)
        if split_ratio(before, after) != 1
    }
    assert found == {
        ("AAPL", date(2000, 6, 21), 0.5),
        ("AAPL", date(2005, 2, 28), 0.5),
        ("MSFT", date(2003, 2, 18), 0.5),
    }


@pytest.mark.parametrize(
    ("before", "after", "ratio"),
    [
        ((100, 50), (50, 50), 0.5),
        ((90, 30), (30.3, 30.3), 1 / 3),
        ((2, 2), (20, 2), 10.0),
        ((100, 100), (50, 50), 1.0),  # a fall is not a split
        ((100, 90), (99, 99), 1.0),  # nor is a dividend
        ((100, 0), (50, 50), 1.0),
    ],
)
def test_a_split_is_told_by_the_adjusted_close(
    before: tuple[float, float], after: tuple[float, float], ratio: float
) -> None:
    def bar(pair: tuple[float, float]) -> Bar:
        return Bar("X", date(2004, 3, 1), pair[0], pair[0], pair[0], pair[0], 1, pair[1])

    assert split_ratio(bar(before), bar(after)) == pytest.approx(ratio)
