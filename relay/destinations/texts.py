"""What people read about an alert, before any chat's own markup.

    Message ──headline, byline, facts, remarks──> plain texts ──escape, fit──> within a chat's limits

Upstream text is cleaned here (one line, nothing invisible) and escaped by each chat. Limits are kept by
construction: ``fit`` takes whole pieces, so an escape is never cut in half, and counts UTF-16 units, which is
never less than any of the ways in which chats count.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from relay.clock import MICROS
from relay.deliveries import Delivery, Message
from relay.destinations.enrichment import continuities, continuity, last_price
from relay.events import INDEX_FUTURES, Channel, Event, Source, symbol_root
from relay.states import Snapshot, continuity_of

TEST_HEADLINE: Final = "Test message of the relay"
TIMEFRAME: Final = "Timeframe"
"""The label of the fact that a headline may tell already."""

PRICE: Final = "Price"
CONTINUITY: Final = "Continuity"

TEST_REMARK: Final = "a test, not an alert"

_LOOKED_AT: Final = 4096
"""Characters of one text that are looked at, more than any chat shows of it: a megabyte, in each of ten alerts, would
keep the event loop for seconds."""

MOST_PARTICIPANTS: Final = 100
"""Participants of one break that are looked at, for the same reason; there are four."""

_RECOVERED_FROM: Final = 60.0
"""Seconds from which on a recovered alert says how late it is, where ``late.over`` is longer."""

_LATE_UNITS: Final = ((120, 1, "s"), (120 * 60, 60, "min"), (48 * 3600, 3600, "h"), (float("inf"), 86400, "days"))
_ARROWS: Final = {"bullish": "▲ ", "bearish": "▼ "}
_WAY: Final = {"bullish": "up", "bearish": "down"}
_TIMEFRAMES: Final = {
    "15": "15 minutes",
    "30": "30 minutes",
    "60": "1 hour",
    "4H": "4 hours",
    "12H": "12 hours",
    "D": "Daily",
    "W": "Weekly",
    "M": "Monthly",
    "Q": "Quarterly",
    "Y": "Yearly",
}
_CANDLES: Final = {
    "1": "inside bar",
    "2U": "above prior high",
    "2D": "below prior low",
    "3": "outside bar",
}
CIRCLES: Final = MappingProxyType({"green": "🟢", "red": "🔴"})
NO_COLOUR: Final = "⚪"

_ELLIPSIS: Final = "…"


def clean(text: str) -> str:
    """``text`` on one line, without control, format and other invisible characters; the beginning of a huge one."""
    words = ("".join(char for char in word if char.isprintable()) for word in text[:_LOOKED_AT].split())
    return " ".join(word for word in words if word)


def width(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def fit(pieces: Iterable[str], limit: int) -> str:
    """As many whole ``pieces`` as go into ``limit`` UTF-16 units, with an ellipsis where some did not.

    Args:
        pieces: Characters, or escaped characters; a plain text is its own pieces.
        limit: At least 1.
    """
    kept: list[str] = []
    room = limit
    whole = 0  # so many of the pieces leave room for an ellipsis
    for piece in pieces:
        room -= width(piece)
        if room < 0:
            return "".join(kept[:whole]) + _ELLIPSIS
        kept.append(piece)
        if room >= width(_ELLIPSIS):
            whole = len(kept)
    return "".join(kept)


def headline(message: Message) -> str:
    """``AAPL [D] 1-2U``, ``3 of 4 index futures broke up [D]``, ``AAPL 200.35``, or ``AAPL full continuity up``.

    A test that holds an alert is a sample of those that will come, and says so.
    """
    delivery = message.delivery
    if delivery.source is Source.TEST:
        return f"Sample: {_what(delivery)}" if names_something(delivery.event) else TEST_HEADLINE
    return _what(delivery)


def names_something(event: Event) -> bool:
    """Whether a reader can tell what it is about; the test message without an alert has none of this."""
    return bool(event.symbol or event.symbols or event.threshold)


def _what(delivery: Delivery) -> str:
    event = delivery.event
    timeframe = clean(event.timeframe or "")
    timeframe = timeframe and f"[{timeframe}]"
    match event.channel:
        case Channel.BREAKS:
            words = (_who_broke(event), _WAY.get(event.direction or "", ""), timeframe)
        case Channel.IN_FORCE:
            words = (clean(event.symbol or "") or "?", timeframe, clean(event.shape or event.direction or ""))
        case Channel.QUOTES:
            said = event.type if event.price is None else price_text(event.price)
            words = (clean(event.symbol or "") or "?", said, "")
        case Channel.STATES:
            words = (clean(event.symbol or "") or "?", _full_continuity(delivery) or event.type, "")
    return " ".join(word for word in words if word)


def _full_continuity(delivery: Delivery) -> str:
    """``full continuity up``; empty where it is not full."""
    colours = dict(continuity(delivery))
    way = _WAY.get(continuity_of(Snapshot("", colours)) or "", "")
    return way and f"full continuity {way}"


def _who_broke(event: Event) -> str:
    count = event.threshold if event.threshold is not None else len(event.symbols)
    known = 0 < count <= len(INDEX_FUTURES)
    return f"{count} of {len(INDEX_FUTURES)} index futures broke" if known else "Index futures broke"


def byline(message: Message) -> str:
    """What kind of alert it is, with its direction in words and as an arrow: colours don't speak to everybody."""
    event = message.delivery.event
    direction = event.direction or ""
    arrow = _ARROWS.get(direction, "")
    if message.delivery.source is Source.TEST and not names_something(event):
        return "Test"
    match event.channel:
        case Channel.BREAKS:
            return f"{arrow}Simultaneous break"
        case Channel.IN_FORCE:
            return f"{arrow}{direction.capitalize()} setup in force" if arrow else "Setup in force"
        case Channel.STATES | Channel.QUOTES:
            return event.type.capitalize()


