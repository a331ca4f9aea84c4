"""The events in a text, in whatever form somebody kept them.

    {"type": …, "data": …}            an envelope as the socket sends it, or a webhook's body
    {"symbol": …, "timeframe": …}     the upstream's object alone, told by its fields
    {"items": […]}, […]               an answer of REST, or of /api/events
    one a line                        a recording of the socket; what is no event in it is passed over

What names nothing, or is no event in any of these forms, is refused where it stands alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from relay.destinations.texts import names_something
from relay.errors import UsageError
from relay.events import EVENT_TYPES, Channel, Event
from relay.upstream.decode import decode_event
from relay.upstream.errors import DecodeError
from relay.upstream.protocol import channel_of
from relay.upstream.tick import timed

_HINT: Final = (
    'An envelope is wanted: {"type": "alert.in_force", "data": {"symbol": "AAPL", …}}, or several, one a line; '
    "docs/checking.md shows two."
)
_OF_AN_ALERT: Final = frozenset({"timeframe", "direction", "shape", "cc", "triggered_at"})
_OF_A_BREAK: Final = frozenset({"symbols", "threshold"})
_OF_A_STATE: Final = frozenset({"tfc", "setups", "instrument"})

_Fields = dict[str, msgspec.Raw]

_fields: Final = msgspec.json.Decoder(_Fields).decode
_items: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text: Final = msgspec.json.Decoder(str).decode
_FAULTS: Final = (msgspec.DecodeError, UnicodeError, RecursionError)


class _NoEventError(ValueError):
    """An object is none; the text says what it is instead."""


def events_in(name: str, data: bytes) -> list[Event]:
    """The events of a file, in its order.

    Args:
        name: What the file is called in an error.
        data: All of it.

    Raises:
        UsageError: There is none.
    """
    events: list[Event] = []
    fault = ""
    for text in _texts(data):
        try:
            events.append(_event(text))
        except _NoEventError as error:
            fault = fault or str(error)
    if not events:
        raise UsageError(f"{name} holds no event: {fault or 'it is empty'}", hint=_HINT)
    return events


def _texts(data: bytes) -> Iterator[bytes]:
    """The objects in ``data``: the whole, the items of a list, or its lines."""
    listed = _listed(data)
    if listed is not None:
        yield from listed
        return
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
        lines = [data]
    except _FAULTS:
        lines = data.splitlines()
    yield from (line for line in lines if line.strip())


def _listed(data: bytes) -> list[bytes] | None:
    """The items of a list, or of an object whose ``items`` are one; None where it is neither."""
    try:
        whole = data
        if data.lstrip()[:1] == b"{":
            fields = _fields(data)
            if "items" not in fields:
                return None
            whole = bytes(fields["items"])
        return [bytes(item) for item in _items(whole)]
    except _FAULTS:
        return None


def _event(text: bytes) -> Event:
    try:
        text.decode()
        fields = _fields(text)
    except _FAULTS as error:
        raise _NoEventError(f"no JSON object ({error})") from None
    channel, data = _channel(fields), bytes(fields["data"]) if "data" in fields else text
    try:
        event = decode_event(channel, data, lenient=True)
    except DecodeError as error:
        raise _NoEventError(str(error)) from None
    if not names_something(event):
        raise _NoEventError("nothing in it names a symbol, or how many broke")
    return timed(event, bytes(fields["ts"]) if "data" in fields and "ts" in fields else b"")


def _channel(fields: Mapping[str, msgspec.Raw]) -> Channel:
    """What an object is of."""
    if "data" in fields:
        said = _said(fields, "type") or ""
        channel = channel_of(said) or next((own for own in Channel if own == _said(fields, "channel")), None)
        if channel is None:
            wanted = ", ".join(EVENT_TYPES.values())
            kind = f"of the type {said[:80]!r}" if said else "without a type"
            raise _NoEventError(f"a message {kind}; an event's is one of {wanted}")
        return channel
    keys = fields.keys()
    if "symbol" in keys and keys & _OF_A_STATE and not keys & _OF_AN_ALERT:
        return Channel.STATES
    if keys & _OF_A_BREAK and "symbol" not in keys:
        return Channel.BREAKS
    if "symbol" in keys and keys & _OF_AN_ALERT:
        return Channel.IN_FORCE
    if "symbol" in keys and "price" in keys:
        return Channel.QUOTES
    raise _NoEventError("an object that is neither an envelope nor an alert, a quote or a state")


def _said(fields: Mapping[str, msgspec.Raw], name: str) -> str | None:
    try:
        return _text(fields[name]) if name in fields else None
    except _FAULTS:
        return None
