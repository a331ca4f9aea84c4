"""What was learnt lately stays within its bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay.upstream.recent import Recent
from tests.support.clock import FakeClock


async def test_a_value_is_gone_when_it_is_too_old() -> None:
    clock = FakeClock()
    recent: Recent[str] = Recent(clock, ttl=60, most=10, room=1000)
    recent.put("a", "one")
    await clock.advance(59)
    assert recent.get("a") == "one"
    await clock.advance(1)
    assert recent.get("a") is None
    assert len(recent) == 0


def test_the_least_used_makes_room() -> None:
    recent: Recent[int] = Recent(FakeClock(), ttl=60, most=3, room=1000)
    for number, key in enumerate("abc"):
        recent.put(key, number)
    assert recent.get("a") == 0
    recent.put("d", 3)
    assert [key for key in "abcd" if recent.get(key) is not None] == ["a", "c", "d"]


def test_one_that_is_larger_than_all_the_room_is_not_kept() -> None:
    recent: Recent[int] = Recent(FakeClock(), ttl=60, most=3, room=100)
    recent.put("a", 1, size=101)
    assert (recent.get("a"), len(recent)) == (None, 0)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 60))))
def test_neither_number_nor_bytes_pass_their_bounds(puts: list[tuple[str, int]]) -> None:
    recent: Recent[int] = Recent(FakeClock(), ttl=60, most=4, room=100)
    sizes: dict[str, int] = {}
    for key, size in puts:
        recent.put(key, size, size)
        sizes[key] = size
        kept = [name for name in sizes if recent.get(name) is not None]
        assert len(kept) <= 4
        assert sum(sizes[name] for name in kept) <= 100
        assert recent.get(key) == size
