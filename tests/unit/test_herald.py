"""Notices: rarely, together, past the lane and never against what a provider asks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from relay.deliveries import Message, Outcome, Verdict
from relay.delivery.settings import LaneStatus
from relay.destinations.kinds import AnyConfig
from relay.destinations.notice import Notice, Trouble, TroubleKind
from relay.limiter import Limiter, SlidingLog
from relay.notices.herald import APART, ATTEMPTS, Herald, Recipient
from relay.notices.told import ONCE_IN, Told
from relay.outbox.base import Switch
from tests.support.clock import FakeClock
from tests.support.messages import webhook_config

OK = Outcome(Verdict.DELIVERED, "200")
DOWN = Outcome(Verdict.RETRY, "503", "503 Service Unavailable")
GONE = Outcome(Verdict.SWITCH_OFF, "410", "410 Gone")
ON = LaneStatus(Switch.ON, "", 0, 0.0, 0.0, 0, 0, "")
DISK = Trouble(TroubleKind.DISK, "", "the disk is nearly full", "Make room.")
STORE = Trouble(TroubleKind.STORE, "", "the store takes no writes")


def off(name: str) -> Trouble:
    return Trouble(TroubleKind.SWITCHED_OFF, name, f"{name} was switched off")


@dataclass
class Ops:
    """A destination that notes when it was told what, and answers one after another; OK at the end."""

    clock: FakeClock
    answers: list[Outcome] = field(default_factory=list)
    told: list[tuple[float, Notice]] = field(default_factory=list)
    name: str = "ops"
    capacity: int = 1
    limiter: Limiter | None = None

    def fits(self, waiting: Sequence[Message]) -> int:
        return len(waiting)

    def render(self, batch: Sequence[Message]) -> bytes:
        raise AssertionError(batch)

    async def send(self, batch: Sequence[Message]) -> Outcome:
        raise AssertionError(batch)

    async def tell(self, notice: Notice) -> Outcome:
        self.told.append((self.clock.monotonic() - 1_000.0, notice))
        return self.answers.pop(0) if self.answers else OK

    @property
    def keys(self) -> list[list[str]]:
        return [[trouble.key for trouble in notice.troubles] for _, notice in self.told]


class Scene:
    """A herald, whom it tells, and how that one's lane stands."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ops = Ops(self.clock)
        self.lane: LaneStatus | None = ON
        self.named = True
        self.built = 0
        self.herald = Herald(
            lambda: Recipient("ops", webhook_config(), self.lane) if self.named else None,
            self._build,
            Told(None, self.clock),
            clock=self.clock,
            rng=random.Random(7),
            simulated=False,
        )

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


async def test_of_one_kind_and_subject_the_newest_waits_to_be_told() -> None:
    scene = Scene()
    async with scene.running():
        scene.herald.offer([DISK])
        await scene.clock.advance(1)
        for number in range(1_000):
            scene.herald.offer([Trouble(TroubleKind.SWITCHED_OFF, "a", f"for the {number}th time")])
        await scene.clock.advance(APART)
    assert [trouble.text for trouble in scene.ops.told[1][1].troubles] == ["for the 999th time"]


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
    await scene.herald.last_words(STORE, 5)
    assert scene.ops.keys == [[DISK.key, STORE.key]]


async def test_last_words_that_hang_hold_nothing_up() -> None:
    scene = Scene()
    scene.ops.answers = [DOWN]
    await scene.herald.last_words(STORE, 0.01)  # the retry would wait for a clock that stands still
    assert len(scene.ops.told) == 1
