"""Where a channel begins: what is old, and never delivered.

    no cursor ──one complete round──> Baseline(newest id, server's time)      what it showed is old
         │
         └─ not answered in time, or refused ──> Baseline(None, first start)  time alone decides; the usual rounds
                                                                              that follow fetch and deliver the rest

The second kind is stored at once, as the end of a round that fetched everything up to id 0, before anything is
subscribed. So a crash does not turn into "old" what was missed since the relay's first start, and no half-fetched
baseline has to change its mind: what it held is dropped, and fetched again under the new rule.
"""

from __future__ import annotations

from collections.abc import Iterable

from relay.clock import MICROS
from relay.events import Channel, Event
from relay.outbox.channels import Baseline, ChannelState, RoundEnd


def is_old(event: Event, baseline: Baseline) -> bool:
    """Whether an alert lies before the channel's beginning."""
    return baseline.precedes(event.id, event.triggered_at)


def part_old(events: Iterable[Event], baseline: Baseline | None) -> tuple[list[Event], list[Event]]:
    """The events to deliver and the old ones, each in the order given; without a baseline none is old."""
    recovered: list[Event] = []
    old: list[Event] = []
    for event in events:
        (old if baseline is not None and is_old(event, baseline) else recovered).append(event)
    return recovered, old


def provisional(channel: Channel, before_us: int) -> RoundEnd:
    """The beginning of a channel whose past could not be asked for: everything since ``before_us`` is to be fetched."""
    return RoundEnd(channel, 0, before_us, before_us, Baseline(None, before_us))


def has_baseline(state: ChannelState) -> bool:
    """Whether a complete round over REST has been made; a provisional beginning is none."""
    if not state.rounds:
        return False
    newest = state.rounds[-1]
    return newest.position > 0 or newest.completed_at_us > newest.began_at_us


def beginning_us(now_us: int, on_first_start: float) -> int:
    """The instant before which nothing is delivered: ``on_first_start`` seconds before ``now_us``."""
    return now_us - round(on_first_start * MICROS)
