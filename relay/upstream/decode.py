"""An upstream object (JSON, bytes) becomes an ``Event``; the socket and REST share this one reading of it.

    b'{"id": "98421", "symbol": "aapl", …}' ──> Event(id=98421, symbol="AAPL", …, data=the same bytes)

Two speeds. The typed decoder reads the usual object in one pass and skips what it does not know. Where one field
is out of type (a boolean id, a price of 1e400) it gives up on the whole object, and each field is read on its own:
what can't be read counts as not said, because an alert with a broken price is still an alert. What is not tolerated:
text that is no JSON, and a list or an object where a field that identifies the alert should be.
"""

from __future__ import annotations

import math
from typing import Any, Final, TypeAlias

import msgspec

from relay.events import Channel, Event, Instant
from relay.upstream.errors import DecodeError, RejectReason

_Scalar: TypeAlias = str | int | float | None

_END: Final = 2**63  # what a store's integer holds
_DIGITS: Final = 19  # of 2**63; also keeps int() and str() away from texts of a megabyte
_DIRECTIONAL: Final = ("2U", "2D")


class _Alert(msgspec.Struct):
    """The fields of an in-force alert; a quote or a state has some of them."""

    id: _Scalar = None
    symbol: _Scalar = None
    timeframe: _Scalar = None
    direction: _Scalar = None
    shape: _Scalar = None
    cc: _Scalar = None
    price: _Scalar = None
    continuation: bool | str | None = None
    triggered_at: _Scalar = None


class _Break(msgspec.Struct):
    """The fields of a simultaneous break."""

    id: _Scalar = None
    timeframe: _Scalar = None
    direction: _Scalar = None
    threshold: _Scalar = None
    symbols: list[str] | None = None
    triggered_at: _Scalar = None


_ALERT: Final = msgspec.json.Decoder(_Alert)
_BREAK: Final = msgspec.json.Decoder(_Break)
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SYMBOLS: Final = msgspec.json.Decoder(list[str] | None)
_ANY: Final = msgspec.json.Decoder()

_MAY_BE_ANYTHING: Final = frozenset({"price", "continuation"})  # they do not identify: a container is just not said


def decode_event(channel: Channel, data: bytes, *, lenient: bool = False) -> Event:
    """The event in ``data``, one JSON object of ``channel`` as the upstream sends it.

    Args:
        channel: What it is to be read as.
        data: The object's bytes.
        lenient: A container where a scalar belongs counts as not said, too. For REST: its items come again and again,
            and one that is never taken could only be passed over.

    Raises:
        DecodeError: It is no JSON, not an object, holds a container where a scalar identifies the alert (or no list
            of texts as ``symbols``), or nothing in it identifies an alert.
    """
    try:
        if not data.isascii():
            data.decode()  # fields that are skipped are not checked by the decoder, and the bytes are passed on whole
        if channel is Channel.BREAKS:
            return _break(_BREAK.decode(data), data)
        return _alert(channel, _ALERT.decode(data), data)
    except msgspec.ValidationError:
        return _decode_by_field(channel, data, lenient=lenient)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(RejectReason.NOT_JSON, _told(error)) from error


def peek_id(data: bytes) -> int | None:
    """The id of an object that is otherwise no event; None where there is none."""
    try:
        raw = _FIELDS.decode(data).get("id")
        return None if raw is None else _positive(_ANY.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _decode_by_field(channel: Channel, data: bytes, *, lenient: bool) -> Event:
    try:
        fields = _FIELDS.decode(data)
    except msgspec.ValidationError as error:
        raise DecodeError(RejectReason.WRONG_TYPE, f"data: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(RejectReason.NOT_JSON, _told(error)) from error
    wire = _Break if channel is Channel.BREAKS else _Alert
    known = [name for name in wire.__struct_fields__ if name in fields]
    values = {name: _field(name, fields[name], lenient=lenient) for name in known}
    return _break(_Break(**values), data) if channel is Channel.BREAKS else _alert(channel, _Alert(**values), data)


def _field(name: str, raw: msgspec.Raw, *, lenient: bool) -> Any:  # noqa: ANN401  a JSON value of any type; its readers check it
    text = bytes(raw)
    if name == "symbols":
        try:
            return _SYMBOLS.decode(text)
        except msgspec.ValidationError as error:
            if lenient:
                return None
            raise DecodeError(RejectReason.WRONG_TYPE, f"symbols: {error}") from error
    if text[:1] in b"[{":
        if lenient or name in _MAY_BE_ANYTHING:
            return None
        raise DecodeError(RejectReason.WRONG_TYPE, f"{name}: expected a single value")
    try:
        return _ANY.decode(text)
    except msgspec.ValidationError:  # a number beyond what a float holds
        return None


def _alert(channel: Channel, wire: _Alert, data: bytes) -> Event:
    alert_id, symbol, shape = _positive(wire.id), _upper(wire.symbol), _upper(wire.shape)
    if alert_id is None and symbol is None:
        raise DecodeError(RejectReason.UNIDENTIFIABLE, "neither an id nor a symbol")
    return Event(
        channel=channel,
        id=alert_id,
        symbol=symbol,
        timeframe=_upper(wire.timeframe),
        direction=_direction(wire.direction),
        shape=shape,
        price=_number(wire.price),
        cc=_upper(wire.cc),
        continuation=_continuation(wire.continuation, shape),
        triggered_at=Instant.parse(wire.triggered_at),
        data=data,
    )


def _break(wire: _Break, data: bytes) -> Event:
    alert_id, threshold = _positive(wire.id), _positive(wire.threshold)
    symbols = tuple(sorted({text for symbol in wire.symbols or () if (text := symbol.strip().upper())}))
    if alert_id is None and threshold is None and not symbols:
        raise DecodeError(RejectReason.UNIDENTIFIABLE, "neither an id nor symbols nor a threshold")
    return Event(
        channel=Channel.BREAKS,
        id=alert_id,
        symbols=symbols,
        timeframe=_upper(wire.timeframe),
        direction=_direction(wire.direction),
        threshold=threshold if threshold is not None else len(symbols) or None,
        triggered_at=Instant.parse(wire.triggered_at),
        data=data,
    )


def _whole(value: object) -> int | None:
    """An int, a text of digits, or a float without a fraction; a boolean is no number."""
    if isinstance(value, int):
        return None if isinstance(value, bool) else value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None
    return None


def _positive(value: object) -> int | None:
    number = _whole(value)
    return number if number is not None and 0 < number < _END else None


def _number(value: object) -> float | None:
    if value is None or isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    number = _whole(value)
    if number is not None:
        return str(number) if abs(number) < _END else None
    return str(value) if isinstance(value, float) else None


def _upper(value: object) -> str | None:
    text = _text(value)
    return text.upper() if text else None


def _direction(value: object) -> str | None:
    text = _text(value)
    return text.lower() if text else None


def _continuation(said: object, shape: str | None) -> bool | None:
    if isinstance(said, bool):
        return said
    if isinstance(said, str) and said.strip().lower() in {"true", "false"}:
        return said.strip().lower() == "true"
    if shape is None:
        return None
    candles = [candle.strip() for candle in shape.split("-")]
    return len(candles) > 1 and candles[-1] in _DIRECTIONAL and candles[-1] == candles[-2]


def _told(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
