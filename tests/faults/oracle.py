"""What must have come of every alert, and what did. Pure.

    fired × targets ─┐
    arrivals ────────┼──> judge ──> Verdict: lost, twice (and how many of them explained), disordered, off the books
    the ledger ──────┘

For every alert and every destination that wants it, the relay's own ledger has one row in exactly one state, and that
state agrees with what the receiver saw:

    delivered   it arrived               dead        the receiver said never again
    expired     only where max_age is    suppressed  only where cooldown is
    pending     allowed by the promise; but all is healed, so here it counts as stuck

Twice is what a receiver answered with a whole 2xx and got again. It is explained where the sender hung up after that
answer (it had given up), and, beyond that, up to 2 × concurrency a destination for each hard end of the process.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from relay.events import Channel
from tests.faults.receivers import Arrival, Fate
from tests.faults.shots import Shot

_MANY_ATTEMPTS: Final = 8  # after so many a message may be parked, and its successors go on
_ENDED_WITH: Final = 2.0  # seconds: connections that end around a hard end of the process end by that
_SHOWN: Final = 12


@dataclass(frozen=True)
class Target:
    """A destination as the oracle sees it; ``wants`` is a plain condition of its own.

    Attributes:
        config: Its config, without an address.
        wants: Which alerts should come here.
        ordered: By what its arrivals keep their order; None where they need not, or it suffers too much.
        may_expire: It has a ``max_age``.
        may_suppress: Its rule has a ``cooldown``.
    """

    config: Mapping[str, object]
    wants: Callable[[Shot], bool]
    ordered: Callable[[Shot], str] | None = None
    may_expire: bool = False
    may_suppress: bool = False

    @property
    def concurrency(self) -> int:
        """Requests in flight at once."""
        given = self.config.get("concurrency", 8)
        assert isinstance(given, int)
        return 1 if self.config.get("ordering") == "strict" else given


@dataclass(frozen=True)
class Row:
    """A delivery in the relay's ledger."""

    n: int
    destination: str
    state: str
    webhook_id: str
    last_code: str = ""


@dataclass(frozen=True)
class Hole:
    """A recorded hole."""

    channel: str
    after_id: int
    up_to_id: int

    def covers(self, shot: Shot) -> bool:
        """Whether the relay has said that it may miss this alert."""
        return shot.channel == Channel(self.channel) and self.after_id < shot.id <= self.up_to_id


