"""Guessing the token, slowed down: wrong ones are counted by peer and over all, in bounded memory.

    wrong token ──failed(peer)──> counted for a minute ──wait(peer)──> seconds until the next one is looked at

A peer is an address, of IPv6 its /64: whoever has one of these has them all. What stands in front of the relay is one
peer for everybody behind it, for nothing that a request says of where it comes from is believed.
"""

from __future__ import annotations

from collections import deque
from ipaddress import IPv6Address, ip_address
from typing import Final

from relay.clock import Clock

FAILURES_WINDOW: Final = 60.0
FAILURES_OVERALL: Final = 1_000
LOGIN_FAILURES: Final = 10
BEARER_FAILURES: Final = 100  # more: a program with an old token must not keep its neighbour with the new one out

PEERS_REMEMBERED: Final = 1_000
_HOST_BITS: Final = 64


class Throttle:
    """Counts failures; locks nobody out for long.

    Args:
        allowed: Failures of a peer in ``FAILURES_WINDOW`` seconds.
        overall: Failures of all peers in that time, however many addresses a guesser has.
    """

    def __init__(self, clock: Clock, *, allowed: int, overall: int = FAILURES_OVERALL) -> None:
        self._clock = clock
        self._allowed = allowed
        self._all: deque[float] = deque(maxlen=overall)
        self._failures: dict[str, deque[float]] = {}

    def wait(self, peer: str | None) -> float:
        """Seconds until ``peer`` may try again; 0 is now."""
        mine = self._failures.get(_key(peer))
        return max(self._remaining(self._all), 0.0 if mine is None else self._remaining(mine))

    def failed(self, peer: str | None) -> None:
        """``peer`` gave a wrong token."""
        now, key = self._clock.monotonic(), _key(peer)
        mine = self._failures.pop(key, None)
        self._failures[key] = deque(maxlen=self._allowed) if mine is None else mine
        self._failures[key].append(now)
        self._all.append(now)
        if len(self._failures) > PEERS_REMEMBERED:
            del self._failures[next(iter(self._failures))]  # who failed longest ago

    def _remaining(self, failures: deque[float]) -> float:
        if len(failures) < (failures.maxlen or 0):
            return 0.0
        return max(0.0, failures[0] + FAILURES_WINDOW - self._clock.monotonic())


def _key(peer: str | None) -> str:
    """What one guesser has: an address, or all that a network of IPv6 has."""
    try:
        address = ip_address((peer or "").partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(int(address) >> _HOST_BITS)
