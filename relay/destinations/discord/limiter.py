"""When Discord takes the next message, as far as its answers have told: nothing is assumed.

    answer ──Told──> WebhookBucket    X-RateLimit-Remaining, -Reset-After and -Bucket, and a 429's wait
                └──> DiscordLimits    what counts per address: 50 a second, a global 429, 10,000 invalid answers in
                                      ten minutes, and Cloudflare's ban for those
    lane ──ready_at, note──> Limit = both of them

A bucket belongs to a webhook, so two destinations that post to one webhook share its bucket. Where nothing is known
(at the start, and when what was known has run out) one message at a time goes out until its answer tells. Times are
monotonic seconds of the clock. (Source: docs.discord.com, topics, rate limits.)
"""

from __future__ import annotations

from collections import deque
from typing import Final
from weakref import WeakValueDictionary

import structlog

from relay.clock import Clock
from relay.destinations.discord.told import EDGE_WAIT, Scope, Told
from relay.limiter import EvenPace, SlidingLog

GLOBAL: Final = 45
"""Of the 50 requests a second that Discord takes from one address; the rest is for what else runs there."""

_AT_ONCE: Final = 10  # of those; the others are spread over the second, so that two seconds' shares never meet

INVALID: Final = (5_000, 600.0)
"""Of the 10,000 invalid answers in ten minutes that get an address banned."""

LONGEST_BAN: Final = 900.0
"""Seconds up to which the wait after Cloudflare's refusals doubles; a longer one that it asks for is obeyed."""

MARGIN: Final = 0.025
"""Seconds added to a reset: it is told in milliseconds, and to be early costs a 429."""

_A_SECOND: Final = 1.0  # the span of the global limit: what to wait where its 429 does not say
_ABANDONED: Final = 60.0  # a message that was noted and whose answer never came no longer counts as under way
_ASK_AGAIN: Final = 0.05  # how soon to look whether another destination's message on this bucket has been answered
_NEVER: Final = float("-inf")

_log = structlog.get_logger()


class WebhookBucket:
    """The rate limit of one webhook."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun: deque[float] = deque()
        self._name: str | None = None
        self._most: int | None = None
        self._remaining: int | None = None
        self._reset_at = _NEVER
        self._held_until = _NEVER

    def ready_at(self) -> float:
        """The monotonic time from which one more may begin."""
        now = self._clock.monotonic()
        if self._held_until > now:
            return self._held_until
        if self._remaining is not None and now < self._reset_at:
            return _NEVER if self._remaining > 0 else self._reset_at
        return now + _ASK_AGAIN if self._under_way(now) else _NEVER

    def note(self, now: float) -> None:
        """One begins."""
        self._begun.append(now)
        if self._remaining is not None and self._remaining > 0:
            self._remaining -= 1

    def learn(self, told: Told) -> None:
        """What the answer to one that is under way tells."""
        now = self._clock.monotonic()
        others = max(0, self._under_way(now) - 1)
        if told.remaining is not None and told.reset_after is not None:
            # What is still under way was perhaps not counted yet, unless it is another limit that tells.
            same = told.bucket == self._name
            self._name = told.bucket
            self._most = told.limit
            self._remaining = max(0, told.remaining - others) if same else told.remaining
            self._reset_at = now + told.reset_after + MARGIN
        if told.limited is Scope.BUCKET and told.wait is not None:
            self._remaining = None
            self._held_until = max(self._held_until, now + told.wait + MARGIN)

    def release(self) -> None:
        """What was told is forgotten; the next answer tells anew."""
        self._remaining = None
        self._reset_at = self._held_until = _NEVER

    def words(self) -> str:
        """What the last answer told, as of now."""
        now = self._clock.monotonic()
        if self._held_until > now:
            return "told to wait"
        if self._remaining is None:
            return ""
        left = self._remaining if now < self._reset_at else self._most
        most = "" if self._most is None else f"{self._most} at once"
        return ", ".join(part for part in (most, "" if left is None else f"{left} left") if part)

    def ended(self) -> None:
        """One is no longer under way, answered or not."""
        if self._begun:
            self._begun.popleft()

    def _under_way(self, now: float) -> int:
        while self._begun and now - self._begun[0] > _ABANDONED:
            self._begun.popleft()
        return len(self._begun)


class DiscordLimits:
    """What Discord counts per address: one for all Discord destinations of the process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._requests = EvenPace(_AT_ONCE, 1 / (GLOBAL - _AT_ONCE))
        self._invalid = SlidingLog(*INVALID)
        self._held_until = _NEVER
        self._banned_until = _NEVER
        self._ban = 0.0
        self._buckets: WeakValueDictionary[str, WebhookBucket] = WeakValueDictionary()  # while somebody posts there

    def bucket(self, webhook: str) -> WebhookBucket:
        """The bucket of a webhook, by what tells it from others; the same one each time."""
        return self._buckets.setdefault(webhook, WebhookBucket(self._clock))

    def ready_at(self) -> float:
        """The monotonic time from which one more may begin."""
        return max(self._requests.ready_at(), self._invalid.ready_at(), self._held_until, self._banned_until)

    def note(self, now: float) -> None:
        """One begins."""
        self._requests.note(now)

    def learn(self, told: Told) -> float | None:
        """What an answer tells.

        Returns:
            Seconds for which nothing may go to Discord at all, where it says so.
        """
        now = self._clock.monotonic()
        if told.invalid:
            self._invalid.note(now)
        if told.limited is Scope.EDGE:
            return self._edge_refused(now, told.wait or 0.0)
        self._ban = 0.0
        if told.limited is not Scope.GLOBAL:
            return None
        wait = _A_SECOND if told.wait is None else told.wait
        self._held_until = max(self._held_until, now + wait + MARGIN)
        return wait

    def _edge_refused(self, now: float, asked: float) -> float:
        if now >= self._banned_until:  # what was under way when the first refusal came is the same ban
            self._ban = min(max(EDGE_WAIT, 2 * self._ban), LONGEST_BAN)
            _log.warning("discord's edge refuses this address: nothing is sent there for a while", seconds=self._ban)
        self._banned_until = max(self._banned_until, now + max(self._ban, asked))
        return self._banned_until - now


class Limit:
    """What one destination asks: its webhook's bucket and what all share."""

    def __init__(self, bucket: WebhookBucket, shared: DiscordLimits) -> None:
        self._bucket = bucket
        self._shared = shared

    def ready_at(self) -> float:
        """When both are ready."""
        return max(self._bucket.ready_at(), self._shared.ready_at())

    def note(self, now: float) -> None:
        """One begins, for both."""
        self._bucket.note(now)
        self._shared.note(now)

    def release(self) -> None:
        """Forget what this webhook's answers told; what holds the whole address is not one destination's to forget."""
        self._bucket.release()

    def words(self) -> str:
        """The webhook's: what all share is seldom what holds one up."""
        return self._bucket.words()

    def learn(self, told: Told) -> float | None:
        """What an answer tells, to both.

        Returns:
            Seconds for which nothing may go to Discord at all, where it says so.
        """
        self._bucket.learn(told)
        return self._shared.learn(told)

    def ended(self) -> None:
        """One is no longer under way, answered or not."""
        self._bucket.ended()
