"""How the relay stands, in one line: what ``systemctl status`` shows beside the service. Pure; the table is its test.

    Status ──> connected, seq 4812; 3 destinations: 2 idle, bot backing off 12 s (503 …); 14 waiting, 2 dead

What is well is counted, what is not is named, and what there is more of than a line holds is counted again. It is made
of what the page shows, so it holds no secret.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from relay.clock import MICROS
from relay.deliveries import WAITING, State
from relay.web.desk import ConnectionStatus, DestinationStatus, Status
from relay.web.looks import WELL, LaneState, LinkState, look_of
from relay.wording import counted

_WELL: Final = tuple(state for state in LaneState if look_of(state) in WELL)
_NAMED: Final = 3
_WHY: Final = 40
_LONGEST: Final = 240


def status_line(status: Status) -> str:
    """The line, without a line break; never longer than a few hundred characters."""
    parts = [_connection(status.connection), *_store(status), _destinations(status)]
    counts = Counter[State]()
    for destination in status.destinations:
        counts.update(destination.counts)
    waiting = sum(counts[state] for state in WAITING)
    return _short("; ".join([*parts, f"{waiting:,} waiting, {counts[State.DEAD]:,} dead"]), _LONGEST)


def _connection(connection: ConnectionStatus) -> str:
    if connection.state is LinkState.CONNECTED and connection.seq is not None:
        return f"{connection.state}, seq {connection.seq}"
    return _with(connection.state, connection.detail)


def _store(status: Status) -> Iterator[str]:
    if not status.store.healthy:
        yield _short(status.store.detail or "the store takes no writes", 2 * _WHY)


def _destinations(status: Status) -> str:
    there = [one for one in status.destinations if one.state is not LaneState.REMOVED]
    well = Counter(one.state for one in there if one.state in _WELL)
    odd = [one for one in there if one.state not in _WELL]
    words = [f"{well[word]} {word}" for word in _WELL if well[word]]
    words += [_told(one, status.now_us) for one in odd[:_NAMED]]
    if len(odd) > _NAMED:
        words.append(f"{len(odd) - _NAMED} more not well")
    count = counted(len(there), "destination")
    return f"{count}: {', '.join(words)}" if words else count


def _told(destination: DestinationStatus, now_us: int) -> str:
    left = "" if destination.retry_at_us is None else f" {_seconds(destination.retry_at_us - now_us)}"
    return _with(f"{destination.name} {destination.state}{left}", destination.reason)


def _seconds(us: int) -> str:
    return f"{max(0, round(us / MICROS))} s"


def _with(words: str, why: str) -> str:
    return f"{words} ({_short(why, _WHY).removesuffix('.')})" if why else words


def _short(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
