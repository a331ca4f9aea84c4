"""Who may ask how soon, by the age of what is under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.upstream.rooms import SLOW, SLOW_AFTER, YOUNG, Rooms
from tests.support.clock import FakeClock, settle


class Crowd:
    """Requests that stay as long as a test wants.

    Attributes:
        inside: Who has a place, in the order of coming in.
        since: When each came in.
    """

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.rooms = Rooms(self.clock)
        self.inside: list[int] = []
        self.since: dict[int, float] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._leave: dict[int, asyncio.Event] = {}

    async def come(self, many: int, *, asks: bool = True) -> list[int]:
        """Let ``many`` more want a place; those who do not ask only wait in it."""
        numbers = [len(self._tasks) + more for more in range(many)]
        for number in numbers:
            self._leave[number] = asyncio.Event()
            self._tasks[number] = asyncio.create_task(self._stay(number, asks=asks))
        await settle()
        return numbers

    async def _stay(self, number: int, *, asks: bool) -> None:
        async with self.rooms.place() as place:
            self.inside.append(number)
            self.since[number] = self.clock.monotonic()
            if asks:
                place.asks()
            try:
                await self._leave[number].wait()
            finally:
                self.inside.remove(number)

    async def go(self, number: int, how: Literal["answered", "cancelled"] = "answered") -> None:
        """Let one end."""
        if how == "answered":
            self._leave[number].set()
        else:
            self._tasks[number].cancel()
        await settle()

    async def end(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        assert (self.inside, len(self.rooms)) == ([], 0)


@asynccontextmanager
async def crowd() -> AsyncIterator[Crowd]:
    it = Crowd()
    try:
        yield it
    finally:
        await it.end()


async def test_eight_ask_at_once_and_one_who_is_answered_makes_room_for_the_next() -> None:
    async with crowd() as it:
        await it.come(YOUNG + 2)
        assert it.inside == list(range(YOUNG))
        await it.go(3)
        assert it.inside[-1] == YOUNG
        assert len(it.inside) == YOUNG


async def test_who_has_no_answer_after_two_seconds_makes_room_and_stays() -> None:
    async with crowd() as it:
        await it.come(2)
        await it.clock.advance(1)
        await it.come(YOUNG)
        await it.clock.advance(SLOW_AFTER - 1 - 0.001)
        assert len(it.inside) == YOUNG
        await it.clock.advance(0.001)
        assert it.inside == list(range(YOUNG + 2))


async def test_nobody_s_age_is_watched_while_there_is_room() -> None:
    async with crowd() as it:
        await it.come(YOUNG)
        await it.clock.advance(3600)
        await it.come(YOUNG)
        assert (len(it.inside), it.clock.sleeps) == (2 * YOUNG, 0)


async def test_all_together_are_bounded_and_who_finds_no_slow_place_stays_young() -> None:
    async with crowd() as it:
        await it.come(YOUNG + SLOW + 5)
        for full in range(YOUNG, YOUNG + SLOW, YOUNG):
            assert len(it.inside) == full
            await it.clock.advance(SLOW_AFTER)
        await it.clock.advance(3600)
        assert len(it.inside) == YOUNG + SLOW
        assert it.clock.next_wake is None
        await it.go(0)
        assert it.inside[-1] == YOUNG + SLOW
        assert len(it.inside) == YOUNG + SLOW


async def test_who_does_not_ask_yet_does_not_grow_old() -> None:
    async with crowd() as it:
        await it.come(YOUNG, asks=False)
        await it.come(1)
        await it.clock.advance(3600)
        assert it.inside == list(range(YOUNG))


async def test_one_who_begins_to_ask_while_another_waits_is_watched_from_then_on() -> None:
    clock = FakeClock()
    rooms = Rooms(clock, young=1)
    begin = asyncio.Event()
    came: list[str] = []

    async def first() -> None:
        async with rooms.place() as place:
            await begin.wait()
            place.asks()
            await asyncio.Event().wait()

    async def second() -> None:
        async with rooms.place():
            came.append("second")

    one, two = asyncio.create_task(first()), asyncio.create_task(second())
    await clock.advance(60)
    begin.set()
    await clock.advance(SLOW_AFTER - 0.001)
    assert came == []
    await clock.advance(0.001)
    assert came == ["second"]
    one.cancel()
    await asyncio.wait((one, two))
    assert len(rooms) == 0


async def test_places_are_given_in_the_order_of_asking() -> None:
    async with crowd() as it:
        await it.come(3 * YOUNG)
        await it.clock.advance(2 * SLOW_AFTER)
        assert it.inside == list(range(3 * YOUNG))


@pytest.mark.parametrize("how", ["answered", "cancelled"])
@pytest.mark.parametrize("moment", ["young", "slow", "slow beyond the room"])
async def test_whoever_ends_leaves_no_place_taken(moment: str, how: Literal["answered", "cancelled"]) -> None:
    async with crowd() as it:
        await it.come(YOUNG if moment != "slow beyond the room" else YOUNG + SLOW)
        waves = {"young": 0, "slow": 1, "slow beyond the room": SLOW // YOUNG + 1}[moment]
        await it.clock.advance(waves * SLOW_AFTER)
        for number in list(it.inside):
            await it.go(number, how)
        assert len(it.rooms) == 0
        numbers = await it.come(YOUNG + 1)
        assert it.inside == numbers[:-1]


async def test_one_who_leaves_the_queue_leaves_it_to_the_others() -> None:
    async with crowd() as it:
        await it.come(YOUNG)
        head, middle, last = await it.come(3)
        await it.go(middle, "cancelled")
        await it.go(head, "cancelled")
        await it.clock.advance(SLOW_AFTER)
        assert it.inside[-1] == last
        assert len(it.inside) == YOUNG + 1


STEPS = st.lists(st.tuples(st.sampled_from(["come", "answered", "cancelled", "pass"]), st.integers(0, 20)), max_size=40)


@given(STEPS)
def test_whatever_happens_both_bounds_hold_and_nobody_waits_while_there_is_room(steps: list[tuple[str, int]]) -> None:
    asyncio.run(_play(steps))


async def _play(steps: list[tuple[str, int]]) -> None:
    async with crowd() as it:
        waiting: list[int] = []
        for what, amount in steps:
            if what == "come":
                waiting += await it.come(amount)
            elif what == "pass":
                await it.clock.advance(amount / 4)
            elif known := sorted({*waiting, *it.inside}):
                number = known[amount % len(known)]
                if number in it.inside or what == "cancelled":
                    await it.go(number, "cancelled" if what == "cancelled" else "answered")
                    waiting = [other for other in waiting if other != number]
            waiting = [number for number in waiting if number not in it.inside]
            old = sum(it.clock.monotonic() - it.since[number] >= SLOW_AFTER for number in it.inside)
            young = len(it.inside) - min(old, SLOW)
            assert young <= YOUNG
            assert not waiting or young == YOUNG
