"""Notices: rarely, together, past the lane and never against what a provider asks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from relay.deliveries import Message, Outcome, Verdict
from relay.delivery.settings import LaneStatus
from relay.destinations.kinds import AnyConfig
from relay.destinations.notice import Notice, Trouble, TroubleKind
from relay.limiter import Limiter, SlidingLog
from relay.notices.herald import APART, ATTEMPTS, Herald, Recipient
from relay.notices.told import ONCE_IN, Told
from relay.notices.troubles import TAKEN_AWAY, Disk, Off, View, troubles
from relay.outbox.base import Switch
from tests.support.clock import START_US, FakeClock
from tests.support.messages import webhook_config

OK = Outcome(Verdict.DELIVERED, "200")
DOWN = Outcome(Verdict.RETRY, "503", "503 Service Unavailable")
GONE = Outcome(Verdict.SWITCH_OFF, "410", "410 Gone")
ON = LaneStatus(Switch.ON, "", 0, 0.0, 0.0, 0, 0, "")
WELL = View(since_us=START_US)
WRONG = replace(
    WELL,
    disk=Disk(1, 10**12),
    store_writes=False,
    off={name: Off("answered 410 Gone", START_US) for name in ("a", "b", "c", "ops")},
)
HARM = replace(WRONG, damage="the store is damaged (a page): stop the relay")
FOUND = {trouble.key: trouble for trouble in troubles(WELL, WRONG)}
DISK, STORE = FOUND["disk::0"], FOUND["store::0"]
(DAMAGE,) = troubles(WRONG, HARM)
END = Trouble(TroubleKind.EVICTED, "", "another connection took over; the relay ends")


def off(name: str) -> Trouble:
    return FOUND[f"switched_off:{name}:0"]


def dead(count: int, *, left: int | None = None) -> View:
    return replace(WRONG, dead={"bot": count}, left=None if left is None else {"bot": left})


@dataclass
class Ops:
    """A destination that notes when it was told what, and answers one after another; OK at the end."""

    clock: FakeClock
    answers: list[Outcome] = field(default_factory=list)
    told: list[tuple[float, Notice]] = field(default_factory=list)
    name: str = "ops"
    capacity: int = 1
    limiter: Limiter | None = None
    hangs: bool = False

    def fits(self, waiting: Sequence[Message]) -> int:
        return len(waiting)

    def render(self, batch: Sequence[Message]) -> bytes:
        raise AssertionError(batch)

    async def send(self, batch: Sequence[Message]) -> Outcome:
        raise AssertionError(batch)

    async def tell(self, notice: Notice) -> Outcome:
        self.told.append((self.clock.monotonic() - 1_000.0, notice))
        if self.hangs:
            await asyncio.Event().wait()
        return self.answers.pop(0) if self.answers else OK

    @property
    def keys(self) -> list[list[str]]:
        return [[trouble.key for trouble in notice.troubles] for _, notice in self.told]

    @property
    def texts(self) -> list[list[str]]:
        return [[trouble.text for trouble in notice.troubles] for _, notice in self.told]


class Scene:
    """A herald, whom it tells, and how that one's lane stands."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ops = Ops(self.clock)
        self.lane: LaneStatus | None = ON
        self.named = True
        self.view = WRONG
        self.next: View | None = None  # which the next look brings
        self.built = 0
        self.remembered = Told(None, self.clock)
        self.herald = Herald(
            lambda: Recipient("ops", webhook_config(), self.lane) if self.named else None,
            self._build,
            self.remembered,
            self._now,
            clock=self.clock,
            rng=random.Random(7),
            simulated=False,
        )

    async def _now(self, kinds: Collection[TroubleKind]) -> View:
        await asyncio.sleep(0)
        if self.next is not None:
            self.becomes(self.next)
            self.next = None
        return self.view if TroubleKind.DEAD_LETTERS in kinds else replace(self.view, left=None)

    def becomes(self, view: View) -> None:
        """The next look."""
        before, self.view = self.view, view
        self.herald.offer(troubles(before, view))

    def _build(self, name: str, config: AnyConfig) -> Ops:
        assert (name, config.type) == ("ops", "webhook")
        self.built += 1
        return self.ops

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.herald.run())
        await self.clock.advance(0)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_troubles_found_together_are_one_message() -> None:
    scene = Scene()
    async with scene.running():
        scene.herald.offer([DISK, off("a"), off("b")])
        await scene.clock.advance(1)
    assert scene.ops.keys == [[DISK.key, off("a").key, off("b").key]]


async def test_a_burst_after_the_first_waits_for_the_minute_and_goes_together() -> None:
    scene = Scene()
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(1)
        for name in ("a", "b", "c"):
            scene.herald.offer([off(name)])
            await scene.clock.advance(5)
        await scene.clock.advance(APART)
    assert [len(keys) for keys in scene.ops.keys] == [1, 3]
    assert scene.ops.told[1][0] == pytest.approx(APART)
    assert scene.built == 1


