"""No request before its end: how all look-ups back off together where the server asks for patience.

429 ──begin──> over() waits: as long as the server asks, else 1 s doubled to 30 s ──answer──> reset
"""

from __future__ import annotations

import random
from typing import Final

from relay.backoff import Backoff
from relay.clock import Clock

FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 30.0


class Hold:
    """A pause for everybody.

    Attributes:
        episode: Counts holds, so that requests which were under way together count as one failure.
    """

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._backoff = Backoff(rng, first=FIRST_WAIT, cap=LONGEST_WAIT)
        self._until = clock.monotonic()
        self.episode = 0

    async def over(self) -> None:
        """Return when requests may go out."""
        while (left := self._until - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)

    def begin(self, asked: float | None, episode: int) -> None:
        """Hold everything: as long as the server asks, else (nothing asked, or less than a second) longer each time.

        Args:
            asked: Seconds that the server asks for; None where it names none.
            episode: As it was when the request that failed went out.
        """
        if episode == self.episode:
            self.episode += 1
            wait = self._backoff.next()
        elif asked is None:
            return  # an answer to what went out before the hold
        else:
            wait = FIRST_WAIT
        if asked is not None and asked >= FIRST_WAIT:
            wait = asked
        self._until = max(self._until, self._clock.monotonic() + wait)

    def reset(self) -> None:
        """The upstream answers again."""
        self._backoff.reset()
