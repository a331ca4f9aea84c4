"""What a repair's losses mean to a person: what waited and is lost, and what may come a second time.

    the damaged store's index of states ──less what is in the fresh one──> numbers that are gone, by state

The index is a tree of its own, and mostly tells of rows that can't be read any more. Where it can't be read itself, the
answer is None: nobody can tell.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from relay.deliveries import State
from relay.outbox.salvage import DamagedStore

_WAITED: Final = (State.PENDING, State.DECIDING)
_WENT_OUT: Final = (State.DELIVERED, State.DEAD)


def gone(old: DamagedStore, fresh: sqlite3.Connection, states: Iterable[State]) -> list[int] | None:
    """Deliveries that were in one of ``states`` and are not in ``fresh``."""
    found: list[int] = []
    for state in states:
        numbers = old.not_in(fresh, state.value)
        if numbers is None:
            return None
        found += numbers
    return found


def lost_waiting(old: DamagedStore, fresh: sqlite3.Connection) -> int | None:
    """How many deliveries waited and are lost."""
    numbers = gone(old, fresh, _WAITED)
    return None if numbers is None else len(numbers)


def may_go_again(old: DamagedStore, fresh: sqlite3.Connection) -> int | None:
    """How many deliveries were delivered or dead before, whose alert ``fresh`` does not know, and so takes for new."""
    numbers = gone(old, fresh, _WENT_OUT)
    if numbers is None:
        return None
    there = {number for (number,) in fresh.execute("SELECT id FROM deliveries")}
    known = {number for (number,) in fresh.execute("SELECT seq FROM events")}
    events = old.events_of(there, max([old.last("events") or 0, *known]))
    return sum(events.get(number) not in known for number in numbers)
