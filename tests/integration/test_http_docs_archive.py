"""docs/http.md names the filters, and what a count, a step and a dry run answer, no more and no less."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from relay.outbox.archive import STEP
from relay.outbox.selecting import KEYS
from tests.support.desk import FakeDesk
from tests.support.web import get, post, serving

DOC = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
DOING = "POST /api/dead/retry, /api/dead/drop, /api/replay"


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with serving(FakeDesk()) as client:
        yield client


def tables(heading: str) -> list[set[str]]:
    """The first columns of the tables under a heading."""
    section = DOC.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [set(re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)) for table in section.split("| --- | --- |\n")[1:]]


def test_every_filter_is_named() -> None:
    assert tables("Filters") == [set(KEYS)]


async def test_a_count_shows_what_is_documented(client: aiohttp.ClientSession) -> None:
    _, body = await get(client, "/api/deliveries/count")
    assert tables("GET /api/deliveries/count") == [set(body)]


async def test_a_step_and_a_dry_run_show_what_is_documented(client: aiohttp.ClientSession) -> None:
    _, step = await post(client, "/api/dead/retry", json={"all": True})
    _, retry = await post(client, "/api/dead/retry", json={"all": True, "dry_run": True})
    _, replay = await post(client, "/api/replay", json={"all": True, "dry_run": True})
    _, drop = await post(client, "/api/dead/drop", json={"all": True, "dry_run": True})
    assert tables(DOING) == [set(step), set(drop), set(retry), set(replay)]
    assert f"of up to {STEP} deliveries" in " ".join(DOC.split())
