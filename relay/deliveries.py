"""One event on its way to one destination, and what came of an attempt.

    Event × Destination ──> Delivery ──attempt──> Outcome ──> delivered | pending again | dead | expired
                               └── not sent at all: suppressed (a Suppression) · deciding (a rule Asks first)

``Delivery`` is what the outbox hands to a lane and a lane to a destination; ``Outcome`` is what comes back.
Both are plain values: the outbox and the destinations know them, and not each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Literal, TypeAlias

import msgspec

from relay.clock import MICROS
from relay.events import Event, Source
from relay.states import StateWanted

Ordering: TypeAlias = Literal["symbol", "strict", "none"]
"""What a lane keeps in order: the deliveries of each key, all of them, or nothing."""


class State(StrEnum):
    """Where a delivery stands; exactly one at a time."""

    PENDING = "pending"
    DECIDING = "deciding"  # waits for a look-up before its rules can say yes or no
    DELIVERED = "delivered"
    DEAD = "dead"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"


WAITING: Final = (State.PENDING, State.DECIDING)
"""What is still to be sent, or to be decided."""


class Suppression(StrEnum):
    """Why a rule that matched, or a destination, does not want an event sent; ``last_code`` of such a delivery."""

    SOURCE = "source"  # the destination does not take what comes this way
    SNOOZE = "snooze"  # a person wants silence for a while
    ACTIVE = "active"  # outside of the rule's hours
    COOLDOWN = "cooldown"  # too near another alert of the same kind
    UNKNOWN = "unknown"  # what the rule must know could not be looked up


class Other(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule that an ``otherwise`` comes after: what it wants, and whether it matches where that can't be known."""

    wanted: StateWanted
    deliver_unknown: bool = False


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is to be known before a rule can say yes, as the rule stood at the commit.

    Attributes:
        wanted: What the symbol's state must be; None where it is only to be shown.
        enrich: The state is added to the message.
        deliver_unknown: Where it can't be known, the rule wants the event all the same.
        unless: The rule is an ``otherwise``: it matches only where none of these do.
        cooldown: Seconds; judged once the rest is known. None is none. By itself it waits to see whether the alert that
            would hold this one back is a new one.
    """

    wanted: StateWanted | None = None
    enrich: bool = False
    deliver_unknown: bool = False
    unless: tuple[Other, ...] = ()
    cooldown: float | None = None


class RuleMatch(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule that matched the event, as of the commit.

    Attributes:
        name: The rule's name.
        expires_at_us: When this rule stops wanting it sent (its own ``max_age``), µs since the epoch; None is never.
            Its destination's is not kept with it: that counts as it is at the moment of sending.
        mention: Whom it asks a chat to ping, as the config says it.
        suppressed: Why it does not want it sent all the same; None where it does.
        ask: What is still to be looked up; None where nothing is.
    """

    name: str
    expires_at_us: int | None = None
    mention: tuple[str, ...] = ()
    suppressed: Suppression | None = None
    ask: Ask | None = None


