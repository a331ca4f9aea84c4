"""What rules remember and people ask for, over restarts: marks, sides, snoozes.

    an alert that a cooldown lets through ──> Mark      written with its event
    a rule on quotes or states flips      ──> Side      written with the event it fires, or by itself
    `relay snooze NAME 2h`                ──> Snooze    written when it is asked for

Read whole at the start and held in memory by whoever judges; the store only makes it last.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Protocol

import msgspec

MOST_MARKS: Final = 100_000
"""Alerts that cooldowns are measured by; of more, those that came last."""


class Mark(msgspec.Struct, frozen=True):
    """An alert that a rule with a cooldown let through: what the next one is measured by.

    Attributes:
        rule: The rule's name.
        subject: The symbol, or one word for all breaks.
        timeframe: As the event has it, empty where it has none.
        direction: Likewise.
        at_us: The alert's own time, µs since the epoch.
        count: How many futures took part in a break; 0 elsewhere.
        noted_us: When the alert came to us: how long it is remembered goes by this, whatever time the alert tells.
        precision_us: How finely the alert told its time; 0 for a quote or a state, of which none comes twice.
        shape: Of the alert, empty where it has none.
        upstream_id: The alert's id, None where it was sighted without.
    """

    rule: str
    subject: str
    timeframe: str
    direction: str
    at_us: int
    count: int = 0
    noted_us: int = 0
    precision_us: int = 1
    shape: str = ""
    upstream_id: int | None = None


class Side(msgspec.Struct, frozen=True):
    """On which side of its condition a rule on quotes or states last saw a symbol.

    Attributes:
        rule: The rule's name.
        symbol: Upper case.
        condition: The rule's condition in its canonical text: another condition remembers nothing.
        side: A small number whose meaning is the condition's.
    """

    rule: str
    symbol: str
    condition: str
    side: int


class SnoozeKind(StrEnum):
    """What is snoozed."""

    RULE = "rule"
    DESTINATION = "destination"
    SYMBOL = "symbol"


class Snooze(msgspec.Struct, frozen=True):
    """Silence that a person asked for; what comes meanwhile is suppressed, visibly.

    Attributes:
        kind: What ``name`` is a name of.
        name: The rule's or destination's name, or the symbol in upper case.
        since_us: When it was asked for, µs since the epoch.
        until_us: When it ends.
    """

    kind: SnoozeKind
    name: str
    since_us: int
    until_us: int


class RuleMemory(Protocol):
    """The part of a store that rules and people remember in; ``relay.outbox.base.Outbox.memory``."""

    async def marks(self, *, since_us: int, limit: int) -> list[Mark]:
        """What cooldowns remember of the last ``limit`` alerts that came at ``since_us`` or later, in that order."""
        ...

    async def sides(self) -> list[Side]:
        """All that rules on quotes and states remember."""
        ...

    async def note_sides(self, sides: Sequence[Side]) -> None:
        """Remember sides on which no rule fired."""
        ...

    async def forget_sides(self, *, but: Sequence[Side]) -> None:
        """Forget the sides of other rules and symbols: what they saw would be told as news one day."""
        ...

    async def snoozes(self) -> list[Snooze]:
        """Snoozes, those that are over included until they are pruned."""
        ...

    async def snooze(self, snooze: Snooze) -> None:
        """Begin a snooze, in place of an earlier one of the same thing."""
        ...

    async def wake(self, kind: SnoozeKind, name: str) -> bool:
        """End a snooze; whether there was one."""
        ...
