"""What an outbox in memory keeps, which is what survives its restart."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from relay.deliveries import Delivery, State
from relay.events import Channel, Source
from relay.outbox.base import DestinationState
from relay.outbox.channels import Baseline, Hole, RoundEnd
from relay.outbox.identity import Known
from relay.outbox.memory import Mark, Side, Snooze, SnoozeKind


@dataclass
class Record:
    delivery: Delivery
    event_seq: int
    state: State = State.PENDING
    code: str = ""
    error: str = ""
    again_us: int | None = None  # when it was queued once more, by hand
    again: bool = False  # beside the delivery that it repeats

    @property
    def queued_us(self) -> int:
        return self.delivery.received_at_us if self.again_us is None else self.again_us


@dataclass
class Stored:
    known: Known
    key: str
    source: Source
    body: bool = True


@dataclass
class Memory:
    """What survives a restart."""

    first_started_at_us: int
    events: dict[int, Stored] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    destinations: dict[str, DestinationState] = field(default_factory=dict)
    rounds: dict[Channel, list[RoundEnd]] = field(default_factory=dict)
    baselines: dict[Channel, Baseline] = field(default_factory=dict)
    pages: dict[Channel, int] = field(default_factory=dict)
    holes: list[Hole] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    sides: dict[tuple[str, str], Side] = field(default_factory=dict)
    snoozes: dict[tuple[SnoozeKind, str], Snooze] = field(default_factory=dict)
    pruned: dict[str, Counter[State]] = field(default_factory=dict)
    last_event: int = 0
    last_delivery: int = 0