def facts(delivery: Delivery) -> tuple[tuple[str, str], ...]:
    """What is known of an alert, as label and value; what is not known is left out."""
    event = delivery.event
    price = event.price if event.channel is not Channel.STATES else last_price(event)
    broke, held = participants(event) if event.channel is Channel.BREAKS else ((), ())
    known = (
        (PRICE, "" if price is None else price_text(price)),
        ("Candle", candle_words(event.cc or "")),
        (TIMEFRAME, timeframe_words(event.timeframe or "")),
        ("Broke", ", ".join(broke)),
        ("Did not", ", ".join(held)),
        (CONTINUITY, continuity_row(delivery)),
    )
    return tuple((label, value) for label, value in known if value)


def timeframe_words(timeframe: str) -> str:
    """``D`` as ``Daily``, ``60`` as ``1 hour``; one that is not known, as it was sent."""
    sent = clean(timeframe)
    return _TIMEFRAMES.get(sent.upper(), sent)


def candle_words(candle: str) -> str:
    """``2U`` as ``2U · above prior high``; one that is not known, as it was sent."""
    sent = clean(candle)
    words = _CANDLES.get(sent.upper())
    return sent if words is None else f"{sent} · {words}"


def continuity_row(delivery: Delivery) -> str:
    """``D🟢 W🔴 M⚪``, of a break ``ES D🟢 W🔴 · NQ D🟢 W🟢``; empty where nothing is known."""
    if known := continuity(delivery):
        return _circles(known)
    each = ((clean(symbol_root(symbol)), _circles(known)) for symbol, known in continuities(delivery))
    return " · ".join(f"{name} {circles}" for name, circles in each if name and circles)


def _circles(known: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"{timeframe}{CIRCLES.get(colour, NO_COLOUR)}" for timeframe, colour in known)


def participants(event: Event) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The index futures that took part in a break, and those that did not; the latter only where all are known."""
    symbols = event.symbols[:MOST_PARTICIPANTS]
    roots = dict.fromkeys(clean(symbol_root(symbol.strip().upper())) for symbol in symbols)
    broke = (*(root for root in INDEX_FUTURES if root in roots), *(r for r in roots if r and r not in INDEX_FUTURES))
    known = bool(broke) and (event.threshold is None or len(broke) >= event.threshold)
    return broke, tuple(root for root in INDEX_FUTURES if known and root not in roots)


def price_text(price: float) -> str:
    """At least two decimals, and as many as it has, up to eight: ``214.32``, ``5,300.00``, ``0.00001234``."""
    whole, _, decimals = f"{price:,.8f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}" if decimals else whole


def rule_names(*batch: Message) -> str:
    """The rules that wanted these, each once, on one line."""
    return " · ".join(dict.fromkeys(filter(None, (clean(rule) for message in batch for rule in message.rules))))


def remarks(message: Message, over: float | None) -> tuple[str, ...]:
    """What a reader must know before acting on it: that it is late, repeated or not real.

    Args:
        message: The alert, at the moment of sending.
        over: ``late.over`` of the destination, seconds; None where lateness is left out.
    """
    source = message.delivery.source
    said = (
        TEST_REMARK if source is Source.TEST else None,
        "replay" if source is Source.REPLAY else None,
        None if over is None else lateness(message, over),
        "simulated" if message.simulated else None,
    )
    return tuple(remark for remark in said if remark)


def late_seconds(message: Message) -> float | None:
    """Seconds since its trigger; None for a replay and a test, which are never late."""
    if message.delivery.source in {Source.REPLAY, Source.TEST}:
        return None
    return (message.now_us - message.delivery.happened_us) / MICROS


def lateness(message: Message, over: float) -> str | None:
    """``recovered, 12 min late`` or ``12 min late``; None where it is not late.

    A recovered alert says it from one minute on, or from ``over`` on where that is shorter; any other from ``over``
    on. A replay and a test are never late: that they come later than their alert is what they are for.
    """
    late = late_seconds(message)
    if late is None:
        return None
    if message.delivery.source is not Source.BACKFILL:
        return f"{_span_text(late)} late" if late >= over else None
    return f"recovered, {_span_text(late)} late" if late >= min(_RECOVERED_FROM, over) else None


def _span_text(seconds: float) -> str:
    size, unit = next((size, unit) for below, size, unit in _LATE_UNITS if seconds < below)
    return f"{int(seconds // size)} {unit}"
