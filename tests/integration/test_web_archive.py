"""What is stored, over a real socket: filters, counts, dead letters and replay."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from relay.clock import MICROS
from relay.deliveries import State
from relay.events import Channel
from relay.outbox.archive import Selection
from relay.outbox.sqlite import SqliteOutbox
from relay.upstream.decode import decode_event
from tests.support.clock import FakeClock
from tests.support.desk import NOW_US, FakeDesk
from tests.support.events import entry, in_force
from tests.support.front_desk import DEAD, EVENTS, LETTERS, fill, front_desk
from tests.support.sse import listening
from tests.support.web import get, get_until, post, serving

HOUR_US = 3_600 * MICROS
ALL = Selection(
    event="alerts.in_force:7",
    destination="bot",
    rule="daily bulls",
    symbol="AAPL",
    code="404",
    since_us=NOW_US - 2 * HOUR_US,
    until_us=NOW_US - HOUR_US,
)
FILTERS = (
    "destination=bot&rule=daily%20bulls&symbol=AAPL&code=404&event=alerts.in_force%3A7&since=2h"
    "&until=2026-04-10T12:45:22Z"
)


@pytest.fixture
async def fake() -> AsyncIterator[tuple[FakeDesk, aiohttp.ClientSession]]:
    desk = FakeDesk()
    async with serving(desk, clock=FakeClock(NOW_US)) as client:
        yield desk, client


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    await fill(outbox)
    async with front_desk(outbox) as desk, serving(desk) as client:
        yield client
    await outbox.close()


async def test_an_alert_whatever_is_in_it_is_shown_and_keeps_no_other_from_being_shown(tmp_path: Path) -> None:
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    odd = [b"[" * 600 + b"]" * 600, b"[" * 900 + b"]" * 900, b"1e999", b"9" * 5_000]
    alerts = [
        decode_event(Channel.IN_FORCE, b'{"id":%d,"symbol":"ODD","later":%s,"last":1}' % (number, later))
        for number, later in enumerate(odd, 1)
    ]
    large = decode_event(Channel.IN_FORCE, b'{"id":99,"symbol":"ODD","pad":"%s","last":1}' % (b"x" * 99_000))
    await outbox.commit([entry(alert, "bot") for alert in [*alerts, large, in_force(100, "AAPL")]])
    for delivery in (await outbox.claim("bot", after=0, limit=9))[0]:
        await outbox.bury(delivery, DEAD, at_us=NOW_US)
    async with front_desk(outbox) as desk, serving(desk) as client:
        for path in ("/", "/parts"):
            async with client.get(path) as answer:
                assert answer.status == 200
                shown = await answer.text()
            assert shown.count("ODD") > len(odd)
            assert (shown.count("x" * 15_000), shown.count("x" * 17_000)) == (2, 0)
            for listing in ("events", "dead"):  # set out in lines, what is nested deeply is long, too
                assert set(re.findall(rf'href="/api/{listing}/(\d+)"', shown)) == {"1", "2", "5"}
        for path in ("/api/events", "/api/deliveries", "/api/dead"):
            status, body = await get(client, path)
            assert (status, [item["symbol"] for item in body["items"]]) == (200, ["AAPL", "ODD", *["ODD"] * len(odd)])
            assert {item["data"].get("last") for item in body["items"][1:]} == {1}
        assert (await get(client, "/api/events/4"))[1]["data"]["later"] is None
        async with listening(client, headers={"Last-Event-ID": "1"}) as stream:
            assert [(await stream.next("event")).id for _ in odd] == ["2", "3", "4", "5"]  # up to the large one
    await outbox.close()


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/events", ("events", ALL, None, 100)),
        ("/api/deliveries", ("deliveries", None, ALL, None, 100)),
        ("/api/dead", ("deliveries", State.DEAD, ALL, None, 100)),
        ("/api/deliveries/count", ("count", frozenset(State), ALL)),
    ],
)
async def test_every_filter_reaches_the_archive(
    fake: tuple[FakeDesk, aiohttp.ClientSession], path: str, asked: tuple[object, ...]
) -> None:
    desk, client = fake
    assert (await get(client, f"{path}?{FILTERS}"))[0] == 200
    assert desk.asked == [asked]


@pytest.mark.parametrize(
    "options",
    [
        {"path": "?destination=bot&code=404&after=2"},
        {"json": {"destination": "bot", "code": 404, "after": 2}},
        {"data": {"destination": "bot", "code": "404", "after": "2"}},
        {"path": "?destination=bot", "json": {"destination": "swing", "code": "404", "after": 2, "all": True}},
    ],
)
@pytest.mark.parametrize(("path", "verb"), [("dead/retry", "retry"), ("dead/drop", "drop"), ("replay", "replay")])
async def test_what_is_done_is_chosen_in_the_query_a_form_or_json_and_done_a_step_at_a_time(
    fake: tuple[FakeDesk, aiohttp.ClientSession], path: str, verb: str, options: dict[str, Any]
) -> None:
    desk, client = fake
    given = {**options}
    status, body = await post(client, f"/api/{path}{given.pop('path', '')}", **given)
    assert (status, body) == (200, {"done": 1, "looked": 1, "next": None, "destinations": ["bot"]})
    assert desk.asked[0] == (verb, Selection(destination="bot", code="404"), 2)
    assert desk.asked[1:] == ([] if verb == "drop" else [("notify", "bot")])


@pytest.mark.parametrize(
    ("options", "about"),
    [
        ({}, "all"),
        ({"json": {"all": False}}, "all"),
        ({"json": {"all": "perhaps"}}, "all"),
        ({"json": {"destination": ""}}, "destination"),
        ({"data": {"rule": " "}}, "rule"),
        ({"json": {"destination": ["bot"]}}, "destination"),
        ({"json": {"destination": None}}, "destination"),
        ({"json": {"all": True, "since": "soon"}}, "since"),
        ({"json": {"all": True, "since": 0}}, "since"),
        ({"json": {"since": "1h", "until": "2h"}}, "until"),
        ({"json": {"all": True, "after": -1}}, "after"),
        ({"json": {"id": "17 or 1=1"}}, "id"),
        ({"json": {"destinatoin": "bot", "symbol": "KO"}}, "destinatoin"),
        ({"params": {"all": "true", "to": "bot"}}, "to"),
        ({"params": [("symbol", "AAPL"), ("symbol", "MSFT")]}, "symbol"),
    ],
)
@pytest.mark.parametrize("path", ["/api/dead/retry", "/api/dead/drop", "/api/replay"])
async def test_what_says_too_little_or_can_not_be_meant_does_nothing(
    fake: tuple[FakeDesk, aiohttp.ClientSession], path: str, options: dict[str, Any], about: str
) -> None:
    desk, client = fake
    status, body = await post(client, path, **options)
    assert (status, body["error"]["code"]) == (400, "bad_request")
    assert f"`{about}`" in body["error"]["message"]
    assert desk.asked == []


@pytest.mark.parametrize("path", ["/api/events", "/api/deliveries", "/api/dead", "/api/deliveries/count"])
@pytest.mark.parametrize(("key", "text"), [("since", "soon"), ("until", ""), ("destination", ""), ("id", "x")])
async def test_a_filter_that_can_not_be_meant_is_named(
    fake: tuple[FakeDesk, aiohttp.ClientSession], path: str, key: str, text: str
) -> None:
    status, body = await get(fake[1], f"{path}?{key}={text}")
    assert (status, f"`{key}`" in body["error"]["message"]) == (400, True)


@pytest.mark.parametrize("path", ["/api/events", "/api/deliveries", "/api/dead", "/api/deliveries/count"])
async def test_a_filter_that_is_given_twice_is_refused_rather_than_half_obeyed(
    fake: tuple[FakeDesk, aiohttp.ClientSession], path: str
) -> None:
    status, body = await get(fake[1], f"{path}?destination=bot&destination=swing")
    assert (status, "`destination` is given twice" in body["error"]["message"]) == (400, True)


async def test_a_listing_goes_on_by_the_name_that_a_page_tells_it(
    fake: tuple[FakeDesk, aiohttp.ClientSession],
) -> None:
    desk, client = fake
    _, first = await get(client, "/api/events?limit=2")
    _, by_name = await get(client, f"/api/events?limit=2&next={first['next']}")
    _, before = await get(client, f"/api/events?limit=2&before={first['next']}")
    assert by_name == before
    assert by_name["items"][0]["id"] < first["items"][-1]["id"]
    assert [asked[-2] for asked in desk.asked] == [None, first["next"], first["next"]]


async def test_what_waits_is_dropped_only_for_a_destination_that_is_gone(
    fake: tuple[FakeDesk, aiohttp.ClientSession],
) -> None:
    desk, client = fake
    status, body = await post(client, "/api/dead/drop", json={"destination": "bot", "waiting": True})
    assert (status, body["error"]["code"]) == (409, "not_removed")
    status, body = await post(client, "/api/dead/drop", json={"all": True, "waiting": True})
    assert (status, "`destination`" in body["error"]["message"]) == (400, True)
    assert desk.asked == []
    status, body = await post(client, "/api/dead/drop", json={"destination": "gone", "waiting": True})
    assert (status, body["done"]) == (200, 0)
    assert desk.asked == [("drop", Selection(destination="gone"), 0, "waiting")]


async def test_one_delivery_or_dead_letter_is_found_by_its_number(real: aiohttp.ClientSession) -> None:
    _, listing = await get(real, "/api/deliveries")
    for item in listing["items"]:
        assert await get(real, f"/api/deliveries/{item['id']}") == (200, item)
        status, body = await get(real, f"/api/dead/{item['id']}")
        if item["state"] == "dead":
            assert (status, body) == (200, item)
        else:
            assert (status, body["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("number", ["0", "77", "9" * 19, "9" * 400, "x", "-1"])
@pytest.mark.parametrize("path", ["/api/deliveries", "/api/dead"])
async def test_what_is_not_there_is_404(real: aiohttp.ClientSession, path: str, number: str) -> None:
    status, body = await get(real, f"{path}/{number}")
    assert (status, body["error"]["code"]) == (404, "not_found")


async def test_how_many_there_are_is_told_by_state(real: aiohttp.ClientSession) -> None:
    delivered = EVENTS - 1 - LETTERS
    path = "/api/deliveries/count"
    none = {"bodiless": 0, "dropped": 0, "overdue": 0}
    span = {"earliest": "2026-04-10T13:45:22.000Z", "latest": "2026-04-10T13:45:22.000Z"}
    states = {"dead": LETTERS, "delivered": delivered}
    all_of_them = {"states": states, "sendable": {"bot": delivered + LETTERS}, **none, **span}
    assert await get(real, path) == (200, all_of_them)
    told = {"states": {"dead": LETTERS}, "sendable": {"bot": LETTERS}, **none, **span}
    assert await get(real, f"{path}?state=dead&state=pending") == (200, told)
    _, nothing = await get(real, f"{path}?destination=swing")
    assert nothing == {"states": {}, "sendable": {}, **none, "earliest": None, "latest": None}
    assert (await get(real, f"{path}?copies=perhaps"))[0] == 400
    status, body = await get(real, f"{path}?state=lost")
    assert (status, "`state`" in body["error"]["message"]) == (400, True)


async def test_a_dead_letter_is_dropped_once_and_stays_listed(real: aiohttp.ClientSession) -> None:
    assert await post(real, "/api/dead/1/drop") == (200, {"id": 1, "state": "expired"})
    assert (await post(real, "/api/dead/1/drop"))[0] == 404
    assert (await post(real, "/api/dead/1/retry"))[0] == 404
    assert (await get(real, "/api/deliveries/1"))[1]["state"] == "expired"


async def test_all_dead_letters_go_out_again_at_once(real: aiohttp.ClientSession) -> None:
    _, body = await post(real, "/api/dead/retry", json={"all": True})
    assert (body["done"], body["next"], body["destinations"]) == (LETTERS, None, ["bot"])
    await get_until(real, "/api/deliveries/count", lambda body: body["states"] == {"delivered": EVENTS - 1})


async def test_a_dry_run_tells_what_a_replay_would_come_to_and_changes_nothing(real: aiohttp.ClientSession) -> None:
    await post(real, "/api/dead/1/drop")
    before = await get(real, "/api/deliveries")
    told = {"dry_run": True, "overdue": 0, "waiting": 0, "suppressed": 0, "dropped": 1, "bodiless": 0}
    assert await post(real, "/api/replay?all=true&dry_run=true") == (200, {**told, "to_send": EVENTS - 2})
    code = {"code": 404, "dry_run": True}
    assert await post(real, "/api/replay", json=code) == (200, {**told, "to_send": LETTERS - 1})
    assert await post(real, "/api/replay", json={**code, "dropped": True}) == (
        200, {**told, "to_send": LETTERS, "dropped": 0}
    )  # fmt: skip
    assert await get(real, "/api/deliveries") == before


async def test_a_dry_run_of_dead_letters_tells_what_a_retry_or_a_drop_would_come_to(
    real: aiohttp.ClientSession,
) -> None:
    before = await get(real, "/api/deliveries")
    at = "2026-04-10T13:45:22.000Z"
    told = {"dry_run": True, "to_send": LETTERS, "overdue": 0, "destinations": {"bot": LETTERS}, "bodiless": 0}
    for asked in ("all=true", "destination=bot", "code=404"):
        answer = await post(real, f"/api/dead/retry?dry_run=true&{asked}")
        assert answer == (200, {**told, "earliest": at, "latest": at})
        assert await post(real, f"/api/dead/drop?dry_run=true&{asked}") == (
            200, {"dry_run": True, "to_drop": LETTERS, "waiting": 0, "destinations": {"bot": LETTERS}, "bodiless": 0}
        )  # fmt: skip
    status, body = await post(real, "/api/dead/drop?dry_run=true&waiting=true&destination=bot")
    assert (status, body["error"]["code"]) == (409, "not_removed")
    assert await get(real, "/api/deliveries") == before


async def test_a_replay_goes_out_marked_and_under_the_old_ids_or_new_ones(real: aiohttp.ClientSession) -> None:
    _, old = await get(real, "/api/deliveries?event=9")
    for new_ids in (False, True):
        _, body = await post(real, "/api/replay", json={"event": "9", "new_ids": new_ids})
        assert body["done"] == 1
        await get_until(real, "/api/deliveries?state=pending", lambda body: not body["items"])
    _, listing = await get(real, "/api/deliveries?event=9&state=delivered")
    assert [item["source"] for item in listing["items"]] == ["replay", "replay", "live"]
    assert listing["items"][1]["webhook_id"] == old["items"][0]["webhook_id"] != listing["items"][0]["webhook_id"]
