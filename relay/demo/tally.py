"""The demo's judge: what is due, what arrived, and whether the one is the other.

    fired ──each rule by itself──> due        (destination, channel, id) ──┐
    receipts, looks ──────────────> arrived    (destination, channel, id) ──┴──> missing, duplicates, wrong

An alert is due once at each destination that an admitting rule names. A chat shows no id: there a look stands for the
first alert due that looks so and was not seen yet.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from relay.clock import MICROS
from relay.demo.shown import Look, look_of
from relay.demo.verify import Alert, Receipt
from relay.events import Channel, Event, Instant
from relay.rules.explain import matched
from relay.rules.rule import Rule
from relay.simulator.candles import is_continuation

_RECENT: Final = 500  # live deliveries whose latency is shown while it runs


class Due(NamedTuple):
    """An alert for a destination."""

    destination: str
    channel: Channel
    id: int


class Counts(msgspec.Struct, frozen=True):
    """How it stands.

    Attributes:
        fired: Alerts fired.
        matched: Deliveries due.
        delivered: Deliveries due that arrived.
        live: Alerts of which something arrived as it was sent on the socket …
        recovered: … and those that a backfill found.
        duplicates: Arrivals beyond the first of each.
        wrong: Arrivals that were not due, or differ from what was fired.
        by_destination: Deliveries due and arrived, by destination.
        p50: Median seconds from fired to arrived, of live alerts at the timed destination; None before the first.
        p99: Likewise, the 99th percentile.
    """

    fired: int = 0
    matched: int = 0
    delivered: int = 0
    live: int = 0
    recovered: int = 0
    duplicates: int = 0
    wrong: int = 0
    by_destination: dict[str, tuple[int, int]] = {}
    p50: float | None = None
    p99: float | None = None


class Tally:
    """Counts an exact once.

    Args:
        rules: Of the config.
        timed: The destination whose latency is told: one that never fails on purpose.
        chats: The destinations that show alerts without their ids.

    Attributes:
        wrong: What should not have arrived so, in words.
    """

    def __init__(self, rules: Sequence[Rule], timed: str, chats: Collection[str] = ()) -> None:
        self._rules = rules
        self._timed = timed
        self._chats = frozenset(chats)
        self._alerts: dict[tuple[Channel, int], tuple[Alert, int, int]] = {}
        self._due: dict[Due, tuple[str, ...]] = {}
        self._arrived: Counter[Due] = Counter()
        self._unseen: dict[tuple[str, Look], deque[Due]] = {}
        self._sources: dict[tuple[Channel, int], bool] = {}
        self._waiting: dict[str, dict[Due, int]] = {}
        self._matched_at: Counter[str] = Counter()
        self._delivered_at: Counter[str] = Counter()
        self._recovered: list[int] = []
        self._duplicates = 0
        self._latencies: list[float] = []
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self.wrong: list[str] = []

    def fire(self, channel: Channel, alert: Alert, at_us: int) -> None:
        """An alert was fired at ``at_us``."""
        number = len(self._alerts)
        self._alerts[channel, alert.id] = (alert, at_us, number)
        look = look_of(alert, at_us)
        for destination, rules in due_at(self._rules, event_of(channel, alert, at_us)).items():
            due = Due(destination, channel, alert.id)
            self._due[due] = rules
            self._matched_at[destination] += 1
            self._waiting.setdefault(destination, {})[due] = number
            if destination in self._chats:
                self._unseen.setdefault((destination, look), deque()).append(due)

    def arrive(self, receipt: Receipt) -> float | None:
        """A receipt arrived; seconds since the alert was fired, None where it is unknown."""
        channel, id_ = receipt.channel, receipt.alert.id
        due = Due(receipt.destination, channel, id_)
        if due not in self._due:
            self.wrong.append(f"{receipt.destination} got what no rule sends there: {receipt.alert}")
            return None
        alert, _, number = self._alerts[channel, id_]
        if receipt.alert != alert:
            self.wrong.append(f"{receipt.destination} got {receipt.alert}, fired was {alert}")
        elif sorted(receipt.rules) != sorted(self._due[due]):
            self.wrong.append(f"{receipt.destination} got {alert} for the rules {receipt.rules}, not {self._due[due]}")
        latency = self.latency_of(receipt)
        self._arrived[due] += 1
        if self._arrived[due] > 1:
            self._duplicates += 1
            return latency
        self._first_of(due)
        if (channel, id_) not in self._sources:
            self._sources[channel, id_] = receipt.recovered
            self._recovered += [number] * receipt.recovered
        if receipt.destination == self._timed and not receipt.recovered:
            self._latencies.append(latency)
            self._recent.append(latency)
        return latency

    def see(self, destination: str, look: Look, at_us: int) -> Receipt | None:
        """A chat shows an alert, since ``at_us``; as a receipt, where one that looks so was still to come."""
        unseen = self._unseen.get((destination, look))
        if unseen is None:
            self.wrong.append(f"{destination} shows what no rule sends there: {look.headline}")
            return None
        if not unseen:
            self._duplicates += 1
            return None
        due = unseen.popleft()
        self._arrived[due] += 1
        self._first_of(due)
        alert, _, _ = self._alerts[due.channel, due.id]
        recovered = self._sources.get((due.channel, due.id), False)
        return Receipt(destination, due.channel, alert, self._due[due], recovered=recovered, at_us=at_us)

    def latency_of(self, receipt: Receipt) -> float:
        """Seconds from when its alert was fired to when it arrived."""
        _, fired_us, _ = self._alerts[receipt.channel, receipt.alert.id]
        return (receipt.at_us - fired_us) / MICROS

    @property
    def complete(self) -> bool:
        """Whatever is due has arrived."""
        return self._delivered_at.total() == len(self._due)

    @property
    def fired(self) -> int:
        """How many alerts there are: the number of the next one, counted from 0."""
        return len(self._alerts)

    def recovered(self, first: int = 0, before: int | None = None) -> int:
        """Alerts that a backfill found, of which something arrived; of those with a number from ``first`` on."""
        return sum(first <= number and (before is None or number < before) for number in self._recovered)

    def waiting(self, destination: str) -> int:
        """What is due at ``destination`` and has not arrived."""
        return self._matched_at[destination] - self._delivered_at[destination]

    def behind(self, destination: str, before: int) -> bool:
        """Whether ``destination`` still waits for an alert with a number below ``before``."""
        return next(iter(self._waiting.get(destination, {}).values()), before) < before

    def missing(self) -> list[str]:
        """Whatever is due and has not arrived, in words, in the order it was fired."""
        return [
            f"{due.destination} did not get {self._alerts[due.channel, due.id][0]}"
            for due in self._due
            if due not in self._arrived
        ]

    def _first_of(self, due: Due) -> None:
        """It arrived, for the first time."""
        self._delivered_at[due.destination] += 1
        del self._waiting[due.destination][due]

    def counts(self, *, whole: bool = False) -> Counts:
        """How it stands; latencies are those of the last moments, or of the ``whole`` run."""
        latencies = sorted(self._latencies if whole else self._recent)
        return Counts(
            fired=len(self._alerts),
            matched=len(self._due),
            delivered=self._delivered_at.total(),
            live=len(self._sources) - len(self._recovered),
            recovered=len(self._recovered),
            duplicates=self._duplicates,
            wrong=len(self.wrong),
            by_destination={name: (due, self._delivered_at[name]) for name, due in self._matched_at.items()},
            p50=percentile(latencies, 0.5),
            p99=percentile(latencies, 0.99),
        )


def due_at(rules: Iterable[Rule], event: Event) -> dict[str, tuple[str, ...]]:
    """For each destination that is to get ``event``, the names of the rules that send it there."""
    due: dict[str, tuple[str, ...]] = {}
    for rule in matched(rules, event):
        for destination in rule.destinations(event):
            due[destination] = (*due.get(destination, ()), rule.name)
    return due


def event_of(channel: Channel, alert: Alert, at_us: int) -> Event:
    """The event that the relay should see in ``alert``."""
    return Event(
        channel=channel,
        id=alert.id,
        symbol=alert.symbol,
        symbols=tuple(sorted(alert.symbols)),
        timeframe=alert.timeframe,
        direction=alert.direction,
        shape=alert.shape,
        threshold=alert.threshold,
        price=alert.price,
        cc=alert.cc,
        continuation=None if alert.shape is None else is_continuation(alert.shape),
        triggered_at=Instant(at_us),
    )


def percentile(ascending: Sequence[float], share: float) -> float | None:
    """The smallest value that at least ``share`` of them do not exceed; None of none."""
    if not ascending:
        return None
    return ascending[max(0, math.ceil(len(ascending) * share) - 1)]
