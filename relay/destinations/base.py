"""What a lane knows of a destination: it takes what waits, as much as goes into one message, and says what came of it.

    lane ──what waits──> Destination.fits ──how many──> lane
    lane ──a batch─────> Destination.send ──HTTP──> …
                             └──Outcome──> lane

A batch is what one attempt carries, in the order of the queue; a webhook's holds one alert, a chat's what waited.
A destination renders, sends and judges one attempt. It never retries, waits or remembers what it sent: that is the
lane's. What it knows of its provider's limits it tells by ``limiter``, which the lane asks before every attempt.
It raises nothing but ``asyncio.CancelledError``; whatever goes wrong on the wire is an ``Outcome``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from relay.deliveries import Message, Outcome
from relay.destinations.notice import Notice
from relay.limiter import Limiter


class Destination(Protocol):
    """A place alerts go to."""

    @property
    def name(self) -> str:
        """Its name in the config."""
        ...

    @property
    def capacity(self) -> int:
        """The most alerts that ``fits`` can ever say; with 1, everything goes alone."""
        ...

    @property
    def limiter(self) -> Limiter | None:
        """When the provider takes the next attempt, as far as it has told; None where it never tells."""
        ...

    def fits(self, waiting: Sequence[Message]) -> int:
        """How many of the first of ``waiting`` go out as one.

        Args:
            waiting: What waits, in order; at least one, and ``capacity`` at most.

        Returns:
            From 1 to their number.
        """
        ...

    async def send(self, batch: Sequence[Message]) -> Outcome:
        """Make one attempt with all of ``batch``, which ``fits``.

        Returns:
            The outcome for all of them; failures on the wire included.
        """
        ...


class Previewable(Destination, Protocol):
    """A destination that shows what it would send; every kind that the config knows does (``factory``)."""

    def render(self, batch: Sequence[Message]) -> bytes:
        """The body that ``send`` would send for ``batch``, which ``fits``: JSON, unless a template makes it other.

        Raises:
            RenderError: The user's template fails for it; ``send`` says the same as an outcome.
        """
        ...


class Informed(Previewable, Protocol):
    """A destination that can be told of the relay's own troubles; every kind that the config knows can be."""

    async def tell(self, notice: Notice) -> Outcome:
        """Make one attempt with a notice: past templates, digests and pings, marked as no alert.

        Returns:
            Its outcome; failures on the wire included.
        """
        ...
