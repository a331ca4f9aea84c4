"""What is done to the relay, and when: a list worked out from a seed alone.

    schedule(seed, seconds) ──> Fault(at, kind, seconds, how, value), …     the same seed, the same list

Kinds come out of a bag that is shuffled anew whenever it is empty, so that a long run suffers each of them equally
often, in an order of its own. Faults overlap; what can't be done twice at once is put in a row by whoever does it.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What can go wrong."""

    KILL = "kill -9"
    TERM = "SIGTERM"
    FREEZE = "SIGSTOP"
    DROP = "socket dropped"
    HALF_OPEN = "socket half-open"
    MUTE = "socket accepted, no answer"
    EVICT = "evicted"
    REFUSE = "upgrade refused"
    GARBAGE = "garbage frames"
    SWALLOW = "frames swallowed"
    REPEAT = "frames repeated"
    REORDER = "frames reordered"
    JUMP = "seq jumps"
    REST_429 = "REST 429"
    REST_5XX = "REST 5xx"
    REST_HTML = "REST HTML"
    REST_JSON = "REST wrong JSON"
    REST_HANG = "REST hangs"
    REST_CUT = "REST cuts the other end"
    REST_WINDOW = "REST default window"
    DEST_5XX = "destination 5xx"
    DEST_429 = "destination 429"
    DEST_HANG = "destination hangs"
    DEST_DRIP = "destination drips"
    DEST_RESET = "destination resets"
    DEST_HUGE = "destination answers hugely"
    DEST_REDIRECT = "destination redirects"
    DEST_POISON = "destination refuses some"
    DEST_SOUR = "destination fails on some"
    DEST_TLS = "destination TLS"
    DNS = "DNS"
    DISK_FULL = "disk full"
    STORE_REFUSES = "store refuses writes"
    READ_ONLY = "store read-only"
    CLOCK = "clock stepped"
    FDS = "no file descriptors"


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        at: Seconds after the start.
        kind: What.
        seconds: How long; 0 where it is a moment.
        how: Which of several ways, or which destination.
        value: How much: frames, seconds of the clock, of ``Retry-After``.
    """

    at: float
    kind: Kind
    seconds: float = 0.0
    how: str = ""
    value: float = 0.0

    def __str__(self) -> str:
        more = f" {self.how}" if self.how else ""
        much = f" {self.value:g}" if self.value else ""
        return f"{self.at:7.2f} s  {self.kind.value}{more}{much}" + (f" for {self.seconds:g} s" if self.seconds else "")


WAYS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.REFUSE: ("502", "503", "html", "403"),
    Kind.GARBAGE: ("text", "array", "number", "types", "unknown", "binary", "oversized", "deep", "empty"),
    Kind.REST_429: ("", "retry-after"),
    Kind.REST_5XX: ("500", "502", "503"),
    Kind.REST_JSON: ("cut", "array", "items", "types"),
    Kind.REST_CUT: (
        "newest first, newest kept",
        "newest first, oldest kept",
        "oldest first, oldest kept",
        "oldest first, newest kept",
    ),
    Kind.REST_HANG: ("", "reset"),
    Kind.DEST_429: ("seconds", "date", ""),
    Kind.DEST_DRIP: ("head", "body"),
    Kind.DEST_RESET: ("before", "status", "body"),
    Kind.DEST_5XX: ("500", "503"),
    Kind.DEST_POISON: ("400", "422"),
    Kind.DNS: ("", "restart"),
}
"""In which ways a kind comes."""

MOMENTS: Final = frozenset(
    {Kind.KILL, Kind.TERM, Kind.DROP, Kind.GARBAGE, Kind.SWALLOW, Kind.REPEAT, Kind.REORDER, Kind.JUMP}
    | {Kind.REST_CUT, Kind.REST_WINDOW, Kind.CLOCK}
)
"""What is over at once, or stays until the end."""

_AMOUNTS: Final[Mapping[Kind, tuple[float, ...]]] = {
    Kind.SWALLOW: (1, 3, 10),
    Kind.REPEAT: (1, 5),
    Kind.REORDER: (2, 4, 8),
    Kind.JUMP: (-5, 1, 1000),
    Kind.REST_WINDOW: (1, 30, 1440),
    Kind.REST_429: (1, 2),
    Kind.DEST_429: (1, 2),
    Kind.CLOCK: (-600, -180, -45, 30, 200, 900),
}


def schedule(
    seed: int,
    seconds: float,
    *,
    every: float = 0.7,
    longest: float = 2.0,
    freeze: float = 2.5,
    kinds: Collection[Kind] = tuple(Kind),
) -> list[Fault]:
    """The faults of a run.

    Args:
        seed: Decides everything.
        seconds: How long faults go on beginning.
        every: Seconds between two, on average.
        longest: Of a fault that lasts.
        freeze: Of a SIGSTOP, at most.
        kinds: Out of which.
    """
    rng = random.Random(seed)
    bag: list[Kind] = []
    faults: list[Fault] = []
    at = rng.uniform(0, every)
    while at < seconds:
        if not bag:
            bag = sorted(kinds)
            rng.shuffle(bag)
        kind = bag.pop()
        limit = freeze if kind is Kind.FREEZE else longest
        faults.append(
            Fault(
                at=round(at, 2),
                kind=kind,
                seconds=0.0 if kind in MOMENTS else round(rng.uniform(0.2, 1.0) * limit, 2),
                how=rng.choice(WAYS.get(kind, ("",))),
                value=rng.choice(_AMOUNTS.get(kind, (0.0,))),
            )
        )
        at += rng.uniform(0.3, 1.7) * every
    return faults
