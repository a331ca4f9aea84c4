"""The page as a browser shows it: with script and without, in either light, whatever the names on it are."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.async_api import expect

from relay.simulator.inbox import Answer
from relay.web.shown import span
from tests.support.browser import Tabs, lane, live, row, section
from tests.support.page_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
MOTIONS: dict[str, Literal["reduce", "no-preference"]] = {"AAPL": "reduce", "MSFT": "no-preference"}


async def test_the_page_says_at_a_glance_that_all_is_well_with_script_and_without(world: World, tabs: Tabs) -> None:
    await world.delivered("AAPL")
    for script in (True, False):
        page = await tabs.open(world.url, java_script_enabled=script)
        await expect(page.get_by_role("heading", name=re.compile("^All is well: connected"))).to_be_visible()
        await expect(page).to_have_title("✓ all is well · Relay")
        await expect(row(page, "AAPL")).to_contain_text("delivered")
        await expect(lane(page)).to_contain_text("idle")
        if script:
            await live(page)
        else:
            await expect(page.get_by_role("link", name="Look again")).to_be_visible()


async def test_without_script_buttons_and_the_filter_lead_back_to_the_page(world: World, tabs: Tabs) -> None:
    await world.delivered("MSFT")
    await world.dead("AAPL")
    page = await tabs.open(world.url, java_script_enabled=False)

    await page.get_by_role("button", name="Pause bot").click()
    await expect(page.get_by_text("bot is paused: what comes waits.")).to_be_visible()
    await expect(lane(page)).to_contain_text("paused")
    await page.get_by_role("button", name="Resume bot").click()
    await expect(page.get_by_text("bot sends again.")).to_be_visible()

    letters = section(page, "Dead letters")
    await letters.get_by_text("Payload and answer").click()
    await expect(letters.get_by_label("Payload of")).to_contain_text('"symbol": "AAPL"')
    await letters.get_by_role("button", name=re.compile("^Retry alerts.in_force")).click()
    await expect(page.get_by_text(re.compile(r"Dead letter \d+ is queued again\."))).to_be_visible()
    await world.inbox.wait_until(lambda: world.inbox.unique == 2)

    snoozes = section(page, "Snoozes")
    await snoozes.get_by_label("Rule, destination or symbol").fill("TSLA")
    await snoozes.get_by_role("combobox", name="for", exact=True).select_option("1h")
    await snoozes.get_by_role("button", name="Snooze", exact=True).click()
    await expect(snoozes.get_by_role("listitem").filter(has_text="TSLA")).to_contain_text("ends in")
    await snoozes.get_by_role("button", name="End the snooze of TSLA").click()
    await expect(snoozes).to_contain_text("Nothing is snoozed.")

    await page.get_by_text("Filter", exact=True).first.click()
    alerts = section(page, "Last alerts")
    await alerts.get_by_role("textbox", name="Symbol").fill("msft")
    await alerts.get_by_role("button", name="Filter").click()
    await expect(row(page, "MSFT")).to_be_visible()
    await expect(row(page, "AAPL")).to_have_count(0)
    await expect(alerts.get_by_role("textbox", name="Symbol")).to_have_value("msft")


async def test_names_and_answers_from_elsewhere_are_shown_as_text(world: World, tabs: Tabs) -> None:
    followed = await tabs.open(world.url)
    await live(followed)
    await world.dead(EVIL, answer=Answer(404, body=f"</pre>{EVIL}".encode()))
    for page in (followed, await tabs.open(world.url, java_script_enabled=False)):
        letters = section(page, "Dead letters")
        await expect(letters.get_by_role("listitem")).to_contain_text(EVIL)
        await expect(section(page, "Last alerts").get_by_role("listitem")).to_contain_text(EVIL)
        await letters.get_by_text("Payload and answer").click()
        await expect(letters.get_by_text(f"</pre>{EVIL}", exact=False)).to_be_visible()
        assert await page.locator("img").count() == 0
        assert await page.locator("script:not([src])").count() == 0


async def test_the_page_is_dark_or_light_as_the_person_has_it(desk_url: str, tabs: Tabs) -> None:
    page = await tabs.open(desk_url)
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        paper, ink = await page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        assert (_light(paper) < _light(ink)) == (scheme == "dark"), (paper, ink)
        assert abs(_light(paper) - _light(ink)) > 450


def _light(colour: str) -> int:
    """Red, green and blue together."""
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


async def test_a_span_reads_the_same_when_the_browser_tells_it(desk_url: str, tabs: Tabs) -> None:
    page = await tabs.open(f"{desk_url}/login")
    whole = (0, 1, 59, 60, 61, 3_599, 3_600, 3_661, 7_500, 86_399, 86_400, 90_061, 788_400, 40 * 86_400)
    seconds = [-3, -0.5, *whole, *(one + 0.99 for one in whole)]
    told = "async (all) => { const { span } = await import('/static/span.js'); return all.map(span); }"
    assert await page.evaluate(told, seconds) == [span(one) for one in seconds]


async def test_a_new_alert_lights_up_except_for_who_wants_less_motion(world: World, tabs: Tabs) -> None:
    page = await tabs.open(world.url)
    await live(page)
    for symbol, motion in MOTIONS.items():
        await page.emulate_media(reduced_motion=motion)
        world.fire(symbol)
        await expect(row(page, symbol)).to_be_visible()
        moves = motion == "no-preference"
        assert bool(await page.evaluate("document.getAnimations().length")) == moves
        assert await page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == (
            "smooth" if moves else "auto"
        )
