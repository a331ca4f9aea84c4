"""Alerts to fire, and what came of them in an inbox."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from typing import Any

from relay.simulator.history import Fired
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator

TIMEFRAMES = ("15", "30", "60", "4H", "12H", "D", "W", "M", "Q", "Y")
SHAPES = (("bullish", "1-2U", "2U"), ("bearish", "2U-2D", "2D"), ("bullish", "2D-3", "3"), ("bearish", "1-3", "3"))

_numbers = itertools.count()


def in_force(symbol: str | None = None, **more: object) -> dict[str, object]:
    """An in-force alert unlike any other: its symbol is its own unless one is given."""
    number = next(_numbers)
    direction, shape, cc = SHAPES[number % len(SHAPES)]
    return {
        "symbol": symbol or f"S{number:05d}",
        "timeframe": TIMEFRAMES[number % len(TIMEFRAMES)],
        "direction": direction,
        "shape": shape,
        "price": 100 + number / 4,
        "cc": cc,
        **more,
    }


def simultaneous(threshold: int = 3, **more: object) -> dict[str, object]:
    """A simultaneous break."""
    number = next(_numbers)
    return {
        "timeframe": TIMEFRAMES[number % len(TIMEFRAMES)],
        "direction": ("bullish", "bearish")[number // len(TIMEFRAMES) % 2],
        "threshold": threshold,
        "symbols": ["ES1!", "NQ1!", "RTY1!", "YM1!"][:threshold],
        **more,
    }


def fire(simulator: Simulator, count: int, **how: Any) -> list[Fired]:
    """Fire so many in-force alerts."""
    return [simulator.fire(in_force(), **how) for _ in range(count)]


def bodies(inbox: Inbox, path: str = "/hook") -> list[dict[str, Any]]:
    """What was delivered on a path (answered with a 2xx), in order of arrival."""
    return [json.loads(received.body) for received in inbox.at(path) if received.status // 100 == 2]


def arrived(inbox: Inbox, path: str = "/hook") -> Counter[object]:
    """How often which alert was delivered, by what tells one from another: its price."""
    return Counter(float(body["data"]["price"]) for body in bodies(inbox, path))


def once(fired: list[Fired]) -> Counter[object]:
    """What ``arrived`` is when each of these came exactly once."""
    return Counter(fired_price(alert) for alert in fired)


def fired_price(alert: Fired) -> float:
    """What ``arrived`` knows an alert by."""
    price = alert.object["price"]
    assert isinstance(price, float)
    return price
