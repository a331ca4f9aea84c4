"""What an audit found: the values, and how they are told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from relay.cli.survey import Shown
from relay.clock import isoformat
from relay.events import Channel, Event
from relay.outbox.base import Hole
from relay.rules import words


class Why(StrEnum):
    """Why an alert that REST shows is not in the store."""

    NOT_YET = "not fetched yet"
    LOST = "passed over"


_MEANING = {
    Why.NOT_YET: "the next backfill round fetches it",
    Why.LOST: "it lies below the cursor, and no round fetches it by itself",
}


class Missing(msgspec.Struct, frozen=True):
    """An alert that the store has never seen."""

    event: Event
    why: Why


class Finding(msgspec.Struct, frozen=True):
    """All that was found.

    Attributes:
        since_us: Where the span begins, µs since the epoch.
        channels: What REST showed.
        missing: What of it is not in the store, and is not older than the relay's beginning.
        holes: Ranges of that span which the upstream did not show whole when it was asked.
        faults: What must not be in the ledger, a sentence each.
    """

    since_us: int
    channels: tuple[Shown, ...]
    missing: tuple[Missing, ...] = ()
    holes: tuple[Hole, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Nothing is missing, all could be seen, and the ledger balances."""
        return not (self.missing or self.faults or any(shown.cut for shown in self.channels))


def lines(found: Finding) -> Iterator[str]:
    """To be read."""
    yield f"audit since {isoformat(found.since_us)}:"
    missing = Counter(one.event.channel for one in found.missing)
    for shown in found.channels:
        number = missing[shown.channel]
        verdict = f"{number:,} missing" if number else "none is missing"
        yield f"  {words.CHANNEL_WORDS[shown.channel]}: REST shows {len(shown.events):,}, {verdict}"
        if shown.cut:
            yield f"    not all of them could be seen: {shown.cut}"
    for one in found.missing:
        yield f"  missing: {_named(one.event)}: {one.why}, {_MEANING[one.why]}"
    for hole in found.holes:
        yield f"  hole: {hole.channel} ids {hole.after_id + 1} to {hole.up_to_id} ({hole.part}) were not shown whole"
    for fault in found.faults:
        yield f"  the ledger does not balance: {fault}"
    if not found.faults:
        yield "  the ledger balances: every delivery is in exactly one state"
    if found.missing:
        yield "`relay backfill --since` fetches what is missing."


def _named(event: Event) -> str:
    what = ", ".join(event.symbols) if event.channel is Channel.BREAKS else event.symbol
    parts = [what, event.timeframe and f"[{event.timeframe}]", event.direction, event.shape]
    number = "without an id" if event.id is None else str(event.id)
    when = "" if event.triggered_at is None else f", triggered {event.triggered_at.isoformat()}"
    return f"{event.channel} {number} {' '.join(part for part in parts if part)}{when}".strip()


def plain(found: Finding) -> str:
    """For a program: one JSON object."""
    return json.dumps(
        {
            "ok": found.sound,
            "since": isoformat(found.since_us),
            "channels": [
                {"channel": shown.channel, "shown": len(shown.events), "cut": shown.cut or None}
                for shown in found.channels
            ],
            "missing": [{**_fields(one.event), "why": one.why.value} for one in found.missing],
            "holes": [
                {
                    "channel": hole.channel,
                    "after_id": hole.after_id,
                    "up_to_id": hole.up_to_id,
                    "part": hole.part,
                    "found_at": isoformat(hole.found_at_us),
                }
                for hole in found.holes
            ],
            "ledger": {"balances": not found.faults, "faults": list(found.faults)},
        },
        ensure_ascii=False,
    )


def _fields(event: Event) -> dict[str, object]:
    return {
        "channel": event.channel.value,
        "id": event.id,
        "symbol": event.symbol,
        "symbols": list(event.symbols),
        "timeframe": event.timeframe,
        "direction": event.direction,
        "triggered_at": event.triggered_at.isoformat() if event.triggered_at else None,
    }
