"""The alerts that are fired, and how the socket and REST spell them.

    Gun.shot() ──> Shot ──┬── wire   what the socket shows: often another precision, now and then no id or no shape
                          └── rest   what REST shows

``n`` is an extra field of every alert, by which the oracle tells one from another whatever else they say. No two alerts
of a symbol fire within one second: what the socket shows without an id must be recognisable by its natural fields.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from relay.events import Channel

SYMBOLS: Final = ("BTC-USD", "NQ=F", "BRK.B", *(f"S{number:02d}" for number in range(57)))
TIMEFRAMES: Final = ("15", "30", "60", "4H", "12H", "D", "W", "M", "Q", "Y")
SHAPES: Final = (
    ("bullish", "1-2U", "2U"),
    ("bearish", "2U-2D", "2D"),
    ("bullish", "2D-3", "3"),
    ("bearish", "3-1", "1"),
)
FUTURES: Final = ("ES1!", "NQ1!", "RTY1!", "YM1!")
ON_SOCKET: Final = {Channel.IN_FORCE: "alert.in_force", Channel.BREAKS: "alert.simultaneous_break"}

_BREAKS: Final = 0.1  # these shares of all alerts …
_NAMELESS: Final = 0.25  # … have no id on the socket
_WHOLE_SECONDS: Final = 0.4
_AS_TEXT: Final = 0.1
_UNSEEN: Final = 0.05  # … never come on the socket
_LATE: Final = 0.1  # … are seen late over REST, as are those that never come on the socket
_LATEST: Final = 4.0  # seconds


@dataclass(frozen=True)
class Shot:
    """One alert.

    Attributes:
        n: Which.
        channel: In force or simultaneous break.
        id: The upstream's.
        fields: What questions over REST filter by.
        fired_us: µs since the epoch.
        wire: The object on the socket.
        rest: The object over REST.
        live: It comes on the socket at all.
        visible_at: Monotonic seconds from which REST shows it.
    """

    n: int
    channel: Channel
    id: int
    fields: dict[str, Any]
    fired_us: int
    wire: bytes = field(repr=False)
    rest: bytes = field(repr=False)
    live: bool
    visible_at: float

    @property
    def symbol(self) -> str:
        """Its symbol; a break has none."""
        return str(self.fields.get("symbol", ""))


def exact(text: str | bytes) -> Any:
    """JSON whose numbers lose nothing."""
    return json.loads(text, parse_float=Decimal)


class Gun:
    """Makes alerts, from a seed."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"{seed} alerts")
        self._ids = {channel: self._rng.randint(1_000, 90_000) for channel in ON_SOCKET}
        self._count = 0
        self._recent: dict[str, int] = {}

    def shot(self) -> Shot:
        """The next one, fired now."""
        rng, self._count = self._rng, self._count + 1
        fired_us = time.time_ns() // 1000
        channel = Channel.BREAKS if rng.random() < _BREAKS else Channel.IN_FORCE
        self._ids[channel] += rng.randint(1, 5)
        fields = self._break(fired_us) if channel is Channel.BREAKS else self._in_force(fired_us)
        if not fields:
            channel, fields = Channel.IN_FORCE, self._lone()
            self._ids[channel] += 1
        live = rng.random() >= _UNSEEN
        late = rng.uniform(0, _LATEST) if rng.random() < _LATE or not live else 0.0
        return Shot(
            n=self._count,
            channel=channel,
            id=self._ids[channel],
            fields=fields,
            fired_us=fired_us,
            wire=self._wire(channel, fields, fired_us),
            rest=_spelt({"id": self._ids[channel], **fields, "triggered_at": _seconds(fired_us)}, self._count),
            live=live,
            visible_at=time.monotonic() + late,
        )

    def _in_force(self, fired_us: int) -> dict[str, Any]:
        free = [symbol for symbol in SYMBOLS if self._free(symbol, fired_us)]
        if not free:
            return {}
        symbol = self._rng.choice(free)
        self._recent[symbol] = fired_us // 1_000_000
        direction, shape, cc = self._rng.choice(SHAPES)
        return {
            "symbol": symbol,
            "timeframe": self._rng.choice(TIMEFRAMES),
            "direction": direction,
            "shape": shape,
            "cc": cc,
        }

    def _lone(self) -> dict[str, Any]:
        """Where every symbol has fired within this second: one with a symbol of its own."""
        direction, shape, cc = self._rng.choice(SHAPES)
        timeframe = self._rng.choice(TIMEFRAMES)
        return {
            "symbol": f"X{self._count}", "timeframe": timeframe, "direction": direction, "shape": shape, "cc": cc,
        }  # fmt: skip

    def _break(self, fired_us: int) -> dict[str, Any]:
        timeframe, direction = self._rng.choice(TIMEFRAMES), self._rng.choice(("bullish", "bearish"))
        name = f"{timeframe} {direction}"
        if not self._free(name, fired_us):
            return {}
        self._recent[name] = fired_us // 1_000_000
        count = self._rng.randint(2, 4)
        symbols = sorted(self._rng.sample(FUTURES, count))
        return {"timeframe": timeframe, "direction": direction, "threshold": count, "symbols": symbols}

    def _free(self, name: str, fired_us: int) -> bool:
        return self._recent.get(name, 0) < fired_us // 1_000_000

    def _wire(self, channel: Channel, fields: dict[str, Any], fired_us: int) -> bytes:
        rng = self._rng
        when = _seconds(fired_us) if rng.random() < _WHOLE_SECONDS else _micros(fired_us)
        shown = {"id": self._ids[channel], **fields, "triggered_at": when, "extra": {"venue": None}}
        if rng.random() < _NAMELESS:
            del shown["id"]
            if rng.random() < _AS_TEXT:
                shown.pop("shape", None)
        elif rng.random() < _AS_TEXT:
            shown["id"] = str(shown["id"])
        return _spelt(shown, self._count)


def _spelt(shown: dict[str, Any], n: int) -> bytes:
    """JSON with numbers that a careless hand would change."""
    text = json.dumps(shown, separators=(",", ":"))
    return f'{text[:-1]},"n":{n},"price":{n % 900 + 1}.{n % 100:02d}0,"volume":9007199254740993{n % 10}}}'.encode()


def _seconds(us: int) -> str:
    return f"{datetime.fromtimestamp(us // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _micros(us: int) -> str:
    moment = datetime.fromtimestamp(us // 1_000_000, UTC).replace(microsecond=us % 1_000_000)
    return moment.isoformat(timespec="microseconds")


class Ledger:
    """All that was fired, by number and by channel in ascending id."""

    def __init__(self) -> None:
        self.by_n: dict[int, Shot] = {}
        self.of: dict[Channel, list[Shot]] = {channel: [] for channel in ON_SOCKET}

    def add(self, shot: Shot) -> None:
        """Remember it."""
        self.by_n[shot.n] = shot
        self.of[shot.channel].append(shot)

    def __len__(self) -> int:
        return len(self.by_n)

    def __iter__(self) -> Iterator[Shot]:
        return iter(self.by_n.values())
