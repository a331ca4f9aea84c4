"""What turns, what has nothing to do, and what stands still."""

from __future__ import annotations

import pytest

from relay.turning import Movement, Sign


def sign(turns: int, *, due: bool = True) -> dict[str, Sign]:
    return {"bot": Sign(turns, due, 100.0)}


@pytest.mark.parametrize(
    ("looks", "stuck"),
    [
        ([(0, sign(5)), (101, sign(5))], True),
        ([(0, sign(5)), (100, sign(5))], False),
        ([(0, sign(5)), (60, sign(6)), (120, sign(6))], False),  # it turned meanwhile
        ([(0, sign(5, due=False)), (3600, sign(5))], False),  # something has just come
        ([(0, sign(5)), (60, sign(5, due=False)), (120, sign(5))], False),  # it was held up meanwhile
        ([(0, sign(5)), (60, {}), (120, sign(5))], False),  # another lane of the name
        ([(0, sign(5)), (101, sign(5)), (102, sign(6))], False),  # it stood still, and turns again
        ([(0, {}), (1000, {})], False),
    ],
)
def test_only_what_could_turn_and_does_not_stands_still(
    looks: list[tuple[float, dict[str, Sign]]], *, stuck: bool
) -> None:
    movement = Movement()
    found = [movement.stuck(signs, now) for now, signs in looks]
    assert found[-1] == (["bot"] if stuck else [])


def test_each_is_judged_by_its_own_patience() -> None:
    movement = Movement()
    signs = {"the reader": Sign(1, due=True, patience=300.0), "the store": Sign(1, due=True, patience=600.0)}
    assert [movement.stuck(signs, now) for now in (0.0, 301.0, 601.0)] == [
        [],
        ["the reader"],
        ["the reader", "the store"],
    ]
