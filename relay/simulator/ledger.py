"""Alerts fired: numbered, remembered for REST, sent to the sockets. ``fired`` is the truth a run is judged by."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

import msgspec

from relay.clock import Clock
from relay.events import ALERT_CHANNELS, EVENT_TYPES, Channel, Instant
from relay.simulator.feed import Feed
from relay.simulator.history import Fired, History, seconds_z, spell
from relay.simulator.market import Break, Setup
from relay.simulator.settings import SimulatorSettings

_FIRST_IDS: Final = {Channel.IN_FORCE: 98_000, Channel.BREAKS: 4_000}
_WIDEST_GAP: Final = 25

_encode: Final = msgspec.json.Encoder().encode


class Ledger:
    """Fires alerts.

    Attributes:
        fired: The alerts fired, oldest first; at least as many as the settings remember.
        histories: What REST looks at.
    """

    def __init__(self, settings: SimulatorSettings, clock: Clock, feed: Feed) -> None:
        self._settings, self._clock, self._feed = settings, clock, feed
        self._random = random.Random(settings.seed)
        self._last_ids = dict(_FIRST_IDS)
        self.histories = {channel: History(settings.history) for channel in ALERT_CHANNELS}
        self.fired: list[Fired] = []

    def fire(self, fields: Mapping[str, object], *, live: bool, rest: bool, late_by: float | None) -> Fired:
        """Fire an alert now; see ``Simulator.fire``."""
        channel = Channel.BREAKS if "symbols" in fields else Channel.IN_FORCE
        fired = self._record(channel, fields, rest=rest, late_by=late_by)
        self.histories[channel].add(fired)
        self.fired.append(fired)
        if len(self.fired) > 2 * self._settings.history:
            del self.fired[: self._settings.history]
        if live and self._feed.wants(channel):
            type_ = self._settings.break_type if channel is Channel.BREAKS else EVENT_TYPES[channel]
            self._feed.publish(channel, type_, _encode(spell(fired, self._settings.socket)))
        return fired

    def _record(self, channel: Channel, fields: Mapping[str, object], *, rest: bool, late_by: float | None) -> Fired:
        given = fields.get("id")
        id_ = given if isinstance(given, int) else self._last_ids[channel] + self._random.randint(1, _WIDEST_GAP)
        self._last_ids[channel] = max(id_, self._last_ids[channel])
        own = Instant.parse(fields.get("triggered_at"))
        at_us = own.us if own is not None else self._clock.now_us()
        return Fired(
            channel=channel,
            id=id_,
            object={"id": id_, **fields, "triggered_at": fields.get("triggered_at", seconds_z(at_us))},
            triggered_at_us=at_us,
            own_time="triggered_at" in fields,
            visible_at=self._clock.monotonic() + self._lateness(late_by) if rest else None,
        )

    def _lateness(self, late_by: float | None) -> float:
        if late_by is not None:
            return late_by
        late = self._settings.late_by > 0 and self._random.random() < self._settings.late_share
        return self._settings.late_by if late else 0.0


def fields_of(moment: Setup | Break) -> dict[str, object]:
    """An alert's object, without id and time."""
    if isinstance(moment, Break):
        return {
            "timeframe": moment.timeframe,
            "direction": moment.direction,
            "threshold": moment.threshold,
            "symbols": list(moment.symbols),
            "market_date": moment.day.isoformat(),
        }
    return {
        "symbol": moment.symbol,
        "timeframe": moment.timeframe,
        "direction": moment.direction,
        "shape": moment.shape,
        "price": moment.price,
        "cc": moment.cc,
        "market_date": moment.day.isoformat(),
    }
