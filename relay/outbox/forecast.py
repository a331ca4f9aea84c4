"""What a replay, or a retry or a drop of dead letters, would come to before it is made.

    Selection ──count──> ReplayForecast: to be sent · left: they wait, were held back or dropped by hand, have no body
              ├──> RetryForecast: to be sent, where to, how old, and what of it would expire at once
              └──> DropForecast: to be let go of, and whose

It is told in states of deliveries, which may change before the replay is made, and what a replay already queued is not
looked at: ``to_send`` is the most that it can be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from relay.deliveries import WAITING, State
from relay.outbox.archive import REPLAYED, Archive, Selection


class ReplayForecast(msgspec.Struct, frozen=True):
    """How many deliveries a replay of a selection takes, and why it leaves others.

    Attributes:
        to_send: Queued once more; at most so many.
        overdue: Those among them that are older than their ``max_age`` by now: they would expire unsent.
        waiting: They wait to be sent anyway, or for a look-up.
        suppressed: They were held back, and stay so.
        dropped: A person let go of them; none where those are taken, too.
        bodiless: The event's body is gone.
    """

    to_send: int
    overdue: int = 0
    waiting: int = 0
    suppressed: int = 0
    dropped: int = 0
    bodiless: int = 0


async def forecast_replay(archive: Archive, selection: Selection, *, dropped: bool = False) -> ReplayForecast:
    """What a replay of ``selection`` would come to now; with ``dropped``, of what was dropped by hand as well."""
    taken = await archive.count(REPLAYED, selection, dropped=dropped)
    left = await archive.count([state for state in State if state not in REPLAYED], selection)
    return ReplayForecast(
        to_send=taken.total_sendable,
        overdue=taken.overdue,
        waiting=sum(left.states.get(state, 0) for state in WAITING),
        suppressed=left.states.get(State.SUPPRESSED, 0),
        dropped=taken.dropped,
        bodiless=taken.bodiless,
    )


class RetryForecast(msgspec.Struct, frozen=True):
    """What a retry of dead letters would come to.

    Attributes:
        to_send: Queued again.
        overdue: Those among them that are older than their ``max_age`` by now: they would expire unsent.
        destinations: How many to each.
        earliest: When the oldest alert among them triggered, RFC 3339; None where there is none.
        latest: And the newest.
        bodiless: Left, because the event's body is gone.
    """

    to_send: int = 0
    overdue: int = 0
    destinations: Mapping[str, int] = {}
    earliest: str | None = None
    latest: str | None = None
    bodiless: int = 0


async def forecast_retry(archive: Archive, selections: Sequence[Selection]) -> RetryForecast:
    """What a retry of ``selections``, of which none holds what another does, would come to now."""
    found = [await archive.count([State.DEAD], one, copies=True) for one in selections]
    destinations: Counter[str] = Counter()
    for one in found:
        destinations.update(one.sendable)
    times = sorted(time for one in found for time in (one.earliest, one.latest) if time is not None)
    return RetryForecast(
        to_send=sum(one.total_sendable for one in found),
        overdue=sum(one.overdue for one in found),
        destinations=dict(sorted(destinations.items())),
        earliest=times[0] if times else None,
        latest=times[-1] if times else None,
        bodiless=sum(one.bodiless for one in found),
    )


class DropForecast(msgspec.Struct, frozen=True):
    """What letting go of dead letters would come to.

    Attributes:
        to_drop: Deliveries.
        waiting: Those among them that are no dead letters: they wait.
        destinations: How many of each, as far as they could be sent.
        bodiless: The others: the event's body is gone.
    """

    to_drop: int = 0
    waiting: int = 0
    destinations: Mapping[str, int] = {}
    bodiless: int = 0


async def forecast_drop(archive: Archive, selections: Sequence[Selection], *, waiting: bool = False) -> DropForecast:
    """What a drop of ``selections``, of which none holds what another does, would come to now; as ``Archive.drop``."""
    states = (State.DEAD, *(WAITING if waiting else ()))
    found = [await archive.count(states, one, copies=True) for one in selections]
    destinations: Counter[str] = Counter()
    for one in found:
        destinations.update(one.sendable)
    return DropForecast(
        to_drop=sum(sum(one.states.values()) for one in found),
        waiting=sum(one.states.get(state, 0) for one in found for state in WAITING),
        destinations=dict(sorted(destinations.items())),
        bodiless=sum(one.bodiless for one in found),
    )
