"""Which sightings are the same alert: decided purely, from what the store may already know.

    entries (in order) + candidates ──resolve──> which are new, and which ids they bring to stored events

An event with an id is looked up by it; else it may claim one stored event that has no id yet and looks the same. An
event without an id is a repetition of whatever looks the same. New ones count for the entries after them.

A sighting without a time could be any alert with its fields, today's or last week's. It is taken for the same
only when the two were seen within ``UNTIMED_SPAN_US`` of each other, or the one's time is near the other's arrival;
otherwise a later alert would be swallowed by an old one.

Quotes and states are no alerts: they have no history to come again from, and a value that fires once more at the same
price is another event. Without an id each of them is new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from relay.clock import MICROS
from relay.events import ALERT_CHANNELS, Channel, Event, same_alert
from relay.outbox.base import Entry, Sighting

UNTIMED_SPAN_US: Final = 15 * 60 * MICROS


class Known(msgspec.Struct):
    """An event the store has, or has just decided to have."""

    seq: int
    received_at_us: int
    event: Event


class Resolution(msgspec.Struct, frozen=True):
    """What a group of entries comes to.

    Attributes:
        sightings: One for each entry, in order.
        seqs: The event each entry is, in order.
        new: Events to store, with the index of the entry each came from; ids found later in the group are filled in.
        claims: Ids for stored events that had none: seq to id.
    """

    sightings: list[Sighting]
    seqs: list[int]
    new: list[tuple[int, Known]]
    claims: dict[int, int]


def resolve(entries: Sequence[Entry], candidates: Iterable[Known], *, next_seq: int) -> Resolution:
    """Decide for each entry whether it is new; numbers new events from ``next_seq``."""
    book = _Book(candidates)
    sightings: list[Sighting] = []
    seqs: list[int] = []
    new: list[tuple[int, Known]] = []
    claims: dict[int, int] = {}
    for index, entry in enumerate(entries):
        same = book.find(entry)
        if same is None:
            known = Known(next_seq + len(new), entry.received_at_us, entry.event)
            book.add(known)
            new.append((index, known))
            sightings.append(Sighting.NEW)
            seqs.append(known.seq)
            continue
        sightings.append(Sighting.DUPLICATE)
        seqs.append(same.seq)
        if same.event.id is None and entry.event.id is not None:
            if same.seq < next_seq:
                claims[same.seq] = entry.event.id
            book.claim(same, entry.event.id)
    return Resolution(sightings, seqs, new, claims)


class _Book:
    """Known events by id, and by channel and subject for those that are compared by nature.

    Those without an id are kept apart as well: only they can be what an event with an id is, and they are few.
    """

    def __init__(self, candidates: Iterable[Known]) -> None:
        self._by_id: dict[tuple[Channel, int], Known] = {}
        self._by_subject: defaultdict[tuple[Channel, str | None], list[Known]] = defaultdict(list)
        self._unclaimed: defaultdict[tuple[Channel, str | None], list[Known]] = defaultdict(list)
        for known in candidates:
            self.add(known)

    def add(self, known: Known) -> None:
        place = (known.event.channel, subject(known.event))
        if known.event.id is not None:
            self._by_id[known.event.channel, known.event.id] = known
        else:
            self._unclaimed[place].append(known)
        self._by_subject[place].append(known)

    def claim(self, known: Known, upstream_id: int) -> None:
        known.event = msgspec.structs.replace(known.event, id=upstream_id)
        self._by_id[known.event.channel, upstream_id] = known

    def find(self, entry: Entry) -> Known | None:
        event = entry.event
        if event.id is not None:
            known = self._by_id.get((event.channel, event.id))
            if known is not None:
                return known
        if event.channel not in ALERT_CHANNELS:
            return None
        matching = [
            known for known in self._like(event) if (event.id is None or known.event.id is None) and _same(entry, known)
        ]
        return min(matching, key=lambda known: (-_agreement(event, known.event), known.seq), default=None)

    def _like(self, event: Event) -> Iterable[Known]:
        candidates = self._by_subject if event.id is None else self._unclaimed
        wanted = subject(event)
        if wanted is None:
            return [known for (channel, _), many in candidates.items() if channel is event.channel for known in many]
        return [*candidates.get((event.channel, wanted), ()), *candidates.get((event.channel, None), ())]


def subject(event: Event) -> str | None:
    """What candidates are looked up by: the symbol; one word for all breaks; None where the symbol is missing."""
    return "breaks" if event.channel is Channel.BREAKS else event.symbol


def _same(entry: Entry, known: Known) -> bool:
    if not same_alert(entry.event, known.event):
        return False
    here, there = entry.event.triggered_at, known.event.triggered_at
    if here is not None and there is not None:
        return True
    if abs(entry.received_at_us - known.received_at_us) <= UNTIMED_SPAN_US:
        return True
    if here is not None:
        return abs(here.us - known.received_at_us) <= UNTIMED_SPAN_US
    return there is not None and abs(there.us - entry.received_at_us) <= UNTIMED_SPAN_US


def _agreement(one: Event, other: Event) -> int:
    """How many identifying fields are there on both sides (they are equal, or the two would not match)."""
    pairs = (
        (one.symbol, other.symbol),
        (one.timeframe, other.timeframe),
        (one.direction, other.direction),
        (one.shape, other.shape),
        (one.threshold, other.threshold),
        (one.symbols or None, other.symbols or None),
        (one.triggered_at, other.triggered_at),
    )
    return sum(a is not None and b is not None for a, b in pairs)
