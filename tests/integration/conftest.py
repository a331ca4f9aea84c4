"""An upstream and a receiver, and a desk with the client of a server over it, each for one test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

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
