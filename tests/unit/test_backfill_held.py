"""What waits between the answer and the store: each event once, in order, and not for long."""

from __future__ import annotations

import pytest

from relay.backfill.held import AT_ONCE, LONGEST, MOST, Held, in_steps
from relay.events import Event
from tests.support.backfill import MINUTE, alert
from tests.support.clock import START_US, FakeClock
from tests.support.events import in_force


def test_ids_come_in_order_and_what_has_none_after_them_by_its_time() -> None:
    late, early = alert(None, "LATE", at_us=START_US), alert(None, "EARLY", at_us=START_US - MINUTE)
    timeless, great, small = in_force(None, "TIMELESS", at=None), alert(10**9), alert(3)
    held = Held(FakeClock())
    held.keep([late, great, timeless, early, small], proven=True)
    assert held.take() == [small, great, timeless, early, late]


@pytest.mark.parametrize("event", [alert(7), alert(None)], ids=["an id", "no id"])
def test_what_two_pages_show_is_taken_once(event: Event) -> None:
    held = Held(FakeClock())
    held.keep([event, event], proven=False)
    assert held.take() == [event]
    held.keep([event], proven=False)
    assert (held.take(), held.found) == ([], 1)


@pytest.mark.parametrize(
    ("sizes", "proven", "waited", "due"),
    [
        pytest.param([], [], 0.0, False, id="nothing"),
        pytest.param([0], [False], 60.0, False, id="an empty page"),
        pytest.param([1], [True], 0.0, True, id="a page that proves itself"),
        pytest.param([1], [False], LONGEST, False, id="a full page, not for long"),
        pytest.param([1], [False], LONGEST + 0.001, True, id="a full page, for long"),
        pytest.param([1, 1], [False, True], 0.0, False, id="a full page before one that proves itself"),
        pytest.param([MOST - 1], [False], 0.0, False, id="many"),
        pytest.param([MOST], [False], 0.0, True, id="too many"),
    ],
)
async def test_when_it_should_be_stored(sizes: list[int], proven: list[bool], waited: float, *, due: bool) -> None:
    clock = FakeClock()
    held = Held(clock)
    given = 0
    for size, whole in zip(sizes, proven, strict=True):
        held.keep((alert(number) for number in range(given + 1, given + size + 1)), proven=whole)
        given += size
    await clock.advance(waited)
    assert held.due is due
    held.take()
    assert not held.due


async def test_it_is_the_first_that_counts_how_long_they_wait_and_after_they_were_taken_the_next() -> None:
    clock = FakeClock()
    held = Held(clock)
    held.keep([alert(1)], proven=False)
    await clock.advance(LONGEST)
    held.keep([alert(2)], proven=False)
    await clock.advance(1)
    assert held.due
    held.take()
    held.keep([alert(3)], proven=False)
    await clock.advance(1)
    assert not held.due


def test_a_page_that_proves_itself_is_due_though_full_ones_were_stored_before_it() -> None:
    held = Held(FakeClock())
    held.keep([alert(1)], proven=False)
    held.take()
    held.keep([alert(2)], proven=True)
    assert held.due


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, [0]), (1, [1]), (AT_ONCE, [AT_ONCE]), (2 * AT_ONCE + 1, [AT_ONCE, AT_ONCE, 1])]
)
def test_many_are_stored_in_steps_and_none_in_one(count: int, sizes: list[int]) -> None:
    events = [alert(number) for number in range(1, count + 1)]
    steps = in_steps(events)
    assert [len(step) for step in steps] == sizes
    assert [event for step in steps for event in step] == events
