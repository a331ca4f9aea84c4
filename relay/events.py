"""The values everything else speaks of: an event, its instant, its identity.

    upstream object ──decode──> Event ──┬── key()       "alerts.in_force:98421", fixed when first stored
                                        ├── natural()   "AAPL|D|bullish|1-2U|2026-04-10T13:45:22Z"
                                        └── same_alert() the test for two sightings of one alert

An alert is one event however it arrived. Two sightings with ids are the same when channel and id are equal, and
two different ids are two alerts. Where one has no id, the natural fields decide: a field missing on one side
matches anything, and times are compared at the coarser precision of the two, because the socket may show
microseconds where REST shows seconds. (Source: the vendor's alert pages; what they leave open is tolerated.)
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import msgspec

from relay.clock import MICROS


class Channel(StrEnum):
    """The upstream's channels, by the names it subscribes them with."""

    IN_FORCE = "alerts.in_force"
    BREAKS = "alerts.simultaneous_breaks"
    STATES = "states"
    QUOTES = "quotes"


ALERT_CHANNELS: Final = (Channel.IN_FORCE, Channel.BREAKS)
"""Subscribed whole; REST keeps their history."""

PER_SYMBOL_CHANNELS: Final = (Channel.QUOTES, Channel.STATES)
"""Subscribed symbol by symbol; nobody keeps their history."""

TIMEFRAMES: Final = ("15", "30", "60", "4H", "12H", "D", "W", "M", "Q", "Y")
DIRECTIONS: Final = ("bullish", "bearish")
CANDLES: Final = ("1", "2U", "2D", "3")
INDEX_FUTURES: Final = ("ES", "NQ", "RTY", "YM")

EVENT_TYPES: Final = {
    Channel.IN_FORCE: "alert.in_force",
    Channel.BREAKS: "alert.simultaneous_break",
    Channel.STATES: "state",
    Channel.QUOTES: "quote",
}


class Source(StrEnum):
    """How an event reached us, as receivers see it in ``relay.source``."""

    LIVE = "live"
    BACKFILL = "backfill"
    REPLAY = "replay"
    TEST = "test"


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*([Zz]|[+-]\d\d:?\d\d|[+-]\d\d)?",
    re.ASCII,
)


