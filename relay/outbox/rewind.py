"""What a damaged store lost is fetched again: which alerts to forget, and how far the cursors go back.

    deliveries that can't be read ──what do the indexes say?──┬─ finished ──> lost as history, nothing else
                                                              └─ waiting, or unknown ──> their alert is forgotten

    events lost or forgotten ──the earliest of them was received at T──> rounds completed after T are dropped
                                                                          └─ none left: one that knows only T

A round that starts from the cursor as it stood at T finds whatever came to us since. Where no such cursor is left, a
round of position 0 makes the next one ask for all since T, twice over (``relay/backfill/bounds.py``); the rest of the
store recognises what it knows. Identities of thirty days and more are gone by then, so the baseline moves up to where
they begin: what fired earlier is old.

Where the store does not even tell any more when the relay first started, nothing tells what it had delivered of the
time before, either. It begins anew then, and looks back no further: else a chat would have all of thirty days again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from relay.clock import MICROS
from relay.deliveries import WAITING, State
from relay.events import ALERT_CHANNELS
from relay.outbox.base import IDENTITIES_SECONDS, OVERLAP_SECONDS
from relay.outbox.losses import Gone
from relay.outbox.rescue import MOST_NAMED, Rescue
from relay.outbox.salvage import DamagedStore, Gap

IDENTITIES_US: Final = round(IDENTITIES_SECONDS * MICROS)
"""No further back is anything fetched again: what fired before may be forgotten."""

_OVERLAP_US: Final = round(OVERLAP_SECONDS * MICROS)
_NO_NUMBER: Final = 2**62
_UNSURE: Final = 2**20  # numbers: more than that are no page's
_CHANNELS: Final = tuple(channel.value for channel in ALERT_CHANNELS)


class LeftOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """A delivery that is not in the new store, as far as it is known.

    Attributes:
        event: Its event's key.
        state: In which it was.
        destination, webhook_id: Where it could be read, though its event could not.
        id: Its number; 0 where that could not be read.
    """

    event: str = ""
    state: str = ""
    destination: str = ""
    webhook_id: str = ""
    id: int = 0


class Rewound(NamedTuple):
    """How far back a repaired store goes, µs since the epoch.

    Attributes:
        since_us: Since when the next rounds ask anew; None where no alert and no cursor was lost.
        begins_us: The beginning that a channel was given because nothing told its own, or somebody wanted a later one;
            None where each has its own.
    """

    since_us: int | None = None
    begins_us: int | None = None


class Loss(msgspec.Struct):
    """What lost deliveries mean for their alerts.

    Attributes:
        forgotten: Alerts that were forgotten so as to be fetched again.
        since_us: When the earliest of them was received.
        left_out: Dead letters that are lost for good; a thousand at most.
    """

    forgotten: int = 0
    since_us: int | None = None
    left_out: list[LeftOut] = []


def forget(old: DamagedStore, fresh: sqlite3.Connection, rescue: Rescue, gone: Gone, *, oldest_us: int) -> Loss:
    """Forget the alerts of which a delivery is lost that may have waited, if they came at ``oldest_us`` or later."""
    loss = Loss(left_out=[])
    finished = {number for state in State if state not in WAITING for number in gone[state] or ()}
    gaps = [gap for gap in (*rescue.gaps["deliveries"], *rescue.spoilt["deliveries"]) if gap.size < _UNSURE]
    unread = {number for gap in gaps for number in range(gap.first, gap.last + 1)}  # each may have waited
    dead = gone[State.DEAD] or []
    (last,) = fresh.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
    there = {number for (number,) in fresh.execute("SELECT id FROM deliveries")}
    events = old.events_of(there, last)
    # each index may be spoilt itself and not know it: what one of them has and the table has not, is lost
    lost = (unread.union(events) - finished).union(*(gone[state] or () for state in WAITING))
    loss.left_out = [
        LeftOut(_key(fresh, events.get(number)), State.DEAD.value, id=number) for number in dead[:MOST_NAMED]
    ]
    wanted = {events[number] for number in lost if number in events}
    if "deliveries" in rescue.repeated:  # then those that lay there are gone without a trace
        wanted.update(_bereft(fresh, Gap(0, _NO_NUMBER)))
    else:
        unknown = lost - events.keys()
        for gap in gaps:
            if any(number in unknown for number in range(gap.first, gap.last + 1)):
                wanted.update(_bereft(fresh, gap))
    _drop(fresh, loss, wanted, oldest_us)
    return loss


def _key(fresh: sqlite3.Connection, seq: int | None) -> str:
    row = fresh.execute("SELECT key FROM events WHERE seq = ?", (seq,)).fetchone()
    return str(row[0]) if row else ""


def _bereft(fresh: sqlite3.Connection, gap: Gap) -> set[int]:
    """Where no index tells whose the lost deliveries were: events of that time that have none left.

    The events just before and after may have lost some of theirs, and count as bereft. What was sent again by hand lies
    among the deliveries of its day, not of its event's, and tells nothing.
    """
    (low,) = fresh.execute(
        "SELECT coalesce(max(event), 0) FROM deliveries WHERE id < ? AND again = 0", (gap.first,)
    ).fetchone()
    after = fresh.execute(
        "SELECT event FROM deliveries WHERE id > ? AND again = 0 ORDER BY id LIMIT 1", (gap.last,)
    ).fetchone()
    high = after[0] if after else _NO_NUMBER
    found = fresh.execute(
        "SELECT seq FROM events e WHERE seq BETWEEN ? AND ? AND data IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event = e.seq AND d.again = 0)",
        (low, high),
    )
    return {low, high, *(seq for (seq,) in found)}


def _drop(fresh: sqlite3.Connection, loss: Loss, wanted: Iterable[int], oldest_us: int) -> None:
    for seq in sorted(wanted):
        row = fresh.execute("SELECT channel, received_at FROM events WHERE seq = ?", (seq,)).fetchone()
        if row is None or row[0] not in _CHANNELS or row[1] < oldest_us:
            continue
        fresh.execute("DELETE FROM deliveries WHERE event = ?", (seq,))
        fresh.execute("DELETE FROM events WHERE seq = ?", (seq,))
        loss.forgotten += 1
        loss.since_us = row[1] if loss.since_us is None else min(loss.since_us, row[1])


def rewind(fresh: sqlite3.Connection, rescue: Rescue, loss: Loss, *, now_us: int, refetch_us: int) -> Rewound:
    """Turn the cursors back to before the loss."""
    times = [] if loss.since_us is None else [loss.since_us]
    times += [_before(fresh, gap) for gap in (*rescue.gaps["events"], *rescue.spoilt["events"])]
    times += [int(str(row["received_at"])) for row in rescue.orphans if _is_time(row["received_at"])]
    oldest_us = now_us - min(refetch_us, IDENTITIES_US)
    times += _skipped(fresh, loss, oldest_us)
    times += [us for channel in _CHANNELS if (us := _behind(fresh, channel)) is not None]
    cursors_lost = not rescue.is_whole("rounds", "channels")
    if not times and not cursors_lost:
        return Rewound()
    since_us = max(oldest_us, min(times, default=now_us) - _OVERLAP_US)
    begun = [channel for channel in _CHANNELS if cursors_lost or _began(fresh, channel)]
    turned = [_turn_back(fresh, channel, since_us, oldest_us, rescue) for channel in begun]
    return Rewound(
        min((one.since_us for one in turned if one.since_us is not None), default=None),
        min((one.begins_us for one in turned if one.begins_us is not None), default=None),
    )


def _is_time(value: object) -> bool:
    return isinstance(value, int) and value > 0


def _skipped(fresh: sqlite3.Connection, loss: Loss, oldest_us: int) -> list[int]:
    """Where a page was overwritten by another, nothing fails but numbers are missing, which are given out in a row."""
    found = fresh.execute(
        "SELECT earlier FROM (SELECT seq, received_at, lag(seq) OVER numbers AS below, "
        "lag(received_at) OVER numbers AS earlier FROM events WINDOW numbers AS (ORDER BY seq)) "
        "WHERE seq > below + 1 AND received_at >= ?",
        (oldest_us,),
    ).fetchall()
    return [earlier for (earlier,) in found] if len(found) > loss.forgotten else []


def _behind(fresh: sqlite3.Connection, channel: str) -> int | None:
    """Where the cursor is beyond all that is known, what lies between is lost: when the newest known one came."""
    position, known, heard_us = fresh.execute(
        "SELECT (SELECT coalesce(max(position), 0) FROM rounds WHERE channel = ?1), "
        "max(coalesce((SELECT max(upstream_id) FROM events WHERE channel = ?1), 0), "
        "coalesce((SELECT baseline_id FROM channels WHERE name = ?1), 0)), "
        "(SELECT coalesce(max(received_at), 0) FROM events WHERE channel = ?1)",
        (channel,),
    ).fetchone()
    return int(heard_us) if position > known else None


def _before(fresh: sqlite3.Connection, gap: Gap) -> int:
    row = fresh.execute(
        "SELECT received_at FROM events WHERE seq < ? ORDER BY seq DESC LIMIT 1", (gap.first,)
    ).fetchone()
    return int(row[0]) if row else 0


def _began(fresh: sqlite3.Connection, channel: str) -> bool:
    (count,) = fresh.execute("SELECT count(*) FROM rounds WHERE channel = ?", (channel,)).fetchone()
    return bool(count)


def _turn_back(fresh: sqlite3.Connection, channel: str, since_us: int, oldest_us: int, rescue: Rescue) -> Rewound:
    position, known, heard_us, first_us = fresh.execute(
        "SELECT (SELECT coalesce(max(position), 0) FROM rounds WHERE channel = ?1), "
        "(SELECT coalesce(max(upstream_id), 0) FROM events WHERE channel = ?1), "
        "(SELECT max(received_at) FROM events WHERE channel = ?1), (SELECT min(first_started_at) FROM relay)",
        (channel,),
    ).fetchone()
    baseline = fresh.execute("SELECT baseline_id, baseline_before FROM channels WHERE name = ?", (channel,)).fetchone()
    old_id, before_us = baseline or (None, None)
    begins_anew = before_us is None and not rescue.beginning_known
    before_us = first_us if before_us is None else before_us
    if before_us < oldest_us:
        old_id, before_us = max(old_id or 0, position, known), oldest_us
    if rescue.begin_us is not None and rescue.begin_us > before_us and not rescue.saved["events"].kept:
        old_id, before_us, begins_anew = None, rescue.begin_us, True
    fresh.execute("DELETE FROM rounds WHERE channel = ? AND completed_at > ?", (channel, since_us))
    left = fresh.execute("SELECT max(completed_at) FROM rounds WHERE channel = ?", (channel,)).fetchone()[0]
    if left is None:
        if not position:  # nothing tells any more how far it had come: from the last that was heard of it
            since_us = max(oldest_us, min(since_us, (first_us if heard_us is None else heard_us) - _OVERLAP_US))
        if begins_anew:
            since_us = max(since_us, before_us)
        fresh.execute("INSERT INTO rounds VALUES (?, 0, ?, ?)", (channel, since_us, since_us + 1))
    fresh.execute(
        "INSERT INTO channels (name, baseline_id, baseline_before) VALUES (?, ?, ?) ON CONFLICT (name) "
        "DO UPDATE SET baseline_id = excluded.baseline_id, baseline_before = excluded.baseline_before",
        (channel, old_id, before_us),
    )
    return Rewound(since_us, before_us if begins_anew else None)
