"""A value of the channels ``quotes`` and ``states``: read only as far as it has to be.

    data of a frame ──decode_tick──> Tick(symbol, price) ──> the rules' engine, thousands of times a second
                                       └── a rule fires ──event_of──> Event, with its time, to be stored

Ticks come in floods and nearly all of them change nothing. So one typed pass reads the symbol (and a quote's price),
the object's bytes are kept as they came, and its time is read only where somebody asks for it. An object that is not
as usual (a price in quotes) takes the slow path of ``decode_event``, which reads each field on its own; a price that
is there and is no finite number is refused there, not passed over: the rules on it would stay silent without a trace.
(Source: the vendor's pages on the channels; a quote tells `event_ts`, a state no time but its envelope's.)
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from relay.events import PER_SYMBOL_CHANNELS, Channel, Event, Instant
from relay.upstream.decode import decode_event
from relay.upstream.errors import DecodeError, RejectReason


class Tick(msgspec.Struct, frozen=True):
    """What a symbol was worth, or what its state was, at one moment.

    Attributes:
        channel: ``quotes`` or ``states``.
        symbol: Upper case.
        price: Of a quote, finite; None where it told none, and on states.
        data: The upstream's own object, byte for byte (UTF-8 JSON).
        at: The envelope's ``ts`` as it was sent (JSON), empty where it had none; ``time_of`` reads it.
    """

    channel: Channel
    symbol: str
    price: float | None
    data: bytes
    at: bytes = b""


class _Quote(msgspec.Struct):
    symbol: str
    price: float | None = None


class _Price(msgspec.Struct):
    price: msgspec.Raw = msgspec.Raw(b"null")


class _State(msgspec.Struct):
    symbol: str


class _Times(msgspec.Struct):
    event_ts: Any = None
    triggered_at: Any = None
    ts: Any = None


_QUOTES: Final = Channel.QUOTES  # looked up once: a member of an enumeration costs as much as a field

_decode_quote: Final = msgspec.json.Decoder(_Quote).decode
_decode_state: Final = msgspec.json.Decoder(_State).decode
_decode_price: Final = msgspec.json.Decoder(_Price).decode
_decode_times: Final = msgspec.json.Decoder(_Times).decode
_decode_any: Final = msgspec.json.Decoder().decode


def decode_tick(channel: Channel, data: bytes, at: bytes = b"") -> Tick:
    """The tick in ``data``, one JSON object of ``quotes`` or ``states``.

    Args:
        channel: Which of the two.
        data: The object's bytes.
        at: The envelope's ``ts``, as JSON.

    Raises:
        DecodeError: It is no JSON object, names no symbol, or tells a price that is no finite number.
    """
    try:
        if not data.isascii():
            data.decode()  # what is skipped is not checked by the decoder, and the bytes are stored when a rule fires
        if channel is _QUOTES:
            quote = _decode_quote(data)
            symbol, price = quote.symbol.strip().upper(), quote.price
        else:
            symbol, price = _decode_state(data).symbol.strip().upper(), None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_slowly(channel, data, at)
    if not symbol:
        raise DecodeError(RejectReason.UNIDENTIFIABLE, "no symbol")
    return Tick(channel, symbol, price, data, at)


def _decode_slowly(channel: Channel, data: bytes, at: bytes) -> Tick:
    event = decode_event(channel, data, lenient=True)
    if event.symbol is None:
        raise DecodeError(RejectReason.UNIDENTIFIABLE, "no symbol")
    if channel is Channel.STATES:
        return Tick(channel, event.symbol, None, data, at)
    if event.price is None and bytes(_decode_price(data).price) != b"null":
        raise DecodeError(RejectReason.WRONG_TYPE, "price: expected a finite number")
    return Tick(channel, event.symbol, event.price, data, at)


def time_of(tick: Tick) -> Instant | None:
    """When it was so: by the object's own time (``event_ts``, ``triggered_at``, ``ts``), else by the envelope's."""
    try:
        times = _decode_times(tick.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # a number beyond what a float holds
        times = _Times()
    said = (Instant.parse(value) for value in (times.event_ts, times.triggered_at, times.ts))
    return next((at for at in said if at is not None), None) or _envelope_time(tick.at)


def _envelope_time(at: bytes) -> Instant | None:
    try:
        return Instant.parse(_decode_any(at)) if at else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def timed(event: Event, at: bytes = b"") -> Event:
    """A quote or a state that was read as an alert is, with its own time; another event as it is.

    Args:
        event: The event.
        at: A time to go by where its object tells none, as JSON.
    """
    if event.channel not in PER_SYMBOL_CHANNELS:
        return event
    tick = Tick(event.channel, event.symbol or "", event.price, event.data, at)
    return msgspec.structs.replace(event, triggered_at=time_of(tick))


def event_of(tick: Tick) -> Event:
    """The tick as an event, to be stored because a rule fired. It has no id: the upstream keeps no history of it."""
    return Event(
        channel=tick.channel,
        symbol=tick.symbol,
        price=tick.price,
        triggered_at=time_of(tick),
        data=tick.data,
    )
