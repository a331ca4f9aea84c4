"""When Slack takes the next message: one a second with a burst of a few, as far as it has told (docs.slack.dev).

    note(now) ──> one begins        answered(now) ──> it has certainly arrived
    refused(now, wait) ──> a 429: nothing before its time, and half the burst from then on

A virtual schedule (GCRA): each message moves the time at which the burst is whole again by one interval. A message
counts as arrived no earlier than it was answered where the burst was whole, so that a slow first connection does not
make the next ones come too soon: with the burst that Slack allows, or a smaller one, it never has to refuse.

Slack limits a webhook, whoever uses it: destinations with one url share one limiter (``SlackLimits``).
"""

from __future__ import annotations

from typing import Final

from relay.clock import Clock
from relay.secret import Secret

INTERVAL: Final = 1.0
"""Seconds that one message takes of the rate."""

BURST: Final = 4
"""Messages that go out at once after a rest; Slack allows a few and names no number."""

QUIET: Final = 600.0
"""Seconds without a refusal after which the burst grows back by one."""


class SlackLimiter:
    """The pace of one webhook; see ``relay.limiter.Limiter``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._burst = BURST
        self._whole_at = float("-inf")  # when the burst is whole again
        self._not_before = float("-inf")
        self._changed_at = float("-inf")  # when the burst was last cut or grew

    @property
    def burst(self) -> int:
        """How many go out at once after a rest."""
        if self._burst < BURST:
            grown = int((self._clock.monotonic() - self._changed_at) // QUIET)
            self._changed_at += grown * QUIET
            self._burst = min(BURST, self._burst + grown)
        return self._burst

    def ready_at(self) -> float:
        """The monotonic time from which one more may begin."""
        return max(self._not_before, self._whole_at - (self.burst - 1) * INTERVAL)

    def note(self, now: float) -> None:
        """One begins."""
        self._whole_at = max(self._whole_at, now) + INTERVAL

    def answered(self, now: float) -> None:
        """The one that was noted has arrived, now at the latest."""
        self._whole_at = max(self._whole_at, now + INTERVAL)

    def refused(self, now: float, wait: float | None) -> None:
        """Slack had too many: nothing before ``wait`` seconds have passed, and then one at a time.

        Args:
            now: Monotonic seconds.
            wait: What ``Retry-After`` says; an interval, where it says nothing.
        """
        self._burst = max(1, self.burst // 2)
        self._changed_at = now
        self._not_before = max(self._not_before, now + (INTERVAL if wait is None else wait))
        self._whole_at = max(self._whole_at, self._not_before + (self._burst - 1) * INTERVAL)


class SlackLimits:
    """The limiters of all webhooks, one a url."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of: dict[str, SlackLimiter] = {}

    def of(self, url: Secret) -> SlackLimiter:
        """The limiter of the webhook at ``url``."""
        return self._of.setdefault(url.fingerprint(), SlackLimiter(self._clock))
