"""An upstream, a receiver and two chats, each for one test, in its own event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from relay.clock import SystemClock
from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.chat.slack import FakeSlack
from tests.support.fixtures import inbox, simulator

__all__ = ["inbox", "simulator"]


@pytest.fixture
async def discord() -> AsyncIterator[FakeDiscord]:
    """Five requests in half a second: a quarter of the real patience, so that a test is not long."""
    async with FakeDiscord(SystemClock(), limit=5, per=0.5) as chat:
        chat.add_webhook("swing")
        yield chat


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """As patient as the real one."""
    async with FakeSlack(SystemClock()) as chat:
        chat.add_webhook("swing")
        yield chat
