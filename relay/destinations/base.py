"""What a lane knows of a destination: it takes one message and says what came of it.

    lane ──Message──> Destination.send ──HTTP──> …
                          └──Outcome──> lane

A destination renders, sends and judges one attempt. It never retries, waits or remembers: that is the lane's.
It raises nothing but ``asyncio.CancelledError``; whatever goes wrong on the wire is an ``Outcome``.
"""

from __future__ import annotations

from typing import Protocol

from relay.deliveries import Message, Outcome


class Destination(Protocol):
    """A place alerts go to."""

    @property
    def name(self) -> str:
        """Its name in the config."""
        ...

    async def send(self, message: Message) -> Outcome:
        """Make one attempt.

        Returns:
            The outcome; failures on the wire included.
        """
        ...
