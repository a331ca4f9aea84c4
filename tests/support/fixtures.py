"""Fixtures of more than one kind of test; a ``conftest.py`` that imports one has it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from relay.clock import SystemClock
from relay.simulator.inbox import Inbox
from relay.simulator.settings import SimulatorSettings
from relay.simulator.upstream import Simulator


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """An upstream as the vendor's pages show it; the test fires its alerts."""
    async with Simulator(SimulatorSettings(), SystemClock()) as running:
        yield running


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    """A receiver that takes everything, until it is told otherwise."""
    async with Inbox(SystemClock()) as running:
        yield running
