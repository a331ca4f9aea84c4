"""The page a person sees, as it comes over the wire."""

from __future__ import annotations

import re

import aiohttp

from relay.errors import StoreBusyError
from relay.outbox.archive import Selection
from relay.web.desk import ConnectionStatus, DestinationStatus, Readiness
from tests.support.desk import FakeDesk
from tests.support.web import own_page


async def test_the_page_shows_how_everything_stands(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    desk.readiness = Readiness(ready=True, degraded=("quotes was refused: add prices:read to the key",))
    async with local.get("/") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        html = await answer.text()

    for shown in (
        "connected</span> for 2m 5s",
        "add <code>prices:read</code> to the key",
        "quotes was refused",
        "98421",
        "AAPL",
        "410 Gone",
        "404 Not Found",
        'action="/api/dead/3/retry"',
        'action="/api/destinations/bot/pause"',
        'action="/api/destinations/swing/resume"',
        "timeframe=D direction=bullish cc=2U",
        'href="/static/page.css"',
    ):
        assert shown in html


async def test_times_are_short_with_the_whole_at_hand_and_futures_go_by_their_root(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    told = "2026-04-10T13:45:22.123456Z"
    desk.events[-1] = {**desk.events[-1], "triggered_at": told, "symbol": None, "symbols": ["ES1!", "NQ1!"]}
    async with local.get("/") as answer:
        html = await answer.text()
    assert f'<time datetime="{told}" title="{told}">13:45:22</time>' in html
    assert ">ES NQ<" in html


async def test_every_cell_names_its_column_for_a_phone_or_holds_a_button(
    local: aiohttp.ClientSession,
) -> None:
    async with local.get("/") as answer:
        cells = re.findall(r"<td[^>]*>", await answer.text())
    assert cells
    assert all("data-label=" in cell or 'class="act"' in cell for cell in cells)


async def test_a_destination_that_refuses_all_does_not_look_well(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    desk.change(destinations=(DestinationStatus("bot", "webhook", "refusing", last_error="404 Not Found"),))
    async with local.get("/") as answer:
        assert '<span class="pill fair">refusing</span>' in await answer.text()


async def test_the_page_shows_an_empty_relay(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    desk.events, desk.letters = [], []
    desk.readiness = Readiness(ready=False, reasons=("connecting",))
    desk.change(connection=ConnectionStatus("connecting", desk.now.now_us), channels=(), destinations=())
    async with local.get("/") as answer:
        assert answer.status == 200
        assert "not ready" in await answer.text()


async def test_what_upstream_and_receivers_say_is_escaped(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    evil = '"><script>alert(1)</script>'
    desk.events[-1] = {**desk.events[-1], "symbol": evil, "timeframe": evil, "deliveries": {evil: evil}}
    desk.letters[-1] = {**desk.letters[-1], "event": evil, "destination": evil, "last_error": evil}
    desk.change(connection=ConnectionStatus(evil, 0, detail=evil))
    async with local.get("/") as answer:
        html = await answer.text()
    assert "<script" not in html
    assert "&lt;script&gt;" in html


async def test_a_button_leads_back_to_the_page(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    headers = {**own_page(local), "Accept": "text/html,application/xhtml+xml"}
    async with local.post("/api/dead/2/retry", headers=headers, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert desk.asked == [("retry", Selection(id=2), 0), ("notify", "bot")]


async def test_where_the_store_can_not_be_read_the_page_says_so_and_what_is_known_without_it(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    desk.fault = StoreBusyError("the store is damaged (malformed)")
    damaged = "the store is damaged (malformed): stop the relay and run `relay repair`"
    desk.readiness = Readiness(ready=False, reasons=(damaged,), degraded=("bot is <off>",), notes=("ops is paused",))
    async with local.get("/") as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
        html = await answer.text()
    assert html.count("the store is damaged") == 1
    for shown in ("run `relay repair`", "bot is &lt;off&gt;", "ops is paused"):
        assert shown in html

    desk.fault, desk.readiness = StoreBusyError("the store could not be read: disk I/O error"), Readiness(ready=True)
    async with local.get("/") as answer:
        assert "could not be read: disk I/O error." in await answer.text()