class Delivery(msgspec.Struct, frozen=True):
    """A stored event for one destination.

    Attributes:
        id: The outbox's number for it.
        destination: Name of the destination.
        sequence: Rises per destination, without meaning beyond order.
        ordering_key: Deliveries with equal keys keep their order in an ordered lane.
        webhook_id: Stable over attempts, restarts and replays.
        rules: The rules that matched, merged.
        attempts: How many were made before now, since it was queued last.
        first_attempt_at_us: µs since the epoch; moved on by the time the destination was switched off.
        retry_at_us: Not before this; 0 where there was no failure.
        parked: It failed while others succeeded: it no longer holds up its successors.
        source: How the event came.
        received_at_us: When the event was first seen.
        updated_at_us: When the store last noted something about it.
        event_key: The event's key as first stored.
        event: The event itself.
        states: Snapshots to show with it: a JSON object, symbol to the upstream's own object; None where none are.
        earlier: How many were made before it was queued again as a dead letter. They are told with the others; what is
            decided by how many there were goes by ``attempts``.
    """

    id: int
    destination: str
    sequence: int
    ordering_key: str
    webhook_id: str
    rules: tuple[RuleMatch, ...]
    attempts: int
    first_attempt_at_us: int | None
    retry_at_us: int
    parked: bool
    source: Source
    received_at_us: int
    updated_at_us: int
    event_key: str
    event: Event
    states: bytes | None = None
    earlier: int = 0

    @property
    def attempt(self) -> int:
        """The number of the next attempt among all that were ever made: 1 for the first."""
        return self.earlier + self.attempts + 1

    @property
    def happened_us(self) -> int:
        """When it triggered, or was received where the upstream told no usable time; µs since the epoch."""
        triggered = self.event.triggered_at
        return self.received_at_us if triggered is None else triggered.us

    def expires_at_us(self, rule: RuleMatch, max_age: float | None) -> int | None:
        """When it expires for ``rule``, one of its own, where the destination takes nothing older than ``max_age``."""
        return earliest_us(rule.expires_at_us, expiry_us(self.happened_us, max_age))

    def wanted_by(self, now_us: int, max_age: float | None = None) -> tuple[RuleMatch, ...]:
        """The rules that still want it sent at ``now_us``; none means it has expired.

        Args:
            now_us: µs since the epoch.
            max_age: Seconds after which its destination takes nothing any more, as of now; None is never.
        """
        return tuple(
            rule
            for rule in self.rules
            if rule.suppressed is None
            and ((expires_at_us := self.expires_at_us(rule, max_age)) is None or now_us < expires_at_us)
        )

    def message(
        self, wanted: Sequence[RuleMatch], *, now_us: int, simulated: bool, max_age: float | None = None
    ) -> Message:
        """As it is sent now.

        Args:
            wanted: Those of its rules that still want it.
            now_us: The moment of sending, µs since the epoch.
            simulated: The upstream is a simulator.
            max_age: As for ``wanted_by``.
        """
        expiries = [self.expires_at_us(rule, max_age) for rule in wanted]
        return Message(
            delivery=self,
            rules=tuple(rule.name for rule in wanted),
            expires_at_us=None if None in expiries else max((at for at in expiries if at is not None), default=None),
            attempt=self.attempt,
            now_us=now_us,
            simulated=simulated,
            mentions=tuple(dict.fromkeys(text for rule in wanted for text in rule.mention)),
        )


def expiry_us(at_us: int, max_age: float | None) -> int | None:
    """When what happened at ``at_us`` (µs since the epoch) is older than ``max_age`` seconds; None is never."""
    return None if max_age is None else at_us + round(max_age * MICROS)


def earliest_us(*times: int | None) -> int | None:
    """The first of ``times``, of which None is never."""
    return min((at_us for at_us in times if at_us is not None), default=None)


def webhook_id(event_key: str, destination: str, *, again: int | None = None) -> str:
    """The id a receiver drops duplicates by: the same for one event and destination for ever, without a dot.

    Args:
        event_key: The event's.
        destination: Its name.
        again: The number of a delivery that is to be taken for another one; None for the event's own.
    """
    named = f"{event_key}\n{destination}" if again is None else f"{event_key}\n{destination}\n{again}"
    return f"msg_{hashlib.sha256(named.encode()).hexdigest()[:32]}"


class Verdict(StrEnum):
    """What an answer means for the delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"
    SWITCH_OFF = "switch_off"  # dead, and the destination takes nothing until someone looks at it


class Outcome(msgspec.Struct, frozen=True):
    """What one attempt came to.

    Attributes:
        verdict: What to do now.
        code: The HTTP status, or a short name for what happened instead (``timeout``, ``connect``, ``tls``, ``dns``).
        detail: One sentence for a person; never holds a secret.
        answer: The beginning of the answer's body, as text.
        retry_after: Seconds the destination asks us to wait before *anything* goes to it, or None.
    """

    verdict: Verdict
    code: str
    detail: str = ""
    answer: str = ""
    retry_after: float | None = None

    @property
    def asks_for_patience(self) -> bool:
        """Whether the destination works and only wants a pause: that is nobody's fault."""
        return self.retry_after is not None or self.code == "429"


class Message(msgspec.Struct, frozen=True):
    """One delivery in an attempt, as a destination renders it.

    Attributes:
        delivery: What is sent.
        rules: Names of the rules that still want it.
        expires_at_us: When the last of them stops wanting it; None where one never does.
        attempt: 1 for the first.
        now_us: The moment of sending, µs since the epoch.
        simulated: The upstream is a simulator on loopback.
        mentions: Whom those rules ask a chat to ping, each once.
    """

    delivery: Delivery
    rules: tuple[str, ...]
    expires_at_us: int | None
    attempt: int
    now_us: int
    simulated: bool = False
    mentions: tuple[str, ...] = ()
