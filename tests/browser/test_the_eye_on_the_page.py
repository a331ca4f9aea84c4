"""That the tests of this folder would notice: what the browser complains of is a failure, whatever else a test asks."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.support.browser import Tabs
from tests.support.process import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRONG = {
    # what a page does: what is said of it
    "document.body.append(Object.assign(document.createElement('script'), { textContent: '1' }))": "Security Policy",
    "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">red</p>')": "Security Policy",
    "setTimeout(() => { throw new Error('it broke'); })": "script: it broke",
    "void Promise.reject(new Error('it was not kept'))": "script: it was not kept",
    "console.warn('oh no')": "console: oh no",
    "setTimeout(() => alert('hello'))": "dialog: hello",
    "void fetch('/static/nowhere.css')": "status of 404",
    "new Image().src = 'http://elsewhere.invalid/x.png'": "Security Policy",
}


async def test_whatever_goes_wrong_on_a_page_is_a_complaint(desk_url: str, browser: Browser) -> None:
    tabs = Tabs(browser)
    page = await tabs.open(f"{desk_url}/login")
    for does, says in WRONG.items():
        assert tabs.complaints == []
        await page.evaluate(f"() => {{ {does}; }}")
        await tabs.told(says)
        await page.reload()
        tabs.complaints.clear()
    await tabs.close()


async def test_a_request_that_fails_or_goes_elsewhere_is_a_complaint(desk_url: str, browser: Browser) -> None:
    tabs = Tabs(browser)
    page = await tabs.open(f"{desk_url}/login", bypass_csp=True)  # which would not let it out
    for url, says in {
        "http://elsewhere.invalid/x.png": "elsewhere: http://elsewhere.invalid/x.png",
        f"http://127.0.0.1:{free_port()}/": "ERR_CONNECTION_REFUSED",
    }.items():
        await page.evaluate("(url) => { new Image().src = url; }", url)
        await tabs.told(says)
    await tabs.close()


async def test_what_a_test_forgives_is_none(desk_url: str, browser: Browser) -> None:
    tabs = Tabs(browser)
    page = await tabs.open(f"{desk_url}/login")
    tabs.forgive("oh no")
    await page.evaluate("console.error('oh no'); console.error('and now this')")
    await tabs.told("and now this")
    assert len(tabs.complaints) == 1
    await tabs.close()
