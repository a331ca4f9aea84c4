"""Dead letters on the page: read, retried, dropped."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from relay.simulator.inbox import Answer
from tests.support.alerts import bodies
from tests.support.browser import Tabs, lane, live, section
from tests.support.desk import FakeDesk
from tests.support.page_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_dead_letter_is_read_retried_received_and_gone_from_the_list(world: World, tabs: Tabs) -> None:
    page = await tabs.open(world.url)
    await live(page)
    await world.dead("AAPL", answer=Answer(404, body=b"nobody lives here"))
    letters = section(page, "Dead letters")
    await expect(letters.get_by_role("listitem")).to_contain_text("404")
    await expect(page.get_by_role("navigation").get_by_role("link", name="Dead letters 1")).to_be_visible()
    await letters.get_by_text("Payload and answer").click()
    await expect(letters.get_by_label("Payload of")).to_contain_text('"symbol": "AAPL"')
    await expect(letters).to_contain_text("nobody lives here")
    await letters.get_by_role("button", name=re.compile("^Retry alerts.in_force")).click()
    await expect(page.get_by_role("status").filter(has_text="is queued again.")).to_be_visible()
    await world.inbox.wait_until(lambda: world.inbox.unique == 1)
    assert [body["data"]["symbol"] for body in bodies(world.inbox)] == ["AAPL"]
    await expect(letters).to_contain_text("None.")
    await expect(lane(page)).to_contain_text(re.compile(r"Delivered\s*1(?!\d)"))


async def test_a_letter_that_dies_again_comes_back_to_the_list(world: World, tabs: Tabs) -> None:
    await world.dead("AAPL")
    page = await tabs.open(world.url)
    await live(page)
    letters = section(page, "Dead letters")
    world.inbox.answer(Answer(400, body=b"and again no"))
    await letters.get_by_role("button", name=re.compile("^Retry alerts.in_force")).click()
    await world.inbox.wait_for(2)
    await expect(letters.get_by_role("listitem")).to_contain_text("400")


async def test_all_letters_of_a_destination_are_retried_with_one_press(
    desk: FakeDesk, desk_url: str, tabs: Tabs
) -> None:
    page = await tabs.open(desk_url)
    await live(page)
    letters = section(page, "Dead letters")
    await expect(letters.get_by_role("listitem")).to_have_count(3)
    await letters.get_by_role("button", name="Retry all dead letters of bot").click()
    await expect(letters).to_contain_text("None.")
    assert ("notify", "bot") in desk.asked


async def test_a_letter_is_dropped_only_after_a_second_press(desk: FakeDesk, desk_url: str, tabs: Tabs) -> None:
    desk.letters = desk.letters[:1]
    page = await tabs.open(desk_url)
    await live(page)
    letters = section(page, "Dead letters")
    sure = letters.get_by_role("button", name=re.compile("^Drop .* for good$"))
    await expect(letters.get_by_role("listitem")).to_have_count(1)
    await expect(sure).not_to_be_visible()
    await letters.get_by_text("Drop…").click()
    await sure.click()
    await expect(letters).to_contain_text("None.")
    assert ("notify", "bot") not in desk.asked


async def test_a_letter_that_another_tab_retried_is_told_and_goes(desk: FakeDesk, desk_url: str, tabs: Tabs) -> None:
    tabs.forgive("status of 4")
    desk.letters = desk.letters[:1]
    page, other = [await tabs.open(desk_url) for _ in range(2)]
    await live(page)
    await page.get_by_role("button", name="Hold page").click()
    retry = re.compile("^Retry alerts.in_force")
    await other.get_by_role("button", name=retry).click()
    await expect(section(other, "Dead letters")).to_contain_text("None.")
    await page.get_by_role("button", name=retry).click()
    await expect(page.get_by_role("status").filter(has_text=re.compile("[Nn]o dead letter|not dead"))).to_be_visible()
    await expect(section(page, "Dead letters")).to_contain_text("None.")
    assert desk.asked.count(("notify", "bot")) == 1
