"""Alerts as rows of the page: what a listing shows of an event, read once and ready to be shown.

    item of a listing ──row_of──> Row          whatever its fields are, and missing ones

Templates look up attributes of values that are there, which costs a tenth of asking a dictionary field by field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from relay.destinations.texts import price_text
from relay.events import symbol_root
from relay.outbox.listings import why_nowhere
from relay.web.looks import Look, look_of
from relay.web.shown import as_json, micros

NOTHING: Final = "–"
_MOST_SYMBOLS: Final = 4  # that a break may name


class Fate(msgspec.Struct, frozen=True):
    """What became of it at a destination.

    Attributes:
        reason: Of what is suppressed: ``cooldown``; else empty.
        why: And which rule's, or whose snooze it was, in a sentence; else empty.
    """

    name: str
    state: str
    look: Look
    reason: str = ""
    why: str = ""


class Row(msgspec.Struct, frozen=True):
    """An alert.

    Attributes:
        number: The relay's, for an id that stays.
        names: Its symbols as sent; ``symbol`` is what people call them.
        direction: As sent; ``way`` is that where it is known, else ``neither``, and ``arrow`` its sign.
        shape: Of a setup; of a break how many took part.
        received_us: When it was first seen; None where that is not told.
        triggered_at: As told; empty where it was not.
        recovered: It came over REST.
        nowhere: Why it has none of them, as far as that is known; else empty.
        payload: What was sent, as a person reads it; empty where that was let go of.
        is_whole: All of it.
    """

    number: str
    key: str
    symbol: str
    names: tuple[str, ...]
    timeframe: str
    direction: str
    way: str
    arrow: str
    shape: str
    price: str
    received_us: int | None
    triggered_at: str
    source: str
    recovered: bool
    fates: tuple[Fate, ...]
    nowhere: str
    payload: str
    is_whole: bool


def brief(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of a listing with its object as the page shows it, ``whole`` or not; the object itself is let go of."""
    data = item.get("data")
    text, whole = ("", True) if data is None else as_json(data)
    return {**item, "data": text, "whole": whole}


def row_of(event: Mapping[str, Any]) -> Row:
    """The row of ``event``, an item of ``/api/events`` that is ``brief``."""
    symbol = event.get("symbol")
    names = (str(symbol),) if symbol else tuple(map(str, event.get("symbols") or ()))[:_MOST_SYMBOLS]
    direction = _text(event, "direction")
    way, arrow = {"bullish": ("bullish", "▲"), "bearish": ("bearish", "▼")}.get(direction, ("neither", NOTHING))
    count = event.get("threshold")
    held = event.get("suppressed") or {}
    fates = (event.get("deliveries") or {}).items()
    return Row(
        number=_text(event, "id"),
        key=_text(event, "event"),
        symbol=" ".join(map(symbol_root, names)) or NOTHING,
        names=names,
        timeframe=_text(event, "timeframe") or NOTHING,
        direction=direction,
        way=way,
        arrow=arrow,
        shape=_text(event, "shape") or (f"{count} of 4" if count else ""),
        price=_price(event.get("price")),
        received_us=micros(event.get("received_at")),
        triggered_at=_text(event, "triggered_at"),
        source=_text(event, "source"),
        recovered=event.get("source") == "backfill",
        fates=tuple(_fate(str(name), str(state), held.get(name) or {}) for name, state in fates),
        nowhere=why_nowhere(event),
        payload=_text(event, "data"),
        is_whole=event.get("whole") is not False,
    )


def _fate(name: str, state: str, held: Mapping[str, Any]) -> Fate:
    return Fate(name, state, look_of(state), _text(held, "last_code"), _text(held, "last_error"))


def _price(price: object) -> str:
    """As the chats show it; what is no number as it was told."""
    if isinstance(price, int | float) and not isinstance(price, bool) and math.isfinite(price):
        return price_text(price)
    return "" if price is None else str(price)


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    return "" if value is None else str(value)
