"""The upstream's REST endpoints for a verb that asks and ends: as the config names them, on connections of their own.

Config ──alerts──> Rest      one page a call
──states──> Lookup    one symbol a call
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from relay.clock import SystemClock
from relay.config.model import Config
from relay.upstream.access import AuthStyle, rest_session
from relay.upstream.lookup import TIMEOUT, Lookup
from relay.upstream.rest import Rest


@asynccontextmanager
async def alerts(config: Config, *, patience: float) -> AsyncIterator[Rest]:
    """The endpoints of the alert channels.

    Args:
        config: Says where they are, and holds the key.
        patience: Seconds for a whole call.
    """
    upstream = config.stratalerts
    async with rest_session(upstream.tls) as session:
        yield Rest(
            upstream.rest_url,
            upstream.api_key,
            session=session,
            clock=SystemClock(),
            auth=AuthStyle(upstream.auth),
            timeout=patience,
        )


@asynccontextmanager
async def states(config: Config, *, patience: float = TIMEOUT) -> AsyncIterator[Lookup]:
    """The endpoint of symbols' states; likewise."""
    upstream = config.stratalerts
    async with rest_session(upstream.tls) as session:
        asked = Lookup(
            upstream.rest_url,
            upstream.api_key,
            session=session,
            clock=SystemClock(),
            rng=random.Random(),  # noqa: S311  because it only spreads retries
            auth=AuthStyle(upstream.auth),
            timeout=patience,
        )
        try:
            yield asked
        finally:
            await asked.close()
