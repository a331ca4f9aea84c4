"""What people read about an alert, before any chat's own markup.

    Message ──headline, facts, remarks──> plain texts ──escape, fit──> within a chat's limits

Upstream text is cleaned here (one line, nothing invisible) and escaped by each chat. Limits are kept by
construction: ``fit`` takes whole pieces, so an escape is never cut in half, and counts UTF-16 units, which is
never less than any of the ways in which chats count.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from relay.clock import MICROS
from relay.deliveries import Delivery, Message
from relay.events import INDEX_FUTURES, Channel, Event, Source

LATE_US: Final = 60 * MICROS
"""A recovered alert later than this says so."""

_WAY: Final = {"bullish": "up", "bearish": "down"}
_ELLIPSIS: Final = "…"
_LAST_SINGLE: Final = 0xFFFF  # characters above it take two UTF-16 units


def clean(text: str) -> str:
    """``text`` on one line, without control, format and other invisible characters."""
    return " ".join("".join(char for char in word if char.isprintable()) for word in text.split()).strip()


def width(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) + sum(ord(char) > _LAST_SINGLE for char in text)


def fit(pieces: Iterable[str], limit: int) -> str:
    """As many whole ``pieces`` as go into ``limit`` UTF-16 units, with an ellipsis where some did not.

    Args:
        pieces: Characters, or escaped characters; a plain text is its own pieces.
        limit: At least 1.
    """
    pieces = list(pieces)
    widths = [width(piece) for piece in pieces]
    if sum(widths) <= limit:
        return "".join(pieces)
    room = limit - width(_ELLIPSIS)
    kept: list[str] = []
    for piece, wide in zip(pieces, widths, strict=True):
        room -= wide
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + _ELLIPSIS


def headline(message: Message) -> str:
    """``AAPL [D] 1-2U``, or ``3 of 4 index futures broke up [D]``."""
    event = message.delivery.event
    if message.delivery.source is Source.TEST:
        return "Test message of the relay"
    timeframe = clean(event.timeframe or "")
    timeframe = timeframe and f"[{timeframe}]"
    match event.channel:
        case Channel.BREAKS:
            words = (_who_broke(event), _WAY.get(event.direction or "", ""), timeframe)
        case Channel.IN_FORCE:
            words = (clean(event.symbol or "") or "?", timeframe, clean(event.shape or event.direction or ""))
        case Channel.STATES | Channel.QUOTES:
            words = (clean(event.symbol or "") or "?", event.type, timeframe)
    return " ".join(word for word in words if word)


def _who_broke(event: Event) -> str:
    count = event.threshold if event.threshold is not None else len(event.symbols)
    return f"{count} of {len(INDEX_FUTURES)} index futures broke" if count > 0 else "Index futures broke"


def facts(event: Event) -> tuple[tuple[str, str], ...]:
    """What is known of an alert, as label and value; what is not known is left out."""
    known = (
        ("Price", None if event.price is None else price_text(event.price)),
        ("Candle", event.cc),
        ("Timeframe", event.timeframe),
        ("Direction", event.direction),
        ("Symbols", ", ".join(event.symbols)),
    )
    cleaned = ((label, clean(value or "")) for label, value in known)
    return tuple((label, value) for label, value in cleaned if value)


def price_text(price: float) -> str:
    """At least two decimals, and as many as it has, up to eight: ``214.32``, ``5,300.00``, ``0.00001234``."""
    whole, _, decimals = f"{price:,.8f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}" if decimals else whole


def rule_names(message: Message) -> str:
    """The rules that wanted it, on one line."""
    return " · ".join(filter(None, map(clean, message.rules)))


def remarks(message: Message) -> tuple[str, ...]:
    """What a reader must know before acting on it: that it is late, repeated or not real."""
    said: list[str] = []
    if message.delivery.source is Source.REPLAY:
        said.append("replay")
    late_us = message.now_us - happened_us(message.delivery)
    if message.delivery.source is Source.BACKFILL and late_us > LATE_US:
        said.append(f"recovered, {late_us // LATE_US} min late")
    if message.simulated:
        said.append("simulated")
    return tuple(said)


def happened_us(delivery: Delivery) -> int:
    """When it triggered, or was received where the upstream told no usable time; µs since the epoch."""
    triggered = delivery.event.triggered_at
    return delivery.received_at_us if triggered is None else triggered.us
