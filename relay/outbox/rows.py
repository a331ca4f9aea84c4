"""Values to rows and back: the only place that knows the order of columns."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

import msgspec

from relay.clock import isoformat
from relay.deliveries import Delivery, RuleMatch, State
from relay.events import Channel, Event, Instant, Source
from relay.outbox.identity import Known, subject

EVENT_WIDTH: Final = 18
DELIVERY_WIDTH: Final = 13

WITHHELD: Final = "source"
"""The code of a suppressed delivery that another way of coming releases."""

_rules_encoder: Final = msgspec.json.Encoder()
_rules_decoder: Final = msgspec.json.Decoder(tuple[RuleMatch, ...])
_Int = int | None
_Text = str | None


class _Claim(msgspec.Struct, array_like=True):
    """A row of the view ``claims``."""

    id: int
    destination: str
    sequence: int
    ordering_key: str
    webhook_id: str
    rules: tuple[RuleMatch, ...]
    attempts: int
    first_attempt_at: _Int
    retry_at: int
    parked: int
    source: Source
    received_at: int
    key: str
    channel: Channel
    upstream_id: _Int
    subject: _Text
    symbols: tuple[str, ...]
    timeframe: _Text
    direction: _Text
    shape: _Text
    threshold: _Int
    price: float | None
    cc: _Text
    continuation: _Int
    triggered_at: _Int
    precision: _Int
    data: _Text
    updated_at: int


class _KnownRow(msgspec.Struct, array_like=True):
    """A row of the query ``sightings``."""

    seq: int
    received_at: int
    channel: Channel
    upstream_id: _Int
    subject: _Text
    symbols: tuple[str, ...]
    timeframe: _Text
    direction: _Text
    shape: _Text
    threshold: _Int
    triggered_at: _Int
    precision: _Int


_claims: Final = msgspec.json.Decoder(list[_Claim])
_knowns: Final = msgspec.json.Decoder(list[_KnownRow])


def json_value(text: str | bytes) -> Any:  # noqa: ANN401  because a JSON column holds whatever its query put there
    """Decode a JSON column."""
    return msgspec.json.decode(text)


def json_text(value: object) -> str:
    """Encode a JSON parameter."""
    return msgspec.json.encode(value).decode()


def event_key(event: Event, received_at_us: int) -> str:
    """The key fixed at the first sighting; without id and time the natural fields may come again, so it tells when."""
    key = event.key()
    return key if event.id is not None or event.triggered_at is not None else f"{key}@{isoformat(received_at_us)}"


def event_row(
    seq: int, key: str, event: Event, source: Source, received_at_us: int
) -> tuple[sqlite3._AdaptedInputData, ...]:
    """Parameters of ``insert_events``."""
    return (
        seq,
        key,
        event.channel.value,
        event.id,
        subject(event),
        json_text(event.symbols),
        event.timeframe,
        event.direction,
        event.shape,
        event.threshold,
        event.price,
        event.cc,
        event.continuation,
        event.triggered_at.us if event.triggered_at else None,
        event.triggered_at.precision_us if event.triggered_at else None,
        source.value,
        received_at_us,
        event.data.decode(),
    )


def delivery_row(
    *,
    id: int,  # noqa: A002  because it is the column's name
    event: int,
    destination: str,
    sequence: int,
    ordering_key: str,
    webhook_id: str,
    rules: tuple[RuleMatch, ...],
    source: Source,
    received_at_us: int,
    withheld: bool,
) -> tuple[sqlite3._AdaptedInputData, ...]:
    """Parameters of ``insert_deliveries``."""
    return (
        id,
        event,
        destination,
        sequence,
        ordering_key,
        webhook_id,
        _rules_encoder.encode(rules).decode(),
        source.value,
        (State.SUPPRESSED if withheld else State.PENDING).value,
        WITHHELD if withheld else "",
        f"it came by {source.value}, which this destination does not take" if withheld else "",
        received_at_us,
        received_at_us,
    )


def deliveries(text: str) -> list[Delivery]:
    """Decode the answer of a claim."""
    return [_delivery(row) for row in _claims.decode(text)]


def knowns(text: str) -> list[Known]:
    """Decode the answer of ``sightings``."""
    return [
        Known(
            row.seq,
            row.received_at,
            Event(
                channel=row.channel,
                id=row.upstream_id,
                symbol=None if row.channel is Channel.BREAKS else row.subject,
                symbols=row.symbols,
                timeframe=row.timeframe,
                direction=row.direction,
                shape=row.shape,
                threshold=row.threshold,
                triggered_at=_instant(row.triggered_at, row.precision),
            ),
        )
        for row in _knowns.decode(text)
    ]


def _instant(us: int | None, precision_us: int | None) -> Instant | None:
    return None if us is None else Instant(us, precision_us or 1)


def _delivery(row: _Claim) -> Delivery:
    event = Event(
        channel=row.channel,
        id=row.upstream_id,
        symbol=None if row.channel is Channel.BREAKS else row.subject,
        symbols=row.symbols,
        timeframe=row.timeframe,
        direction=row.direction,
        shape=row.shape,
        threshold=row.threshold,
        price=row.price,
        cc=row.cc,
        continuation=None if row.continuation is None else bool(row.continuation),
        triggered_at=_instant(row.triggered_at, row.precision),
        data=(row.data or "{}").encode(),
    )
    return Delivery(
        id=row.id,
        destination=row.destination,
        sequence=row.sequence,
        ordering_key=row.ordering_key,
        webhook_id=row.webhook_id,
        rules=row.rules,
        attempts=row.attempts,
        first_attempt_at_us=row.first_attempt_at,
        retry_at_us=row.retry_at,
        parked=bool(row.parked),
        source=row.source,
        received_at_us=row.received_at,
        updated_at_us=row.updated_at,
        event_key=row.key,
        event=event,
    )


class _EventListing(msgspec.Struct, array_like=True):
    seq: int
    key: str
    channel: Channel
    upstream_id: _Int
    subject: _Text
    symbols: tuple[str, ...]
    timeframe: _Text
    direction: _Text
    shape: _Text
    threshold: _Int
    price: float | None
    cc: _Text
    triggered_at: _Int
    precision: _Int
    source: Source
    received_at: int
    data: _Text
    deliveries: list[tuple[str, State]]


class _DeliveryListing(msgspec.Struct, array_like=True):
    id: int
    key: str
    channel: Channel
    subject: _Text
    timeframe: _Text
    direction: _Text
    destination: str
    state: State
    attempts: int
    last_code: str
    last_error: str
    last_answer: str
    webhook_id: str
    sequence: int
    rules: tuple[RuleMatch, ...]
    source: Source
    received_at: int
    updated_at: int
    first_attempt_at: _Int
    retry_at: int
    parked: int
    data: _Text


_event_listings: Final = msgspec.json.Decoder(list[_EventListing])
_delivery_listings: Final = msgspec.json.Decoder(list[_DeliveryListing])


def event_items(text: str) -> list[dict[str, object]]:
    """Decode ``list_events`` into what the listing shows."""
    items: list[dict[str, object]] = []
    for row in _event_listings.decode(text):
        when = _instant(row.triggered_at, row.precision)
        items.append(
            {
                "id": row.seq,
                "event": row.key,
                "channel": row.channel.value,
                "upstream_id": row.upstream_id,
                "symbol": None if row.channel is Channel.BREAKS else row.subject,
                "symbols": list(row.symbols),
                "timeframe": row.timeframe,
                "direction": row.direction,
                "shape": row.shape,
                "threshold": row.threshold,
                "price": row.price,
                "cc": row.cc,
                "triggered_at": when.isoformat() if when else None,
                "source": row.source.value,
                "received_at": isoformat(row.received_at),
                "deliveries": {name: state.value for name, state in row.deliveries},
                "data": _raw(row.data),
            }
        )
    return items


def delivery_items(text: str) -> list[dict[str, object]]:
    """Decode a listing of deliveries into what it shows."""
    return [
        {
            "id": row.id,
            "event": row.key,
            "channel": row.channel.value,
            "symbol": None if row.channel is Channel.BREAKS else row.subject,
            "timeframe": row.timeframe,
            "direction": row.direction,
            "destination": row.destination,
            "state": row.state.value,
            "attempts": row.attempts,
            "last_code": row.last_code,
            "last_error": row.last_error,
            "last_answer": row.last_answer,
            "webhook_id": row.webhook_id,
            "sequence": row.sequence,
            "rules": [rule.name for rule in row.rules],
            "source": row.source.value,
            "received_at": isoformat(row.received_at),
            "updated_at": isoformat(row.updated_at),
            "first_attempt_at": None if row.first_attempt_at is None else isoformat(row.first_attempt_at),
            "retry_at": isoformat(row.retry_at) if row.retry_at and row.state is State.PENDING else None,
            "parked": bool(row.parked),
            "data": _raw(row.data),
        }
        for row in _delivery_listings.decode(text)
    ]


def _raw(data: str | None) -> object:
    return None if data is None else msgspec.json.decode(data)
