"""What is remembered of a channel over restarts, so that a backfill knows where to begin and what it could not see.

first round ──> Baseline: what lies before it is old
each round, complete ──> RoundEnd: up to here all is fetched; the newest is the cursor ──┐
an answer that stays cut ──> Hole: a range in which the upstream may hide alerts         ├─> ChannelState
                                   the largest answer ever seen: was this one cut? ──────┘
"""

from __future__ import annotations

import msgspec

from relay.events import Channel, Instant


class Hole(msgspec.Struct, frozen=True):
    """A range of ids in which the upstream may hold alerts it does not show us.

    Attributes:
        channel: Whose.
        after_id: Ids greater than this …
        up_to_id: … and not greater than this.
        part: The narrowest part that was still cut, in words: ``timeframe=D direction=bullish cc=2U``.
        found_at_us: µs since the epoch.
    """

    channel: Channel
    after_id: int
    up_to_id: int
    part: str
    found_at_us: int


class Baseline(msgspec.Struct, frozen=True):
    """Where a channel began; what lies before it is old and is never delivered.

    An alert is old when its id is not greater than ``id`` and it was triggered before ``before_us`` (or tells no time).
    Where REST answered only after the subscription, ``id`` is None and the time alone decides: older than
    the relay's first start.
    """

    id: int | None
    before_us: int

    def precedes(self, number: int | None, when: Instant | None) -> bool:
        """Whether an alert with this id, triggered then, lies before the channel's beginning.

        A time told in steps (seconds, minutes) is before it only when its whole step is.
        """
        before = when is not None and when.us + when.precision_us <= self.before_us
        if self.id is None or number is None:
            return before
        return number <= self.id and (when is None or before)


class RoundEnd(msgspec.Struct, frozen=True):
    """A completed backfill round.

    Attributes:
        channel: Whose.
        position: Everything up to this id has been fetched.
        began_at_us: When the round began, µs since the epoch.
        completed_at_us: When it was complete.
        baseline: Set by a channel's first round.
    """

    channel: Channel
    position: int
    began_at_us: int
    completed_at_us: int
    baseline: Baseline | None = None


class ChannelState(msgspec.Struct, frozen=True):
    """What is remembered of a channel over restarts.

    Attributes:
        rounds: Completed rounds, oldest first; enough of them to tell the cursor of some minutes ago.
        baseline: Where the channel began; None before its first complete round.
        largest_page: The largest answer ever seen from its endpoint.
    """

    rounds: tuple[RoundEnd, ...] = ()
    baseline: Baseline | None = None
    largest_page: int = 0

    @property
    def cursor(self) -> int | None:
        """The newest position; None before the first complete round."""
        return self.rounds[-1].position if self.rounds else None

    def cursor_at(self, at_us: int) -> int | None:
        """The position as it stood at ``at_us``; None when there was none yet."""
        for done in reversed(self.rounds):
            if done.completed_at_us <= at_us:
                return done.position
        return None
