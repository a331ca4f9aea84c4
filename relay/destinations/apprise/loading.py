"""The way to the apprise library: whoever does not use it does not pay for it, and may do without it.

library() ──first call──> relay.destinations.apprise.service ──> import apprise
"""

from __future__ import annotations

import importlib
from typing import Protocol, cast

import msgspec

from relay.secret import Secret


class Said(msgspec.Struct, frozen=True):
    """What a call to apprise came to.

    Attributes:
        sent: Every part of the message was taken.
        why: What apprise logged meanwhile, or the kind of error it ended with; may hold parts of the address.
    """

    sent: bool
    why: str = ""


class Service(Protocol):
    """Someone that apprise can reach."""

    def send(self, title: str, body: str) -> Said:
        """Send a plain text, blocking; raises nothing."""
        ...


class Library(Protocol):
    """What the relay uses of apprise."""

    def fault_of(self, url: Secret) -> str:
        """Why apprise can't send to ``url``, without showing it; empty where it can."""
        ...

    def service_of(self, url: Secret, timeout: float) -> Service:
        """Who is reached by ``url``, which has no fault; a network call takes about ``timeout`` seconds at most."""
        ...


def library() -> Library:
    """Apprise, loaded by the first call.

    Raises:
        ImportError: The extra is missing.
    """
    return cast("Library", importlib.import_module("relay.destinations.apprise.service"))
