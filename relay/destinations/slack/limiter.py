"""When Slack takes the next message: one a second with a burst of a few, as far as it has told (docs.slack.dev).

    note(now) ──> one begins        answered(now) ──> it has certainly arrived
    refused(now, wait) ──> a 429: nothing before its time, and half the burst from then on; without a burst to
                           halve, half the pace

A virtual schedule (GCRA): each message moves the time at which the burst is whole again by one interval. A message
counts as arrived no earlier than it was answered where the burst was whole, so that a slow first connection does not
make the next ones come too soon: with the burst that Slack allows, or a smaller one, it never has to refuse.

Slack limits a webhook, whoever uses it: destinations with one url share one limiter (``SlackLimits``).
"""

from __future__ import annotations

from typing import Final
from weakref import WeakValueDictionary

from relay.clock import Clock
from relay.durations import format_duration
from relay.secret import Secret

INTERVAL: Final = 1.0
"""Seconds that one message takes of the rate."""

BURST: Final = 4
"""Messages that go out at once after a rest; Slack allows a few and names no number."""

SLOWEST: Final = 8.0
"""Seconds to which the interval doubles at most; a longer wait that Slack asks for is obeyed all the same."""

QUIET: Final = 600.0
"""Seconds without a refusal after which one step is taken back: half the interval, or one more in the burst."""


class SlackLimiter:
    """The pace of one webhook; see ``relay.limiter.Limiter``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._burst = BURST
        self._interval = INTERVAL
        self._whole_at = float("-inf")  # when the burst is whole again
        self._not_before = float("-inf")
        self._changed_at = 0.0  # when it was last slowed down, or took a step back

    @property
    def burst(self) -> int:
        """How many go out at once after a rest."""
        self._recover()
        return self._burst

    def ready_at(self) -> float:
        """The monotonic time from which one more may begin."""
        self._recover()
        return max(self._not_before, self._whole_at - (self._burst - 1) * self._interval)

    def note(self, now: float) -> None:
        """One begins."""
        self._whole_at = max(self._whole_at, now) + self._interval

    def answered(self, now: float) -> None:
        """The one that was noted has arrived, now at the latest."""
        self._whole_at = max(self._whole_at, now + self._interval)

    def refused(self, now: float, wait: float | None) -> None:
        """Slack had too many: nothing before ``wait`` seconds have passed, and then one at a time.

        Args:
            now: Monotonic seconds.
            wait: What ``Retry-After`` says; an interval, where it says nothing.
        """
        self._recover()
        if self._burst > 1:
            self._burst //= 2
        else:
            self._interval = min(SLOWEST, self._interval * 2)
        self._changed_at = now
        self._not_before = max(self._not_before, now + (self._interval if wait is None else wait))
        self._whole_at = max(self._whole_at, self._not_before + (self._burst - 1) * self._interval)

    def release(self) -> None:
        """Somebody says go on: what Slack asked for is over, the pace stays."""
        now = self._clock.monotonic()
        self._not_before = float("-inf")
        self._whole_at = min(self._whole_at, now + (self._burst - 1) * self._interval)

    def words(self) -> str:
        """The pace of now; it is slower for a while after Slack had too many."""
        return f"1/{format_duration(self._interval)}, {self.burst} at once"

    def _recover(self) -> None:
        while self._is_slow and self._clock.monotonic() - self._changed_at >= QUIET:
            self._changed_at += QUIET
            if self._interval > INTERVAL:
                self._interval /= 2
            else:
                self._burst += 1

    @property
    def _is_slow(self) -> bool:
        return self._burst < BURST or self._interval > INTERVAL


class SlackLimits:
    """The limiters of all webhooks that somebody posts to, one a url."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of: WeakValueDictionary[str, SlackLimiter] = WeakValueDictionary()

    def of(self, url: Secret) -> SlackLimiter:
        """The limiter of the webhook at ``url``."""
        return self._of.setdefault(url.fingerprint(), SlackLimiter(self._clock))
