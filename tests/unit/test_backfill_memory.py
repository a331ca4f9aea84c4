"""A round holds and remembers only so much, and says what it left out."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.backfill.first import MOST_HELD
from relay.backfill.held import AT_ONCE, MOST, MOST_KEYS, Held
from relay.backfill.holes import MOST_HOLES, HoleBook
from relay.backfill.parts import MOST_SYMBOLS, MOST_VALUES, Part, Seen, split
from relay.backfill.round import Result
from relay.backfill.spans import MOST_SPANS
from relay.events import Channel
from relay.outbox.channels import Hole
from tests.support.backfill import HOUR, MINUTE, Scene, alert, some_break
from tests.support.clock import START_US, FakeClock

_PAGE = 1_000


def _scene() -> Scene:
    scene = Scene()
    scene.configure(page_size=_PAGE)
    scene.rest.clamp = _PAGE
    scene.rest.keeps_newest = scene.rest.descending = False
    return scene


async def test_a_long_round_is_stored_in_steps_and_the_last_of_them_moves_the_cursor() -> None:
    scene = _scene()
    scene.caught_up(0)
    found = MOST + AT_ONCE + 1
    scene.fire(*(alert(number) for number in range(1, found + 1)))
    (report,) = await scene.backfiller.run_now()
    assert (report.result, report.found, report.recovered) == (Result.OK, found, found)
    assert scene.store.ids == list(range(1, found + 1))
    assert max(len(call.recovered) for call in scene.store.calls) == AT_ONCE
    assert [call.round_end is not None for call in scene.store.calls] == [False] * (len(scene.store.calls) - 1) + [True]


async def test_no_more_than_so_many_wait_for_their_order() -> None:
    scene = _scene()
    scene.caught_up(0)
    stored_before: list[int] = []
    scene.rest.before = lambda _: stored_before.append(len(scene.store.delivered))
    scene.fire(*(alert(number) for number in range(1, 3 * MOST)))
    await scene.backfiller.run_now()
    asked = [(place + 1) * _PAGE for place in range(len(stored_before))]
    assert all(seen - stored <= MOST + _PAGE for seen, stored in zip(asked, stored_before, strict=True))
    assert stored_before[-1] > 0


async def test_a_past_too_long_to_be_held_is_not_waited_for_and_goes_by_its_times() -> None:
    scene = _scene()
    scene.fire(*(alert(number, at_us=START_US - HOUR) for number in range(1, MOST_HELD + 2 * _PAGE)))
    young = alert(MOST_HELD + 3 * _PAGE, at_us=START_US)
    scene.fire(young)
    await scene.backfiller.ensure_baseline([Channel.IN_FORCE])
    first, *rest = scene.store.calls
    assert (first.recovered, first.old) == ((), ())
    assert first.round_end is not None
    assert first.round_end.baseline is not None
    assert first.round_end.baseline.id is None  # time alone decides
    await scene.settled(asyncio.ensure_future(scene.backfiller.run_now()))
    assert scene.store.delivered == [young]
    assert max(len(call.recovered) + len(call.old) for call in [*rest, *scene.store.calls]) <= AT_ONCE


async def test_a_long_baseline_is_stored_in_steps_after_the_one_that_decides_what_is_old() -> None:
    scene = _scene()
    scene.configure(on_first_start=600.0)
    old = [alert(number, at_us=START_US - HOUR) for number in range(1, 2 * AT_ONCE)]
    recovered = [alert(2 * AT_ONCE + number) for number in range(AT_ONCE + 5)]
    scene.fire(*old, *recovered)
    (report,) = await scene.backfiller.run_now()
    assert (report.result, report.recovered) == (Result.OK, len(recovered))
    calls = scene.store.calls
    assert max(max(len(call.recovered), len(call.old)) for call in calls) == AT_ONCE
    (end,) = [place for place, call in enumerate(calls) if call.round_end is not None]
    assert [event for call in calls[: end + 1] for event in call.recovered] == recovered
    assert [event for call in calls[end:] for event in call.old] == old


def test_what_a_round_has_seen_is_remembered_as_far_as_there_is_room() -> None:
    held = Held(FakeClock())
    gaps = [alert(2 * number) for number in range(1, MOST_SPANS + 11)]
    held.keep(gaps, proven=True)
    assert len(held.take()) == MOST_SPANS + 10
    held.keep(gaps, proven=True)
    assert len(held) == 10  # these are handed on again, and the store knows them
    nameless = [alert(None, f"S{number}") for number in range(MOST_KEYS + 10)]
    held = Held(FakeClock())
    held.keep(nameless, proven=True)
    assert len(held.take()) == MOST_KEYS + 10
    held.keep(nameless, proven=True)
    assert len(held) == 10


def test_a_field_of_too_many_values_can_not_be_split_as_a_whole() -> None:
    seen = Seen()
    seen.add(alert(number, f"S{number}", timeframe=f"T{number}", cc="1") for number in range(MOST_SYMBOLS + 10))
    assert len(seen.timeframes) == MOST_VALUES + 1
    assert len(seen.symbols) == MOST_SYMBOLS + 1
    parts = split(Part(), Channel.IN_FORCE, seen, ())
    assert parts is not None
    assert not parts.whole
    few = Seen()
    few.add([alert(1, timeframe="D"), some_break(2, at_us=START_US - MINUTE)])
    parts = split(Part(), Channel.IN_FORCE, few, ())
    assert parts is not None
    assert parts.whole


def test_of_the_holes_that_are_known_the_oldest_is_forgotten_and_told_once_more() -> None:
    book = HoleBook()
    holes = [Hole(Channel.IN_FORCE, 1, 9, f"symbols=S{number}", START_US) for number in range(MOST_HOLES + 5)]
    for hole in holes:
        book.note(book.new([hole]))
    assert book.new(holes) == holes[:5]
    book.note(holes[:1])
    assert book.new(holes[:1]) == []
    assert len(book.new(holes)) == 5


def _hole(after: int, up_to: int, part: str = "timeframe=D") -> Hole:
    return Hole(Channel.IN_FORCE, after, up_to, part, START_US)


@pytest.mark.parametrize(
    ("known", "found", "new"),
    [
        ([], (5, 9), (5, 9)),
        ([(5, 9)], (5, 9), None),
        ([(5, 9)], (6, 8), None),
        ([(5, 9)], (5, 14), (9, 14)),
        ([(5, 9)], (9, 14), (9, 14)),
        ([(5, 9)], (10, 14), (10, 14)),
        ([(5, 9)], (3, 9), (3, 9)),
        ([(5, 9), (9, 14)], (6, 14), None),
        ([(5, 9), (20, 30)], (21, 31), (30, 31)),
    ],
)
def test_of_a_hole_only_what_was_not_known_is_new(
    known: list[tuple[int, int]], found: tuple[int, int], new: tuple[int, int] | None
) -> None:
    book = HoleBook(_hole(*one) for one in known)
    assert book.new([_hole(*found)]) == ([] if new is None else [_hole(*new)])
    assert book.new([_hole(*found, part="timeframe=W")]) == [_hole(*found, part="timeframe=W")]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), max_size=8))
def test_what_is_recorded_of_holes_covers_them_all(found: list[tuple[int, int]]) -> None:
    book = HoleBook()
    recorded: set[int] = set()
    for after, length in found:
        new = book.new([_hole(after, after + length)])
        book.note(new)
        for one in new:
            recorded.update(range(one.after_id + 1, one.up_to_id + 1))
        assert recorded.issuperset(range(after + 1, after + length + 1))
