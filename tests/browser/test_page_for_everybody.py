"""What axe-core finds that would keep somebody from using the page, contrast in either light included."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # it tells no types
from playwright.async_api import Page, expect

from relay.errors import StoreBusyError
from relay.web.desk import Readiness
from tests.support.browser import PHONE, Tabs, live, section
from tests.support.desk import FakeDesk
from tests.support.web import TOKEN, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTRAST: dict[str, Any] = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


async def found(page: Page, **options: Any) -> list[str]:
    """Each violation, and each doubt: its name, how grave it is, and where.

    Where something lies over a text, as the bar does over what is scrolled, axe can't tell its contrast: the same
    colours stand elsewhere on the page.
    """
    results = (await Axe().run(page, options={"resultTypes": ["violations", "incomplete"], **options})).response
    doubts = [one for one in results["incomplete"] if one["id"] != "color-contrast"]
    return [
        f"{one['id']} ({one['impact']}): {', '.join(' '.join(node['target']) for node in one['nodes'])}"
        for one in (*results["violations"], *doubts)
    ]


async def in_either_light(page: Page) -> list[str]:
    """What is found in the dark; and in the light, which changes nothing but colours, of the contrast."""
    await page.emulate_media(color_scheme="dark")
    dark = await found(page)
    await page.emulate_media(color_scheme="light")
    return [*dark, *await found(page, **CONTRAST)]


async def test_what_is_too_pale_and_what_has_no_name_would_be_found(desk_url: str, tabs: Tabs) -> None:
    page = await tabs.open(f"{desk_url}/login", color_scheme="light")
    await page.evaluate("document.querySelector('p').style.color = '#ccc'")
    await page.evaluate("document.querySelector('label').remove()")
    assert [one.partition(":")[0] for one in await found(page)] == ["color-contrast (serious)", "label (critical)"]


async def test_a_page_with_everything_on_it_keeps_nobody_out(desk: FakeDesk, desk_url: str, tabs: Tabs) -> None:
    desk.readiness = Readiness(ready=True, degraded=("quotes was refused: add `prices:read` to the key.",))
    page = await tabs.open(desk_url)
    await live(page)
    await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert await in_either_light(page) == []
    await page.set_viewport_size(PHONE["viewport"])
    assert await found(page) == []


async def test_a_page_after_two_presses_keeps_nobody_out(desk_url: str, tabs: Tabs) -> None:
    page = await tabs.open(desk_url)
    await live(page)
    await page.get_by_role("button", name="Snooze 1h: bot").click()
    await expect(page.get_by_text("bot is snoozed until").first).to_be_visible()
    await page.get_by_role("button", name="Pause bot").click()
    await expect(page.get_by_text("bot is paused: what comes waits.")).to_be_visible()
    await expect(section(page, "Snoozes")).to_contain_text("ends in")
    assert await in_either_light(page) == []


async def test_the_login_keeps_nobody_out(ground: AsyncExitStack, tabs: Tabs) -> None:
    tabs.forgive("status of 401")
    client = await ground.enter_async_context(serving(FakeDesk(), host="0.0.0.0", token=TOKEN))
    page = await tabs.open(str(client._base_url))
    assert await in_either_light(page) == []
    await page.get_by_label("Token").fill("open sesame")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await in_either_light(page) == []


@pytest.mark.usefixtures("_told_often")
async def test_a_page_whose_store_cannot_be_read_keeps_nobody_out_and_becomes_whole_by_itself(
    desk: FakeDesk, desk_url: str, tabs: Tabs
) -> None:
    tabs.forgive("status of 503")
    desk.fault = StoreBusyError("the store could not be read: disk I/O error")
    desk.readiness = Readiness(ready=False, reasons=("The store takes no writes: the disk is full.",))
    page = await tabs.open(desk_url)
    await expect(page.get_by_role("heading", name="What is stored can't be shown")).to_be_visible()
    assert await in_either_light(page) == []
    desk.fault, desk.readiness = None, Readiness(ready=True)
    await expect(section(page, "Destinations")).to_be_visible()
