"""Alerts for tests, as the upstream's objects decoded."""

from __future__ import annotations

import msgspec

from relay.deliveries import RuleMatch
from relay.events import Channel, Event, Instant, Source
from relay.outbox.base import Entry, NewDelivery
from tests.support.clock import START_US

RULE = RuleMatch("daily bulls")


def in_force(
    id: int | None = None,  # noqa: A002  because it is the vendor's name
    symbol: str | None = "AAPL",
    *,
    timeframe: str | None = "D",
    direction: str | None = "bullish",
    shape: str | None = "1-2U",
    cc: str | None = "2U",
    price: float | None = 214.32,
    at: str | None = "2026-04-10T13:45:22Z",
) -> Event:
    """An in-force alert; ``data`` is the object those fields make."""
    fields = {
        "id": id,
        "symbol": symbol,
        "timeframe": timeframe,
        "direction": direction,
        "shape": shape,
        "price": price,
        "triggered_at": at,
        "cc": cc,
    }
    return Event(
        channel=Channel.IN_FORCE,
        id=id,
        symbol=symbol,
        timeframe=timeframe,
        direction=direction,
        shape=shape,
        cc=cc,
        price=price,
        continuation=False,
        triggered_at=Instant.parse(at),
        data=msgspec.json.encode({name: value for name, value in fields.items() if value is not None}),
    )


def a_break(
    id: int | None = None,  # noqa: A002  because it is the vendor's name
    *,
    timeframe: str = "D",
    direction: str = "bullish",
    symbols: tuple[str, ...] = ("ES1!", "NQ1!", "YM1!"),
    at: str | None = "2026-04-10T13:35:00Z",
) -> Event:
    """A simultaneous break."""
    fields = {"id": id, "timeframe": timeframe, "direction": direction, "threshold": len(symbols), "symbols": symbols}
    return Event(
        channel=Channel.BREAKS,
        id=id,
        symbols=tuple(sorted(symbols)),
        timeframe=timeframe,
        direction=direction,
        threshold=len(symbols),
        triggered_at=Instant.parse(at),
        data=msgspec.json.encode({**fields, "triggered_at": at}),
    )


def a_quote(symbol: str = "AAPL", *, price: float = 201.5, at: str | None = "2026-04-10T13:45:22Z") -> Event:
    """A quote by which a rule fired."""
    return Event(
        channel=Channel.QUOTES,
        symbol=symbol,
        price=price,
        triggered_at=Instant.parse(at),
        data=msgspec.json.encode({"symbol": symbol, "price": price, "event_ts": at}),
    )


def a_state(symbol: str = "AAPL", *, at: str | None = "2026-04-10T13:45:22Z") -> Event:
    """A state by which a rule fired; its time is the envelope's."""
    return Event(
        channel=Channel.STATES,
        symbol=symbol,
        triggered_at=Instant.parse(at),
        data=msgspec.json.encode({"symbol": symbol, "tfc": {"D": "green"}}),
    )


def entry(
    event: Event, *to: str, source: Source = Source.LIVE, at_us: int = START_US, rules: tuple[RuleMatch, ...] = (RULE,)
) -> Entry:
    """A sighting of ``event`` for the destinations ``to``."""
    return Entry(event, source, at_us, tuple(NewDelivery(name, rules) for name in to))
