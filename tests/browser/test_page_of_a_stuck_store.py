"""A page that stood there when the store could not be read any more, and when it could again."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from relay.errors import StoreBusyError
from relay.web.desk import Readiness
from tests.support.browser import Tabs, lane, live
from tests.support.desk import FakeDesk

pytestmark = pytest.mark.asyncio(loop_scope="session")

STUCK = "the store could not be read: disk I/O error"


@pytest.mark.usefixtures("_told_often")
async def test_a_store_that_gets_stuck_is_told_over_the_page_that_stands_and_so_is_its_end(
    desk: FakeDesk, desk_url: str, tabs: Tabs
) -> None:
    tabs.forgive("status of 503")
    page = await tabs.open(desk_url)
    await live(page)
    await page.evaluate("window.marked = true")
    desk.fault = StoreBusyError(STUCK)
    desk.readiness = Readiness(ready=False, reasons=("The store takes no writes: the disk is full.",))
    await expect(page.get_by_role("heading", name="What is stored can't be shown")).to_be_visible()
    await expect(page.get_by_text("the disk is full")).to_be_visible()
    await expect(page).to_have_title(re.compile("^✕"))
    await expect(lane(page)).to_be_visible()  # as it was last known
    desk.fault, desk.readiness = None, Readiness(ready=True)
    await expect(page.get_by_role("heading", name=re.compile("^All is well"))).to_be_visible()
    await expect(page).to_have_title(re.compile("^✓"))
    assert await page.evaluate("window.marked === true")


async def test_a_button_that_the_stuck_store_cannot_serve_says_so(desk: FakeDesk, desk_url: str, tabs: Tabs) -> None:
    tabs.forgive("status of 503")
    page = await tabs.open(desk_url)
    await live(page)
    desk.fault = StoreBusyError(STUCK)
    await page.get_by_role("button", name="Reload the config").click()
    await expect(page.get_by_role("status").filter(has_text=re.compile("disk I/O|503"))).to_be_visible()
