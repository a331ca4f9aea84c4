"""What becomes of an event, as values: what each rule makes of it, and what each destination would get."""

from __future__ import annotations

import msgspec

from relay.deliveries import Suppression
from relay.outbox.base import Switch
from relay.rules.explain import Failure
from relay.rules.rule import Rule


class Note(msgspec.Struct, frozen=True):
    """What a rule that matched rests on besides the event.

    Attributes:
        about: ``snooze``, ``active``, ``cooldown``, ``state``, ``max_age``, ``route`` or ``edge``.
        holds: Whether it lets the alert through; None where that is not known.
        text: In words.
    """

    about: str
    holds: bool | None
    text: str


class RuleFate(msgspec.Struct, frozen=True):
    """What a rule makes of the event.

    Attributes:
        rule: The rule.
        matched: Whether it matches; None where that rests on what was not looked up, or could not be known.
        failures: What does not hold, in the order a rule is read.
        notes: What else it rests on.
        withheld: Why it has nothing sent though it matched, in words; empty where it has.
        reason: That, as stored with a delivery.
    """

    rule: Rule
    matched: bool | None
    failures: tuple[Failure, ...] = ()
    notes: tuple[Note, ...] = ()
    withheld: str = ""
    reason: Suppression | None = None


class DestinationFate(msgspec.Struct, frozen=True):
    """What a destination would get.

    Attributes:
        name: The destination.
        sent: Whether a message goes out; None where that rests on what was not looked up.
        rules: Those that the message would list; where it is only too old or held, those that wanted it.
        perhaps: Those that would be listed, too, if so.
        reason: Why nothing is sent: a ``Suppression``, ``expired``, ``unmatched``, or a ``Switch``, ``paused`` or
            ``off``, which holds what it would get; empty where it is.
        detail: That, or what ``perhaps`` rests on, in words.
        enriched: The symbol's state would be shown.
    """

    name: str
    sent: bool | None
    rules: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    reason: str = ""
    detail: str = ""
    enriched: bool = False

    @property
    def held(self) -> bool:
        """Whether what it would get is queued until the destination goes on."""
        return self.reason in {Switch.PAUSED, Switch.OFF}


class Foretold(msgspec.Struct, frozen=True):
    """All of it."""

    rules: tuple[RuleFate, ...]
    destinations: tuple[DestinationFate, ...]
