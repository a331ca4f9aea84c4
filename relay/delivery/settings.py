"""How a lane behaves, how it stands, and who hears of it."""

from __future__ import annotations

from typing import Protocol

import msgspec

from relay.deliveries import Delivery, Ordering, Outcome
from relay.outbox.base import Switch


class LaneSettings(msgspec.Struct, frozen=True):
    """How a lane behaves; seconds where nothing else is said.

    Attributes:
        concurrency: Attempts under way at once; a strict lane makes one at a time whatever this says.
        rate_limit: Sendings per seconds, or None.
        max_age: Seconds after its trigger from which on nothing is sent; None is never.
        fingerprint: Of the destination's config: a destination that was switched off goes on when it changes.
        simulated: The upstream is a simulator; receivers are told.
    """

    ordering: Ordering = "symbol"
    concurrency: int = 8
    rate_limit: tuple[int, float] | None = None
    retry_initial: float = 1.0
    retry_max: float = 300.0
    give_up_after: float = 86_400.0
    max_age: float | None = None
    fingerprint: str = ""
    simulated: bool = False

    @property
    def at_once(self) -> int:
        """Attempts that may be under way."""
        return 1 if self.ordering == "strict" else self.concurrency


class LaneStatus(msgspec.Struct, frozen=True):
    """What a person sees of a lane.

    Attributes:
        switch: on, paused or off.
        since_us: Since when it is paused or off, µs since the epoch.
        held_seconds: How much longer nothing goes out, because it failed or asked for that; 0 when open.
        paced_seconds: How much longer a limit on its rate holds the next one; 0 where none does.
        last_error: What the last failure said; empty once something was delivered after it.
        failing_seconds: For how long the destination has failed without a success between; 0 where it does not fail.
        limit: What is known of the rate that it keeps to, in a few words; empty where nothing is.
        refusal: Why its last message became a dead letter, by its answer or because it was tried for long enough; empty
            where that was delivered, or a person has resumed the destination or dropped its dead letters since.
    """

    switch: Switch
    reason: str
    since_us: int
    held_seconds: float
    paced_seconds: float
    in_flight: int
    failures: int
    last_error: str
    failing_seconds: float = 0.0
    refusal: str = ""
    limit: str = ""


class Observer(Protocol):
    """Who wants to hear of every outcome (a live display, a stream)."""

    def __call__(self, delivery: Delivery, outcome: Outcome, seconds: float) -> None:
        """An attempt ended, ``seconds`` after the event was received."""
        ...
