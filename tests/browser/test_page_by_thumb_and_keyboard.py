"""The page on a phone, under a thumb; and without a mouse."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.support.browser import PHONE, Tabs, live, row, section
from tests.support.desk import FakeDesk
from tests.support.page_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = "A-VERY-LONG-SYMBOL-THAT-NOBODY-FORESAW-AND-THAT-HAS-NO-PLACE-TO-BREAK-USD"
STOPS = 120  # more than the page has

_FIELDS = """
() => [...document.querySelectorAll('button, input:not([type=hidden]), select, summary, nav a, a.button')]
  .filter((one) => one.checkVisibility())
  .map((one) => [one.getAttribute('aria-label') || one.textContent.trim() || one.name, one.getBoundingClientRect()])
  .map(([name, { width, height }]) => [name, width, height])
"""
_FOCUS = """
() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  const { width, height } = one.getBoundingClientRect();
  const name = one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent;
  return { name: name.trim(), ring: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1, size: width * height };
}
"""


def busy(desk: FakeDesk) -> None:
    """Something in every section, and none of it short."""
    desk.events[0] |= {"symbol": LONG, "data": {"symbol": LONG}}
    answer = {"last_code": "404", "last_answer": "no such place " * 40}
    desk.letters[0] |= {"event": f"alerts.in_force:{LONG}", "symbol": LONG, "data": {"symbol": LONG}, **answer}


async def unfolded(page: Page) -> None:
    """Everything folded out."""
    await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


async def test_on_a_phone_the_glance_is_seen_at_once_nothing_is_wider_than_the_screen_and_all_big_enough_for_a_thumb(
    desk: FakeDesk, desk_url: str, tabs: Tabs
) -> None:
    busy(desk)
    page = await tabs.open(desk_url, **PHONE)
    await live(page)
    await expect(page.get_by_role("heading", name=re.compile("^(All is well|It runs)"))).to_be_in_viewport(ratio=1)
    for unfold in (False, True):
        if unfold:
            await unfolded(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        fields: list[tuple[str, float, float]] = await page.evaluate(_FIELDS)
        assert len(fields) > 10
        assert [one for one in fields if max(one[1:]) < 44 or min(one[1:]) < 24] == []


async def test_on_a_phone_a_dead_letter_is_retried_with_a_thumb(world: World, tabs: Tabs) -> None:
    await world.dead("AAPL")
    page = await tabs.open(world.url, **PHONE)
    await live(page)
    await page.get_by_role("navigation").get_by_role("link", name="Dead letters 1").tap()
    letters = section(page, "Dead letters")
    await expect(letters.get_by_role("heading", name="Dead letters")).to_be_in_viewport()
    await letters.get_by_role("button", name=re.compile("^Retry alerts.in_force")).tap()
    await world.inbox.wait_until(lambda: world.inbox.unique == 1)
    await expect(page.get_by_role("status").filter(has_text="is queued again.")).to_be_in_viewport()
    await expect(letters).to_contain_text("None.")
    await expect(row(page, "AAPL")).to_contain_text("delivered")


async def focused(page: Page) -> dict[str, Any] | None:
    found: dict[str, Any] | None = await page.evaluate(_FOCUS)
    return found


async def test_the_first_tab_leads_past_the_sections_to_the_page(desk_url: str, tabs: Tabs) -> None:
    page = await tabs.open(desk_url)
    await live(page)
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the page")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport(ratio=1)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    await page.keyboard.press("Tab")
    inside = "document.querySelector('main').contains(document.activeElement)"
    assert await page.evaluate(inside)


async def test_every_stop_of_the_tab_key_has_a_name_and_a_ring_and_there_is_a_way_out(
    desk: FakeDesk, desk_url: str, tabs: Tabs
) -> None:
    busy(desk)
    page = await tabs.open(desk_url)
    await live(page)
    await unfolded(page)
    seen = []
    for _ in range(STOPS):
        await page.keyboard.press("Tab")
        stop = await focused(page)
        if stop is None:
            break
        seen.append(stop)
    else:
        pytest.fail("the tab key does not get out of the page")
    assert len(seen) > 30
    assert [stop for stop in seen if not (stop["name"] and stop["ring"] and stop["size"] > 0)] == []


async def test_a_dead_letter_is_retried_with_the_keyboard_alone_and_focus_stays_near(desk_url: str, tabs: Tabs) -> None:
    page = await tabs.open(desk_url)
    await live(page)
    letters = section(page, "Dead letters")
    await expect(letters.get_by_role("listitem")).to_have_count(3)
    for _ in range(STOPS):
        await page.keyboard.press("Tab")
        stop = await focused(page)
        if stop is not None and stop["name"].startswith("Retry alerts.in_force"):
            break
    await page.keyboard.press("Enter")
    await expect(letters.get_by_role("listitem")).to_have_count(2)
    near = "document.activeElement.closest('section')?.getAttribute('aria-labelledby')"
    assert await page.evaluate(near) == await letters.get_attribute("aria-labelledby")


async def test_an_alert_is_folded_out_with_the_keyboard(desk: FakeDesk, desk_url: str, tabs: Tabs) -> None:
    desk.events = desk.events[-1:]
    page = await tabs.open(desk_url)
    await live(page)
    payload = page.get_by_label("Payload of AAPL")
    await row(page, "AAPL").locator("summary").focus()
    await page.keyboard.press("Enter")
    await expect(payload).to_be_visible()
    await page.keyboard.press("Space")
    await expect(payload).not_to_be_visible()