class Instant(msgspec.Struct, frozen=True, order=False):
    """A moment and how finely it was told.

    Attributes:
        us: Microseconds since the epoch, UTC.
        precision_us: The width of the step it was told in: 1, 1_000, 1_000_000 or 60_000_000.
    """

    us: int
    precision_us: int = 1

    @classmethod
    def parse(cls, value: object) -> Instant | None:
        """An instant from ISO 8601 text (no zone means UTC) or an epoch number in s, ms or µs; else None.

        An epoch number has nine digits at least. A time outside of the years 1970 to 8999 is no time of an alert: what
        an age or a time zone adds to it must still be one that stores and languages can show, and most end with the
        year 9999.
        """
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, str):
            text = value.strip()
            return _parse_epoch(float(text)) if _NUMBER.fullmatch(text) else _parse_iso(text)
        if isinstance(value, int | float):
            return _parse_epoch(value)
        return None

    def same_as(self, other: Instant) -> bool:
        """Equal at the coarser precision of the two."""
        step = max(self.precision_us, other.precision_us)
        return self.us // step == other.us // step

    def isoformat(self) -> str:
        """UTC with ``Z``, showing exactly the digits it was told with."""
        moment = datetime.fromtimestamp(self.us // MICROS, UTC)
        if self.precision_us > MICROS:
            return f"{moment:%Y-%m-%dT%H:%MZ}"
        digits = len(str(MICROS // self.precision_us)) - 1
        fraction = f".{self.us % MICROS:06d}"[: digits + 1] if digits else ""
        return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _parse_iso(text: str) -> Instant | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    date, clock, seconds, fraction, zone = match.groups()
    if zone and zone not in "Zz":
        zone = zone if ":" in zone else f"{zone[:3]}:{zone[3:] or '00'}"
    else:
        zone = "+00:00"
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}:{seconds or '00'}{zone}")
    except ValueError:
        return None
    if seconds is None:
        precision = 60 * MICROS
    else:
        precision = 10 ** max(0, 6 - len(fraction or ""))
    micros = int((fraction or "0").ljust(6, "0")[:6])
    seconds_since = int((moment - _EPOCH).total_seconds())
    us = seconds_since * MICROS + micros
    return Instant(us, precision) if 0 < us < _EPOCH_END else None


_NUMBER: Final = re.compile(r"\d{9,17}(?:\.\d{1,9})?", re.ASCII)
_EPOCH_FIRST: Final = 100_000_000  # March 1973; a lesser number, in text or not, is no time but something else
_EPOCH_MILLIS: Final = 100_000_000_000  # as seconds this would be the year 5138: the number is in ms
_EPOCH_MICROS: Final = 100_000_000_000_000
_EPOCH_END: Final = 221_845_392_000_000_000  # year 9000, in µs


def _parse_epoch(value: float) -> Instant | None:
    if not _EPOCH_FIRST <= value < _EPOCH_END:
        return None
    if value >= _EPOCH_MICROS:
        return Instant(int(value), 1)
    if value >= _EPOCH_MILLIS:
        return Instant(int(value * 1000), 1_000)
    whole = float(value).is_integer()
    return Instant(round(value * MICROS), MICROS if whole else 1)


class Event(msgspec.Struct, frozen=True):
    """One event of the upstream, typed; what it did not say is None.

    Attributes:
        channel: Where it belongs; the type names of the socket are already folded into it.
        id: The vendor's id (rises within a channel, with gaps), or None where the socket gave none.
        symbol: The ticker of an in-force alert, state or quote, as sent (``AAPL``, ``BTC-USD``).
        symbols: The participants of a break, as sent (``ES1!``), sorted; empty elsewhere.
        timeframe: One of ``TIMEFRAMES`` in the vendor's spelling; unknown ones are kept.
        direction: ``bullish`` or ``bearish``, folded to lower case.
        shape: Trigger candles and current candle, ``1-2U``.
        threshold: How many futures took part in a break.
        price: US dollars (or the instrument's currency).
        cc: The current candle, one of ``CANDLES``.
        continuation: Whether the last two candles are the same directional 2; derived where not said.
        triggered_at: When it fired.
        data: The upstream's own JSON object, byte for byte (UTF-8).
    """

    channel: Channel
    id: int | None = None
    symbol: str | None = None
    symbols: tuple[str, ...] = ()
    timeframe: str | None = None
    direction: str | None = None
    shape: str | None = None
    threshold: int | None = None
    price: float | None = None
    cc: str | None = None
    continuation: bool | None = None
    triggered_at: Instant | None = None
    data: bytes = b"{}"

    @property
    def type(self) -> str:
        """The ``type`` that receivers see."""
        return EVENT_TYPES[self.channel]

    @property
    def ordering_key(self) -> str:
        """What is delivered in order among itself: a symbol; all breaks together."""
        return self.symbol or "" if self.channel is not Channel.BREAKS else "breaks"

    def natural(self) -> str:
        """The fields that make it this alert, for people and receivers; ``?`` where one is missing."""
        return "|".join(part or "?" for part in self._natural_fields())

    def is_blank(self) -> bool:
        """Whether it has none of the fields that ``natural`` is made of, as a test message may."""
        return not any(self._natural_fields())

    def _natural_fields(self) -> tuple[str | None, ...]:
        when = self.triggered_at.isoformat() if self.triggered_at else None
        if self.channel is Channel.BREAKS:
            threshold = None if self.threshold is None else str(self.threshold)
            return (self.timeframe, self.direction, threshold, "+".join(self.symbols) or None, when)
        return (self.symbol, self.timeframe, self.direction, self.shape, when)

    def key(self) -> str:
        """Channel and id, or channel and natural fields. The store fixes it at the first sighting."""
        return f"{self.channel}:{self.natural() if self.id is None else self.id}"


def symbol_root(symbol: str) -> str:
    """A future's name without its contract suffix: ``ES1!`` and ``ES=F`` are ``ES``; others unchanged."""
    return symbol.removesuffix("1!").removesuffix("=F")


def names_of(event: Event) -> tuple[str, ...]:
    """The symbols an event speaks of: its own, or on a break all that took part; as sent."""
    if event.channel is Channel.BREAKS:
        return tuple(filter(None, event.symbols))
    return (event.symbol,) if event.symbol else ()


def count_of(event: Event) -> int | None:
    """How many futures broke: as said, else as many as are named; None where neither is known."""
    if event.threshold is not None or event.channel is not Channel.BREAKS:
        return event.threshold
    return len({symbol_root(name.upper()) for name in names_of(event)}) or None


def same_alert(one: Event, other: Event) -> bool:
    """Whether two sightings are one alert."""
    if one.channel is not other.channel:
        return False
    if one.id is not None and other.id is not None:
        return one.id == other.id
    pairs: tuple[tuple[object, object], ...] = (
        (one.timeframe, other.timeframe),
        (one.direction, other.direction),
        *(
            ((one.threshold, other.threshold), (_roots(one), _roots(other)))
            if one.channel is Channel.BREAKS
            else ((one.symbol, other.symbol), (one.shape, other.shape))
        ),
    )
    if any(a is not None and b is not None and a != b for a, b in pairs):
        return False
    if one.triggered_at is None or other.triggered_at is None:
        return True
    return one.triggered_at.same_as(other.triggered_at)


def _roots(event: Event) -> frozenset[str] | None:
    return frozenset(map(symbol_root, event.symbols)) or None