async def test_of_one_kind_and_subject_the_newest_is_told() -> None:
    scene = Scene()
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(1)
        for number in range(1_000):
            scene.becomes(replace(WRONG, off={"a": Off(f"for the {number}th time", START_US + number)}))
        await scene.clock.advance(APART)
    (text,) = scene.ops.texts[1]
    assert "for the 999th time" in text


async def test_what_has_healed_before_its_minute_came_is_not_told() -> None:
    scene = Scene()
    scene.view = replace(WRONG, off={})
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(1)
        scene.becomes(replace(scene.view, reload_fault="f:1:1: x"))
        scene.becomes(replace(scene.view, off=WRONG.off))
        await scene.clock.advance(APART / 2)
        scene.becomes(replace(scene.view, reload_fault="", off={"b": WRONG.off["b"]}))
        await scene.clock.advance(APART)
    assert scene.ops.keys == [[DISK.key], [off("b").key]]


async def test_where_all_has_healed_nobody_is_told_and_the_next_trouble_need_not_wait() -> None:
    scene = Scene()
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(1)
        scene.becomes(replace(WRONG, reload_fault="x"))
        scene.becomes(WRONG)
        await scene.clock.advance(APART + 10)
        assert len(scene.ops.told) == 1
        scene.becomes(replace(WRONG, standby=True))
        await scene.clock.advance(1)
    assert [len(keys) for keys in scene.ops.keys] == [1, 1]


async def test_a_trouble_that_healed_before_it_was_told_is_told_when_it_comes_again() -> None:
    scene = Scene()
    scene.ops.answers = [OK, DOWN]
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(1)
        scene.becomes(replace(WRONG, reload_fault="x"))
        await scene.clock.advance(APART)  # asked, and not told
        assert len(scene.ops.told) == 2
        scene.becomes(WRONG)
        await scene.clock.advance(APART)
        assert len(scene.ops.told) == 2
        scene.becomes(replace(WRONG, reload_fault="x"))
        await scene.clock.advance(2 * APART)
        assert len(scene.ops.told) == 3
        scene.becomes(WRONG)
        scene.becomes(replace(WRONG, reload_fault="x"))
        await scene.clock.advance(2 * APART)
    assert len(scene.ops.told) == 3


async def test_dead_letters_are_those_of_the_moment_and_said_once() -> None:
    scene = Scene()
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(1)
        for count in (1, 9, 15, 31):
            scene.becomes(dead(count))
        scene.becomes(dead(31, left=5))
        await scene.clock.advance(APART)
    assert scene.ops.keys[1:] == [["dead_letters:bot:10"]]
    assert scene.ops.texts[1:] == [["bot has 5 dead letters; 31 came today"]]


async def test_dead_letters_that_were_all_sent_again_are_not_told() -> None:
    scene = Scene()
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(1)
        scene.becomes(dead(15))
        scene.becomes(dead(31, left=0))
        await scene.clock.advance(2 * APART)
    assert len(scene.ops.told) == 1


async def test_an_attempt_made_again_says_what_is_so_then_under_an_id_of_its_own() -> None:
    scene = Scene()
    scene.ops.answers = [DOWN, DOWN]
    async with scene.running():
        scene.herald.offer([DISK, off("a")])
        await scene.clock.advance(0)
        scene.becomes(replace(WRONG, off={}))
        await scene.clock.advance(30)
    assert scene.ops.keys == [[DISK.key, off("a").key], [DISK.key], [DISK.key]]
    first, second, third = (notice.id for _, notice in scene.ops.told)
    assert first != second == third


async def test_damage_waits_for_no_minute() -> None:
    scene = Scene()
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(1)
        scene.herald.offer([off("a")])
        await scene.clock.advance(1)
        assert len(scene.ops.told) == 1
        scene.becomes(HARM)
        await scene.clock.advance(0)
        assert scene.ops.keys[1:] == [[off("a").key, DAMAGE.key]]
        scene.herald.offer([off("b")])
        await scene.clock.advance(APART / 2)
        assert len(scene.ops.told) == 2, "the next one does"
        await scene.clock.advance(APART)
    assert scene.ops.keys[2:] == [[off("b").key]]


async def test_the_same_trouble_is_told_once_an_hour() -> None:
    scene = Scene()
    async with scene.running():
        for _ in range(int(2.5 * ONCE_IN / 100)):
            scene.herald.offer([DISK])
            await scene.clock.advance(100)
    assert len(scene.ops.told) == 3


async def test_a_failed_attempt_is_made_again_with_the_same_id() -> None:
    scene = Scene()
    scene.ops.answers = [DOWN, DOWN]
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(30)
    assert len(scene.ops.told) == 3
    assert len({notice.id for _, notice in scene.ops.told}) == 1


async def test_attempts_end_and_the_trouble_does_not_loop() -> None:
    scene = Scene()
    scene.ops.answers = [DOWN] * 100
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(1800)
        scene.herald.offer([DISK])
        await scene.clock.advance(600)
    assert len(scene.ops.told) == ATTEMPTS


