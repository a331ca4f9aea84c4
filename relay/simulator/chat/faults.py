"""What goes wrong on demand: the next requests are answered as a test says, whatever they hold."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """What happens to a request.

    Attributes:
        status: HTTP status.
        headers: Further headers; they go before those that the chat would set.
        body: The answer's body.
        delay: Seconds of the clock before the answer.
        hang: Never answer.
        reset: Abort the TCP connection instead of answering.
        after: The request is dealt with first; only if it was accepted does its answer get lost so.
        edge: The answer is that of a proxy before the chat, without a sign of the chat's own.
    """

    status: int = 500
    headers: Mapping[str, str] = {}
    body: bytes = b""
    delay: float = 0.0
    hang: bool = False
    reset: bool = False
    after: bool = False
    edge: bool = False

    @property
    def silent(self) -> bool:
        """Nothing is answered."""
        return self.hang or self.reset


class Faults:
    """Faults that wait for their requests: those of one webhook, and those for any."""

    def __init__(self) -> None:
        self._next: defaultdict[str | None, deque[Fault]] = defaultdict(deque)

    def add(self, *faults: Fault | int, webhook: str | None) -> None:
        """Let these happen to the next requests, one each. A number is a status."""
        self._next[webhook].extend(Fault(given) if isinstance(given, int) else given for given in faults)

    def take(self, webhook: str | None) -> Fault | None:
        """The fault of a request that came for ``webhook`` (None where it is unknown)."""
        for key in dict.fromkeys((webhook, None)):
            if self._next[key]:
                return self._next[key].popleft()
        return None
