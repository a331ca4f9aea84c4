"""What cooldowns are measured by: every near mark, however many there are, and never for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.judging.marks import KEPT_US, Marks, mark_of, same
from relay.outbox.memory import MOST_MARKS, Mark
from tests.support.clock import START_US
from tests.support.events import a_break, in_force

COOLDOWN = 10.0


def mark(seconds: float, *, count: int = 0, rule: str = "calm", noted_us: int = START_US) -> Mark:
    return Mark(rule, "AAPL", "D", "bullish", START_US + round(seconds * MICROS), count, noted_us)


few = st.integers(-40, 40).map(float)
marks = st.builds(mark, few, count=st.integers(0, 4), rule=st.sampled_from(["calm", "calmer"]))


@given(st.lists(marks), st.lists(marks), marks, st.data())
def test_the_nearest_mark_that_blocks_is_found_as_by_looking_at_each(
    certain: list[Mark], tentative: list[Mark], new: Mark, data: st.DataObject
) -> None:
    kept = Marks(certain)
    for added in tentative:
        kept.add(added, tentative=True)
    back = data.draw(st.lists(st.sampled_from(tentative), unique=True) if tentative else st.just([]))
    for taken in back:
        kept.take_back(taken)
    left = [*certain, *tentative]
    for taken in back:
        left.remove(taken)
    blocking = [
        found
        for found in left
        if (found.rule, abs(found.at_us - new.at_us) < COOLDOWN * MICROS) == (new.rule, True)
        if found.count >= new.count and not same(new, found)
    ]
    found = kept.blocking(new, COOLDOWN)
    assert (found is None) == (not blocking)
    if found is not None:
        assert found in blocking
        sure = [one for one in blocking if not kept.is_tentative(one)]
        nearest = min(abs(one.at_us - new.at_us) for one in sure or blocking)
        assert (kept.is_tentative(found), abs(found.at_us - new.at_us)) == (not sure, nearest)


def test_a_mark_is_of_the_alerts_own_time_or_of_when_it_came() -> None:
    assert mark_of("calm", in_force(1), START_US + 5) == Mark(
        "calm", "AAPL", "D", "bullish", START_US, 0, START_US + 5, MICROS, "1-2U", 1
    )
    assert mark_of("calm", in_force(1, at=None), START_US + 5).at_us == START_US + 5
    assert mark_of("calm", a_break(1), START_US).subject == "breaks"
    assert mark_of("calm", a_break(1), START_US).count == 3


def test_of_very_many_those_that_came_last_are_remembered() -> None:
    kept = Marks(mark(0.0, rule=f"r{n}", noted_us=START_US + n) for n in range(MOST_MARKS))
    for n in range(MOST_MARKS, MOST_MARKS + 1_000):
        kept.add(mark(0.0, rule=f"r{n}", noted_us=START_US + n))
    assert len(kept) == MOST_MARKS
    assert kept.blocking(mark(1.0, rule="r999"), COOLDOWN) is None
    assert kept.blocking(mark(1.0, rule="r1000"), COOLDOWN) is not None


def test_what_came_long_ago_is_forgotten_whatever_time_it_told() -> None:
    kept = Marks((mark(n * 100.0, noted_us=START_US + n) for n in range(2_000)), longest=COOLDOWN)
    later_us = START_US + 1_000 + KEPT_US + round(COOLDOWN * MICROS)
    for n in range(1_000):
        kept.add(mark(n * 100.0, rule="other", noted_us=later_us))
    assert len(kept) == 2_000
    assert kept.blocking(mark(199_901.0), COOLDOWN) is not None
    assert kept.blocking(mark(101.0), COOLDOWN) is None
