from __future__ import annotations

from collections.abc import Callable

import pytest
from aiohttp import WSMsgType

from relay.simulator.faults import Faults, Frame
from relay.simulator.menu import NAMES, Scheduled, inject, parse_fault
from tests.support.clock import FakeClock


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drop", Scheduled("drop")),
        ("drop@5s", Scheduled("drop", at=5)),
        ("rest-500@10s:5s", Scheduled("rest-500", at=10, seconds=5)),
        ("swallow=3@250ms", Scheduled("swallow", value=3, at=0.25)),
        ("rest-slow=1.5@1m:2m", Scheduled("rest-slow", value=1.5, at=60, seconds=120)),
    ],
)
def test_a_fault_is_scheduled_in_one_word(text: str, expected: Scheduled) -> None:
    assert parse_fault(text) == expected


@pytest.mark.parametrize("text", ["", "nope@5s", "drop@", "drop@5", "drop@soon", "drop@5s:", "drop@5s:x", "swallow=x"])
def test_a_fault_in_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault|duration"):
        parse_fault(text)


class Peer:
    """A connection that writes down what befalls it."""

    def __init__(self) -> None:
        self.happened: list[object] = []

    def drop(self) -> None:
        self.happened.append("drop")

    def end(self, code: int, reason: str) -> None:
        del reason
        self.happened.append(code)

    def silence(self, *, on: bool) -> None:
        self.happened.append("silent" if on else "speaking")

    def put(self, frame: Frame) -> None:
        self.happened.append(frame[0][:10])


def faults(peer: Peer | None = None, clock: FakeClock | None = None) -> tuple[Faults, list[Callable[[], None]]]:
    later: list[Callable[[], None]] = []
    made = Faults(clock or FakeClock(), lambda: [peer] if peer else [], lambda _seconds, act: later.append(act))
    return made, later


@pytest.mark.parametrize(
    ("name", "happens"),
    [
        ("drop", ["drop"]),
        ("evict", [4409]),
        ("close", [1012]),
        ("silence", ["silent"]),
        ("garbage-number", [b"42"]),
        ("clear", []),
    ],
)
def test_a_fault_by_name_befalls_the_open_connections(name: str, happens: list[object]) -> None:
    peer = Peer()
    inject(faults(peer)[0], name)
    assert peer.happened == happens


@pytest.mark.parametrize("name", NAMES)
def test_every_fault_on_the_menu_can_be_caused_and_cleared(name: str) -> None:
    made, _ = faults(Peer())
    inject(made, name, value=2, seconds=3)
    made.clear()
    assert (made.refusal(), made.rest_fault("/x"), made.mangles) == (None, None, False)


def test_a_fault_that_is_not_on_the_menu_is_refused() -> None:
    with pytest.raises(ValueError, match="no such fault"):
        inject(faults()[0], "earthquake")
    with pytest.raises(ValueError, match="no such fault"):
        faults()[0].rest("earthquake")


def test_silence_for_a_while_ends() -> None:
    peer = Peer()
    made, later = faults(peer)
    made.silence(5)
    later[0]()
    assert peer.happened == ["silent", "speaking"]


def sent(made: Faults, count: int) -> list[int]:
    held: list[Frame] = []
    out: list[Frame] = []
    for number in range(1, count + 1):
        frame = (str(number).encode(), WSMsgType.TEXT)
        out += made.mangle(frame, held) if made.mangles else [frame]
    return [int(payload) for payload, _ in out]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("swallow", 2, [3, 4, 5]),
        ("repeat", 2, [1, 1, 2, 2, 3, 4, 5]),
        ("reorder", 3, [3, 2, 1, 4, 5]),
        ("clear", 1, [1, 2, 3, 4, 5]),
    ],
)
def test_the_next_frames_are_mangled_and_the_others_are_not(name: str, value: int, expected: list[int]) -> None:
    made, _ = faults()
    inject(made, name, value=value)
    assert sent(made, 5) == expected


async def test_a_fault_of_rest_lasts_its_time_its_times_and_only_on_its_path() -> None:
    clock = FakeClock()
    made, _ = faults(clock=clock)
    made.rest("500", path="/alerts", times=2)
    made.rest("html", seconds=5)
    seen = [made.rest_fault(path) for path in ("/states/X", "/alerts/x", "/alerts/x", "/alerts/x")]
    assert [fault.kind if fault else None for fault in seen] == ["html", "500", "500", "html"]
    await clock.advance(5)
    assert made.rest_fault("/alerts/x") is None


async def test_upgrades_are_refused_so_often_or_so_long() -> None:
    clock = FakeClock()
    made, _ = faults(clock=clock)
    made.refuse(503, times=2)
    assert [made.refusal() is not None for _ in range(3)] == [True, True, False]
    made.refuse(401, vendor=True, seconds=1)
    assert made.refusal() is not None
    await clock.advance(1)
    assert made.refusal() is None
