"""A question of somebody who waits for the answer: asked again where the upstream says that it was asked too often.

ask() ──429──> wait: as long as the server asks, else 1 s, then 2 s ──> ask() … ──> its answer, or the last refusal
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from relay.upstream.errors import RestUnavailableError, Unavailability

WAITS: Final = (1.0, 2.0)
"""Seconds before it is asked again, where the server names none."""

T = TypeVar("T")


async def patiently(
    ask: Callable[[], Awaitable[T]], *, patience: float, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> T:
    """What ``ask`` brings, after a 429 asked at most twice more.

    Args:
        ask: Asks once.
        patience: Seconds for all of it; what the server asks to wait longer is not waited for.
        sleep: Waits.

    Raises:
        RestUnavailableError: A 429 to the end, no answer in time, or whatever else ``ask`` raises.
    """
    refused: RestUnavailableError | None = None
    try:
        async with asyncio.timeout(patience):
            for wait in WAITS:
                try:
                    return await ask()
                except RestUnavailableError as error:
                    asked = wait if error.retry_after is None else error.retry_after
                    if error.reason is not Unavailability.RATE_LIMITED or asked >= patience:
                        raise
                    refused = error
                await sleep(asked)
            return await ask()
    except TimeoutError:
        if refused is None:
            refused = RestUnavailableError(Unavailability.TIMEOUT, f"no answer within {patience:g} s")
        raise refused from None
