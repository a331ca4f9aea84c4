"""Killed and cut off in full flow: nothing lost, and twice only what was in flight."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.simulator.settings import Age
from tests.acceptance.crash_run import CrashRun, Plan


async def test_five_kills_and_three_dropped_sockets_lose_nothing(tmp_path: Path) -> None:
    figures = await CrashRun(Plan(kills=5, drops=3, rate=120, between=(20, 90), backlog=300, seed=20), tmp_path).run()
    assert figures.good, figures
    assert figures.fired > 200
    assert figures.recovered > 40  # they did hurt


@pytest.mark.parametrize(("order", "keep"), [(Age.OLDEST, Age.OLDEST), (Age.OLDEST, Age.NEWEST)])
async def test_nor_with_the_rest_answers_the_other_way_round(tmp_path: Path, order: Age, keep: Age) -> None:
    plan = Plan(kills=2, drops=1, rate=100, between=(20, 90), backlog=300, seed=7, order=order, keep=keep, clamp=60)
    figures = await CrashRun(plan, tmp_path).run()
    assert figures.good, figures


async def test_nor_where_the_socket_tells_no_ids(tmp_path: Path) -> None:
    figures = await CrashRun(Plan(kills=2, drops=1, rate=100, between=(20, 90), seed=9, ids=False), tmp_path).run()
    assert figures.good, figures
