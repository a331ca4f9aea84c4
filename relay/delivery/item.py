"""One delivery that a lane holds, and what it remembers of it while it does."""

from __future__ import annotations

import msgspec

from relay.deliveries import Delivery


class Item(msgspec.Struct, eq=False):
    """A held delivery.

    Attributes:
        delivery: As claimed; replaced after each attempt.
        not_before: Monotonic time of its own back-off.
        last_attempt: Monotonic time at which its last attempt alone in this process began; None before.
        shared: How many attempts it shared with others in this process: they tell little of it.
        first_failed: Monotonic time at which it first failed in this process.
        last_failed: And last.
        tried_since: Monotonic time of its first attempt, where that was in this process and it was held since.
        stepped_aside: How many times it let a successor be the probe.
        suspect: A successor was answered while it failed: should it fail once more, it is to blame itself.
        alone: A message that held it and others was refused, or failed while others succeed: it goes alone now.
        stale: It was under way when the queue was read anew: the store may know that it is no longer wanted.
    """

    delivery: Delivery
    not_before: float = float("-inf")
    last_attempt: float | None = None
    shared: int = 0
    first_failed: float | None = None
    last_failed: float | None = None
    tried_since: float | None = None
    stepped_aside: int = 0
    suspect: bool = False
    alone: bool = False
    stale: bool = False

    def tried_longest_ago(self) -> tuple[float, int, int]:
        """Sorts what was never tried alone first, then by time, then by attempts and place in the queue."""
        last = float("-inf") if self.last_attempt is None else self.last_attempt
        return (last, max(0, self.delivery.attempts - self.shared), self.delivery.sequence)
