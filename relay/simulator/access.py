"""Who may do what: the key of a request, the vendor's error bodies, and a token bucket per key.

Source: the vendor's pages for codes and statuses, which have no other code for a wrong key than ``missing_api_key``;
``rate_limit_exceeded`` from its page on limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from relay.clock import Clock
from relay.simulator.settings import ApiKey, Scope, SimulatorSettings

CLOSE_UNKNOWN_KEY: Final = 4401
CLOSE_FORBIDDEN: Final = 4403
CLOSE_EVICTED: Final = 4409


@dataclass(frozen=True, slots=True)
class Denial:
    """A refused request: HTTP status, the vendor's error code, and the close code it has on the socket."""

    status: int
    code: str
    message: str
    close_code: int = CLOSE_FORBIDDEN

    def response(self, headers: Mapping[str, str] | None = None) -> web.Response:
        """The vendor's error body."""
        body = {"error": {"code": self.code, "message": self.message}}
        return web.json_response(body, status=self.status, headers=headers)


NO_KEY: Final = Denial(401, "missing_api_key", "missing or unknown api key", CLOSE_UNKNOWN_KEY)
NOT_ENTITLED: Final = Denial(403, "inactive_entitlement", "no active entitlement")
UNKNOWN_SYMBOL: Final = Denial(404, "unknown_symbol", "unknown symbol")
TOO_MANY: Final = Denial(429, "rate_limit_exceeded", "rate limit exceeded")


def key_of(headers: Mapping[str, str]) -> str:
    """The key a request carries in either header; empty where there is none."""
    scheme, _, bearer = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer.strip():
        return bearer.strip()
    return headers.get("X-API-Key", "").strip()


def authorize(headers: Mapping[str, str], keys: Mapping[str, ApiKey], scope: Scope) -> ApiKey | Denial:
    """The key's rights, or why it may not use ``scope``."""
    key = keys.get(key_of(headers))
    if key is None:
        return NO_KEY
    if not key.entitled:
        return NOT_ENTITLED
    if scope not in key.scopes:
        return Denial(403, "missing_scope", f"missing scope {scope}")
    return key


class Limiter:
    """A token bucket per key: ``rest_burst`` calls at once, ``rest_rate`` a second in the long run."""

    def __init__(self, settings: SimulatorSettings, clock: Clock) -> None:
        self._rate, self._burst = settings.rest_rate, float(settings.rest_burst)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, key: str) -> float:
        """Take a token: 0.0 when there was one, else the seconds until there will be."""
        if self._rate is None:
            return 0.0
        now = self._clock.monotonic()
        tokens, since = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            return (1 - tokens) / self._rate
        self._buckets[key] = (tokens - 1, now)
        return 0.0
