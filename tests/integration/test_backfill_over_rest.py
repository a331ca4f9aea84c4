"""Rounds over a real HTTP server that stumbles, into a real store: all of it once, the cursor only at the end."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from relay.backfill.backfiller import Backfiller
from relay.backfill.ports import Settings, Tools
from relay.backfill.round import Result
from relay.clock import MICROS
from relay.events import CANDLES, DIRECTIONS, TIMEFRAMES, Channel, Event, Source
from relay.metrics import Metrics
from relay.outbox.base import Entry, Outbox, Sighting
from relay.outbox.channels import Baseline, Hole, RoundEnd
from relay.outbox.sqlite import SqliteOutbox
from relay.secret import Secret
from relay.upstream.rest import Rest
from tests.support.clock import START_US, FakeClock

MINUTE = 60 * MICROS
Fault = Callable[[web.Request], web.StreamResponse]


class HastyClock(FakeClock):
    """Who sleeps wakes at once, and finds that the time has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._pass(seconds)
        await asyncio.sleep(0)


@dataclass
class Upstream:
    """``/alerts/in-force``: newest first, clamped to 20, with faults for the next requests."""

    items: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault | None] = field(default_factory=list)
    requests: int = 0
    third: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        if self.requests == 3:
            self.third.set()
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            return fault(request)
        query = request.query
        since = int(query.get("since_id", "0"))
        shown = [
            item
            for item in self.items
            if item["id"] > since
            and all(query.get(name, item[name]) == item[name] for name in ("timeframe", "direction", "cc"))
            and ("symbols" not in query or item["symbol"] in query["symbols"].split(","))
        ]
        shown.sort(key=lambda item: -item["id"])
        return web.json_response({"items": shown[: min(int(query["limit"]), 20)]})


@dataclass
class StoreSink:
    """Commits what rounds find, without rules."""

    outbox: Outbox
    clock: FakeClock

    async def store(
        self,
        recovered: Sequence[Event],
        old: Sequence[Event],
        *,
        round_end: RoundEnd | None = None,
        holes: Sequence[Hole] = (),
    ) -> int:
        entries = [Entry(event, Source.BACKFILL, self.clock.now_us()) for event in (*recovered, *old)]
        sightings = await self.outbox.commit(entries, round_end=round_end, holes=holes)
        return sightings[: len(recovered)].count(Sighting.NEW)


@dataclass
class Bench:
    upstream: Upstream
    outbox: Outbox
    backfiller: Backfiller
    clock: FakeClock

    @property
    def slept(self) -> list[float]:
        assert isinstance(self.clock, HastyClock)
        return self.clock.slept

    async def stored(self) -> list[int]:
        """Ids in the store, ascending."""
        page = await self.outbox.archive.list_events(limit=1_000)
        return sorted(int(str(item["event"]).rsplit(":", 1)[1]) for item in page.items)

    async def cursor(self) -> int | None:
        return (await self.outbox.channel(Channel.IN_FORCE)).cursor


