"""What waits for somebody who listens, and what becomes of it when they don't read."""

from __future__ import annotations

import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.deliveries import Outcome, Verdict
from relay.events import Source
from relay.web import broadcast
from relay.web.broadcast import (
    BUFFER_BYTES,
    BUFFER_MESSAGES,
    KEPT_SECONDS,
    LISTENERS,
    Broadcast,
    Choice,
    Listener,
    Note,
    message,
)
from tests.support.clock import FakeClock
from tests.support.events import in_force
from tests.support.messages import message as a_message

ALL = Choice()
DELIVERY = a_message().delivery


def note(number: int = 0, *, size: int = 100, channel: str = "alerts.in_force", to: str = "bot") -> Note:
    return Note(b"%d" % number + b"." * size, channel, frozenset({to}), number)


def lost(text: bytes) -> int:
    """How many are said to be missing at the beginning."""
    head = b"event: gap\ndata: "
    return int(json.loads(text.removeprefix(head).partition(b"\n")[0])["lost"]) if text.startswith(head) else 0


@given(st.lists(st.integers(0, 2 * BUFFER_BYTES), max_size=20), st.integers(0, 2 * BUFFER_MESSAGES))
async def test_a_buffer_is_bounded_and_what_is_not_in_it_is_counted(sizes: list[int], small: int) -> None:
    listener = Listener(ALL)
    sizes += [1] * small
    for size in sizes:
        listener.offer(Note(b"x" * size, "states", frozenset()))
        assert listener._bytes <= BUFFER_BYTES
        assert len(listener._notes) <= BUFFER_MESSAGES
    kept = len(listener._notes)
    if sizes and kept != len(sizes):
        assert lost(await listener.next()) == len(sizes) - kept


async def test_the_oldest_are_lost_and_the_gap_stands_where_they_were() -> None:
    listener = Listener(ALL)
    for number in range(1, BUFFER_MESSAGES + 4):
        listener.offer(note(number, size=0))
    text = await listener.next()
    assert lost(text) == 3
    assert text.partition(b"\n\n")[2].startswith(b"456")
    listener.offer(note(999))
    assert lost(await listener.next()) == 0


async def test_only_the_last_status_waits() -> None:
    listener = Listener(ALL)
    for number in range(1_000):
        listener.status(b"status %d" % number)
    assert await listener.next() == b"status 999"


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (Choice(), True),
        (Choice(channels=frozenset({"alerts.in_force"})), True),
        (Choice(channels=frozenset({"states"})), False),
        (Choice(destinations=frozenset({"bot", "other"})), True),
        (Choice(destinations=frozenset({"other"})), False),
        (Choice(frozenset({"alerts.in_force"}), frozenset({"other"})), False),
    ],
)
async def test_only_what_was_asked_for_waits(choice: Choice, wanted: bool) -> None:
    listener = Listener(choice)
    listener.offer(note(1))
    assert len(listener._notes) == wanted


async def test_closed_it_ends_whatever_waits() -> None:
    listener = Listener(ALL)
    listener.offer(note(1))
    listener.close()
    assert await listener.next() == b""


def test_while_nobody_listens_nothing_is_kept() -> None:
    house = Broadcast(FakeClock())
    house.stored(in_force(1), Source.LIVE)
    house.attempted(DELIVERY, Outcome(Verdict.DELIVERED, "200"), 0.1)
    assert not house.heard.is_set()
    assert house.take_keys() == (set(), 0)


def test_no_more_listen_than_may_and_a_place_that_is_left_is_free() -> None:
    house = Broadcast(FakeClock())
    joined = [house.join(ALL) for _ in range(LISTENERS)]
    assert house.join(ALL) is None
    assert joined[0] is not None
    house.leave(joined[0])
    assert house.join(ALL) is not None


async def test_the_eldest_makes_room_once_it_has_had_its_time_and_who_came_in_keeps_the_place_for_as_long() -> None:
    clock = FakeClock()
    house = Broadcast(clock)
    cut: list[int] = []
    for number in range(LISTENERS):
        house.join(ALL, partial(cut.append, number))
    await clock.advance(KEPT_SECONDS - 1)
    assert house.join(ALL) is None
    await clock.advance(1)
    for _ in range(LISTENERS):
        assert house.join(ALL) is not None
    assert cut == list(range(LISTENERS))
    assert house.join(ALL) is None
    assert house.listeners == LISTENERS


def test_keys_that_wait_to_be_looked_up_are_bounded_and_the_others_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "WAITING_KEYS", 3)
    house = Broadcast(FakeClock())
    house.join(ALL)
    for number in range(1, 6):
        house.stored(in_force(number), Source.LIVE)
    assert house.take_keys() == ({f"alerts.in_force:{number}" for number in (1, 2, 3)}, 2)


@given(st.text())
def test_no_text_breaks_out_of_its_message(text: str) -> None:
    sent = message("event", {"text": text}, 7)
    assert sent.count(b"\n") == 4
    assert b"\r" not in sent
    assert sent.endswith(b"\n\n")
