"""The watch sees what is wrong, and how things stand when it is to be told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from relay.deliveries import State
from relay.destinations.notice import Trouble, TroubleKind
from relay.errors import StoreBusyError
from relay.notices.troubles import DAMAGED
from relay.notices.watch import LOOK_SECONDS, Sources, Watch
from relay.outbox.base import QueueStats
from tests.support.clock import START_US, FakeClock
from tests.support.front_desk import front_desk
from tests.support.memory_outbox import Memory, MemoryOutbox

DEAD = {TroubleKind.DEAD_LETTERS}


class Counting(MemoryOutbox):
    """A store that says how many dead letters are left, fails to, or hangs; and may be damaged."""

    def __init__(self) -> None:
        super().__init__(Memory(START_US))
        self.left = 0
        self.busy = self.hangs = False
        self.asked = 0
        self.dies_while_asked = 0
        self.bot_died: Callable[[], object] = object

    async def stats(self) -> dict[str, QueueStats]:
        self.asked += 1
        if self.busy:
            raise StoreBusyError("the store could not be read")
        if self.hangs:
            await asyncio.Event().wait()
        if self.dies_while_asked:
            self.dies_while_asked -= 1
            self.bot_died()
        return {"bot": QueueStats({State.DEAD: self.left}), "swing": QueueStats({})}


class Scene:
    """A watch over parts of which all is well."""

    def __init__(self, sources: Sources, outbox: Counting) -> None:
        self.clock = FakeClock()
        self.outbox = outbox
        self.offered: list[Trouble] = []
        self.watch = Watch(sources, self.offered.extend, self.clock)
        self.bot_dies = sources.metrics.deliveries.labels("bot", "dead").inc
        outbox.bot_died = self.bot_dies


@asynccontextmanager
async def watching(folder: Path) -> AsyncIterator[Scene]:
    outbox = Counting()
    async with front_desk(outbox) as desk:
        sources = Sources(
            desk.dispatcher,
            desk.backfiller,
            outbox,
            desk.metrics_registry,
            store_path=folder / "relay.db",
            standby=lambda: False,
            reload_fault=lambda: "",
            started_at_us=START_US,
        )
        yield Scene(sources, outbox)


async def test_damage_is_offered_with_what_to_do_and_only_once(tmp_path: Path) -> None:
    async with watching(tmp_path) as scene:
        running = asyncio.create_task(scene.watch.run())
        await scene.clock.advance(LOOK_SECONDS)
        scene.outbox.healthy, scene.outbox.damage = False, "the store is damaged (a page): run `relay repair`"
        await scene.watch.now(())
        await scene.clock.advance(3 * LOOK_SECONDS)
        running.cancel()
        await asyncio.wait([running])
    found = [trouble for trouble in scene.offered if trouble.kind is TroubleKind.STORE]
    assert [(trouble.step, trouble.text) for trouble in found] == [(DAMAGED, scene.outbox.damage)]


async def test_what_a_look_in_between_saw_well_is_offered_when_it_comes_again(tmp_path: Path) -> None:
    async with watching(tmp_path) as scene:
        for healthy in (False, True, False):
            scene.outbox.healthy = healthy
            await scene.watch.now(())
    assert [trouble.kind for trouble in scene.offered] == [TroubleKind.STORE] * 2


async def test_the_store_is_asked_for_dead_letters_only_where_these_are_told(tmp_path: Path) -> None:
    async with watching(tmp_path) as scene:
        scene.bot_dies(3)
        scene.outbox.left = 2
        assert (await scene.watch.now({TroubleKind.STORE})).left is None
        assert scene.outbox.asked == 0
        view = await scene.watch.now(DEAD)
    assert (view.dead, view.left) == ({"bot": 3}, {"bot": 2, "swing": 0})


@pytest.mark.parametrize(
    ("trouble", "asked"),
    [({"busy": True}, 1), ({"healthy": False}, 0), ({"hangs": True}, 1), ({"dies_while_asked": 9}, 2)],
    ids=["can't be read", "takes no writes", "hangs", "they die faster than it can tell"],
)
async def test_a_store_that_can_not_tell_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Mapping[str, object], asked: int
) -> None:
    monkeypatch.setattr("relay.notices.watch._ANSWER_SECONDS", 0.01)
    async with watching(tmp_path) as scene:
        for name, value in trouble.items():
            setattr(scene.outbox, name, value)
        view = await asyncio.wait_for(scene.watch.now(DEAD), 5)
    assert view.left is None
    assert scene.outbox.asked == asked


async def test_a_dead_letter_that_came_while_the_store_was_asked_is_counted(tmp_path: Path) -> None:
    async with watching(tmp_path) as scene:
        scene.outbox.dies_while_asked = 1
        scene.outbox.left = 7
        view = await scene.watch.now(DEAD)
    assert (view.dead, view.left) == ({"bot": 1}, {"bot": 7, "swing": 0})
    assert scene.outbox.asked == 2


async def test_a_disk_is_measured_anew_where_it_is_told(tmp_path: Path) -> None:
    async with watching(tmp_path) as scene:
        assert (await scene.watch.now(())).disk is None
        assert (await scene.watch.now({TroubleKind.DISK})).disk is not None
