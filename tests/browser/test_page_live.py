"""The page follows what happens without being loaded again, and takes nothing out of a person's hands."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Page, expect

from relay.clock import SystemClock
from relay.web.broadcast import Broadcast
from relay.web.desk import Readiness
from tests.support.browser import Tabs, lane, live, row, section, unfold
from tests.support.desk import FakeDesk
from tests.support.page_world import World
from tests.support.waiting import until
from tests.support.web import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def never_left(page: Page) -> bool:
    """Whether this is the document it was when it was marked, and not the page loaded again."""
    return bool(await page.evaluate("window.marked === true"))


async def mark(page: Page) -> None:
    await page.evaluate("window.marked = true")


async def test_a_new_alert_shows_within_seconds_without_a_reload(world: World, tabs: Tabs) -> None:
    page = await tabs.open(world.url)
    await live(page)
    await mark(page)
    await world.delivered("AAPL")
    await expect(row(page, "AAPL")).to_contain_text("delivered")
    await expect(page.get_by_role("heading", name=re.compile("last alert [0-9]s ago"))).to_be_visible()
    await world.delivered("MSFT")
    alerts = section(page, "Last alerts").get_by_role("list", name="Last alerts, newest first").get_by_role("listitem")
    await expect(alerts.first).to_contain_text("MSFT")
    await expect(alerts).to_have_count(2)
    assert await never_left(page)


async def test_a_filter_holds_for_what_comes_later(world: World, tabs: Tabs) -> None:
    page = await tabs.open(world.url)
    await live(page)
    await mark(page)
    await world.delivered("OLD")
    await expect(row(page, "OLD")).to_be_visible()
    await page.get_by_text("Filter", exact=True).first.click()
    alerts = section(page, "Last alerts")
    await alerts.get_by_label("Direction").select_option("bearish")
    await alerts.get_by_role("button", name="Filter").click()
    world.fire("UP", direction="bullish")
    world.fire("DOWN", direction="bearish")
    await expect(row(page, "DOWN")).to_be_visible()
    await expect(row(page, "UP")).to_have_count(0)
    assert await never_left(page)
    await page.reload()
    await expect(row(page, "DOWN")).to_be_visible()
    await expect(row(page, "UP")).to_have_count(0)
    await page.get_by_role("link", name="Clear").click()
    await expect(row(page, "UP")).to_be_visible()


async def test_held_updates_stay_away_until_they_are_let_in(world: World, tabs: Tabs) -> None:
    page = await tabs.open(world.url)
    await live(page)
    await page.get_by_role("button", name="Hold page").click()
    await world.delivered("AAPL")
    async with page.expect_response(re.compile("/parts")):
        await expect(row(page, "AAPL")).to_have_count(0)
        await page.get_by_role("button", name="Go on").click()
    await expect(row(page, "AAPL")).to_be_visible()
    await live(page)


async def test_focus_typed_text_and_what_is_folded_out_survive_what_comes(world: World, tabs: Tabs) -> None:
    await world.delivered("AAPL")
    page = await tabs.open(world.url)
    await live(page)
    await unfold(page, "AAPL")
    payload = page.get_by_label("Payload of AAPL")
    await expect(payload).to_be_visible()
    snoozes = section(page, "Snoozes")
    await snoozes.get_by_role("combobox", name="for", exact=True).select_option("7d")
    name = snoozes.get_by_label("Rule, destination or symbol")
    await name.fill("TSLA")
    await name.evaluate("field => field.setSelectionRange(1, 3)")
    await world.delivered("MSFT")
    await expect(row(page, "MSFT")).to_contain_text("delivered")
    await expect(payload).to_be_visible()
    await expect(section(page, "Connection").get_by_text("connecting").first).to_be_visible()
    await expect(name).to_be_focused()
    await expect(name).to_have_value("TSLA")
    assert await name.evaluate("field => [field.selectionStart, field.selectionEnd]") == [1, 3]
    await expect(snoozes.get_by_role("combobox", name="for", exact=True)).to_have_value("7d")


async def test_a_focused_button_keeps_its_focus_while_alerts_come(world: World, tabs: Tabs) -> None:
    page = await tabs.open(world.url)
    await live(page)
    await page.get_by_role("button", name="Snooze 1h: bot").focus()
    for symbol in ("AAPL", "MSFT"):
        await world.delivered(symbol)
        await expect(row(page, symbol)).to_contain_text("delivered")
        await expect(page.get_by_role("button", name="Snooze 1h: bot")).to_be_focused()


async def test_a_lost_stream_is_told_and_comes_back_by_itself(world: World, tabs: Tabs) -> None:
    tabs.forgive("ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET")
    page = await tabs.open(world.url)
    await live(page)
    await mark(page)
    await world.stop()
    await expect(page.get_by_role("status").filter(has_text="reconnecting")).to_be_visible()
    await page.get_by_role("button", name="Pause bot").click()
    await expect(page.get_by_text("The relay does not answer.")).to_be_visible()
    await world.start()
    await live(page)
    await world.delivered("AAPL")
    await expect(row(page, "AAPL")).to_be_visible()
    await expect(lane(page)).not_to_contain_text("paused")
    assert await never_left(page)


ASKED = re.compile(r"/(parts|api/stream)$")


@pytest.mark.parametrize("away", [False, True])
async def test_a_relay_that_answers_no_more_is_not_shown_as_well(
    ground: AsyncExitStack, tabs: Tabs, *, away: bool
) -> None:
    tabs.forgive("ERR_FAILED")
    desk = FakeDesk()
    client = await ground.enter_async_context(serving(desk, broadcast=Broadcast(SystemClock())))
    page = await tabs.blank()
    await page.clock.install()
    await page.goto(str(client._base_url))
    await live(page)
    await turn_away(page, away=away)
    await page.route(ASKED, lambda route: route.abort())
    for _ in range(6):  # what a tab in the back asks, it asks each half minute
        await page.clock.fast_forward(15_000 if away else 5_000)
    await expect(page).to_have_title("✕ no answer · Relay")
    await expect(page.get_by_role("alert")).to_contain_text("The relay does not answer since")
    await page.unroute(ASKED)
    await turn_away(page, away=False)
    await page.clock.fast_forward(31_000)
    await expect(page).to_have_title("✓ all is well · Relay")
    await expect(page.get_by_role("alert")).to_be_hidden()


async def turn_away(page: Page, *, away: bool) -> None:
    """Have the tab in the back, or in the front again."""
    await page.evaluate(
        """away => {
            Object.defineProperty(document, 'hidden', {configurable: true, get: () => away});
            document.dispatchEvent(new Event('visibilitychange'));
        }""",
        away,
    )


async def test_a_tab_that_nobody_looks_at_lets_go_of_the_stream_and_still_tells_by_its_title(
    ground: AsyncExitStack, tabs: Tabs
) -> None:
    desk, broadcast = FakeDesk(), Broadcast(SystemClock())
    client = await ground.enter_async_context(serving(desk, broadcast=broadcast))
    page = await tabs.blank()
    await page.clock.install()
    await page.goto(str(client._base_url))
    await live(page)
    await turn_away(page, away=True)
    await page.clock.fast_forward(11_000)
    await until(lambda: not broadcast.listeners)
    desk.readiness = Readiness(ready=False, reasons=("not connected",))
    await page.clock.fast_forward(31_000)
    await expect(page).to_have_title("✕ not ready · Relay")
    assert not broadcast.listeners
    desk.readiness = Readiness(ready=True)
    await turn_away(page, away=False)
    await live(page)
    await expect(page).to_have_title("✓ all is well · Relay")
    await until(lambda: broadcast.listeners == 1)


@pytest.mark.usefixtures("_told_often")
async def test_a_page_that_is_not_refreshed_does_not_say_that_it_is_live(world: World, tabs: Tabs) -> None:
    tabs.forgive("500")
    page = await tabs.open(world.url)
    await live(page)
    await page.route("**/parts*", lambda route: route.fulfill(status=500, json={"error": {"code": "internal"}}))
    world.fire("AAPL")
    await expect(page.get_by_role("status").filter(has_text="reconnecting")).to_be_visible()
    await page.unroute("**/parts*")
    await live(page)
    await expect(row(page, "AAPL")).to_be_visible()


@pytest.mark.usefixtures("_told_often")
async def test_an_upstream_that_goes_is_told_and_that_it_came_back(world: World, tabs: Tabs) -> None:
    page = await tabs.open(world.url)
    await live(page)
    await world.simulator.stop()
    await expect(page.get_by_role("heading", name="Not ready")).to_be_visible()
    await expect(page).to_have_title("✕ not ready · Relay")
    await world.simulator.start()
    await expect(page.get_by_role("heading", name=re.compile("^All is well"))).to_be_visible()
    await expect(page).to_have_title("✓ all is well · Relay")


async def test_a_reload_of_the_config_is_told_by_the_page(world: World, tabs: Tabs) -> None:
    page = await tabs.open(world.url)
    await live(page)
    text = world.config.read_text()
    world.config.write_text(text.replace("name: in force", "name: everything in force"))
    await page.get_by_role("button", name="Reload the config").click()
    await expect(page.get_by_text("The config was loaded.")).to_be_visible()
    told = section(page, "What the config says").get_by_role("listitem").filter(has_text="everything in force")
    await expect(told).to_contain_text("bot")
    world.config.write_text(text.replace("to:", "too:"))
    await page.get_by_role("button", name="Reload the config").click()
    await expect(page.get_by_text(re.compile(r"Nothing changed\. .*config\.yaml, line \d+: "))).to_be_visible()
    await expect(section(page, "What the config says")).to_contain_text("The last reload changed nothing")
