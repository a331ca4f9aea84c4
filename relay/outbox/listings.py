"""What pages and ``/api`` show of stored events and deliveries: rows of the listing queries as plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from relay.clock import isoformat
from relay.deliveries import RuleMatch, State
from relay.events import Channel, Source
from relay.outbox.base import QueueStats
from relay.outbox.channels import Baseline
from relay.outbox.rows import instant, json_value
from relay.values import read

Key = TypeVar("Key")
_Int = int | None
_Text = str | None


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
    deliveries: list[tuple[str, State, str, str]]
    baseline: tuple[int | None, int] | None


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


class _Tally(msgspec.Struct, array_like=True):
    destination: str
    again: int
    state: State
    reason: str
    kept: int
    pruned: int


_tallies: Final = msgspec.json.Decoder(list[_Tally])
_event_listings: Final = msgspec.json.Decoder(list[_EventListing])
_delivery_listings: Final = msgspec.json.Decoder(list[_DeliveryListing])


def event_items(text: str) -> list[dict[str, object]]:
    """Decode ``list_events`` into what the listing shows."""
    items: list[dict[str, object]] = []
    for row in _event_listings.decode(text):
        when = instant(row.triggered_at, row.precision)
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
                "deliveries": {name: state.value for name, state, _, _ in row.deliveries},
                "suppressed": {
                    name: {"last_code": code, "last_error": error}
                    for name, state, code, error in row.deliveries
                    if state is State.SUPPRESSED
                },
                "before_start": row.source is Source.BACKFILL
                and not row.deliveries
                and row.baseline is not None
                and Baseline(*row.baseline).precedes(row.upstream_id, when),
                "data": _object(row.data),
            }
        )
    return items


def why_nowhere(item: Mapping[str, Any]) -> str:
    """Why an event of a listing has no delivery, as far as that is known; empty where it has one."""
    if item.get("deliveries"):
        return ""
    if item.get("before_start") is True:
        return "before the first start, not delivered"
    if item.get("data") in (None, ""):
        return "what became of it is no longer kept"
    return "no rule wanted it" if item.get("source") == Source.LIVE.value else "not sent to anyone"


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
            "data": _object(row.data),
        }
        for row in _delivery_listings.decode(text)
    ]


def queue_stats(tallies: str, oldest: str) -> dict[str, QueueStats]:
    """Decode ``tallies`` and ``oldest_waiting`` into a sum for each destination."""
    found: dict[str, list[_Tally]] = {}
    for row in _tallies.decode(tallies):
        found.setdefault(row.destination, []).append(row)
    since: dict[str, int] = json_value(oldest)
    return {
        name: QueueStats(
            counts={State.PENDING: 0, **_sum((row.state, row.kept) for row in mine)},
            oldest_pending_us=since.get(name),
            suppressed=_sum((row.reason, row.kept) for row in mine if row.state is State.SUPPRESSED),
            replays=_sum((row.state, row.kept) for row in mine if row.again),
            pruned=_sum((row.state, row.pruned) for row in mine if not row.again),
        )
        for name, mine in found.items()
    }


def _sum(counted: Iterable[tuple[Key, int]]) -> dict[Key, int]:
    total: Counter[Key] = Counter()
    for key, number in counted:
        total[key] += number
    return {key: number for key, number in total.items() if number}


def _object(data: str | None) -> object:
    """The upstream's object; what can't be read is told as text, so that one keeps no other from being told."""
    if data is None:
        return None
    try:
        return read(data.encode())
    except ValueError:
        return data
