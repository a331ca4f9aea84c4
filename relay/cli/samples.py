"""Alerts to try things with where there is none yet: one of each channel, as the socket would send it now.

    channel, moment ──envelope──> {"type", "ts", "seq", "data"} ──event──> Event

``relay send`` sends one where a template would fail over nothing, ``relay check`` renders every template with them, and
docs/checking.md shows them to be written by hand.
"""

from __future__ import annotations

from typing import Any

import msgspec

from relay.clock import MICROS
from relay.events import EVENT_TYPES, Channel, Event, Instant
from relay.upstream.decode import decode_event


def envelope(channel: Channel, at_us: int) -> dict[str, Any]:
    """A message of the socket with an alert that triggered at ``at_us``, µs since the epoch, to the second.

    Args:
        channel: One of the two alert channels.
        at_us: When.
    """
    at = Instant(at_us // MICROS * MICROS, MICROS).isoformat()
    data: dict[str, Any]
    if channel is Channel.BREAKS:
        data = {
            "id": 5121,
            "timeframe": "D",
            "direction": "bullish",
            "threshold": 3,
            "symbols": ["ES1!", "NQ1!", "YM1!"],
            "triggered_at": at,
        }
    else:
        data = {
            "id": 98421,
            "symbol": "AAPL",
            "timeframe": "D",
            "direction": "bullish",
            "shape": "1-2U",
            "price": 214.32,
            "triggered_at": at,
            "cc": "2U",
        }
    return {"type": EVENT_TYPES[channel], "ts": at, "seq": "2", "data": data}


def event(channel: Channel, at_us: int) -> Event:
    """The alert in ``envelope``."""
    return decode_event(channel, msgspec.json.encode(envelope(channel, at_us)["data"]))
