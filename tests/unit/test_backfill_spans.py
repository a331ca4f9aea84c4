"""Ids as spans: a set, as far as there is room for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.backfill.spans import MOST_SPANS, Spans

_IDS = st.integers(min_value=1, max_value=60)


@given(st.lists(_IDS), _IDS, _IDS)
def test_spans_hold_what_a_set_holds(added: list[int], first: int, last: int) -> None:
    spans = Spans()
    for number in added:
        spans.add(number)
    held = set(added)
    assert all((number in spans) == (number in held) for number in range(62))
    assert spans.covers(first, last) == (first <= last and all(number in held for number in range(first, last + 1)))
    assert len(spans) == sum(number - 1 not in held for number in held)


@given(st.lists(_IDS), st.integers(min_value=1, max_value=5))
def test_what_is_too_much_is_forgotten_from_above_and_nothing_is_made_up(added: list[int], most: int) -> None:
    spans = Spans(most=most)
    for number in added:
        spans.add(number)
    assert len(spans) <= most
    assert all(number in added for number in range(62) if number in spans)


def test_a_month_without_a_gap_is_one_span() -> None:
    spans = Spans()
    for number in range(200_000, 0, -1):
        spans.add(number)
    assert len(spans) == 1
    assert spans.covers(1, 200_000)


@pytest.mark.parametrize("step", [2, 7])
def test_ids_with_gaps_take_no_more_than_the_bound(step: int) -> None:
    spans = Spans()
    for number in range(1, 3 * step * MOST_SPANS, step):
        spans.add(number)
    assert len(spans) == MOST_SPANS
    assert 1 in spans
    assert 1 + step * MOST_SPANS not in spans
