"""The page of a relay that other machines can reach: nothing without the token, and a session that can end."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from relay.web.access import SESSION_COOKIE
from relay.web.throttle import LOGIN_FAILURES
from tests.support.browser import Tabs, live, row
from tests.support.page_world import World, a_world
from tests.support.process import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKEN = "correct-horse-battery-staple"
WELL = re.compile("^All is well")


@pytest_asyncio.fixture(loop_scope="session")
async def exposed(ground: AsyncExitStack, tmp_path: Path) -> World:
    """A relay that listens on every address, as in a container."""
    http = {"listen": f"0.0.0.0:{free_port()}", "token": TOKEN}
    return await ground.enter_async_context(a_world(tmp_path, http=http))


@pytest.fixture(autouse=True)
def _refusals(tabs: Tabs) -> None:
    tabs.forgive("the server responded with a status of (401|429)")


async def log_in(page: Page, token: str = TOKEN) -> None:
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Log in").click()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
async def test_a_wrong_token_is_said_and_the_right_one_lets_in(exposed: World, tabs: Tabs, script: bool) -> None:
    page = await tabs.open(exposed.url, java_script_enabled=script)
    await expect(page.get_by_label("Token")).to_be_focused()
    await expect(page.get_by_text("Destinations")).to_have_count(0)
    await log_in(page, "open sesame")
    await expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    assert await page.context.cookies() == []
    await log_in(page)
    await expect(page.get_by_role("heading", name=WELL)).to_be_visible()
    assert page.url == f"{exposed.url}/"
    await page.reload()
    await expect(page.get_by_role("heading", name=WELL)).to_be_visible()


async def test_the_session_is_out_of_reach_of_scripts_and_other_sites(exposed: World, tabs: Tabs) -> None:
    page = await tabs.open(exposed.url)
    await log_in(page)
    await live(page)
    (cookie,) = await page.context.cookies()
    assert cookie.get("name") == SESSION_COOKIE
    assert cookie.get("httpOnly") is True
    assert cookie.get("sameSite") == "Strict"
    assert TOKEN not in cookie.get("value", "")
    assert await page.evaluate("document.cookie") == ""
    assert TOKEN not in await page.content()


async def test_whoever_is_logged_in_sees_what_comes_and_may_press_buttons(exposed: World, tabs: Tabs) -> None:
    page = await tabs.open(exposed.url)
    await log_in(page)
    await live(page)
    await exposed.delivered("AAPL")
    await expect(row(page, "AAPL")).to_be_visible()
    await page.get_by_role("button", name="Pause bot").click()
    await expect(page.get_by_text("bot is paused: what comes waits.")).to_be_visible()


async def test_a_session_that_ends_is_told_where_the_page_stood_live(exposed: World, tabs: Tabs) -> None:
    page = await tabs.open(exposed.url)
    await log_in(page)
    await live(page)
    await page.context.clear_cookies()
    exposed.fire("AAPL")
    await page.get_by_role("link", name="Your session is over: log in").click()
    await log_in(page)
    await live(page)
    await expect(row(page, "AAPL")).to_be_visible()


async def test_a_button_pressed_after_the_session_ended_leads_to_the_login(exposed: World, tabs: Tabs) -> None:
    page = await tabs.open(exposed.url)
    await log_in(page)
    await live(page)
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Pause bot").click()
    await expect(page.get_by_role("link", name="Your session is over: log in")).to_be_visible()
    (bot,) = (await exposed.relay.desk.status()).destinations
    assert bot.state == "idle"


async def test_that_the_session_is_over_is_told_once_however_often_it_is_tried(exposed: World, tabs: Tabs) -> None:
    page = await tabs.open(exposed.url)
    await log_in(page)
    await live(page)
    await page.context.clear_cookies()
    for name in ("Pause bot", "Snooze 1h: bot"):
        async with page.expect_response(lambda answer: answer.status == 401):
            await page.get_by_role("button", name=name).click()
        await expect(page.get_by_role("link", name="Your session is over: log in")).to_have_count(1)


async def test_a_login_in_another_tab_brings_the_page_back_to_life(exposed: World, tabs: Tabs) -> None:
    page = await tabs.open(exposed.url)
    await log_in(page)
    await live(page)
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Pause bot").click()
    await expect(page.get_by_role("link", name="Your session is over: log in")).to_be_visible()
    other = await page.context.new_page()
    await other.goto(exposed.url)
    await log_in(other)
    await live(other)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when one comes back to it
    await live(page)
    await exposed.delivered("AAPL")
    await expect(row(page, "AAPL")).to_be_visible()


async def test_without_script_a_button_pressed_after_the_session_ended_shows_the_login(
    exposed: World, tabs: Tabs
) -> None:
    page = await tabs.open(exposed.url, java_script_enabled=False)
    await log_in(page)
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Pause bot").click()
    await expect(page.get_by_label("Token")).to_be_visible()


async def test_a_new_token_ends_the_sessions_of_the_old_one(exposed: World, tabs: Tabs) -> None:
    tabs.forgive("ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET")
    page = await tabs.open(exposed.url)
    await log_in(page)
    await live(page)
    await exposed.stop()
    exposed.config.write_text(exposed.config.read_text().replace(TOKEN, "another-token-than-before"))
    await exposed.start()
    await page.get_by_role("link", name="Your session is over: log in").click()
    await log_in(page)
    await expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    await log_in(page, "another-token-than-before")
    await live(page)


async def test_whoever_guesses_too_often_is_told_to_wait(exposed: World, tabs: Tabs) -> None:
    page = await tabs.open(exposed.url)
    for number in range(LOGIN_FAILURES):
        await log_in(page, f"guess {number}")
        await expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    await log_in(page)
    await expect(page.get_by_text(re.compile(r"^Too many wrong tokens: wait \d+s\.$"))).to_be_visible()
