"""Snoozes over HTTP and on the page."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import pytest

from relay.errors import StoreBusyError
from relay.judging.snoozes import MOST
from relay.outbox.memory import SnoozeKind
from tests.support.desk import FakeDesk
from tests.support.web import BEARER, TOKEN, get, own_page, post, serving

PATH = "/api/snooze"
SINCE = "2026-04-10T13:45:22.000Z"
BULLS = {"kind": "rule", "name": "daily bulls", "since": SINCE, "until": "2026-04-10T15:45:22.000Z"}


@pytest.mark.parametrize(
    "options",
    [
        {"json": {"name": "daily bulls", "for": "2h"}},
        {"json": {"name": "Daily Bulls", "duration": "120m", "clear": False, "other": [1]}},
        {"json": {"rule": "daily bulls", "for": "2h", "symbol": None}},
        {"data": {"name": "daily bulls", "for": "2h"}},
        {"data": {"name": "", "rule": "daily bulls", "for": "2h", "clear": ""}},
        {"params": {"name": "daily bulls", "for": "2h"}},
        {"params": {"name": "daily bulls"}, "json": {"for": "2h"}},
    ],
)
async def test_a_snooze_is_answered_and_listed(local: aiohttp.ClientSession, options: dict[str, Any]) -> None:
    assert await post(local, PATH, **options) == (200, BULLS)
    assert await get(local, PATH) == (200, {"items": [BULLS]})
    assert (await get(local, "/api/status"))[1]["snoozes"] == [BULLS]


@pytest.mark.parametrize(
    ("given", "kind", "name"),
    [
        ({"name": "aapl"}, "symbol", "AAPL"),
        ({"symbol": "bot"}, "symbol", "BOT"),
        ({"destination": "swing"}, "destination", "swing"),
        ({"rule": "swing"}, "rule", "swing"),
        ({"name": "bot"}, "destination", "bot"),
        ({"name": "bot", "kind": "symbol"}, "symbol", "BOT"),
        ({"name": "bot", "kind": ""}, "destination", "bot"),
        ({"name": "swing", "kind": "rule"}, "rule", "swing"),
        ({"rule": "swing", "kind": "rule"}, "rule", "swing"),
    ],
)
async def test_what_a_name_is_of_is_told_or_found_out(
    local: aiohttp.ClientSession, given: dict[str, str], kind: str, name: str
) -> None:
    status, told = await post(local, PATH, json={**given, "for": "30m"})
    assert (status, told["kind"], told["name"]) == (200, kind, name)


@pytest.mark.parametrize(
    "options",
    [
        {"json": {"name": "daily bulls", "clear": True}},
        {"json": {"rule": "daily bulls", "clear": "true"}},
        {"json": {"name": "daily bulls", "for": "0s"}},
        {"data": {"rule": "daily bulls", "clear": "true"}},
        {"json": {"clear": True}},
        {"params": {"clear": "1"}},
    ],
)
async def test_a_snooze_is_ended_once(local: aiohttp.ClientSession, options: dict[str, Any]) -> None:
    await post(local, PATH, json={"name": "daily bulls", "for": "2h"})
    assert await post(local, PATH, **options) == (200, {"ended": [BULLS]})
    assert await post(local, PATH, **options) == (200, {"ended": []})
    assert await get(local, PATH) == (200, {"items": []})


@pytest.mark.parametrize(
    ("given", "about"),
    [
        ({}, "`name`"),
        ({"for": "2h"}, "`name`"),
        ({"for": "0s"}, "`name`"),
        ({"name": "bot"}, "`for`"),
        ({"name": "bot", "clear": False}, "`for`"),
        ({"name": "bot", "for": "soon"}, "`for`"),
        ({"name": "bot", "duration": "366d"}, "365d at most"),
        ({"name": "bot", "for": 7200}, "`for` is text"),
        ({"name": 7, "for": "2h"}, "`name` is text"),
        ({"name": ["bot"], "for": "2h"}, "`name` is text"),
        ({"name": "bot", "for": "2h", "duration": "1h"}, "`for`, `duration`: only one"),
        ({"name": "bot", "rule": "swing", "for": "2h"}, "`name`, `rule`: only one"),
        ({"name": "bot", "kind": "mood", "for": "2h"}, "`kind` is rule, destination, symbol"),
        ({"name": "bot", "kind": 5, "for": "2h"}, "`kind` is text"),
        ({"rule": "bot", "kind": "symbol", "for": "2h"}, "`kind`, `rule`: only one"),
        ({"kind": "rule", "clear": True}, "there is no name"),
        ({"name": "bot", "for": "2h", "clear": True}, "`clear`"),
        ({"name": "bot", "clear": "perhaps"}, "`clear` is true or false"),
        ({"name": "bot", "clear": [True]}, "`clear` is true or false"),
        ({"name": "", "clear": True}, "a name is empty"),
        ({"symbol": None, "clear": True}, "a name is empty"),
    ],
)
async def test_too_little_or_a_contradiction_is_400(
    desk: FakeDesk, local: aiohttp.ClientSession, given: dict[str, object], about: str
) -> None:
    status, told = await post(local, PATH, json=given)
    assert (status, told["error"]["code"]) == (400, "bad_request")
    assert about in told["error"]["message"]
    assert desk.asked == []


async def test_an_unknown_name_is_404_with_the_nearest(local: aiohttp.ClientSession) -> None:
    for given in ({"name": "dayli bulls", "for": "2h"}, {"name": "dayli bulls", "clear": True}):
        status, told = await post(local, PATH, json=given)
        assert (status, told["error"]["code"]) == (404, "not_found")
        assert "Did you mean the rule 'daily bulls'?" in told["error"]["message"]


async def test_a_name_of_two_things_is_409(local: aiohttp.ClientSession) -> None:
    status, told = await post(local, PATH, json={"name": "swing", "for": "2h"})
    assert (status, told["error"]["code"]) == (409, "ambiguous")
    assert "rule or destination instead of name" in told["error"]["message"]
    assert await get(local, PATH) == (200, {"items": []})


async def test_a_store_that_does_not_write_is_503(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    desk.fault = StoreBusyError("the disk is full")
    assert (await post(local, PATH, json={"name": "bot", "for": "2h"}))[0] == 503


async def test_only_our_own_page_or_the_token_may(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    wish = {"name": "bot", "for": "2h"}
    assert (await post(local, PATH, json=wish, headers={}))[0] == 403
    assert (await post(local, PATH, json=wish, headers={"Origin": "https://elsewhere.example"}))[0] == 403
    assert desk.asked == []
    async with serving(desk, "0.0.0.0", token=TOKEN) as client:
        assert (await get(client, PATH))[0] == 401
        assert (await post(client, PATH, json=wish, headers=BEARER))[0] == 200
        assert (await get(client, PATH, headers=BEARER))[0] == 200


async def test_the_page_lists_what_is_snoozed_with_a_button_to_end_it(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    await desk.snooze("daily bulls", 5400, kind=None)
    async with local.get("/") as answer:
        html = await answer.text()
    assert re.search(r"ends in <time [^>]*>1h 30m<", html)
    for field in ('name="rule" value="daily bulls"', 'name="clear" value="true"'):
        assert f'<input type="hidden" {field}>' in html


async def test_the_forms_of_the_page_snooze_and_end_it_and_lead_back(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    headers = {**own_page(local), "Accept": "text/html,application/xhtml+xml"}
    for form in ({"name": "AAPL", "for": "2h"}, {"symbol": "AAPL", "clear": "true"}):
        async with local.post(PATH, data=form, headers=headers, allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"].endswith("#snoozes")
    assert desk.asked == [("snooze", "AAPL", 7200.0, None), ("wake", "AAPL", SnoozeKind.SYMBOL)]


async def test_a_name_on_the_page_is_text(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    evil = '"><script>alert(1)</script>'
    await desk.snoozes.begin(SnoozeKind.RULE, evil, 60)
    async with local.get("/") as answer:
        html = await answer.text()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


async def test_one_more_than_may_be_is_refused_with_what_to_do(local: aiohttp.ClientSession, desk: FakeDesk) -> None:
    for number in range(MOST):
        await desk.snoozes.begin(SnoozeKind.SYMBOL, f"S{number}", 3600)
    status, told = await post(local, PATH, json={"symbol": "AAPL", "for": "2h"})
    assert (status, told["error"]["code"]) == (409, "too_many")
    assert "End some" in told["error"]["message"]