@asynccontextmanager
async def relaying(upstream: Upstream, path: Path, clock: FakeClock | None = None) -> AsyncIterator[Bench]:
    clock = clock or HastyClock()
    app = web.Application()
    app.router.add_get("/alerts/in-force", upstream.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    outbox = await SqliteOutbox.open(path / "relay.db", clock)
    try:
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            rest = Rest(url, Secret("sk_test"), session=session, clock=clock)
            rng = random.Random(3)
            tools = Tools(rest, outbox, StoreSink(outbox, clock), clock, rng, tuple)
            backfiller = Backfiller(tools, Metrics(), Settings(), channels=lambda: (Channel.IN_FORCE,))
            yield Bench(upstream, outbox, backfiller, clock)
            await backfiller.close()
    finally:
        await outbox.close()
        await runner.cleanup()


def items(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": 1_001 + 3 * index,
            "symbol": f"S{index % 5}",
            "timeframe": TIMEFRAMES[index % 10],
            "direction": DIRECTIONS[index // 10 % 2],
            "shape": "1-2U",
            "price": 1.5,
            "triggered_at": "2026-04-10T13:44:22Z",
            "cc": CANDLES[index // 20 % 4],
        }
        for index in range(count)
    ]


async def begin(outbox: Outbox, position: int) -> None:
    """A channel that has been running for a while."""
    for ago in (10 * MINUTE, 5 * MINUTE):
        at_us = START_US - ago
        await outbox.commit([], round_end=RoundEnd(Channel.IN_FORCE, position, at_us, at_us + 1, Baseline(0, 0)))


def status(code: int, **headers: str) -> Fault:
    return lambda _request: web.Response(status=code, headers=headers)


def html(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html><body>Maintenance</body></html>", content_type="text/html")


def truncated(_request: web.Request) -> web.StreamResponse:
    return web.Response(text=json.dumps({"items": items(9)})[:-40], content_type="application/json")


def no_items(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"alerts": []})


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(status(429), id="429"),
        pytest.param(status(500), id="500"),
        pytest.param(status(502), id="502"),
        pytest.param(html, id="HTML"),
        pytest.param(truncated, id="truncated JSON"),
        pytest.param(no_items, id="no items"),
    ],
)
async def test_a_stumbling_server_costs_time_and_nothing_else(fault: Fault, tmp_path: Path) -> None:
    upstream = Upstream(items(90), faults=[None, fault, fault, None, None, fault, *[None] * 9, fault])
    async with relaying(upstream, tmp_path) as bench:
        await begin(bench.outbox, 1_000)
        (report,) = await bench.backfiller.run_now()
        assert report.result is Result.OK
        assert report.recovered == 90
        assert await bench.stored() == [item["id"] for item in upstream.items]
        assert await bench.cursor() == 1_268
        assert await bench.outbox.holes() == []
        assert len(bench.slept) == 4
        (again,) = await bench.backfiller.run_now()
        assert again.recovered == 0
        assert len(await bench.stored()) == 90


async def test_the_cursor_stays_while_pages_are_stored(tmp_path: Path) -> None:
    upstream = Upstream(items(90), faults=[None, *[status(503)] * 3])
    async with relaying(upstream, tmp_path) as bench:
        await begin(bench.outbox, 1_000)
        task = asyncio.ensure_future(bench.backfiller.run_now())
        await upstream.third.wait()
        assert await bench.stored() == [item["id"] for item in upstream.items[-20:]]
        assert await bench.cursor() == 1_000
        await task
        assert await bench.cursor() == 1_268


async def test_retry_after_is_slept(tmp_path: Path) -> None:
    upstream = Upstream(items(3), faults=[status(429, **{"Retry-After": "17"})])
    async with relaying(upstream, tmp_path) as bench:
        await begin(bench.outbox, 1_000)
        await bench.backfiller.run_now()
        assert bench.slept == [17.0]


async def test_a_key_without_the_scope_is_refused_by_name(tmp_path: Path) -> None:
    def missing(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"code": "missing_scope", "message": "missing scope"}}, status=403)

    upstream = Upstream(items(3), faults=[missing])
    async with relaying(upstream, tmp_path) as bench:
        await begin(bench.outbox, 1_000)
        (report,) = await bench.backfiller.run_now()
        assert report.result is Result.REFUSED
        assert bench.backfiller.status[Channel.IN_FORCE].scope == "alerts:read"
        assert await bench.cursor() == 1_000


async def test_a_baseline_and_what_fires_after_it(tmp_path: Path) -> None:
    upstream = Upstream(items(30))
    async with relaying(upstream, tmp_path, FakeClock()) as bench:
        (first,) = await bench.backfiller.run_now()
        assert first.recovered == 0
        assert await bench.cursor() == 1_088
        upstream.items = items(33)
        (second,) = await bench.backfiller.run_now()
        assert second.recovered == 3
        state = await bench.outbox.channel(Channel.IN_FORCE)
        assert state.baseline is not None
        assert state.baseline.id == 1_088
        assert state.largest_page == 20