@dataclass
class Verdict:
    """What came of a run; ``faults`` in the books are sentences, each a violation."""

    events: int = 0
    wanted: int = 0
    delivered: int = 0
    states: Counter[str] = field(default_factory=Counter)
    recovered: int = 0
    twice: int = 0
    twice_unheard: int = 0
    twice_at_ends: int = 0
    lost: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Nothing lost, nothing unexplained."""
        return not (self.lost or self.faults)

    def __str__(self) -> str:
        more = [*_first("lost", self.lost), *_first("violations", self.faults)]
        return "\n".join(more) or "nothing lost, nothing unexplained"


def _first(name: str, found: Sequence[str]) -> list[str]:
    return [f"{name}: {len(found)}", *(f"  {text}" for text in found[:_SHOWN])] if found else []


def judge(
    shots: Iterable[Shot],
    targets: Mapping[str, Target],
    arrivals: Mapping[str, Sequence[Arrival]],
    rows: Iterable[Row],
    *,
    hard_ends: Sequence[float] = (),
    holes: Sequence[Hole] = (),
) -> Verdict:
    """Weigh what came against what was fired.

    Args:
        shots: All that was fired.
        targets: By name.
        arrivals: By the name of the destination, in order.
        rows: The relay's ledger at the end.
        hard_ends: When the process ended without having drained, monotonic seconds.
        holes: What the relay has recorded as not shown whole.
    """
    fired = {shot.n: shot for shot in shots}
    verdict = Verdict(events=len(fired))
    ledger: defaultdict[str, defaultdict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        ledger[row.destination][row.n].append(row)
    for name, target in targets.items():
        seen: defaultdict[int, list[Arrival]] = defaultdict(list)
        for arrival in arrivals.get(name, ()):
            seen[arrival.n].append(arrival)
        for n in (seen.keys() | ledger[name].keys()) - {n for n, shot in fired.items() if target.wants(shot)}:
            verdict.faults.append(f"{name}: {n} is not wanted here")
        for shot in filter(target.wants, fired.values()):
            verdict.wanted += 1
            complaint = _weigh(shot, target, seen[shot.n], ledger[name][shot.n], verdict)
            if complaint and any(hole.covers(shot) for hole in holes) and not ledger[name][shot.n]:
                verdict.states["in a hole"] += 1
            elif complaint:
                (verdict.lost if not ledger[name][shot.n] else verdict.faults).append(f"{name}: {complaint}")
        _count_twice(name, target, seen, hard_ends, verdict)
        if target.ordered is not None:
            verdict.faults.extend(_disorder(name, target.ordered, fired, arrivals.get(name, ())))
    return verdict


def _weigh(shot: Shot, target: Target, seen: Sequence[Arrival], rows: Sequence[Row], verdict: Verdict) -> str:
    """What is wrong with one alert at one destination; empty where nothing is."""
    verdict.states.update(row.state for row in rows)
    verdict.recovered += bool(seen and seen[0].source == "backfill")
    arrived = any(arrival.fate in {Fate.TOOK, Fate.UNHEARD, Fate.MAYBE} for arrival in seen)
    verdict.delivered += any(arrival.fate in {Fate.TOOK, Fate.UNHEARD} for arrival in seen)
    if len({arrival.webhook_id for arrival in seen}) > 1:
        return f"{shot} came under several ids"
    if not rows:
        return f"{shot} is not in the ledger{', and it came' if arrived else ''}"
    if len(rows) > 1:
        return f"{shot} is {len(rows)} times in the ledger: {rows}"
    state = rows[0].state
    explained = {
        "delivered": arrived,
        "dead": any(arrival.fate is Fate.FINAL for arrival in seen),
        "expired": target.may_expire,
        "suppressed": target.may_suppress,
    }
    return (
        ""
        if explained.get(state, False)
        else f"{shot} is {state}, and {[str(a.fate) for a in seen]} was seen: {rows[0]}"
    )


def _count_twice(
    name: str,
    target: Target,
    seen: Mapping[int, Sequence[Arrival]],
    hard_ends: Sequence[float],
    verdict: Verdict,
) -> None:
    at_ends: list[str] = []
    for n, these in seen.items():
        heard = [arrival for arrival in these if arrival.fate in {Fate.TOOK, Fate.UNHEARD}]
        for arrival in heard[:-1]:
            verdict.twice += 1
            by_end = any(abs(arrival.hung_up_at - end) < _ENDED_WITH for end in hard_ends)
            if arrival.fate is Fate.UNHEARD and not by_end:
                verdict.twice_unheard += 1
            else:
                at_ends.append(str(n))
    verdict.twice_at_ends += len(at_ends)
    if len(at_ends) > len(hard_ends) * 2 * target.concurrency:
        verdict.faults.append(f"{name}: {len(at_ends)} came twice for {len(hard_ends)} hard ends: {at_ends[:_SHOWN]}")


def _disorder(
    name: str, key: Callable[[Shot], str], fired: Mapping[int, Shot], arrivals: Sequence[Arrival]
) -> list[str]:
    """First arrivals of a key whose sequence does not rise."""
    newest: dict[str, Arrival] = {}
    known: set[int] = set()
    found: list[str] = []
    for arrival in arrivals:
        if arrival.n in known or arrival.fate not in {Fate.TOOK, Fate.UNHEARD} or arrival.n not in fired:
            continue
        known.add(arrival.n)
        former = newest.get(key(fired[arrival.n]))
        if former is not None and arrival.sequence < former.sequence and arrival.attempt <= _MANY_ATTEMPTS:
            found.append(f"{name}: {arrival} after {former}")
            continue
        newest[key(fired[arrival.n])] = arrival
    return found
