"""The words that several verbs share."""

from __future__ import annotations

import pytest

from relay.cli import wording


@pytest.mark.parametrize(
    ("count", "of", "done", "said"),
    [
        (0, 0, False, ""),
        (0, 3, False, ""),
        (1, 1, True, " It is older than its max_age and expires at once, unsent."),
        (2, 2, True, " All of them are older than their max_age and expire at once, unsent."),
        (1, 3, True, " 1 of them is older than its max_age and expires at once, unsent."),
        (1, 1, False, " It is older than its max_age and would expire at once, unsent."),
        (1, 3, False, " 1 of them is older than its max_age and would expire at once, unsent."),
        (2, 3, False, " 2 of them are older than their max_age and would expire at once, unsent."),
        (3, 3, False, " All of them are older than their max_age and would expire at once, unsent."),
    ],
)
def test_it_is_told_how_many_are_too_old_to_be_sent(count: int, of: int, *, done: bool, said: str) -> None:
    assert wording.overdue(count, of, done=done) == said


def test_a_hole_is_told_by_the_ids_it_holds() -> None:
    assert wording.hole("alerts.in_force", 4, 9, "timeframe=D") == (
        "alerts.in_force ids 5 to 9 were not shown whole (timeframe=D)"
    )
