"""What a test here may ask for: an upstream, a receiver, a served desk, and a client of the fake chats."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.chat import Poster, posting
from tests.support.clock import FakeClock
from tests.support.desk import FakeDesk
from tests.support.fixtures import inbox, simulator
from tests.support.web import serving

__all__ = ["inbox", "simulator"]


@pytest.fixture
def desk() -> FakeDesk:
    """What the test lets the relay say."""
    return FakeDesk()


@pytest.fixture
async def local(desk: FakeDesk) -> AsyncIterator[aiohttp.ClientSession]:
    """A client on this machine, of a server over ``desk``."""
    async with serving(desk) as client:
        yield client


@pytest.fixture
def clock() -> FakeClock:
    """Stands still until the test moves it."""
    return FakeClock()


@pytest.fixture
async def http() -> AsyncIterator[Poster]:
    """A client of the fake chats."""
    async with posting() as poster:
        yield poster
