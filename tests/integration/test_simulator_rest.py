"""The simulated REST endpoints, over real loopback connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import date
from typing import Any

import aiohttp
import pytest

from relay.errors import LockedError, UsageError
from relay.simulator.menu import parse_fault
from relay.simulator.settings import Age, ApiKey, ReplaySettings, Scope, SimulatorSettings, WireStyle
from relay.simulator.upstream import Simulator
from tests.support.clock import FakeClock

ALERT = {"symbol": "AAPL", "timeframe": "D", "direction": "bullish", "shape": "1-2U", "price": 214.32, "cc": "2U"}
BREAK = {"timeframe": "D", "direction": "bullish", "threshold": 2, "symbols": ["ES1!", "NQ1!"]}
IN_FORCE, BREAKS = "/alerts/in-force", "/alerts/simultaneous-breaks"


class Bench:
    """A simulator on a clock moved by hand, and a client of it."""

    def __init__(self, simulator: Simulator, clock: FakeClock, http: aiohttp.ClientSession) -> None:
        self.simulator, self.clock, self._http = simulator, clock, http

    async def get(
        self, path: str, *, key: str = "sim-key", headers: Mapping[str, str] | None = None, **query: str | int
    ) -> tuple[int, Any, Mapping[str, str]]:
        sent = {"Authorization": f"Bearer {key}"} if headers is None else headers
        url = self.simulator.rest_url + path
        async with asyncio.timeout(5), self._http.get(url, params=query, headers=sent) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await (answer.json() if is_json else answer.text()), answer.headers

    async def ids(self, path: str = IN_FORCE, **query: str | int) -> list[int]:
        status, body, _ = await self.get(path, key="sim-key", headers=None, **query)
        assert status == 200
        return [item["id"] for item in body["items"]]


Start = Callable[..., Coroutine[Any, Any, Bench]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> Bench:
            clock = FakeClock()
            http = await stack.enter_async_context(aiohttp.ClientSession())
            simulator = await stack.enter_async_context(Simulator(SimulatorSettings(**settings), clock))
            return Bench(simulator, clock, http)

        yield make


async def test_an_alert_fired_is_shown_as_the_vendor_shows_it(start: Start) -> None:
    bench = await start()
    fired, together = bench.simulator.fire(ALERT), bench.simulator.fire(BREAK)
    _, body, _ = await bench.get(IN_FORCE)
    assert body == {"items": [{"id": fired.id, **ALERT, "triggered_at": "2026-04-10T13:45:22Z"}]}
    _, body, _ = await bench.get(BREAKS)
    assert body == {"items": [{"id": together.id, **BREAK, "triggered_at": "2026-04-10T13:45:22Z"}]}


async def test_ids_rise_with_gaps_and_those_given_are_kept(start: Start) -> None:
    bench = await start()
    ids = [bench.simulator.fire(ALERT).id for _ in range(50)]
    assert ids == sorted(set(ids))
    assert ids[-1] - ids[0] > 100
    bench.simulator.fire({**ALERT, "id": ids[0] - 1, "triggered_at": "2026-04-10T13:00:00.5Z"})
    _, body, _ = await bench.get(IN_FORCE, limit=200)
    assert body["items"][-1] == {**ALERT, "id": ids[0] - 1, "triggered_at": "2026-04-10T13:00:00.5Z"}
    assert bench.simulator.fire(ALERT).id > ids[-1]


async def test_limit_is_clamped_and_both_orders_and_ends_can_be_had(start: Start) -> None:
    for keep, order in [(Age.NEWEST, Age.NEWEST), (Age.OLDEST, Age.OLDEST), (Age.NEWEST, Age.OLDEST)]:
        bench = await start(clamp=3, keep=keep, order=order)
        ids = [bench.simulator.fire(ALERT).id for _ in range(5)]
        kept = ids[-3:] if keep is Age.NEWEST else ids[:3]
        assert await bench.ids(limit=1000) == (kept[::-1] if order is Age.NEWEST else kept)
        assert await bench.ids(limit=1000, since_id=ids[3]) == [ids[4]]


async def test_the_default_window_hides_what_a_wider_one_shows(start: Start) -> None:
    bench = await start(default_window=60)
    old = bench.simulator.fire(ALERT).id
    await bench.clock.advance(3601)
    new = bench.simulator.fire(ALERT).id
    assert await bench.ids() == [new]
    assert await bench.ids(window_minutes=120) == [new, old]


async def test_an_alert_may_become_visible_late_or_never(start: Start) -> None:
    bench = await start(late_by=90)
    late = bench.simulator.fire(ALERT).id
    soon = bench.simulator.fire(ALERT, late_by=0).id
    bench.simulator.fire(ALERT, rest=False)
    assert await bench.ids() == [soon]
    await bench.clock.advance(90)
    assert await bench.ids() == [soon, late]


async def test_numbers_may_be_text_and_ids_missing(start: Start) -> None:
    bench = await start(rest=WireStyle(ids=False, text_numbers=True))
    bench.simulator.fire(ALERT)
    _, body, _ = await bench.get(IN_FORCE)
    assert "id" not in body["items"][0]
    assert body["items"][0]["price"] == "214.32"


KEYS = {
    "poor": ApiKey(entitled=False),
    "socket-only": ApiKey(scopes=frozenset({Scope.CONNECT})),
}


@pytest.mark.parametrize("path", [IN_FORCE, BREAKS, "/states/AAPL"])
@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("", 401, "missing_api_key"),
        ("unknown", 401, "missing_api_key"),
        ("poor", 403, "inactive_entitlement"),
        ("socket-only", 403, "missing_scope"),
    ],
)
async def test_a_key_without_the_right_is_refused_with_the_vendors_body(
    start: Start, path: str, key: str, status: int, code: str
) -> None:
    bench = await start(keys=KEYS)
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        seen, body, _ = await bench.get(path, headers=headers)
        assert (seen, body["error"]["code"]) == (status, code)
        assert set(body["error"]) == {"code", "message"}


async def test_a_wrong_parameter_is_a_400(start: Start) -> None:
    bench = await start()
    assert (await bench.get(IN_FORCE, limit="many"))[0] == 400


async def test_calls_above_the_rate_are_answered_with_429(start: Start) -> None:
    bench = await start(rest_rate=1, rest_burst=2, retry_after=True)
    assert [(await bench.get(IN_FORCE))[0] for _ in range(3)] == [200, 200, 429]
    _, body, headers = await bench.get(IN_FORCE)
    assert (body["error"]["code"], headers["Retry-After"]) == ("rate_limit_exceeded", "2")
    await bench.clock.advance(1)
    assert (await bench.get(IN_FORCE))[0] == 200


@pytest.mark.parametrize(
    ("kind", "status", "content"),
    [
        ("429", 429, "rate_limit_exceeded"),
        ("401", 401, "missing_api_key"),
        ("403", 403, "inactive_entitlement"),
        ("500", 500, "<html>"),
        ("503", 503, "<html>"),
        ("html", 200, "<html>"),
        ("items", 200, "count"),
    ],
)
async def test_an_answer_can_be_spoilt_once(start: Start, kind: str, status: int, content: str) -> None:
    bench = await start()
    bench.simulator.faults.rest(kind, path="in-force", times=1)
    assert (await bench.get(BREAKS))[1] == {"items": []}
    seen, body, _ = await bench.get(IN_FORCE)
    assert seen == status
    assert content in str(body)
    assert (await bench.get(IN_FORCE))[1] == {"items": []}
    assert [call.path.rpartition("/")[2] for call in bench.simulator.calls] == [
        "simultaneous-breaks",
        "in-force",
        "in-force",
    ]


async def test_json_can_be_cut_short_and_connections_reset(start: Start) -> None:
    bench = await start()
    bench.simulator.faults.rest("json", times=1)
    with pytest.raises(ValueError, match="Unterminated"):
        await bench.get(IN_FORCE)
    bench.simulator.faults.rest("reset", times=2)  # the client tries a GET once more by itself
    with pytest.raises(aiohttp.ClientConnectionError):
        await bench.get(IN_FORCE)
    assert (await bench.get(IN_FORCE))[0] == 200


async def test_an_answer_can_be_slow_or_never_come(start: Start) -> None:
    bench = await start()
    bench.simulator.faults.rest("slow", times=1, value=30)
    slow = asyncio.create_task(bench.get(IN_FORCE))
    await bench.simulator.wait_until(lambda: len(bench.simulator.calls) == 1)
    await bench.clock.advance(29)
    assert not slow.done()
    await bench.clock.advance(1)
    assert (await slow)[0] == 200
    bench.simulator.faults.rest("hang", times=1)
    hanging = asyncio.create_task(bench.get(IN_FORCE))
    await bench.simulator.wait_until(lambda: len(bench.simulator.calls) == 2)
    await bench.simulator.stop()  # nothing outlives it
    assert (await hanging)[0] == 503


async def test_a_state_is_the_market_s_or_the_one_a_test_set(start: Start) -> None:
    bench = await start(replay=ReplaySettings(first=date(2012, 7, 2), last=date(2012, 7, 3), speed=None))
    bench.simulator.begin()
    await bench.simulator.done.wait()
    status, body, _ = await bench.get("/states/aapl")
    assert (status, body["symbol"], body["instrument"]["sector"]) == (200, "AAPL", "Information Technology")
    assert set(body["tfc"]) == {"D", "W", "M", "Q", "Y"}
    assert body["price"]["price"] == 599.41
    assert {"D", "W"} <= {setup["timeframe"] for setup in body["setups"]}
    status, body, _ = await bench.get("/states/TSLA")
    assert (status, body["error"]["code"]) == (404, "unknown_symbol")
    bench.simulator.state({"symbol": "TSLA", "tfc": {}})
    assert (await bench.get("/states/TSLA"))[1] == {"symbol": "TSLA", "tfc": {}}


async def test_the_pace_of_a_replay_is_the_clocks(start: Start) -> None:
    bench = await start(replay=ReplaySettings(first=date(2008, 9, 1), last=date(2008, 9, 12), speed=2))
    simulator = bench.simulator
    simulator.begin()
    await bench.clock.advance(1)  # two trading days: the third has just opened
    assert {fired.object["market_date"] for fired in simulator.fired} <= {"2008-09-02", "2008-09-03", "2008-09-04"}
    assert simulator.status()["day"] == 2
    await bench.clock.advance(10)
    assert simulator.done.is_set()
    times = [fired.triggered_at_us for fired in simulator.fired]
    assert times == sorted(times)


async def test_alerts_come_no_faster_than_the_rate(start: Start) -> None:
    bench = await start(replay=ReplaySettings(first=date(2008, 9, 1), last=date(2008, 9, 12), speed=None, rate=10))
    bench.simulator.begin()
    await bench.clock.advance(5)
    assert 45 <= len(bench.simulator.fired) <= 62  # ten a second, and what a second's rest allows at once


async def test_a_scheduled_fault_comes_at_its_time(start: Start) -> None:
    bench = await start()
    await bench.simulator.stop()
    await bench.simulator.start((parse_fault("rest-500@10s:5s"),))
    seen = []
    for _ in range(3):
        seen.append((await bench.get(IN_FORCE))[0])
        await bench.clock.advance(10 if len(seen) == 1 else 5)
    assert seen == [200, 500, 200]


async def test_it_listens_on_loopback_only_and_says_when_the_port_is_taken(start: Start) -> None:
    bench = await start()
    with pytest.raises(UsageError, match="loopback"):
        await Simulator(SimulatorSettings(host="0.0.0.0"), FakeClock()).start()
    port = int(bench.simulator.rest_url.split(":")[2].split("/")[0])
    with pytest.raises(LockedError, match="can't listen"):
        await Simulator(SimulatorSettings(port=port), FakeClock()).start()
