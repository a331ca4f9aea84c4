"""What an audit found: the values, and how they are told.

Finding ──lines──> a few lines a channel, at most twenty of each kind of missing alert and of holes
        └─plain──> one JSON object, with all of them
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from relay.cli import wording
from relay.cli.survey import DAY_US, CutBy, Shown
from relay.clock import MICROS, isoformat
from relay.events import Channel, Event
from relay.outbox.channels import Hole
from relay.rules import words
from relay.wording import agreeing

_MOST_LINES: Final = 20  # of one kind: what matters stays on the screen
_MARGIN: Final = 600.0  # seconds until somebody does as the hint says
_HOUR: Final = 3_600.0
_MOST_HOURS: Final = 48  # beyond that, a span is told in days


class Why(StrEnum):
    """Why an alert that REST shows is not in the store."""

    NOT_YET = "not fetched yet"
    LOST = "passed over"


_MEANING: Final = {
    Why.NOT_YET: "the next backfill round fetches them",
    Why.LOST: "below the cursor, where no round looks by itself",
}
_WAITS: Final = "no relay runs: nothing is fetched until one does"

_ADVICE: Final = {
    CutBy.REFUSED: "`relay check --online` says what the key lacks",
    CutBy.FAILING: "ask again when REST answers",
    CutBy.TOO_MANY: "ask for a shorter time with --since",
}

_SHORTER: Final = "--since 24h asks for less"
_NO_SHORTER: Final = "a shorter --since does not change that"  # REST is asked for a day at least


class Missing(msgspec.Struct, frozen=True):
    """An alert that the store has never seen."""

    event: Event
    why: Why


class Compared(msgspec.Struct, frozen=True):
    """A channel, compared.

    Attributes:
        shown: What REST showed of it.
        before_baseline: How many of those fired before the channel's baseline, and are not delivered.
        baseline_us: That, µs since the epoch; None where no round has set one yet.
    """

    shown: Shown
    before_baseline: int = 0
    baseline_us: int | None = None


class Finding(msgspec.Struct, frozen=True):
    """All that was found.

    Attributes:
        since_us: Where the span begins, µs since the epoch.
        until_us: Where it ends.
        store_made_us: When the store was made.
        runs: Whether a relay runs here; None where something answers at its address that can't be understood.
        channels: What REST showed.
        missing: What of it is not in the store, and is not older than the channel's baseline.
        holes: Ranges of that span which the upstream did not show whole when it was asked.
        faults: What must not be in the ledger, a sentence each.
    """

    since_us: int
    until_us: int
    store_made_us: int
    runs: bool | None
    channels: tuple[Compared, ...]
    missing: tuple[Missing, ...] = ()
    holes: tuple[Hole, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Nothing is missing, all could be seen, and the ledger balances."""
        return not (self.missing or self.faults or any(one.shown.cut for one in self.channels))

    @property
    def fetched_by(self) -> str:
        """The command that fetches all that is missing; empty where nothing is."""
        return f"relay backfill --since {_span(self)}" if self.missing else ""


def _span(found: Finding) -> str:
    """How far back the missing ones reach, in whole hours or days, and a little more."""
    times = [one.event.triggered_at.us if one.event.triggered_at else found.since_us for one in found.missing]
    hours = math.ceil(((found.until_us - min(times)) / MICROS + _MARGIN) / _HOUR)
    return f"{max(1, hours)}h" if hours <= _MOST_HOURS else f"{math.ceil(hours / 24)}d"


def lines(found: Finding) -> Iterator[str]:
    """To be read."""
    yield f"audit since {isoformat(found.since_us)}:"
    missing = Counter(one.event.channel for one in found.missing)
    for one in found.channels:
        yield from _channel(one, missing[one.shown.channel], long=found.until_us - found.since_us > DAY_US)
    for why in Why:
        yield from _missing(why, [one.event for one in found.missing if one.why is why], runs=found.runs)
    yield from _some(
        [f"  hole: {wording.hole(hole.channel, hole.after_id, hole.up_to_id, hole.part)}" for hole in found.holes]
    )
    for fault in found.faults:
        yield f"  the ledger does not balance: {fault}"
    if not found.faults:
        yield "  the ledger balances: every delivery is in exactly one state"
    if found.missing:
        waits = " into the store, and it is delivered when a relay runs" if found.runs is False else ""
        yield f"`{found.fetched_by}` fetches what is missing{waits}."


def _channel(one: Compared, missing: int, *, long: bool) -> Iterator[str]:
    shown = one.shown
    if shown.cut and not shown.events:
        yield f"  {words.CHANNEL_WORDS[shown.channel]}: REST showed none of them"
    else:
        verdict = f"{missing:,} missing" if missing else "none is missing"
        among = " among those shown" if shown.cut else ""
        yield f"  {words.CHANNEL_WORDS[shown.channel]}: REST shows {len(shown.events):,}, {verdict}{among}"
    if one.before_baseline:
        fate = f"{agreeing(one.before_baseline, 'it is', 'they are')} not delivered"
        yield f"    {one.before_baseline:,} of them fired before {_baseline(one.baseline_us)}: {fate}"
    if shown.cut and shown.cut.by is CutBy.HIDDEN:
        yield f"    {shown.cut.why}: whether it hid one can't be told; {_SHORTER if long else _NO_SHORTER}"
    elif shown.cut:
        yield f"    there may be more that were not looked at: {shown.cut.why}"
        yield f"    whether one of those is missing is not known: {_ADVICE[shown.cut.by]}"


def _baseline(us: int | None) -> str:
    return "the baseline, which the first round is yet to set" if us is None else f"the baseline ({isoformat(us)})"


def _missing(why: Why, events: Sequence[Event], *, runs: bool | None) -> Iterator[str]:
    if not events:
        return
    meaning = _WAITS if why is Why.NOT_YET and runs is False else _MEANING[why]
    yield f"  missing, {why}: {len(events):,} ({meaning})"
    yield from _some([f"    {_named(event)}" for event in events])


def _some(told: Sequence[str]) -> Iterator[str]:
    yield from told[:_MOST_LINES]
    if (more := len(told) - _MOST_LINES) > 0:
        yield f"    … and {more:,} more; --json lists all"


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
            "store_made": isoformat(found.store_made_us),
            "relay_runs": found.runs,
            "channels": list(map(_compared, found.channels)),
            "missing": [{**_fields(one.event), "why": one.why.value} for one in found.missing],
            "fetched_by": found.fetched_by or None,
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


def _compared(one: Compared) -> dict[str, object]:
    return {
        "channel": one.shown.channel.value,
        "shown": len(one.shown.events),
        "before_baseline": one.before_baseline,
        "baseline": None if one.baseline_us is None else isoformat(one.baseline_us),
        "cut": one.shown.cut.why if one.shown.cut else None,
        "cut_by": one.shown.cut.by if one.shown.cut else None,
    }


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
