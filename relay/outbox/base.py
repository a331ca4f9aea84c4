"""The outbox: every event and every delivery, durable before anything is sent.

    entries ──commit──> [events + deliveries (+ round end)]      one atomic, durable step; repeated: no effect
                              │
    lane ──claim(after)──> deliveries in sequence order ──┬─ ack      delivered
                                                          ├─ retry    pending, not before a time
                                                          ├─ bury     dead letter
                                                          └─ expire   too old, kept visible
    decider ──deciding──> deliveries that a rule asks about ──decide──> pending, suppressed, or gone

What holds always:

* A commit is all or nothing, and durable when it returns. Committing an alert that is there already makes none of its
  deliveries again; an id it brings is filled in, and what was withheld for the way it had come is released.
* Within a destination, ``sequence`` is the order of commits; claims come in that order.
* The cursor moves only by ``round_end``, together with nothing less than all that the round found.
* A write that the store can't take now (disk full) waits inside the call until it can; ``healthy`` says so.

Nothing here is SQL: positions, keys and times are what a replicated log has too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from relay.deliveries import Delivery, Outcome, RuleMatch, State, Suppression
from relay.events import Channel, Event, Source
from relay.outbox.archive import Archive
from relay.outbox.channels import ChannelState, Hole, RoundEnd
from relay.outbox.memory import Mark, RuleMemory, Side

IDENTITIES_SECONDS: Final = 30 * 86_400.0
"""For how long a store knows an event again at least, after it was received."""

OVERLAP_SECONDS: Final = 120.0
"""An id may become visible that much after a greater one: who looks back, looks back that much further."""


class NewDelivery(msgspec.Struct, frozen=True):
    """A delivery to make if the event turns out to be new.

    Attributes:
        destination: Where to.
        rules: The rules that matched, merged.
        suppressed: Why it is not to be sent; it is stored visibly all the same. Where that is ``source``, the delivery
            is released when the same event is sighted in a way that the destination takes: a race between REST and
            socket loses nothing.
        detail: That, in a sentence.
    """

    destination: str
    rules: tuple[RuleMatch, ...]
    suppressed: Suppression | None = None
    detail: str = ""

    @property
    def state(self) -> State:
        """As which it is stored: suppressed; deciding, while one of its rules asks; else pending."""
        if self.suppressed is not None:
            return State.SUPPRESSED
        return state_of(self.rules)


def state_of(rules: Sequence[RuleMatch]) -> State:
    """``deciding`` while one of ``rules`` asks; else ``pending``."""
    return State.DECIDING if any(rule.ask is not None for rule in rules) else State.PENDING


class Decision(msgspec.Struct, frozen=True):
    """What a look-up came to for one delivery that was deciding.

    Attributes:
        delivery: Which.
        rules: Its rules without those that turned out not to match; none removes the delivery.
        suppressed: Why it is not sent after all; None puts it at the end of its queue.
        detail: That, in a sentence.
        states: As in ``Delivery``.
        marks: What cooldowns remember of its event if this is still to be decided; one that stands in several decisions
            is kept once.
    """

    delivery: Delivery
    rules: tuple[RuleMatch, ...]
    suppressed: Suppression | None = None
    detail: str = ""
    states: bytes | None = None
    marks: tuple[Mark, ...] = ()


class Entry(msgspec.Struct, frozen=True):
    """One sighting of an event, with what is to be sent if it is the first.

    Attributes:
        event: The event as sighted.
        source: ``live`` or ``backfill``.
        received_at_us: µs since the epoch.
        deliveries: At most one a destination.
        marks: What cooldowns remember if the event turns out to be new, or releases what was withheld.
        sides: What rules on quotes and states remember, whatever it turns out to be.
    """

    event: Event
    source: Source
    received_at_us: int
    deliveries: tuple[NewDelivery, ...] = ()
    marks: tuple[Mark, ...] = ()
    sides: tuple[Side, ...] = ()


class Sighting(StrEnum):
    """What an entry turned out to be."""

    NEW = "new"
    DUPLICATE = "duplicate"
    RELEASED = "released"  # a duplicate that came in a way for which a delivery was withheld


class Switch(StrEnum):
    """Whether a destination takes deliveries."""

    ON = "on"
    PAUSED = "paused"  # by a person
    OFF = "off"  # by its own answer


class DestinationState(msgspec.Struct, frozen=True):
    """What is remembered of a destination over restarts.

    Attributes:
        switch: On, paused or off.
        reason: Why it is off, for a person.
        since_us: Since when, µs since the epoch.
        fingerprint: Of the config it was switched off under; another config switches it on again.
        held_since_us: When it last asked us to send nothing (``Retry-After``).
        held_until_us: Until when; 0 where it did not.
    """

    switch: Switch = Switch.ON
    reason: str = ""
    since_us: int = 0
    fingerprint: str = ""
    held_since_us: int = 0
    held_until_us: int = 0


class QueueStats(msgspec.Struct, frozen=True):
    """A destination's deliveries, each in exactly one state.

    Attributes:
        counts: By state, as far as they are kept; what was sent again by hand is among them.
        oldest_pending_us: When the oldest pending one was received; None where none waits.
        suppressed: The suppressed among ``counts``, by reason.
        replays: Those among ``counts`` that were sent again by hand.
        pruned: By state, those that retention has deleted; what was sent again by hand is not among them, so that each
            event counts once in all.
    """

    counts: Mapping[State, int]
    oldest_pending_us: int | None = None
    suppressed: Mapping[str, int] = {}
    replays: Mapping[State, int] = {}
    pruned: Mapping[State, int] = {}


class Outbox(Protocol):
    """What the relay asks of its store; ``tests/contract`` holds every implementation to it."""

    @property
    def healthy(self) -> bool:
        """False while a write waits because the store can't take it."""
        ...

    @property
    def damage(self) -> str:
        """What is wrong with the store itself, so that it takes no more writes, and what helps; or empty."""
        ...

    @property
    def first_started_at_us(self) -> int:
        """When this store was first opened by a relay, µs since the epoch."""
        ...

    @property
    def memory(self) -> RuleMemory:
        """What rules and people left to be remembered."""
        ...

    @property
    def archive(self) -> Archive:
        """What is stored, as people look it up, and what they may do with it."""
        ...

    async def commit(
        self, entries: Sequence[Entry], *, round_end: RoundEnd | None = None, holes: Sequence[Hole] = ()
    ) -> list[Sighting]:
        """Store new events with their deliveries, and the end of a round; durable on return.

        Returns:
            For each entry, in order, what it turned out to be.
        """
        ...

    async def deciding(self, *, after: int, limit: int) -> list[Delivery]:
        """Deliveries that wait for a look-up, with a number above ``after``, in order."""
        ...

    async def decide(self, decisions: Sequence[Decision], *, at_us: int) -> frozenset[int]:
        """Note what look-ups came to; what is to be sent gets the next sequences of its queue, in the order given.

        Returns:
            The numbers of those that were still deciding. Decisions on others change nothing, and leave no mark.
        """
        ...

    async def claim(
        self, destination: str, *, after: int, limit: int, skip: Collection[str] = ()
    ) -> tuple[list[Delivery], int]:
        """Pending, unparked deliveries with a sequence above ``after``, but none with a key in ``skip``.

        Returns:
            At most ``limit`` of them in order, and the sequence up to which the queue has been looked at.
        """
        ...

    async def claim_key(self, destination: str, key: str, *, after: int, limit: int) -> list[Delivery]:
        """Pending, unparked deliveries of one ordering key with a sequence above ``after``, in order."""
        ...

    async def claim_parked(self, destination: str, *, due_us: int, latest_us: int, limit: int) -> list[Delivery]:
        """Parked deliveries whose time has come by ``due_us``, or lies after ``latest_us``; the earliest time first.

        Args:
            destination: Whose.
            due_us: Now.
            latest_us: Later than any back-off reaches: such a time was noted before the clock was set back.
            limit: How many at most.
        """
        ...

    async def next_parked_us(self, destination: str, *, after_us: int) -> int | None:
        """The earliest time after ``after_us`` at which a parked delivery is due; None where there is none."""
        ...

    async def ack(self, delivery: Delivery, outcome: Outcome, *, at_us: int) -> None:
        """It was delivered."""
        ...

    async def retry(self, delivery: Delivery, outcome: Outcome, *, at_us: int, retry_at_us: int, parked: bool) -> None:
        """It failed at ``at_us``; not again before ``retry_at_us``."""
        ...

    async def bury(self, delivery: Delivery, outcome: Outcome, *, at_us: int) -> None:
        """It is dead; payload, attempts and last answer stay."""
        ...

    async def expire(self, delivery: Delivery, *, at_us: int) -> None:
        """No rule wants it any more; kept visible."""
        ...

    async def drop_older(self, destination: str, *, before_us: int, at_us: int) -> int:
        """Expire what was received before ``before_us`` and still waits; how many there were.

        It goes in steps, so that no commit waits for a million rows; after a crash in between the rest still waits.
        """
        ...

    async def destination(self, name: str) -> DestinationState:
        """Whether a destination is on, and why not."""
        ...

    async def switch(self, name: str, state: DestinationState) -> None:
        """Switch a destination.

        Turning it on moves ``first_attempt_at_us`` of what waits by the time it was off, and forgets what it asked
        for; otherwise ``held_since_us`` and ``held_until_us`` stay as they are.
        """
        ...

    async def hold(self, name: str, *, since_us: int, until_us: int) -> None:
        """Remember that a destination asked at ``since_us`` for nothing before ``until_us``."""
        ...

    async def channel(self, channel: Channel) -> ChannelState:
        """Cursor, baseline and learnt page size of a channel."""
        ...

    async def learn_page(self, channel: Channel, size: int) -> None:
        """Remember the largest answer seen from a channel's endpoint."""
        ...

    async def known_symbols(self) -> list[str]:
        """Symbols of stored in-force alerts, sorted."""
        ...

    async def stats(self) -> dict[str, QueueStats]:
        """Every destination that ever had a delivery, by name."""
        ...

    async def holes(self, *, limit: int = 100) -> list[Hole]:
        """Recorded holes, newest first."""
        ...

    async def prune(
        self, *, finished_before_us: int, identities_before_us: int, marks_before_us: int, limit: int = 500
    ) -> bool:
        """One small step of retention, over at most ``limit`` rows; whether this sweep has more to look at.

        Finished deliveries and bodies nobody waits for go after ``finished_before_us``; identities after
        ``identities_before_us``, and never while above the cursor's overlap (without an id: while received after the
        oldest kept round began); marks that were noted before ``marks_before_us``, and snoozes that ended before
        ``finished_before_us``. Dead letters stay.
        """
        ...

    async def close(self) -> None:
        """Finish what was asked for and let go of the store."""
        ...
