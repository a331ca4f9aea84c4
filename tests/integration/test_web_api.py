"""Health, listings and verbs over a real socket, with a fake relay behind them."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict
from structlog.testing import capture_logs

from relay.deliveries import State
from relay.outbox.archive import Selection
from relay.web.desk import Readiness
from relay.web.server import REQUEST_BYTES
from tests.support.desk import FakeDesk
from tests.support.web import get, own_page, post, serving


async def test_health_is_200_while_it_is_well_and_503_with_the_reasons_otherwise(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    assert await get(local, "/healthz") == (200, {"healthy": True, "reasons": []})

    desk.health = (False, ["the store does not take writes: disk full"])

    assert await get(local, "/healthz") == (
        503,
        {"healthy": False, "reasons": ["the store does not take writes: disk full"]},
    )


@pytest.mark.parametrize(
    ("readiness", "status"),
    [
        (Readiness(ready=True), 200),
        (Readiness(ready=True, degraded=("alerts.in_force was refused: add alerts:read to the key",)), 200),
        (Readiness(ready=True, notes=("bot is paused",)), 200),
        (Readiness(ready=False, reasons=("connecting to the upstream",)), 503),
    ],
)
async def test_readiness_tells_reasons_and_what_is_degraded(readiness: Readiness, status: int) -> None:
    desk = FakeDesk()
    desk.readiness = readiness
    async with serving(desk) as client:
        assert await get(client, "/readyz") == (
            status,
            {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(readiness).items()},
        )


async def test_metrics_are_prometheus_text(local: aiohttp.ClientSession) -> None:
    async with local.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        assert b"relay_upstream_connected 1.0" in await answer.read()


async def test_status_tells_how_everything_stands(local: aiohttp.ClientSession) -> None:
    status, body = await get(local, "/api/status")

    assert status == 200
    assert body["version"] == "1.2.3"
    assert body["ready"] is True
    assert body["connection"]["state"] == "connected"
    assert body["started_at"] == "2026-04-10T11:40:22.000Z"
    assert body["destinations"][0]["counts"] == {"delivered": 7, "pending": 1}
    assert body["channels"][1] == {
        "name": "quotes",
        "accepted": False,
        "scope": "prices:read",
        "baseline": True,
        "cursor": None,
        "round_completed": None,
    }
    assert body["backfill"]["holes"][0]["up_to_id"] == 9


async def test_a_listing_comes_a_hundred_a_page_and_next_continues_it(local: aiohttp.ClientSession) -> None:
    seen: list[int] = []
    path: str | None = "/api/events"
    sizes = []
    while path is not None:
        status, body = await get(local, path)
        assert status == 200
        sizes.append(len(body["items"]))
        seen += [item["id"] for item in body["items"]]
        path = None if body["next"] is None else f"/api/events?before={body['next']}"

    assert seen == list(range(250, 0, -1))
    assert sizes == [100, 100, 50]


async def test_the_upstreams_object_is_listed_as_it_is(local: aiohttp.ClientSession) -> None:
    _, body = await get(local, "/api/events?limit=1")

    assert body["items"][0]["data"] == {"symbol": "AAPL", "price_us": 187, "note": "<b>bold</b>"}


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/events", ("events", None, 100)),
        ("/api/events?before=7&limit=5", ("events", 7, 5)),
        ("/api/events?limit=5000", ("events", None, 100)),
        ("/api/events?other=1", ("events", None, 100)),
        ("/api/deliveries", ("deliveries", None, None, 100)),
        ("/api/deliveries?state=pending", ("deliveries", State.PENDING, None, 100)),
        (
            "/api/deliveries?state=dead&destination=bot",
            ("deliveries", State.DEAD, Selection(destination="bot"), None, 100),
        ),
        ("/api/dead?before=9&destination=swing", ("deliveries", State.DEAD, Selection(destination="swing"), 9, 100)),
        ("/api/dead?state=delivered", ("deliveries", State.DEAD, None, 100)),
    ],
)
async def test_a_query_reaches_the_desk(path: str, asked: tuple[object, ...]) -> None:
    desk = FakeDesk()
    async with serving(desk) as client:
        status, _ = await get(client, path)
    assert (status, desk.asked) == (200, [asked])


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("7", "7"),
        ("alerts.in_force:7", "alerts.in_force:7"),
        ("alerts.in_force%3A7", "alerts.in_force:7"),
        ("alerts.in_force%3ABTC%2FUSD%7CD", "alerts.in_force:BTC/USD|D"),
        ("99999999999999999999999", "99999999999999999999999"),
        ("%ff", "%ff"),
    ],
)
async def test_one_event_is_asked_for_by_number_or_key(
    desk: FakeDesk, local: aiohttp.ClientSession, path: str, asked: str
) -> None:
    status, body = await get(local, f"/api/events/{path}")
    assert desk.asked == [("event", asked)]
    if asked.endswith("7"):
        assert (status, body["event"]) == (200, "alerts.in_force:7")
        assert body["data"] == {"symbol": "AAPL", "price_us": 187, "note": "<b>bold</b>"}
    else:
        assert (status, body["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "about"),
    [
        ("/api/events?before=x", "before"),
        ("/api/events?before=", "before"),
        ("/api/events?before=0", "before"),
        ("/api/events?before=-1", "before"),
        ("/api/events?before=1.5", "before"),
        ("/api/events?before=%D9%A1", "before"),
        ("/api/events?before=99999999999999999999999", "before"),
        ("/api/events?limit=none", "limit"),
        ("/api/dead?before=x", "before"),
        ("/api/deliveries?state=gone", "state"),
        ("/api/deliveries?state=DEAD", "state"),
    ],
)
async def test_a_bad_query_is_refused_with_what_would_do(local: aiohttp.ClientSession, path: str, about: str) -> None:
    status, body = await get(local, path)

    assert status == 400
    assert body["error"]["code"] == "bad_request"
    assert f"`{about}`" in body["error"]["message"]


@settings(deadline=None, max_examples=60)  # each example opens a socket of its own
@given(
    st.sampled_from(["/api/events", "/api/deliveries", "/api/dead"]),
    st.dictionaries(st.sampled_from(["before", "limit", "state", "destination", "x"]), st.text(max_size=30)),
)
def test_any_query_is_answered_with_json_and_never_breaks_the_server(path: str, query: dict[str, str]) -> None:
    async def ask() -> tuple[int, Any]:
        async with serving(FakeDesk()) as client, client.get(path, params=query) as answer:
            return answer.status, await answer.json()

    with capture_logs() as said:
        status, body = asyncio.run(ask())

    assert status in {200, 400}
    assert ("items" in body) is (status == 200)
    assert said == []


async def test_a_dead_letter_is_queued_again(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    assert await post(local, "/api/dead/2/retry") == (200, {"id": 2, "state": "pending"})
    assert desk.asked == [("retry", Selection(id=2), 0), ("notify", "bot")]


@pytest.mark.parametrize("number", ["0", "77", "99999999999999999999", "9" * 5_000, "x", "-1", "%D9%A1"])
async def test_what_is_no_dead_letter_is_404(local: aiohttp.ClientSession, number: str) -> None:
    status, body = await post(local, f"/api/dead/{number}/retry")
    assert (status, body["error"]["code"]) == (404, "not_found")


async def test_a_destination_is_paused_and_resumed(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    assert await post(local, "/api/destinations/bot/pause") == (200, {"destination": "bot", "state": "paused"})
    assert await post(local, "/api/destinations/bot/resume") == (
        200,
        {"destination": "bot", "state": "on", "dropped": 0},
    )
    assert desk.asked == [("pause", "bot"), ("resume", "bot", None)]


@pytest.mark.parametrize(
    "options",
    [
        {"path": "?drop_older=90s"},
        {"json": {"drop_older": "90s"}},
        {"json": {"drop_older": "90s", "other": {"deep": [1]}}},
        {"data": {"drop_older": "90s"}},
    ],
)
async def test_resume_can_drop_what_is_too_old(
    desk: FakeDesk, local: aiohttp.ClientSession, options: dict[str, Any]
) -> None:
    path = "/api/destinations/bot/resume" + options.pop("path", "")
    assert await post(local, path, **options) == (200, {"destination": "bot", "state": "on", "dropped": 4})
    assert desk.asked == [("resume", "bot", 90.0)]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"json": {"drop_older": "soon"}}, 400),
        ({"json": {"drop_older": 90}}, 400),
        ({"json": {"drop_older": "9" * 400 + "d"}}, 400),
        ({"json": ["90s"]}, 400),
        ({"data": b"{", "type": "application/json"}, 400),
        ({"data": b"[" * 60_000, "type": "application/json"}, 400),
        ({"data": b'{"x": ' * 10_000, "type": "application/json"}, 400),
        ({"data": b"\xff\xfe", "type": "application/x-www-form-urlencoded; charset=nonsense"}, 400),
        ({"data": b"drop_older=90s", "type": "text/plain"}, 415),
        ({"data": b'"' + b"x" * REQUEST_BYTES + b'"', "type": "application/json"}, 413),
    ],
)
async def test_a_body_that_can_not_be_used_is_refused_and_changes_nothing(
    desk: FakeDesk, local: aiohttp.ClientSession, options: dict[str, Any], status: int
) -> None:
    headers = own_page(local)
    if "type" in options:
        headers["Content-Type"] = options.pop("type")

    found, body = await post(local, "/api/destinations/bot/resume", headers=headers, **options)

    assert found == status
    assert set(body["error"]) == {"code", "message"}
    assert desk.asked == []


@pytest.mark.parametrize("verb", ["pause", "resume"])
async def test_an_unknown_destination_is_404(local: aiohttp.ClientSession, verb: str) -> None:
    status, body = await post(local, f"/api/destinations/nobody/{verb}")
    assert (status, body["error"]["message"]) == (404, "there is no destination 'nobody'")
