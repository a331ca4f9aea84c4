"""What the intake needs of a config: its rules, compiled, and what each destination takes. Swapped as a whole."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from relay.events import Source
from relay.rules.match import RuleIndex


class Terms(msgspec.Struct, frozen=True):
    """What a destination takes.

    Attributes:
        sources: How an event may have come.
        max_age: Seconds after the trigger at which nothing is sent there any more; None is for ever.
    """

    sources: frozenset[Source] = frozenset({Source.LIVE, Source.BACKFILL})
    max_age: float | None = None


class Plan(msgspec.Struct, frozen=True):
    """The rules and destinations of one config.

    Attributes:
        index: The rules.
        terms: By the name of the destination.
        longest_cooldown: Of all rules, seconds.
    """

    index: RuleIndex
    terms: Mapping[str, Terms]
    longest_cooldown: float = 0.0

    def max_age(self, destination: str) -> float | None:
        """After how many seconds it takes an alert no more; None is never, and what is known of one that is gone."""
        terms = self.terms.get(destination)
        return None if terms is None else terms.max_age
