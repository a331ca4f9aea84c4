"""A real browser over the page, and an eye on everything that it complains of while a test looks at the page.

    chromium, one a worker ──> Tabs: a fresh context a test ──> Page
                                 └── console, faults, dialogs, requests ──> complaints: none, or the test fails

What holds always: the browser resolves no name, and whatever it asks elsewhere than on loopback is a complaint.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Locator,
    Page,
    Request,
    WebError,
    async_playwright,
    expect,
)

from docs.screenshots import BROWSERS

PATIENCE_MS: Final = 15_000
DESK: Final = {"width": 1280, "height": 900}
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}

_ARGUMENTS: Final = ("--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
_LEFT: Final = "net::ERR_ABORTED"  # of a request whose page went on to another

expect.set_options(timeout=PATIENCE_MS)


def chromium() -> str | None:
    """The browser on this machine: what ``CHROMIUM`` names, else what the path has; None where there is none."""
    named = os.environ.get("CHROMIUM")
    return named or next((found for name in BROWSERS if (found := shutil.which(name))), None)


def section(page: Page, name: str) -> Locator:
    """A section of the page, by its heading."""
    return page.get_by_role("region", name=name, exact=True)


def row(page: Page, symbol: str) -> Locator:
    """The alert of this symbol in the list."""
    return section(page, "Last alerts").get_by_role("listitem").filter(has=page.get_by_text(symbol, exact=True))


async def unfold(page: Page, symbol: str) -> None:
    """Fold an alert out."""
    await row(page, symbol).get_by_text(symbol, exact=True).first.click()


def lane(page: Page, name: str = "bot") -> Locator:
    """How a destination stands."""
    heading = page.get_by_role("heading", name=re.compile(rf"^{name}\b"))
    return section(page, "Destinations").get_by_role("listitem").filter(has=heading)


async def live(page: Page) -> None:
    """Return once the page follows what happens."""
    await expect(page.get_by_role("status").filter(has_text=re.compile("^live$"))).to_be_visible()


@asynccontextmanager
async def browsing(executable: str) -> AsyncIterator[Browser]:
    """The browser, without a window."""
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()  # it refuses to be root in one
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=[*_ARGUMENTS, *root])
        try:
            yield browser
        finally:
            await browser.close()


class Tabs:
    """Pages that a test opens, each in a context of its own, and what went wrong in any of them.

    Attributes:
        complaints: What nobody forgave.
    """

    def __init__(self, browser: Browser) -> None:
        self.complaints: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._forgiven: list[re.Pattern[str]] = []
        self._new = asyncio.Event()

    def forgive(self, pattern: str) -> None:
        """What a browser rightly complains of in this test, from now on."""
        self._forgiven.append(re.compile(pattern))

    async def open(self, url: str, **options: Any) -> Page:
        """A page at ``url``, in a fresh context with these ``options``.

        Unless they say otherwise it is as wide as on a desk, and what moves is spared, which is much of the work.
        """
        page = await self.blank(**options)
        await page.goto(url)
        return page

    async def blank(self, **options: Any) -> Page:
        """An empty page, likewise."""
        context = await self._browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce", **options})
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.on("console", self._said)
        context.on("weberror", self._broke)
        context.on("dialog", self._asked)
        context.on("request", self._went)
        context.on("requestfailed", self._failed)
        return await context.new_page()

    async def close(self) -> None:
        """Close them all; before the server goes whose stream they hold."""
        while self._contexts:
            await self._contexts.pop().close()

    async def told(self, words: str) -> None:
        """Return once a complaint has these words.

        Raises:
            TimeoutError: None had in time.
        """
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while not any(words in complaint for complaint in self.complaints):
                self._new.clear()
                await self._new.wait()

    def _complain(self, text: str) -> None:
        if not any(pattern.search(text) for pattern in self._forgiven):
            self.complaints.append(text)
            self._new.set()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._complain(f"console: {message.text} ({message.location.get('url')})")

    def _broke(self, error: WebError) -> None:
        self._complain(f"script: {error.error}")

    async def _asked(self, dialog: Dialog) -> None:
        self._complain(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def _went(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and address.hostname != "127.0.0.1":
            self._complain(f"elsewhere: {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != _LEFT:
            self._complain(f"request: {request.method} {request.url}: {request.failure}")
