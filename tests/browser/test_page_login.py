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
from tests.support.desk import FakeDesk
from tests.support.page_world import a_world
from tests.support.process import free_port
from tests.support.web import TOKEN, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

WELL = re.compile("^All is well")
OVER = "Your session is over: log in"


@pytest_asyncio.fixture(loop_scope="session")
async def url(ground: AsyncExitStack, desk: FakeDesk) -> str:
    """Of a page that is served on every address, as in a container."""
    return str((await ground.enter_async_context(serving(desk, host="0.0.0.0", token=TOKEN)))._base_url)


@pytest_asyncio.fixture(loop_scope="session")
async def page(url: str, tabs: Tabs) -> Page:
    """That page, live, of somebody who is logged in."""
    page = await tabs.open(url)
    await log_in(page)
    await live(page)
    return page


@pytest.fixture(autouse=True)
def _refusals(tabs: Tabs) -> None:
    tabs.forgive("the server responded with a status of (401|429)")


async def log_in(page: Page, token: str = TOKEN.reveal()) -> None:
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Log in").click()


async def is_over(page: Page) -> None:
    """Return once the page says that its session is."""
    await expect(page.get_by_role("link", name=OVER)).to_have_count(1)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
async def test_a_wrong_token_is_said_the_right_one_lets_in_and_a_session_that_ended_leads_to_the_login(
    url: str, tabs: Tabs, script: bool
) -> None:
    page = await tabs.open(url, java_script_enabled=script)
    await expect(page.get_by_label("Token")).to_be_focused()
    await expect(page.get_by_text("Destinations")).to_have_count(0)
    await log_in(page, "open sesame")
    await expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    assert await page.context.cookies() == []
    await log_in(page)
    await expect(page.get_by_role("heading", name=WELL)).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name=WELL)).to_be_visible()
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Pause bot").click()
    if script:
        await page.get_by_role("link", name=OVER).click()
    await expect(page.get_by_label("Token")).to_be_visible()


async def test_the_session_is_out_of_reach_of_scripts_and_other_sites(page: Page) -> None:
    (cookie,) = await page.context.cookies()
    assert cookie.get("name") == SESSION_COOKIE
    assert cookie.get("httpOnly") is True
    assert cookie.get("sameSite") == "Strict"
    assert TOKEN.reveal() not in cookie.get("value", "")
    assert await page.evaluate("document.cookie") == ""
    assert TOKEN.reveal() not in await page.content()


async def test_whoever_logs_in_to_a_relay_on_every_address_sees_what_comes_and_may_press_buttons(
    ground: AsyncExitStack, tmp_path: Path, tabs: Tabs
) -> None:
    http = {"listen": f"0.0.0.0:{free_port()}", "token": TOKEN.reveal()}
    world = await ground.enter_async_context(a_world(tmp_path, http=http))
    page = await tabs.open(world.url)
    await log_in(page)
    await live(page)
    assert page.url == f"{world.url}/"
    await world.delivered("AAPL")
    await expect(row(page, "AAPL")).to_be_visible()
    await page.get_by_role("button", name="Pause bot").click()
    await expect(page.get_by_text("bot is paused: what comes waits.")).to_be_visible()


@pytest.mark.usefixtures("_told_often")
async def test_a_session_that_ends_is_told_where_the_page_stood_live(page: Page) -> None:
    await page.context.clear_cookies()
    await page.get_by_role("link", name=OVER).click()
    await log_in(page)
    await live(page)


async def test_that_the_session_is_over_is_told_once_however_often_a_button_is_pressed(
    desk: FakeDesk, page: Page
) -> None:
    await page.context.clear_cookies()
    for name in ("Pause bot", "Snooze 1h: bot"):
        async with page.expect_response(lambda answer: answer.status == 401):
            await page.get_by_role("button", name=name).click()
        await is_over(page)
    assert desk.asked.count(("pause", "bot")) == 0
    assert not desk.snoozed()


async def test_a_login_in_another_tab_brings_the_page_back_to_life(desk: FakeDesk, url: str, page: Page) -> None:
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Pause bot").click()
    await is_over(page)
    other = await page.context.new_page()
    await other.goto(url)
    await log_in(other)
    await live(other)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when one comes back to it
    await live(page)
    await page.get_by_role("button", name="Pause bot").click()
    await expect(page.get_by_text("bot is paused: what comes waits.")).to_be_visible()
    assert ("pause", "bot") in desk.asked


async def test_whoever_guesses_too_often_is_told_to_wait(url: str, tabs: Tabs) -> None:
    page = await tabs.open(url)
    for number in range(LOGIN_FAILURES):
        await page.request.post(f"{url}/login", form={"token": f"guess {number}"}, headers={"Origin": url})
    await log_in(page)
    await expect(page.get_by_text(re.compile(r"^Too many wrong tokens: wait [0-9ms ]+\.$"))).to_be_visible()
