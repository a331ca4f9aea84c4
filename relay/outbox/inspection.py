"""A store looked at by who must not change it: what it knows, how far it has fetched, and whether its ledger balances.

    PATH ──beside its writer──> Inspection ──┬─ unknown(events)   those it has never seen
                                             ├─ channel(channel)  cursor, baseline; store_made_us()
                                             ├─ faults()          what can't be, in sentences
                                             └─ damage(seconds)   what a short look at its pages finds

A relay may hold the store meanwhile: each question is answered as of its own moment. Every call reads a file, and
belongs into a thread.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, cast

from relay.errors import StoreError
from relay.events import Channel, Event, Source
from relay.outbox import rows
from relay.outbox.base import DestinationState, Entry, QueueStats, Sighting
from relay.outbox.channels import ChannelState, Hole
from relay.outbox.check import REPAIR, quick_check, tells_of_damage
from relay.outbox.file import explained, is_held, resolve
from relay.outbox.listings import queue_stats
from relay.outbox.readonly import open_beside
from relay.outbox.recognition import recognise
from relay.outbox.sql import queries

_AT_ONCE: Final = 1_000


class Inspection:
    """An open store, read-only."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def unknown(self, events: Sequence[Event], *, now_us: int) -> list[Event]:
        """Those of ``events``, as REST shows them, that the store has never seen, by the same rules as a commit's."""
        found: list[Event] = []
        for start in range(0, len(events), _AT_ONCE):
            some = events[start : start + _AT_ONCE]
            entries = [Entry(event, Source.BACKFILL, now_us) for event in some]
            resolution = recognise(self._db, entries, next_seq=1 << 62)
            found += [
                event for event, sighting in zip(some, resolution.sightings, strict=True) if sighting is Sighting.NEW
            ]
        return found

    def store_made_us(self) -> int:
        """When this store was made, µs since the epoch."""
        return cast("int", self._db.execute(queries()["first_started"]).fetchone()[0])

    def destination(self, name: str) -> DestinationState:
        """Whether a destination is on, and why not."""
        return rows.destination_state(self._db.execute(queries()["destination"], {"name": name}).fetchone())

    def channel(self, channel: Channel) -> ChannelState:
        """Cursor, baseline and learnt page size of a channel."""
        facts, rounds = self._db.execute(queries()["channel"], {"channel": channel.value}).fetchone()
        return rows.channel_state(channel, facts, rounds)

    def known_symbols(self) -> list[str]:
        """Symbols of stored in-force alerts, sorted."""
        (text,) = self._db.execute(queries()["known_symbols"]).fetchone()
        return cast("list[str]", rows.json_value(text))

    def holes(self, limit: int = 1_000) -> list[Hole]:
        """Recorded holes, newest first."""
        (text,) = self._db.execute(queries()["holes"], {"limit": limit}).fetchone()
        return rows.holes(text)

    def stats(self) -> dict[str, QueueStats]:
        """Every destination's deliveries."""
        (tallies,) = self._db.execute(queries()["tallies"]).fetchone()
        (oldest,) = self._db.execute(queries()["oldest_waiting"]).fetchone()
        return queue_stats(tallies, oldest)

    def faults(self) -> list[str]:
        """What must not be in a ledger; empty where it balances."""
        (text,) = self._db.execute(queries()["ledger_faults"]).fetchone()
        return [f"{what}: {count}" for what, count in rows.json_value(text) if count]

    def damage(self, seconds: float) -> str:
        """The first thing that is wrong with its pages; empty where nothing is found, in so many seconds at most."""
        timer = threading.Timer(seconds, self._db.interrupt)
        timer.start()
        try:
            return quick_check(self._db)
        except sqlite3.DatabaseError as error:  # interrupted, or too damaged to be checked
            return str(error) if tells_of_damage(error) else ""
        finally:
            timer.cancel()
            timer.join()  # before anybody closes what it interrupts


@contextmanager
def inspecting(path: Path) -> Iterator[Inspection]:
    """Open the store at ``path``.

    Raises:
        StoreError: There is none, or it can't be read; also in the middle of reading.
    """
    path = resolve(path)  # its log and its lock lie beside the file itself, not beside a link to it
    try:
        with closing(open_beside(path)) as db:
            yield Inspection(db)
    except sqlite3.DatabaseError as error:
        raise _aimed(path, explained(path, error)) from None
    except StoreError as error:
        raise _aimed(path, error) from None


def _aimed(path: Path, error: StoreError) -> StoreError:
    """The same; of damage beside the relay that holds the store, with what comes before a repair."""
    return StoreError(str(error), hint=f"Stop the relay. {REPAIR}") if error.hint == REPAIR and is_held(path) else error