async def test_a_refusal_is_not_repeated() -> None:
    scene = Scene()
    scene.ops.answers = [GONE]
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(600)
    assert len(scene.ops.told) == 1


@pytest.mark.parametrize("switch", [Switch.OFF, Switch.PAUSED])
async def test_a_destination_that_is_not_on_is_told_nothing(switch: Switch) -> None:
    scene = Scene()
    scene.lane = LaneStatus(switch, "410", 0, 0.0, 0.0, 0, 0, "")
    async with scene.running():
        scene.herald.offer([off("ops")])
        await scene.clock.advance(600)
        assert scene.ops.told == []
        scene.lane = ON
        scene.herald.offer([DISK])
        await scene.clock.advance(1)
    assert scene.ops.keys == [[DISK.key]]


async def test_without_alerts_to_nobody_is_told() -> None:
    scene = Scene()
    scene.named = False
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(1)
        scene.named = True  # a reload
        scene.herald.offer([STORE])
        await scene.clock.advance(1)
    assert scene.ops.keys == [[STORE.key]]


async def test_what_a_lane_has_to_wait_for_is_waited_for() -> None:
    scene = Scene()
    scene.lane = LaneStatus(Switch.ON, "", 0, 42.0, 0.0, 0, 1, "429")
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(41)
        assert scene.ops.told == []
        await scene.clock.advance(2)
    assert len(scene.ops.told) == 1


async def test_a_wait_of_hours_is_not_waited_for() -> None:
    scene = Scene()
    scene.ops.answers = [Outcome(Verdict.RETRY, "429", "429", retry_after=7200.0)]
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(8000)
    assert len(scene.ops.told) == 1


async def test_a_provider_counts_the_notice() -> None:
    scene = Scene()
    scene.ops.limiter = limiter = SlidingLog(1, 30.0)
    limiter.note(scene.clock.monotonic())
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(31)
    assert scene.ops.told[0][0] == pytest.approx(30.0)
    assert limiter.ready_at() == pytest.approx(1_060.0)


async def test_last_words_take_what_is_pending_along() -> None:
    scene = Scene()
    scene.herald.offer([DISK])
    await scene.herald.last_words(END, 5)
    assert scene.ops.keys == [[DISK.key, END.key]]


async def test_last_words_that_have_to_be_said_again_hold_nothing_up() -> None:
    scene = Scene()
    scene.ops.answers = [DOWN]
    await scene.herald.last_words(END, 1)
    assert len(scene.ops.told) == 1


async def test_last_words_that_hang_are_cut_and_not_said_again() -> None:
    scene = Scene()
    scene.ops.hangs = True
    await scene.herald.last_words(END, 0.01)
    await scene.herald.flush(0.01)
    assert len(scene.ops.told) == 1


async def test_last_words_stand_for_what_else_is_known_of_it() -> None:
    scene = Scene()
    end = Trouble(TroubleKind.STORE, "", "its file was deleted; the relay ends", "", TAKEN_AWAY)
    scene.becomes(HARM)
    scene.ops.hangs = True
    async with scene.running():
        await scene.clock.advance(1)
        scene.ops.hangs = False
        await scene.herald.last_words(end, 5)
    scene.herald.offer([DAMAGE])
    await scene.herald.flush(5)
    assert scene.ops.keys == [[DAMAGE.key], [end.key]]


async def test_what_waits_for_its_minute_is_told_as_the_relay_ends() -> None:
    scene = Scene()
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(1)
        scene.herald.offer([off("a")])
        scene.becomes(replace(WRONG, reload_fault="x"))
        scene.becomes(WRONG)
        await scene.clock.advance(1)
        await scene.herald.flush(5)
        await scene.clock.advance(2 * APART)
    assert scene.ops.keys == [[DISK.key], [off("a").key]]


async def test_what_only_the_last_look_sees_is_told_as_it_is_then() -> None:
    scene = Scene()
    scene.next = dead(5, left=2)
    async with scene.running():
        await scene.herald.flush(5)
    assert scene.ops.texts == [["bot has 2 dead letters; 5 came today"]]


async def test_a_notice_under_way_as_the_relay_ends_is_made_again_with_the_same_id() -> None:
    scene = Scene()
    scene.ops.hangs = True
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(1)
    scene.ops.hangs = False
    await scene.herald.flush(5)
    assert len(scene.ops.told) == 2
    assert len({notice.id for _, notice in scene.ops.told}) == 1


async def test_an_end_with_nothing_to_tell_tells_nobody_and_waits_for_nobody() -> None:
    scene = Scene()
    scene.lane = LaneStatus(Switch.ON, "", 0, 42.0, 0.0, 0, 1, "429")
    async with scene.running():
        await scene.herald.flush(5)
        scene.herald.offer([DISK])
        await scene.herald.flush(5)  # the lane is held for longer than this may take
    assert scene.ops.told == []
