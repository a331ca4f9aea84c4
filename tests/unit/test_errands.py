"""Rounds by hand: remembered in a bounded number, whether they are over or not."""

from __future__ import annotations

import asyncio

import pytest

from relay.backfill.errands import LONGEST, MOST, Errands, looking_back
from relay.clock import Clock
from tests.support.backfill import DOWN, Scene, alert
from tests.support.clock import settle


@pytest.mark.parametrize(("text", "seconds"), [("2h", 7_200.0), ("0s", 0.0), ("3650d", LONGEST)])
def test_one_may_look_back_ten_years(text: str, seconds: float) -> None:
    assert looking_back(text) == seconds


@pytest.mark.parametrize("text", ["3650.1d", "99999999d", "9" * 400 + "d", "soon"])
def test_nobody_looks_back_to_before_all_alerts(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|3650d at most"):
        looking_back(text)


async def test_while_rest_is_down_no_more_than_so_many_wait_for_their_end() -> None:
    scene = Scene()
    scene.caught_up(1_000)
    scene.rest.down = DOWN
    clock: Clock = scene.clock
    errands = Errands(scene.backfiller, clock)
    before = len(asyncio.all_tasks())
    begun = []
    for _ in range(3 * MOST):
        begun.append(errands.begin())
        await settle()
    known = [errand for errand in begun if errands.find(errand.number) is not None]
    assert [errand.number for errand in known] == list(range(2 * MOST + 1, 3 * MOST + 1))
    assert len(asyncio.all_tasks()) - before < MOST + 10  # those who wait, and the rounds themselves
    scene.rest.down = None
    scene.fire(alert(1_003))
    await scene.clock.advance(60)
    ended = [errands.find(errand.number) for errand in known]
    assert all(errand is not None and not errand.running and not errand.failed for errand in ended)
    assert scene.store.ids == [1_003]  # the rounds of those that were forgotten went on
    await errands.close()
    await scene.backfiller.close()


async def test_an_end_of_the_relay_is_told_of_those_that_are_remembered() -> None:
    scene = Scene()
    scene.caught_up(1_000)
    scene.rest.down = DOWN
    errands = Errands(scene.backfiller, scene.clock)
    first = errands.begin()
    for _ in range(MOST):
        errands.begin()
        await settle()
    await errands.close()
    assert errands.find(first.number) is None
    last = errands.find(MOST + 1)
    assert last is not None
    assert last.failed == "the relay ended"
    await scene.backfiller.close()
