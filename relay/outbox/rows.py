"""Values to rows and back: the only place that knows the order of columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from relay.clock import isoformat
from relay.deliveries import Delivery, RuleMatch, State
from relay.events import ALERT_CHANNELS, Channel, Event, Instant, Source
from relay.outbox.base import DestinationState, Switch
from relay.outbox.channels import Baseline, ChannelState, Hole, RoundEnd
from relay.outbox.identity import Known, subject

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
    states: _Text
    earlier: int


class Withheld(msgspec.Struct, array_like=True):
    """A row of the query ``withheld``."""

    event: int
    id: int
    destination: str
    rules: tuple[RuleMatch, ...]


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
_withheld: Final = msgspec.json.Decoder(list[Withheld])


def json_value(text: str | bytes) -> Any:  # noqa: ANN401  because a JSON column holds whatever its query put there
    """Decode a JSON column."""
    return msgspec.json.decode(text)


def json_text(value: object) -> str:
    """Encode a JSON parameter."""
    return msgspec.json.encode(value).decode()


def json_rows(values: Sequence[msgspec.Struct]) -> str:
    """Encode values as rows of their fields, in the order in which those are declared."""
    return json_text([msgspec.structs.astuple(value) for value in values])


def rules_text(rules: tuple[RuleMatch, ...]) -> str:
    """Encode the column ``rules``."""
    return _rules_encoder.encode(rules).decode()


def withheld(text: str) -> list[Withheld]:
    """Decode the answer of ``withheld``."""
    return _withheld.decode(text)


def event_key(event: Event, received_at_us: int) -> str:
    """The key fixed at the first sighting.

    Where the natural fields may come again, it tells when that was: they do without id and time, and a quote or a state
    that fires again is another event even at the same price and second.
    """
    key = event.key()
    if event.id is not None:
        return key
    if event.channel not in ALERT_CHANNELS:
        return f"{key}@{Instant(received_at_us).isoformat()}"
    return key if event.triggered_at is not None else f"{key}@{isoformat(received_at_us)}"


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
    state: State,
    code: str,
    detail: str,
) -> tuple[sqlite3._AdaptedInputData, ...]:
    """Parameters of ``insert_deliveries``."""
    return (
        id,
        event,
        destination,
        sequence,
        ordering_key,
        webhook_id,
        rules_text(rules),
        source.value,
        state.value,
        code,
        detail,
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
            _identity(row),
        )
        for row in _knowns.decode(text)
    ]


def instant(us: int | None, precision_us: int | None) -> Instant | None:
    """The instant that two columns tell."""
    return None if us is None else Instant(us, precision_us or 1)


def channel_state(channel: Channel, facts: str | None, rounds: str) -> ChannelState:
    """Decode the answer of ``channel``."""
    baseline_id, before, largest = json_value(facts) if facts else (None, None, 0)
    return ChannelState(
        rounds=tuple(RoundEnd(channel, *columns) for columns in json_value(rounds)),
        baseline=None if before is None else Baseline(baseline_id, before),
        largest_page=largest,
    )


def destination_state(row: Sequence[Any] | None) -> DestinationState:
    """Decode the answer of ``destination``; None is one that the store has nothing of yet: it is on."""
    return DestinationState() if row is None else DestinationState(Switch(row[0]), *row[1:])


def holes(text: str) -> list[Hole]:
    """Decode the answer of ``holes``."""
    return [Hole(Channel(channel), *columns) for channel, *columns in json_value(text)]


def _identity(row: _Claim | _KnownRow) -> Event:
    """An event as far as identity goes."""
    return Event(
        channel=row.channel,
        id=row.upstream_id,
        symbol=None if row.channel is Channel.BREAKS else row.subject,
        symbols=row.symbols,
        timeframe=row.timeframe,
        direction=row.direction,
        shape=row.shape,
        threshold=row.threshold,
        triggered_at=instant(row.triggered_at, row.precision),
    )


def _delivery(row: _Claim) -> Delivery:
    event = msgspec.structs.replace(
        _identity(row),
        price=row.price,
        cc=row.cc,
        continuation=None if row.continuation is None else bool(row.continuation),
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
        states=None if row.states is None else row.states.encode(),
        earlier=row.earlier,
    )
