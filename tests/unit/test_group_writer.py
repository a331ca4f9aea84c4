"""Group commit without a store: what waits goes together, who is at fault fails alone, a full disk is waited for."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from relay.errors import StoreBusyError
from relay.outbox.check import Damage
from relay.outbox.writer import HANGS_AFTER, MOST_WAITING, GroupWriter
from relay.turning import Sign
from tests.support.clock import FakeClock
from tests.support.waiting import until

FULL = sqlite3.OperationalError("database or disk is full")


class Store:
    """Writes groups of numbers, as it is told.

    Attributes:
        groups: Every group that was written.
        tried: Every group that was tried.
        refuse: Asked before each transaction; raises what it refuses with.
        gate: A transaction ends only when it is set.
    """

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.tried: list[list[int]] = []
        self.refuse: Callable[[Sequence[int]], None] = lambda _group: None
        self.gate = threading.Event()
        self.gate.set()

    def apply(self, group: Sequence[int]) -> list[int]:
        self.tried.append(list(group))
        assert self.gate.wait(10)
        self.refuse(group)
        self.groups.append(list(group))
        return [number * 10 for number in group]

    def refuse_number(self, guilty: int, error: Exception) -> None:
        def refuse(group: Sequence[int]) -> None:
            if guilty in group:
                raise error

        self.refuse = refuse

    def refuse_all(self, error: Exception) -> None:
        def refuse(_group: Sequence[int]) -> None:
            raise error

        self.refuse = refuse

    def accept(self) -> None:
        self.refuse = lambda _group: None


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def writer(store: Store, clock: FakeClock) -> AsyncIterator[GroupWriter[int, int]]:
    writer = GroupWriter[int, int](store.apply, clock, Damage(Path("relay.db")))
    writer.start()
    yield writer
    store.gate.set()
    store.accept()
    await writer.close()


async def test_a_lone_write_goes_at_once(writer: GroupWriter[int, int], store: Store) -> None:
    assert writer.healthy is True
    assert await writer.submit(4) == 40
    assert store.groups == [[4]]


async def test_one_that_was_never_started_can_be_closed_and_then_takes_nothing(store: Store, clock: FakeClock) -> None:
    writer = GroupWriter[int, int](store.apply, clock, Damage(Path("relay.db")))
    await writer.close()
    for _ in range(2):
        with pytest.raises(StoreBusyError, match=r"^the store is closed$"):
            await writer.submit(1)
    assert store.tried == []


async def test_what_comes_while_one_is_being_written_goes_together_in_order(
    writer: GroupWriter[int, int], store: Store
) -> None:
    store.gate.clear()
    first = asyncio.ensure_future(writer.submit(0))
    await until(lambda: len(store.tried) == 1)
    rest = [asyncio.ensure_future(writer.submit(n)) for n in range(1, 50)]
    await asyncio.sleep(0)
    store.gate.set()
    assert await asyncio.gather(first, *rest) == [n * 10 for n in range(50)]
    assert store.groups == [[0], list(range(1, 50))]


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.IntegrityError("UNIQUE constraint failed"),
        sqlite3.DataError("string or blob too big"),
        OverflowError("Python int too large to convert to SQLite INTEGER"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    ],
)
async def test_one_that_is_at_fault_fails_alone(writer: GroupWriter[int, int], store: Store, error: Exception) -> None:
    store.refuse_number(3, error)
    answers = await asyncio.gather(*(writer.submit(n) for n in range(6)), return_exceptions=True)
    assert answers == [0, 10, 20, error, 40, 50]
    assert [n for group in store.groups for n in group] == [0, 1, 2, 4, 5]
    assert writer.healthy
    assert await writer.submit(7) == 70


async def test_a_full_disk_is_waited_for_and_nothing_is_lost(
    writer: GroupWriter[int, int], store: Store, clock: FakeClock
) -> None:
    store.refuse_all(FULL)
    waiting = [asyncio.ensure_future(writer.submit(n)) for n in range(3)]
    for tries in range(1, 8):
        await until(lambda tries=tries: len(store.tried) == tries and clock.next_wake is not None)  # type: ignore[misc]
        assert not writer.healthy
        await clock.advance(clock.next_wake or 0)
    later = asyncio.ensure_future(writer.submit(9))
    store.accept()
    while not later.done():
        await clock.advance(2)
    assert await asyncio.gather(*waiting, later) == [0, 10, 20, 90]
    assert store.groups == [[0, 1, 2], [9]]
    assert writer.healthy


async def test_a_full_disk_that_stays_full_is_tried_every_two_seconds(
    writer: GroupWriter[int, int], store: Store, clock: FakeClock
) -> None:
    store.refuse_all(FULL)
    waiting = asyncio.ensure_future(writer.submit(1))
    begun = clock.monotonic()
    while len(store.tried) < 20:
        await until(lambda: clock.next_wake is not None)
        await clock.advance(clock.next_wake or 0)
        await until(lambda: clock.next_wake is not None)
    assert 25 < clock.monotonic() - begun < 40
    store.accept()
    while not waiting.done():
        await clock.advance(2)


async def test_a_full_disk_is_tried_again_soon_at_first_and_then_every_two_seconds(
    writer: GroupWriter[int, int], store: Store, clock: FakeClock
) -> None:
    store.refuse_all(FULL)
    waiting = asyncio.ensure_future(writer.submit(1))
    waits: list[float | None] = []
    for tries in range(1, 8):
        await until(lambda tries=tries: len(store.tried) == tries and clock.next_wake is not None)  # type: ignore[misc]
        waits.append(clock.next_wake)
        await clock.advance(clock.next_wake or 0)
    assert waits == pytest.approx([0.1, 0.25, 0.5, 1.0, 2.0, 2.0, 2.0])
    store.accept()
    while not waiting.done():
        await clock.advance(2)


async def test_every_transaction_is_written_in_the_one_thread_of_the_writer(
    writer: GroupWriter[int, int], store: Store
) -> None:
    threads: list[str] = []
    store.refuse = lambda _group: threads.append(threading.current_thread().name)
    for number in range(20):
        await writer.submit(number)
    assert set(threads) == {"relay-store-write_0"}


async def test_when_it_is_closed_its_thread_has_ended(store: Store, clock: FakeClock) -> None:
    writer = GroupWriter[int, int](store.apply, clock, Damage(Path("relay.db")))
    writer.start()
    await writer.submit(1)
    release = threading.Event()
    busy = writer._thread.submit(release.wait, 10)
    threading.Timer(0.1, release.set).start()
    await writer.close()
    assert busy.done()


async def test_closing_writes_what_was_submitted(store: Store, clock: FakeClock) -> None:
    writer = GroupWriter[int, int](store.apply, clock, Damage(Path("relay.db")))
    writer.start()
    store.gate.clear()
    waiting = [asyncio.ensure_future(writer.submit(n)) for n in range(3000)]
    await until(lambda: bool(store.tried))
    closing = asyncio.ensure_future(writer.close())
    await asyncio.sleep(0)
    store.gate.set()
    await closing
    assert [task.result() for task in waiting] == [n * 10 for n in range(3000)]
    with pytest.raises(StoreBusyError):
        await writer.submit(1)


async def test_closing_gives_up_on_what_a_full_disk_does_not_take(store: Store, clock: FakeClock) -> None:
    writer = GroupWriter[int, int](store.apply, clock, Damage(Path("relay.db")))
    writer.start()
    store.refuse_all(FULL)
    waiting = [asyncio.ensure_future(writer.submit(n)) for n in range(3)]
    await until(lambda: clock.next_wake is not None)
    waiting.append(asyncio.ensure_future(writer.submit(9)))
    await asyncio.sleep(0)
    await asyncio.wait_for(writer.close(), 10)
    assert all(isinstance(task.exception(), StoreBusyError) for task in waiting)
    assert len(store.tried) == 3  # once before, once more for each group


async def test_a_caller_who_has_gone_is_written_for_all_the_same(writer: GroupWriter[int, int], store: Store) -> None:
    store.gate.clear()
    first = asyncio.ensure_future(writer.submit(1))
    await until(lambda: bool(store.tried))
    gone = asyncio.ensure_future(writer.submit(2))
    await asyncio.sleep(0)
    gone.cancel()
    first.cancel()
    store.gate.set()
    assert await writer.submit(3) == 30
    assert store.groups == [[1], [2, 3]]


async def test_who_comes_when_too_many_wait_waits_to_be_taken_in_and_leaves_nothing_behind(
    store: Store, clock: FakeClock
) -> None:
    writer = GroupWriter[int, int](store.apply, clock, Damage(Path("relay.db")))
    writer.start()
    store.refuse_all(FULL)
    asked = [asyncio.ensure_future(writer.submit(number)) for number in range(MOST_WAITING)]
    await until(lambda: clock.next_wake is not None)
    gone = [asyncio.ensure_future(writer.submit(number)) for number in range(-100, 0)]
    late = [asyncio.ensure_future(writer.submit(number)) for number in range(MOST_WAITING, MOST_WAITING + 10)]
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    store.accept()
    await clock.advance(0.2)
    await asyncio.wait_for(asyncio.gather(*asked, *late), 20)
    assert sorted(number for group in store.groups for number in group) == list(range(MOST_WAITING + 10))
    await writer.close()


async def test_a_store_that_is_damaged_is_not_tried_again_not_even_at_the_end(store: Store, clock: FakeClock) -> None:
    damage = Damage(Path("relay.db"))
    writer = GroupWriter[int, int](store.apply, clock, damage)
    writer.start()
    broken = sqlite3.DatabaseError("database disk image is malformed")
    broken.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    store.refuse_all(broken)
    asked = [asyncio.ensure_future(writer.submit(1))]
    await until(lambda: bool(damage.found))
    asked += [asyncio.ensure_future(writer.submit(number)) for number in (2, 3)]
    await clock.advance(3_600)
    assert not any(task.done() for task in asked), "a person may still mend it"
    assert clock.next_wake is None
    await asyncio.wait_for(writer.close(), 20)
    for task in asked:
        with pytest.raises(StoreBusyError, match="malformed"):
            await task
    assert store.tried == [[1]]


async def test_when_there_is_room_again_the_writer_is_well_and_waits_as_briefly_as_at_first(
    writer: GroupWriter[int, int], store: Store, clock: FakeClock
) -> None:
    for number in (1, 2):
        store.refuse_all(FULL)
        waiting = asyncio.ensure_future(writer.submit(number))
        await until(lambda: clock.next_wake is not None)
        assert writer.healthy is False
        assert clock.next_wake == pytest.approx(0.1)
        store.accept()
        await clock.advance(0.1)
        assert await asyncio.wait_for(waiting, 10) == number * 10
        assert writer.healthy is True


async def test_who_has_not_been_taken_in_is_let_go_at_the_end(store: Store, clock: FakeClock) -> None:
    writer = GroupWriter[int, int](store.apply, clock, Damage(Path("relay.db")))
    writer.start()
    store.refuse_all(FULL)
    asked = [asyncio.ensure_future(writer.submit(number)) for number in range(MOST_WAITING + 10)]
    await until(lambda: clock.next_wake is not None)
    await asyncio.wait_for(writer.close(), 20)
    done, _ = await asyncio.wait(asked, timeout=10)
    assert len(done) == MOST_WAITING + 10
    assert all(isinstance(task.exception(), StoreBusyError) for task in done)


async def test_its_thread_is_due_while_it_has_something_and_turns_with_each_answer(
    store: Store, writer: GroupWriter[int, int]
) -> None:
    assert writer.sign() == Sign(0, due=False, patience=HANGS_AFTER)
    store.gate.clear()
    asked = asyncio.create_task(writer.submit(1))
    await until(lambda: bool(store.tried))
    assert writer.sign() == Sign(0, due=True, patience=HANGS_AFTER)
    store.gate.set()
    assert await asked == 10
    assert writer.sign() == Sign(1, due=False, patience=HANGS_AFTER)


async def test_a_full_disk_is_an_answer_and_nothing_hangs_while_room_is_waited_for(
    store: Store, writer: GroupWriter[int, int], clock: FakeClock
) -> None:
    store.refuse_all(FULL)
    asked = asyncio.create_task(writer.submit(1))
    for turns in range(1, 4):
        await until(lambda: clock.next_wake is not None)
        assert writer.sign() == Sign(turns, due=False, patience=HANGS_AFTER)
        await clock.advance(2.0 if turns == 3 else clock.next_wake or 0.0)
        await until(lambda turns=turns: len(store.tried) > turns)  # type: ignore[misc]
    store.accept()
    await until(lambda: asked.done() or clock.next_wake is not None)  # its thread may be in the fourth try still
    await clock.advance(2.0)
    assert await asked == 10
