"""What was fired, and what of it a REST question shows. Pure.

    fire ──> Fired ──> History (ascending id, bounded) ──select(Query)──> the items of an answer

``Fired.object`` is the truth; ``spell`` gives it the way the socket or REST writes it.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from relay.clock import MICROS
from relay.events import Channel
from relay.simulator.settings import Age, SimulatorSettings, WireStyle

MOST_SYMBOLS: Final = 250  # a call's further ones are dropped without a word


class Fired(msgspec.Struct, frozen=True):
    """An alert that was fired.

    Attributes:
        channel: In force or simultaneous break.
        id: Rises within the channel, with gaps.
        object: The alert as REST shows it, numbers as numbers.
        triggered_at_us: µs since the epoch.
        own_time: The object brought its own ``triggered_at``, which is shown as it is.
        visible_at: Monotonic seconds from which REST shows it; None for never.
    """

    channel: Channel
    id: int
    object: dict[str, object]
    triggered_at_us: int
    own_time: bool
    visible_at: float | None


def seconds_z(us: int) -> str:
    """``2026-04-10T13:45:22Z``."""
    return f"{datetime.fromtimestamp(us // MICROS, UTC):%Y-%m-%dT%H:%M:%SZ}"


def micros_offset(us: int) -> str:
    """``2026-04-10T14:35:00.123456+00:00``."""
    moment = datetime.fromtimestamp(us // MICROS, UTC).replace(microsecond=us % MICROS)
    return moment.isoformat(timespec="microseconds")


def spell(fired: Fired, style: WireStyle) -> dict[str, object]:
    """The alert's object as ``style`` writes it."""
    item = dict(fired.object)
    if not style.ids:
        item.pop("id", None)
    if style.micros and not fired.own_time:
        item["triggered_at"] = micros_offset(fired.triggered_at_us)
    if style.text_numbers:
        for name, value in item.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                item[name] = str(value)
    return item


class Query(msgspec.Struct, frozen=True):
    """A REST question; None asks for everything. Texts are folded to upper case."""

    limit: int
    window: float
    since_id: int | None = None
    symbols: frozenset[str] | None = None
    fields: tuple[tuple[str, str], ...] = ()


def parse_query(channel: Channel, parameters: Mapping[str, str], settings: SimulatorSettings) -> Query:
    """The question in a URL's parameters; unknown ones are ignored.

    Raises:
        ValueError: a number is none.
    """
    limit = int(parameters.get("limit") or settings.default_limit)
    window = float(parameters.get("window_minutes") or settings.default_window)
    if not math.isfinite(window):
        raise ValueError("window_minutes is an invalid number")
    since = parameters.get("since_id")
    filters = ["timeframe", "direction", "cc" if channel is Channel.IN_FORCE else "threshold"]
    symbols = parameters.get("symbols", "") if channel is Channel.IN_FORCE else ""
    asked = [symbol.strip().upper() for symbol in symbols.split(",") if symbol.strip()]
    return Query(
        limit=min(max(limit, 1), settings.clamp),
        window=window,
        since_id=int(since) if since else None,
        symbols=frozenset(asked[:MOST_SYMBOLS]) if asked else None,
        fields=tuple(
            (name, value.upper())
            for name in filters
            if (value := parameters.get(name, "all").strip()) and value.lower() != "all"
        ),
    )


class History:
    """One channel's alerts in ascending order of id; the oldest are forgotten."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._alerts: list[Fired] = []

    def __len__(self) -> int:
        return len(self._alerts)

    def add(self, fired: Fired) -> None:
        """Remember an alert."""
        if not self._alerts or fired.id > self._alerts[-1].id:
            self._alerts.append(fired)
        else:
            insort(self._alerts, fired, key=lambda alert: alert.id)
        if len(self._alerts) > self._bound + self._bound // 10:  # in steps: trimming a long list costs
            del self._alerts[: len(self._alerts) - self._bound]

    def select(self, query: Query, settings: SimulatorSettings, *, now_us: int, now: float) -> list[Fired]:
        """The answer to ``query``: what matches and is visible, truncated and ordered as the settings say."""
        found: list[Fired] = []
        oldest_us = now_us - int(query.window * 60 * MICROS)
        for fired in self._candidates(query, newest_first=settings.keep is Age.NEWEST):
            hidden = fired.visible_at is None or fired.visible_at > now
            if hidden or fired.triggered_at_us < oldest_us or not _matches(fired.object, query):
                continue
            found.append(fired)
            if len(found) == query.limit:
                break
        found.sort(key=lambda alert: alert.id, reverse=settings.order is Age.NEWEST)
        return found

    def _candidates(self, query: Query, *, newest_first: bool) -> Iterator[Fired]:
        start = 0 if query.since_id is None else bisect_right(self._alerts, query.since_id, key=lambda alert: alert.id)
        indices = range(start, len(self._alerts))
        for index in reversed(indices) if newest_first else indices:
            yield self._alerts[index]


def _matches(item: Mapping[str, object], query: Query) -> bool:
    if query.symbols is not None and str(item.get("symbol", "")).upper() not in query.symbols:
        return False
    return all(str(item.get(name, "")).upper() == wanted for name, wanted in query.fields)
