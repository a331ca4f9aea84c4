"""Where the rounds of this run of the relay start, though somebody sets the clock.

    run before ──its own times──> base ──until two rounds of its own lie two minutes apart──> the earlier's position

``bounds`` says what a position needs before it is built upon: two minutes until a later complete round began. A wall
clock that is set forward makes those two minutes out of a moment, and what appears late is lost. Therefore

* within a run ``SteadyTime`` tells the time, which never runs ahead of what has passed. Rounds are stored with its
  times, too;
* a round of this run and one of a run before, with another such clock, are never measured against each other.
"""

from __future__ import annotations

from relay.backfill.bounds import start_after
from relay.clock import Clock, SteadyTime
from relay.outbox.channels import ChannelState, RoundEnd


class Footing:
    """One channel's, for as long as the process lives."""

    def __init__(self, clock: Clock) -> None:
        self._time = SteadyTime(clock)
        self._base: int | None = None
        self._mine: tuple[RoundEnd, ...] = ()
        self._begun = False

    def now_us(self) -> int:
        """µs since the epoch; never ahead of time that has passed in this run."""
        return self._time.now_us()

    def start(self, state: ChannelState) -> int | None:
        """The id to ask after; None asks for everything in the window."""
        if not self._begun:
            self._begun, self._base = True, start_after(state, self.now_us())
        return self._base

    def completed(self, end: RoundEnd) -> None:
        """A round of this run is complete and stored."""
        self._mine = (*self._mine, end)
        trusted = start_after(ChannelState(rounds=self._mine), end.began_at_us)
        if trusted is not None:  # what lies before the position that is built upon is never looked at again
            newest = max(index for index, done in enumerate(self._mine) if done.position == trusted)
            self._base, self._mine = trusted, self._mine[newest:]
