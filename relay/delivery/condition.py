"""Whether a lane may send now: the answer to "is it the destination that fails, or one message?".

    OPEN ──a failure──> HELD until T ──T──> PROBE (one at a time) ──success──> OPEN
                          ^                   │
                          └────failure────────┘   twice as long, with full jitter

* What was in flight when the destination began to fail counts as one failure.
* A failure while others succeed is the message's own: a success was answered after this attempt began, or since this
  message last failed. The lane stays open and the message backs off alone.
* A wait that was asked for is no riddle: the probe after it may carry many messages. After any other failure it
  carries one, so that a message that nobody can take is told from a destination that is down.
* ``Retry-After`` always holds the whole lane, in full, whoever got it.

Pure: times are monotonic seconds that are handed in.
"""

from __future__ import annotations

import random

from relay.backoff import full_jitter


class Condition:
    """The state of one lane.

    Args:
        first: Seconds of the first back-off, before jitter.
        cap: The longest back-off.
        rng: For the jitter.
    """

    def __init__(self, *, first: float, cap: float, rng: random.Random) -> None:
        self._first = first
        self._cap = cap
        self._rng = rng
        self._failures = 0
        self._asked = False
        self._failed_at = float("-inf")
        self._succeeded_at = float("-inf")
        self._asked_until = float("-inf")
        self._failing_since = float("-inf")
        self.held_until = float("-inf")

    @property
    def failures(self) -> int:
        """Failures in a row; 0 when open."""
        return self._failures

    def failing_seconds(self, now: float) -> float:
        """For how long it has failed; 0 when open."""
        return now - self._failing_since if self._failures else 0.0

    @property
    def in_doubt(self) -> bool:
        """Whether it failed, last, for a reason that it did not tell."""
        return self._failures > 0 and not self._asked

    def at_once(self, usual: int) -> int:
        """How many attempts may be under way from ``held_until`` on: ``usual``, or one probe while it fails."""
        return 1 if self._failures else usual

    def succeeded(self, now: float) -> None:
        """An attempt was answered as it should be."""
        self._failures = 0
        self._succeeded_at = now

    def is_own_fault(self, *, began: float, last_failed: float | None) -> bool:
        """Whether an attempt that began at ``began`` and now failed is to blame itself.

        Args:
            began: When this attempt began.
            last_failed: When the same message failed before, if it did.
        """
        return self.succeeded_since(began) or self.succeeded_since(last_failed)

    def succeeded_since(self, moment: float | None) -> bool:
        """Whether an attempt was answered after ``moment``; None is no moment at all."""
        return moment is not None and self._succeeded_at > moment

    def failed(self, now: float, *, began: float, asked: bool = False) -> float:
        """The destination failed; the time until which the lane is held.

        Args:
            now: When.
            began: When the attempt did.
            asked: It only asked for patience.
        """
        self._asked = asked
        if began > self._failed_at:
            if not self._failures:
                self._failing_since = now
            self._failures += 1
            self._failed_at = now
            delay = full_jitter(self._failures, first=self._first, cap=self._cap, rng=self._rng)
            self.held_until = max(self.held_until, now + delay)
        return self.held_until

    def hold(self, now: float, seconds: float) -> bool:
        """The destination asks for ``seconds`` without anything new; whether that is longer than it asked before."""
        longer = now + seconds > self._asked_until
        self._asked_until = max(self._asked_until, now + seconds)
        self.held_until = max(self.held_until, self._asked_until)
        return longer

    def release(self) -> None:
        """Someone says it is well again: nothing is held, the next attempt decides."""
        self._failures = 0
        self._failed_at = self.held_until = self._asked_until = float("-inf")
