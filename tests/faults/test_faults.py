"""A seeded storm of faults over the real process: nothing is lost, and what comes twice is explained."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.schedule import MOMENTS, Fault, Kind, schedule
from tests.faults.world import World

SEEDS = (1, 3, 4)  # together every kind of fault befalls
SECONDS = 14.0


def storm(seed: int) -> list[Fault]:
    return schedule(seed, SECONDS, every=0.6, longest=2.0, freeze=2.5)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", SEEDS)
async def test_in_a_storm_of_faults_nothing_is_lost_and_twice_is_explained(tmp_path: Path, seed: int) -> None:
    world = World(seed, storm(seed), tmp_path)
    figures, verdict = await world.run(SECONDS, settle=60)
    assert verdict.good, f"{world.story()}\n{figures}\n{verdict}\n{world.log()}"
    assert figures.events > 100
    assert figures.delivered > figures.events


def test_every_kind_of_fault_befalls_in_one_of_these() -> None:
    assert {fault.kind for seed in SEEDS for fault in storm(seed)} == set(Kind)


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert schedule(7, 60) == schedule(7, 60)
    assert schedule(7, 60) != schedule(8, 60)


def test_a_schedule_is_in_order_and_suffers_every_kind_before_any_comes_again() -> None:
    faults = schedule(3, 600, every=1.0, longest=9.0, freeze=60.0)
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    bags = [faults[at : at + len(Kind)] for at in range(0, len(faults) - len(Kind), len(Kind))]
    assert all({fault.kind for fault in bag} == set(Kind) for bag in bags)
    assert all((fault.seconds == 0) == (fault.kind in MOMENTS) for fault in faults)
    assert all(fault.seconds <= (60.0 if fault.kind is Kind.FREEZE else 9.0) for fault in faults)


def test_a_schedule_can_be_made_of_some_kinds_alone() -> None:
    assert {fault.kind for fault in schedule(5, 60, kinds=[Kind.KILL, Kind.DROP])} == {Kind.KILL, Kind.DROP}


async def test_without_faults_everything_comes_exactly_once(tmp_path: Path) -> None:
    world = World(1, [], tmp_path)
    figures, verdict = await asyncio.wait_for(world.run(2.0), 60)
    assert verdict.good, f"{verdict}\n{world.log()}"
    assert (figures.twice, figures.hard_ends, figures.starts, figures.connections) == (0, 0, 1, 1)
    assert set(figures.states) <= {"delivered", "suppressed", "expired"}  # where a busy machine takes 3 s over one
