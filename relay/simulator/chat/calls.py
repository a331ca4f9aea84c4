"""A request to a chat, what was answered, and those that were not accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from multidict import CIMultiDictProxy

_TAKEN: Final = range(200, 300)


class Call(msgspec.Struct, frozen=True):
    """A request to a chat's API; ``body`` is None where it was too large to be read."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: CIMultiDictProxy[str]
    body: bytes | None


class Reply(msgspec.Struct, frozen=True):
    """An answer to one request.

    Attributes:
        status: HTTP status.
        headers: All that the answer names.
        body: The answer's body.
    """

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""

    @property
    def taken(self) -> bool:
        """Whether it says that the message was taken."""
        return self.status in _TAKEN


class Refusal(msgspec.Struct, frozen=True):
    """A request that was not accepted.

    Attributes:
        webhook: Whose it was; None where the path is nobody's.
        arrived_at: Monotonic seconds.
        reply: What was answered.
        body: What was sent.
    """

    webhook: str | None
    arrived_at: float
    reply: Reply
    body: bytes
