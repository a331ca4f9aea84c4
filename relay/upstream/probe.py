"""Whether the upstream takes the key, asked over REST; the socket is left alone, because opening it evicts a relay.

an alert endpoint, limit 1 ──┐
a symbol's state ────────────┴──> accepted | the key is rejected | a scope is missing | nothing that can be used
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final

import msgspec

from relay.events import Channel
from relay.upstream.decide import MISSING_SCOPE
from relay.upstream.errors import RestRefusedError, RestUnavailableError, UnknownSymbolError
from relay.upstream.get import NOT_THE_API
from relay.upstream.lookup import Lookup
from relay.upstream.patiently import patiently
from relay.upstream.rest import Rest

_WINDOW_MINUTES: Final = 60
_ACCEPTED: Final = "the key is accepted"
_BARE: Final = ("http_401", "http_403")  # what ``get`` says where the vendor's error body is missing


class Standing(StrEnum):
    """What an endpoint says to the key."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    MISSING_SCOPE = "missing scope"
    UNREACHABLE = "unreachable"


class Probe(msgspec.Struct, frozen=True):
    """What one endpoint said.

    Attributes:
        channel: Whose endpoint, or which it shares its scope with; None where only the key was asked about.
        standing: Accepted or not.
        detail: One sentence for a person, and what to do.
    """

    channel: Channel | None
    standing: Standing
    detail: str


def standing_of(error: RestRefusedError) -> Standing:
    """What a 401 or 403 says of the key; a proxy's, without the vendor's error body, says nothing of it."""
    if error.code == MISSING_SCOPE:
        return Standing.MISSING_SCOPE
    return Standing.UNREACHABLE if error.code in _BARE else Standing.REJECTED


async def probe(rest: Rest, channel: Channel, *, patience: float) -> Probe:
    """Ask an alert channel's endpoint for one alert, for so many seconds at most."""
    return await _asked(channel, lambda: rest.page(channel, limit=1, window_minutes=_WINDOW_MINUTES), patience)


async def probe_key(rest: Rest, *, patience: float) -> Probe:
    """Ask whether the key is known at all, whatever its scopes."""
    found = await probe(rest, Channel.IN_FORCE, patience=patience)
    if found.standing is Standing.MISSING_SCOPE:
        return Probe(None, Standing.ACCEPTED, _ACCEPTED)
    return msgspec.structs.replace(found, channel=None)


async def probe_states(lookup: Lookup, symbol: str, *, patience: float) -> Probe:
    """Ask for one symbol's state; that it is not tracked is an answer, too."""
    try:
        return await _asked(Channel.STATES, lambda: lookup.snapshot(symbol), patience)
    except UnknownSymbolError as error:
        return Probe(Channel.STATES, Standing.ACCEPTED, f"{_ACCEPTED}, though {error}")


async def _asked(channel: Channel, ask: Callable[[], Awaitable[object]], patience: float) -> Probe:
    try:
        await patiently(ask, patience=patience)
    except RestRefusedError as error:
        standing = standing_of(error)
        if standing is Standing.MISSING_SCOPE:
            return Probe(channel, standing, f"the key lacks the scope {error.scope}")
        return Probe(channel, standing, f"{error}. {NOT_THE_API if standing is Standing.UNREACHABLE else error.hint}")
    except RestUnavailableError as error:
        return Probe(channel, Standing.UNREACHABLE, f"{error}{f'. {error.hint}' if error.hint else ''}")
    return Probe(channel, Standing.ACCEPTED, _ACCEPTED)
