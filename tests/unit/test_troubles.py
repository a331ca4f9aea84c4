"""What is a trouble worth a notice, and what is not."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from relay.clock import MICROS
from relay.destinations.notice import TroubleKind
from relay.metrics import Metrics
from relay.notices.told import ONCE_IN, Told, beside
from relay.notices.troubles import DAMAGED, STEPS, Disk, Off, Refused, View, of_now, passed, troubles
from relay.notices.watch import Today, dead_letters, disk_of
from tests.support.clock import START_US, FakeClock

WELL = View(since_us=START_US, disk=Disk(10**12, 10**12))
ROOMY, FULL = Disk(10**12, 10**12), Disk(4 * 10**9, 10**11)
OFF = Off("410 Gone", START_US + 1)
NO_SCOPE = Refused("scope missing", "Add it.")

HARM: dict[str, object] = {"store_writes": False, "damage": "broken"}

TABLE = [
    ("nothing is wrong", {}, {}, None),
    ("evicted, standing by", {}, {"standby": True}, (TroubleKind.EVICTED, "")),
    ("still standing by", {"standby": True}, {"standby": True}, None),
    ("switched off", {}, {"off": {"gone": OFF}}, (TroubleKind.SWITCHED_OFF, "gone")),
    ("still off", {"off": {"gone": OFF}}, {"off": {"gone": OFF}}, None),
    ("on again", {"off": {"gone": OFF}}, {}, None),
    (
        "resumed, and off once more between two looks",
        {"off": {"gone": OFF}},
        {"off": {"gone": Off("410 Gone", START_US + 2)}},
        (TroubleKind.SWITCHED_OFF, "gone"),
    ),
    ("off since the run before", {}, {"off": {"gone": Off("410 Gone", START_US - 1)}}, None),
    ("the store takes no writes", {}, {"store_writes": False}, (TroubleKind.STORE, "")),
    ("it writes again", {"store_writes": False}, {}, None),
    ("the store is damaged", {}, {"store_writes": False, "damage": "broken"}, (TroubleKind.STORE, "")),
    ("the full one is damaged", {"store_writes": False}, {**HARM, "store_writes": False}, (TroubleKind.STORE, "")),
    ("it still is", HARM, HARM, None),
    ("the disk fills up", {"disk": ROOMY}, {"disk": FULL}, (TroubleKind.DISK, "")),
    ("the disk is full at the start", {"disk": None}, {"disk": FULL}, (TroubleKind.DISK, "")),
    ("it is still full", {"disk": FULL}, {"disk": FULL}, None),
    ("there is room again", {"disk": FULL}, {"disk": ROOMY}, None),
    ("the disk can't be asked", {"disk": ROOMY}, {"disk": None}, None),
    ("backfill is refused", {}, {"refused": {"quotes": NO_SCOPE}}, (TroubleKind.BACKFILL_REFUSED, "quotes")),
    ("it still is", {"refused": {"quotes": NO_SCOPE}}, {"refused": {"quotes": Refused("another")}}, None),
    ("a hole", {"holes": {"a": 1}}, {"holes": {"a": 2}}, (TroubleKind.HOLE, "a")),
    ("no new hole", {"holes": {"a": 2}}, {"holes": {"a": 2}}, None),
    ("the first dead letter", {}, {"dead": {"bot": 1}}, (TroubleKind.DEAD_LETTERS, "bot")),
    ("the second one", {"dead": {"bot": 1}}, {"dead": {"bot": 2}}, None),
    ("the tenth", {"dead": {"bot": 9}}, {"dead": {"bot": 10}}, (TroubleKind.DEAD_LETTERS, "bot")),
    ("dead letters of one that is off", {"off": {"a": OFF}}, {"off": {"a": OFF}, "dead": {"a": 3}}, None),
    ("a reload failed", {}, {"reload_fault": "f:1:1: x\nmore"}, (TroubleKind.RELOAD_FAILED, "")),
    ("the same fault again", {"reload_fault": "x"}, {"reload_fault": "x"}, None),
    ("a reload worked", {"reload_fault": "x"}, {}, None),
]


@pytest.mark.parametrize(("before", "after", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_is_wrong_now_and_was_not_is_a_trouble(
    before: dict[str, object], after: dict[str, object], expected: tuple[TroubleKind, str] | None
) -> None:
    base = replace(WELL, disk=ROOMY)
    found = troubles(replace(base, **before), replace(base, **after))
    assert [(trouble.kind, trouble.subject) for trouble in found] == ([] if expected is None else [expected])
    assert all(trouble.text and "\n" not in trouble.text for trouble in found)


def test_the_word_of_dead_letters_names_the_verbs_that_show_and_send_them() -> None:
    (trouble,) = troubles(WELL, replace(WELL, dead={"bot": 1}))
    assert "relay dead list --to bot " in trouble.hint
    assert "relay dead retry " in trouble.hint


def test_a_command_in_a_word_takes_a_name_with_spaces() -> None:
    found = troubles(WELL, replace(WELL, off={"the bot": OFF}, dead={"the ops": 1}))
    assert ["relay resume 'the bot'" in trouble.hint for trouble in found] == [True, False]
    assert ["relay dead list --to 'the ops'" in trouble.hint for trouble in found] == [False, True]


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [(0, 1, 1), (0, 9, 1), (1, 9, None), (0, 10, 10), (9, 250, 100), (100, 100, None), (250, 3, 1), (5, 0, None)],
)
def test_only_the_greatest_number_that_was_passed_is_told(before: int, after: int, step: int | None) -> None:
    assert passed(before, after) == step
    assert step is None or step in STEPS


@pytest.mark.parametrize(
    ("free", "total", "full"),
    [(10**9, 10**10, False), (4 * 10**8, 10**10, True), (199_000_000, 10**9, True), (201_000_000, 10**9, False)],
)
def test_a_disk_is_nearly_full_below_a_twentieth_or_200_megabytes(free: int, total: int, full: bool) -> None:
    assert Disk(free, total).nearly_full is full


def test_all_that_goes_wrong_at_once_is_found_at_once() -> None:
    after = replace(
        WELL, standby=True, off={"a": OFF, "b": OFF}, store_writes=False, disk=FULL, reload_fault="x", dead={"c": 1}
    )
    found = troubles(WELL, after)
    assert len({trouble.key for trouble in found}) == len(found) >= 7


HEALED: list[tuple[str, dict[str, object], dict[str, object]]] = [
    ("the connection is taken back", {"standby": True}, {}),
    ("resumed", {"off": {"gone": OFF}}, {}),
    ("the store writes again", {"store_writes": False}, {}),
    ("there is room again", {"disk": FULL}, {"disk": ROOMY}),
    ("the disk can't be asked any more", {"disk": FULL}, {"disk": None}),
    ("REST answers again", {"refused": {"quotes": NO_SCOPE}}, {}),
    ("no hole is known any more", {"holes": {"quotes": 1}}, {}),
    ("every dead letter was dropped", {"dead": {"bot": 3}}, {"dead": {"bot": 3}, "left": {"bot": 0}}),
    ("every dead letter was sent again", {"dead": {"bot": 3}}, {"dead": {"bot": 3}, "left": {}}),
    ("a reload worked", {"reload_fault": "x"}, {}),
]


@pytest.mark.parametrize(("wrong", "well"), [row[1:] for row in HEALED], ids=[row[0] for row in HEALED])
def test_what_has_healed_is_no_trouble_of_now(wrong: dict[str, object], well: dict[str, object]) -> None:
    base = replace(WELL, disk=ROOMY)
    found = troubles(base, replace(base, **wrong))
    assert len(found) == 1
    assert of_now(found, replace(base, **wrong)) == found
    assert of_now(found, replace(base, **well)) == []


@pytest.mark.parametrize(
    ("dead", "left", "said"),
    [
        (1, None, "bot has a dead letter, its first today"),
        (1, 1, "bot has a dead letter, its first today"),
        (31, None, "bot has 31 dead letters today"),
        (31, 31, "bot has 31 dead letters today"),
        (31, 15, "bot has 15 dead letters; 31 came today"),
        (31, 1, "bot has a dead letter; 31 came today"),
        (1, 40, "bot has 40 dead letters; 1 came today"),
        (0, 2, "bot has 2 dead letters"),  # a new day has begun
    ],
)
def test_dead_letters_are_counted_as_they_are_now(dead: int, left: int | None, said: str) -> None:
    (found,) = troubles(WELL, replace(WELL, dead={"bot": 1}))
    now = replace(WELL, dead={"bot": dead}, left=None if left is None else {"bot": left})
    assert [trouble.text for trouble in of_now([found], now)] == [said]


def test_of_several_numbers_of_dead_letters_that_were_passed_the_greatest_is_told() -> None:
    seen = [replace(WELL, dead={"bot": count, "ops": 1}) for count in (1, 12, 150)]
    found = [trouble for before, after in pairwise([WELL, *seen]) for trouble in troubles(before, after)]
    assert sorted((trouble.subject, trouble.step) for trouble in of_now(found, seen[-1])) == [("bot", 100), ("ops", 1)]


def test_a_damaged_store_takes_no_writes_either_and_that_is_not_said() -> None:
    full = replace(WELL, store_writes=False)
    broken = replace(full, damage="the store is damaged (a page): stop the relay and run `relay repair`")
    found = [*troubles(WELL, full), *troubles(full, broken)]
    assert [(trouble.step, trouble.text) for trouble in of_now(found, broken)] == [(DAMAGED, broken.damage)]


def test_holes_are_those_of_the_run() -> None:
    one, three = replace(WELL, holes={"quotes": 1}), replace(WELL, holes={"quotes": 3})
    found = troubles(WELL, one)
    assert "found a range in which" in found[0].text
    assert "found 3 ranges since the relay started in which" in of_now(found, three)[0].text


def test_a_day_begins_with_no_dead_letters() -> None:
    today = Today()
    day = 86_400 * MICROS
    assert today.count({"bot": 3}, START_US) == {"bot": 3}
    assert today.count({"bot": 5, "ops": 1}, START_US) == {"bot": 5, "ops": 1}
    assert today.count({"bot": 6, "ops": 1}, START_US + day) == {"bot": 1, "ops": 0}


def test_dead_letters_are_counted_where_the_lanes_count_them() -> None:
    metrics = Metrics()
    metrics.deliveries.labels("bot", "dead").inc(2)
    metrics.deliveries.labels("bot", "delivered").inc(5)
    assert dead_letters(metrics) == {"bot": 2}


def test_the_disk_is_that_of_the_store(tmp_path: Path) -> None:
    disk = disk_of(tmp_path / "relay.db")
    assert disk is not None
    assert 0 < disk.free <= disk.total
    assert disk_of(tmp_path / "nowhere" / "relay.db") is None


async def test_what_was_told_is_known_for_an_hour_and_over_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    path = beside(tmp_path / "relay.db")
    told = Told(path, clock)
    await told.load()
    assert not told.lately("disk::0")
    await told.note(["disk::0"])
    again = Told(path, clock)
    await again.load()
    assert again.lately("disk::0")
    assert not again.lately("store::0")
    assert path.stat().st_mode & 0o777 == 0o600
    clock.jump(ONCE_IN)
    assert not again.lately("disk::0")
    clock.jump(-2 * ONCE_IN)  # the clock was wrong: what lies ahead is no reason for silence
    assert not again.lately("disk::0")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": "b"}', b"\xff"])
async def test_a_file_that_says_nothing_useful_is_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    told = Told(tmp_path / "f", FakeClock())
    await told.load()
    assert not told.lately("a")


async def test_a_folder_that_takes_no_file_costs_only_the_memory_beyond_this_run(tmp_path: Path) -> None:
    told = Told(tmp_path / "nowhere" / "f", FakeClock())
    await told.load()
    await told.note(["a"])
    assert told.lately("a")
