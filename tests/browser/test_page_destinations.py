"""Destinations on the page: down and back, paused, snoozed."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.browser import Tabs, lane, live, row, section, unfold
from tests.support.desk import FakeDesk
from tests.support.page_world import World, a_world

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENT = {"retry": {"initial": "1s", "max": "2s"}}


async def waiting(page: Page, count: int) -> None:
    await expect(lane(page)).to_contain_text(re.compile(rf"Waiting\s*{count}(?!\d)"))


async def test_a_destination_that_goes_down_is_told_with_its_error_while_alerts_flow_and_comes_back(
    ground: AsyncExitStack, tmp_path: Path, tabs: Tabs
) -> None:
    world = await ground.enter_async_context(a_world(tmp_path, webhook=PATIENT))
    page = await tabs.open(world.url)
    await live(page)
    await world.inbox.stop()
    world.fire("AAPL")
    await expect(lane(page)).to_contain_text("backing off")
    await expect(lane(page)).to_contain_text(re.compile(r"next try in \d+s"))
    await expect(lane(page)).to_contain_text(re.compile("refused|connect", re.IGNORECASE))
    await waiting(page, 1)
    await expect(page.get_by_role("heading", name=re.compile("^Alerts flow"))).to_be_visible()
    await world.inbox.start()
    await world.inbox.wait_until(lambda: world.inbox.unique == 1)
    await expect(lane(page)).to_contain_text("idle")
    await waiting(page, 0)
    await expect(row(page, "AAPL")).to_contain_text("delivered")
    await expect(page.get_by_role("heading", name=re.compile("^All is well"))).to_be_visible()


async def test_a_paused_destination_holds_what_comes_until_it_is_resumed(world: World, tabs: Tabs) -> None:
    page = await tabs.open(world.url)
    await live(page)
    await page.get_by_role("button", name="Pause bot").click()
    await expect(page.get_by_role("status").filter(has_text="bot is paused: what comes waits.")).to_be_visible()
    await expect(lane(page)).to_contain_text("paused")
    world.fire("AAPL")
    await waiting(page, 1)
    assert world.inbox.arrived == 0
    await page.get_by_role("button", name="Resume bot").click()
    await world.inbox.wait_until(lambda: world.inbox.unique == 1)
    await waiting(page, 0)
    await expect(page.get_by_role("button", name="Pause bot")).to_be_visible()


async def test_a_destination_is_snoozed_with_one_press_and_the_snooze_ended(world: World, tabs: Tabs) -> None:
    page = await tabs.open(world.url)
    await live(page)
    await page.get_by_role("button", name="4h: snooze bot").click()
    await expect(page.get_by_text(re.compile("bot is snoozed until .* UTC")).first).to_be_visible()
    await expect(lane(page)).to_contain_text("snoozed")
    world.fire("AAPL")
    await expect(row(page, "AAPL")).to_contain_text("suppressed")
    await page.get_by_role("button", name="End snooze of destination bot").click()
    await expect(lane(page)).not_to_contain_text("snoozed")
    await world.delivered("MSFT")


async def test_a_destination_is_snoozed_until_a_time_that_is_chosen(desk_url: str, tabs: Tabs) -> None:
    page = await tabs.open(desk_url)
    await live(page)
    await lane(page).get_by_label("Snooze bot until…").click()
    await lane(page).get_by_label("Until when to snooze bot").select_option("3d")
    await lane(page).get_by_role("button", name="Snooze bot until then").click()
    ends = section(page, "Snoozes").get_by_role("listitem").filter(has_text="bot")
    await expect(ends).to_contain_text(re.compile("ends in (2d 23h|3d 0h)"))


async def _snoozes(page: Page, name: str) -> Locator:
    snoozes = section(page, "Snoozes")
    await snoozes.get_by_label("Rule, destination or symbol").fill(name)
    await snoozes.get_by_role("combobox", name="for", exact=True).select_option("1h")
    await snoozes.get_by_role("button", name="Snooze", exact=True).click()
    return snoozes


async def test_what_is_snoozed_on_the_page_is_suppressed_until_it_is_ended(world: World, tabs: Tabs) -> None:
    page = await tabs.open(world.url)
    await live(page)
    snoozes = await _snoozes(page, "in force")
    one = snoozes.get_by_role("listitem").filter(has_text="in force")
    await expect(one).to_contain_text("rule")
    await expect(one).to_contain_text(re.compile("ends in (59m|1h)"))
    await expect(snoozes.get_by_label("Rule, destination or symbol")).to_have_value("")
    world.fire("AAPL")
    await expect(row(page, "AAPL")).to_contain_text("suppressed: snooze")
    await unfold(page, "AAPL")
    await expect(row(page, "AAPL")).to_contain_text(re.compile("Not sent to bot\\s*in force: .*snoozed until"))
    assert world.inbox.arrived == 0
    await snoozes.get_by_role("button", name="End the snooze of in force").click()
    await expect(snoozes).to_contain_text("Nothing is snoozed.")
    await world.delivered("AAPL")


async def test_the_symbol_of_an_alert_is_snoozed_where_the_alert_is(desk: FakeDesk, desk_url: str, tabs: Tabs) -> None:
    desk.events = desk.events[-1:]
    page = await tabs.open(desk_url)
    await live(page)
    await unfold(page, "AAPL")
    await page.get_by_role("button", name="Snooze AAPL 1h, as a symbol").click()
    await expect(section(page, "Snoozes").get_by_role("listitem").filter(has_text="AAPL")).to_contain_text("symbol")


async def test_what_cannot_be_snoozed_is_said_and_what_was_typed_stays(desk_url: str, tabs: Tabs) -> None:
    tabs.forgive("status of 4")
    page = await tabs.open(desk_url)
    await live(page)
    snoozes = await _snoozes(page, "no such rule at all")
    await expect(page.get_by_role("status").filter(has_text="no such rule at all")).to_be_visible()
    await expect(snoozes.get_by_label("Rule, destination or symbol")).to_have_value("no such rule at all")
    await expect(snoozes).to_contain_text("Nothing is snoozed.")
