"""Lines on a narrow terminal: where they are broken, and where never."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.cli.folded import fold

URL = "https://docs.example/a-very-long-path/that-has-hyphens/and-more.yaml:12:3"


@pytest.mark.parametrize(
    ("line", "width", "shown"),
    [
        ("as it is", 20, "as it is"),
        ("  a rule says this", 12, "  a rule\n    says\n    this"),
        (f"see {URL} there", 20, f"see\n  {URL}\n  there"),
        ("then `relay dead list`, all", 20, "then\n  `relay dead list`,\n  all"),
        ("in-force alerts", 12, "in-force\n  alerts"),
    ],
)
def test_a_line_is_broken_at_spaces_alone(line: str, width: int, shown: str) -> None:
    assert fold(line, width) == shown


@given(st.lists(st.text("ab-/.`", min_size=1, max_size=30), min_size=1, max_size=12), st.integers(8, 60))
def test_no_word_is_lost_or_broken_and_no_line_is_longer_than_it_must_be(words: list[str], width: int) -> None:
    folded = fold(" ".join(words), width)
    assert folded.split() == words
    assert all(len(line) <= width or len(line.split()) == 1 or "`" in line for line in folded.split("\n"))
