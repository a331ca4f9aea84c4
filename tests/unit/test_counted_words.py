"""Numbers and the words that go with them."""

from __future__ import annotations

import pytest

from relay.wording import agreeing, counted


@pytest.mark.parametrize(
    ("count", "noun", "said"),
    [
        (0, "alert", "0 alerts"),
        (1, "alert", "1 alert"),
        (1_200, "dead letter", "1,200 dead letters"),
        (1, "delivery", "1 delivery"),
        (2, "delivery", "2 deliveries"),
    ],
)
def test_a_noun_goes_with_its_number(count: int, noun: str, said: str) -> None:
    assert counted(count, noun) == said


@pytest.mark.parametrize(("count", "said"), [(0, "was"), (1, "was"), (2, "were")])
def test_a_verb_goes_with_its_number_and_nothing_is_singular(count: int, said: str) -> None:
    assert agreeing(count, "was", "were") == said
