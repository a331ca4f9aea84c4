"""What stands before Discord: Cloudflare, which bans an address that asked amiss too often.

Ten thousand answers 401, 403, 404 or 429 within ten minutes are too many; a 429 of scope ``shared`` is nobody's
fault and does not count (docs.discord.com, rate limits, invalid requests). While a ban lasts nothing reaches Discord:
the answer is plain text or HTML, and has no ``Via``.
"""

from __future__ import annotations

import math
from typing import Final

from relay.clock import Clock
from relay.simulator.chat.buckets import Recent
from relay.simulator.chat.calls import Reply

WINDOW: Final = 600.0
_AMISS: Final = frozenset({401, 403, 404, 429})
_SECOND: Final = 1.0

_TEXT: Final = b"error code: 1015"
_HTML: Final = (
    b"<!doctype html><html><head><title>Access denied | used Cloudflare to restrict access</title></head>"
    b"<body><h1>Error 1015</h1><p>You are being rate limited</p></body></html>"
)


class Edge:
    """Counts answers given amiss, and refuses while it bans.

    Args:
        clock: To count by.
        most: How many are too many.
        ban: Seconds that a ban lasts.

    Attributes:
        invalid: How many were given amiss in all.
        bans: How often it came to a ban by that.
        refused: How many requests it refused.
    """

    def __init__(self, clock: Clock, *, most: int, ban: float) -> None:
        self.invalid = 0
        self.bans = 0
        self.refused = 0
        self._clock = clock
        self._most, self._ban = most, ban
        self._recent = Recent(WINDOW)
        self._until = -math.inf
        self._html = False

    def close(self, seconds: float, *, html: bool = False) -> None:
        """Refuse everything for so long."""
        self._until, self._html = self._clock.monotonic() + seconds, html

    def refuse(self) -> Reply | None:
        """The answer to a request that is not let through; None where it is."""
        left = self._until - self._clock.monotonic()
        if left <= 0:
            return None
        self.refused += 1
        kind, body = ("text/html; charset=UTF-8", _HTML) if self._html else ("text/plain; charset=UTF-8", _TEXT)
        headers = {"Retry-After": str(math.ceil(max(_SECOND, left))), "Content-Type": kind, "Server": "cloudflare"}
        return Reply(429, headers, body)

    def saw(self, reply: Reply) -> None:
        """Discord gave this answer."""
        scope = next((value for name, value in reply.headers.items() if name.lower() == "x-ratelimit-scope"), "")
        if reply.status not in _AMISS or scope == "shared":
            return
        self.invalid += 1
        if self._recent.add(self._clock.monotonic()) >= self._most:
            self.bans += 1
            self._recent.clear()
            self.close(self._ban)
