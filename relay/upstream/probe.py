"""Whether the upstream takes the key, asked over REST; the socket is left alone, because opening it evicts a relay.

Rest.page(limit=1) ──> accepted | the key is rejected | a scope is missing | nothing that can be used
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from relay.events import Channel
from relay.upstream.decide import MISSING_SCOPE
from relay.upstream.errors import RestRefusedError, RestUnavailableError
from relay.upstream.get import NOT_THE_API
from relay.upstream.rest import Rest

_WINDOW_MINUTES: Final = 60
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
        channel: Whose endpoint.
        standing: Accepted or not.
        detail: One sentence for a person, and what to do.
    """

    channel: Channel
    standing: Standing
    detail: str


def standing_of(error: RestRefusedError) -> Standing:
    """What a 401 or 403 says of the key; a proxy's, without the vendor's error body, says nothing of it."""
    if error.code == MISSING_SCOPE:
        return Standing.MISSING_SCOPE
    return Standing.UNREACHABLE if error.code in _BARE else Standing.REJECTED


async def probe(rest: Rest, channel: Channel) -> Probe:
    """Ask an alert channel's endpoint for one alert."""
    try:
        await rest.page(channel, limit=1, window_minutes=_WINDOW_MINUTES)
    except RestRefusedError as error:
        standing = standing_of(error)
        if standing is Standing.MISSING_SCOPE:
            return Probe(channel, standing, f"the key lacks the scope {error.scope}")
        return Probe(channel, standing, f"{error}. {NOT_THE_API if standing is Standing.UNREACHABLE else error.hint}")
    except RestUnavailableError as error:
        return Probe(channel, Standing.UNREACHABLE, f"{error}{f'. {error.hint}' if error.hint else ''}")
    return Probe(channel, Standing.ACCEPTED, "the key is accepted")
