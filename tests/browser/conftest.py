"""A browser for all tests of a worker, and for each test a relay of its own and a fresh context to look at it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from relay.web import pages, stream
from tests.support.browser import Tabs, browsing, chromium
from tests.support.desk import FakeDesk
from tests.support.page_world import World, a_world
from tests.support.web import serving


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The one on this machine; without one these tests are skipped, except where ``RELAY_NEED_BROWSER`` is set."""
    executable = chromium()
    if executable is None:
        reason = "there is no Chromium (Debian's package chromium), and CHROMIUM names none"
        if os.environ.get("RELAY_NEED_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    async with browsing(executable) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def ground() -> AsyncIterator[AsyncExitStack]:
    """What is opened on it stays until no page looks at it any more."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages wait a tenth of the time for the next refresh, or the stream: most tests look for what that brings."""
    monkeypatch.setattr(pages, "REFRESH_MS", pages.REFRESH_MS // 10)
    monkeypatch.setattr(stream, "RETRY_MS", stream.RETRY_MS // 10)


@pytest.fixture
def _told_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream tells ten times as often how it stands: what nothing else tells of shows sooner."""
    monkeypatch.setattr(stream, "STATUS_SECONDS", stream.STATUS_SECONDS / 10)


@pytest_asyncio.fixture(loop_scope="session")
async def tabs(browser: Browser, ground: AsyncExitStack) -> AsyncIterator[Tabs]:
    """Pages of this test; whatever the browser complained of fails it."""
    del ground  # closed after this, for it was asked for first
    opened = Tabs(browser)
    yield opened
    await opened.close()
    assert opened.complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def world(ground: AsyncExitStack, tmp_path: Path) -> World:
    """A relay that is ready and delivers everything to ``bot``."""
    return await ground.enter_async_context(a_world(tmp_path))


@pytest.fixture
def desk() -> FakeDesk:
    """A desk without a relay behind it, for what the page does whatever it shows; with a few alerts."""
    desk = FakeDesk()
    desk.events = desk.events[-4:]
    return desk


@pytest_asyncio.fixture(loop_scope="session")
async def desk_url(ground: AsyncExitStack, desk: FakeDesk) -> str:
    """Where the page of ``desk`` is."""
    return str((await ground.enter_async_context(serving(desk)))._base_url)
