"""Sightings of alerts, as hypothesis makes them up, and a book that remembers events between groups of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.events import Source
from relay.outbox.base import Entry, Sighting
from relay.outbox.identity import Known, resolve
from tests.support.clock import START_US
from tests.support.events import a_break, entry, in_force


class Book:
    """What a store remembers between groups."""

    def __init__(self) -> None:
        self.knowns: list[Known] = []

    def take(self, entries: Sequence[Entry]) -> list[tuple[Sighting, int]]:
        """Each entry's sighting, with the number of the event it is."""
        found = resolve(entries, [msgspec.structs.replace(k) for k in self.knowns], next_seq=len(self.knowns) + 1)
        for seq, upstream_id in found.claims.items():
            known = self.knowns[seq - 1]
            assert known.event.id is None
            known.event = msgspec.structs.replace(known.event, id=upstream_id)
        self.knowns += [known for _, known in found.new]
        assert [known.seq for known in self.knowns] == list(range(1, len(self.knowns) + 1))
        ids = [(k.event.channel, k.event.id) for k in self.knowns if k.event.id is not None]
        assert len(ids) == len(set(ids)), "an id was given to two events"
        return list(zip(found.sightings, found.seqs, strict=True))

    def take_in_groups(self, entries: Sequence[Entry], sizes: Sequence[int]) -> list[tuple[Sighting, int]]:
        results: list[tuple[Sighting, int]] = []
        rest = list(entries)
        for size in itertools.cycle(sizes):
            if not rest:
                return results
            results += self.take(rest[:size])
            rest = rest[size:]
        return results


ids = st.one_of(st.none(), st.integers(1, 6))

groups = st.lists(st.integers(1, 5), min_size=1, max_size=4)

times = st.sampled_from(
    (
        None,
        "2026-04-10T13:45:22Z",
        "2026-04-10T13:45:22.123456+00:00",
        "2026-04-10T13:45:22.900Z",
        "2026-04-10T13:45Z",
        "2026-04-10T13:45:59Z",
        "2026-04-10T13:46:00Z",
    )
)


@st.composite
def sightings(draw: st.DrawFn) -> Entry:
    if draw(st.integers(0, 4)) == 0:
        event = a_break(draw(ids), timeframe=draw(st.sampled_from("DW")), at=draw(times))
    else:
        event = in_force(
            draw(ids),
            draw(st.sampled_from(("AAPL", "AAPL", "MSFT", None))),
            timeframe=draw(st.sampled_from(("D", "W", None))),
            shape=draw(st.sampled_from(("1-2U", None))),
            at=draw(times),
        )
    source = draw(st.sampled_from((Source.LIVE, Source.BACKFILL)))
    return entry(event, "bot", source=source, at_us=START_US + draw(st.integers(0, 10)) * 60 * MICROS)
