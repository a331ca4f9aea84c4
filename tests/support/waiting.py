"""Waiting for what a thread does, where nothing tells when it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until ``condition`` holds; an error after ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  because a thread brings it about, and has no event to set
            await asyncio.sleep(0)
