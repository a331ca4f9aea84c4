"""What a repair's losses mean to a person: what waited and is lost, and what may come a second time.

    the damaged store's index of states ──less what is in the fresh one──> numbers that are gone, by state

The index is a tree of its own, and mostly tells of rows that can't be read any more. Where it can't be read itself, the
answer is None: nobody can tell.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from relay.deliveries import WAITING, State
from relay.outbox.rescue import Rescue
from relay.outbox.salvage import DamagedStore

_WENT_OUT: Final = (State.DELIVERED, State.DEAD)

Gone: TypeAlias = Mapping[State, list[int] | None]
"""The numbers of deliveries that were in a state and are not in the fresh store; None where nobody can tell."""


def gone_from(old: DamagedStore, fresh: sqlite3.Connection, states: Iterable[State] = State) -> Gone:
    """What was in ``states`` and is not in ``fresh``, as it is now: each state is a walk through all deliveries."""
    return {state: old.not_in(fresh, state.value) for state in states}


def lost_waiting(gone: Gone) -> int | None:
    """How many deliveries waited and are lost."""
    numbers = _of(gone, WAITING)
    return None if numbers is None else len(numbers)


def may_go_again(old: DamagedStore, fresh: sqlite3.Connection) -> int | None:
    """How many deliveries were delivered or dead before, whose alert ``fresh`` does not know, and so takes for new.

    Asked once alerts have been forgotten, whose deliveries are gone from ``fresh`` with them.
    """
    numbers = _of(gone_from(old, fresh, _WENT_OUT), _WENT_OUT)
    if numbers is None:
        return None
    there = {number for (number,) in fresh.execute("SELECT id FROM deliveries")}
    known = {number for (number,) in fresh.execute("SELECT seq FROM events")}
    events = old.events_of(there, max([old.last("events") or 0, *known]))
    return sum(events.get(number) not in known for number in numbers)


def told(count: int | None, rescue: Rescue) -> int | None:
    """``count``; 0 where an index can't tell, though every alert and delivery could be read: then none is lost."""
    return 0 if count is None and rescue.is_whole("events", "deliveries") else count


def _of(gone: Gone, states: Iterable[State]) -> list[int] | None:
    found: list[int] = []
    for state in states:
        numbers = gone[state]
        if numbers is None:
            return None
        found += numbers
    return found
