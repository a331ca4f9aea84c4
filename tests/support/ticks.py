"""Quotes and states for tests, and an engine that notes what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from relay.edges.engine import Engine
from relay.events import Channel
from relay.outbox.memory import Side
from relay.rules.rule import Levels, PriceRange, Rule, Symbols
from relay.states import StateWanted
from relay.upstream.tick import Tick


def quote(symbol: str, price: float | None, *, at: object = None) -> Tick:
    """A quote of ``symbol``; ``at`` is its ``event_ts``."""
    data = {"symbol": symbol, "price": price, "event_ts": at}
    return Tick(Channel.QUOTES, symbol, price, msgspec.json.encode(data))


def state(symbol: str, *, at: object = None, **data: object) -> Tick:
    """A state of ``symbol``; ``at`` is the envelope's ``ts``."""
    body = msgspec.json.encode({"symbol": symbol, **data})
    return Tick(Channel.STATES, symbol, None, body, b"" if at is None else msgspec.json.encode(at))


def on_quotes(
    name: str, *symbols: str, low: float | None = None, high: float | None = None, **levels: float | None
) -> Rule:
    """A rule on quotes."""
    return Rule(
        name=name,
        to=("bot",),
        channel=Channel.QUOTES,
        symbols=Symbols(any=symbols or ("AAPL",)),
        price=PriceRange(low, high) if low is not None or high is not None else None,
        levels=Levels(**levels) if levels else None,
    )


def on_states(
    name: str,
    *symbols: str,
    tfc: Mapping[str, str] | None = None,
    ftfc: str | None = None,
    sectors: tuple[str, ...] = (),
) -> Rule:
    """A rule on states."""
    return Rule(
        name=name,
        to=("bot",),
        channel=Channel.STATES,
        symbols=Symbols(any=symbols or ("AAPL",)),
        state=StateWanted(tfc=dict(tfc or {}), ftfc=ftfc, sectors=sectors),
    )


class Fired(NamedTuple):
    """A call of ``fire``."""

    tick: Tick
    rules: tuple[str, ...]
    sides: tuple[Side, ...]


class Desk:
    """An engine, what it fired, and the sides it gave to be stored."""

    def __init__(self, rules: Sequence[Rule], sides: Iterable[Side] = ()) -> None:
        self.fired: list[Fired] = []
        self.flipped: list[tuple[Side, ...]] = []
        self.stored: dict[tuple[str, str], Side] = {}
        self.engine = Engine(rules, sides, fire=self._fire, flip=self._flip)

    def take(self, *ticks: Tick) -> list[tuple[str, ...]]:
        """Give it ``ticks``; the names that fired together, for each that fired anything."""
        before = len(self.fired)
        for tick in ticks:
            self.engine.take(tick)
        return [fired.rules for fired in self.fired[before:]]

    def prices(self, *prices: float | None, symbol: str = "AAPL") -> list[float | None]:
        """Give it quotes; the prices at which anything fired."""
        before = len(self.fired)
        self.take(*(quote(symbol, price) for price in prices))
        return [fired.tick.price for fired in self.fired[before:]]

    def _fire(self, tick: Tick, rules: tuple[Rule, ...], sides: tuple[Side, ...]) -> None:
        self.fired.append(Fired(tick, tuple(rule.name for rule in rules), sides))
        self._store(sides)

    def _flip(self, sides: Sequence[Side]) -> None:
        self.flipped.append(tuple(sides))
        self._store(sides)

    def _store(self, sides: Sequence[Side]) -> None:
        self.stored.update({(side.rule, side.symbol): side for side in sides})
