"""A rule as the matcher sees it: every condition typed, every default spelled out.

A condition that is None admits everything. All conditions of a rule must hold; within one, any listed value does.
Texts are folded when the value is made, so nobody downstream asks about case: symbols, timeframes, shapes and
candles to upper case, directions to lower.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from relay.assets import asset_of_event
from relay.events import ALERT_CHANNELS, Channel, Event, count_of
from relay.rules.active import Active
from relay.states import StateWanted

ELSE: Final = "else"
"""The route of what no other route names."""


def _settle(frozen: object, name: str, value: object) -> None:
    """Set a field of a frozen value while it is being made."""
    object.__setattr__(frozen, name, value)


@dataclass(frozen=True, slots=True)
class Symbols:
    """Any of ``any`` (all, where empty) and none of ``none``; both take globs (``*``, ``?``, ``[…]``)."""

    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _settle(self, "any", tuple(map(str.upper, self.any)))
        _settle(self, "none", tuple(map(str.upper, self.none)))


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many futures broke: at least ``minimum``, or exactly one of ``exactly``."""

    minimum: int | None = None
    exactly: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class PriceRange:
    """Inclusive bounds; None is open. An alert without a price is in no range."""

    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Levels:
    """Prices of quotes at which a rule fires, all exclusive; None is none.

    ``above`` and ``below`` say where the price is to be; the rule fires as it gets there. The crossings fire each time
    the price goes from one side of a level to the other.
    """

    above: float | None = None
    below: float | None = None
    crosses_above: float | None = None
    crosses_below: float | None = None

    def places(self) -> list[tuple[str, float]]:
        """Where the price is to be: ``("above", 200.0)``."""
        return _told(above=self.above, below=self.below)

    def crossings(self) -> list[tuple[str, float]]:
        """What the price is to go through, and to which side; likewise."""
        return _told(above=self.crosses_above, below=self.crosses_below)


def _told(**levels: float | None) -> list[tuple[str, float]]:
    return [(side, level) for side, level in levels.items() if level is not None]


@dataclass(frozen=True, slots=True)
class Routes:
    """Destinations chosen by fields of the alert.

    Attributes:
        by: The field whose value is looked for here: ``asset``, ``timeframe``, ``direction`` or ``threshold``.
        to: For each value (folded as the field is; ``else`` for the others) where to, or what to look at next.
    """

    by: str
    to: Mapping[str, tuple[str, ...] | Routes]

    def chosen(self, event: Event) -> tuple[str, ...]:
        """Where ``event`` goes; nowhere, where no route is for it."""
        value = field_of(event, self.by)
        found = self.to.get(ELSE) if value is None else self.to.get(value, self.to.get(ELSE))
        return found.chosen(event) if isinstance(found, Routes) else found or ()

    def fields(self) -> tuple[str, ...]:
        """All fields that choose, here or further on, in their order."""
        return tuple(dict.fromkeys(self._fields()))

    def every(self) -> tuple[str, ...]:
        """All destinations that a route leads to, in the order of first mention."""
        return tuple(dict.fromkeys(self._all()))

    def _fields(self) -> Iterator[str]:
        yield self.by
        for found in self.to.values():
            if isinstance(found, Routes):
                yield from found.fields()

    def _all(self) -> Iterator[str]:
        for found in self.to.values():
            yield from found.every() if isinstance(found, Routes) else found


def field_of(event: Event, name: str) -> str | None:
    """What an event says of a field that routes go by, folded as their values are; None where it says nothing."""
    match name:
        case "asset":
            return asset_of_event(event)
        case "timeframe":
            return event.timeframe and event.timeframe.upper()
        case "direction":
            return event.direction and event.direction.lower()
        case _:
            count = count_of(event)
            return None if count is None else str(count)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the config.

    Attributes:
        name: Unique among the rules.
        to: Names of destinations, in order, at least one; where there are ``routes``, all that they lead to.
        enabled: A disabled rule is kept and never matches.
        channel: The channel it listens to.
        symbols: On breaks: any participant, with or without its ``1!`` or ``=F``.
        assets: Of ``relay.assets.ASSETS``, by the symbol's form.
        shapes: Globs over the shape.
        max_age: Seconds after the trigger at which it is no longer worth sending; None is for ever.
        mention: Whom its alerts ping in a chat, as the config says it.
        otherwise: It matches only what no rule without this does.
        routes: Chooses among ``to`` by the alert's fields; None sends to all of them.
        cooldown: Seconds within which a second alert of one symbol, timeframe and direction is suppressed.
        active: When it is awake; None is always.
        state: What it wants of the symbol's state, which on alert channels is looked up.
        enrich: The state is looked up to be shown.
        on_unknown: What becomes of an alert whose state can't be known and is wanted.
        levels: On quotes.
    """

    name: str
    to: tuple[str, ...]
    enabled: bool = True
    channel: Channel = Channel.IN_FORCE
    symbols: Symbols = field(default=Symbols())
    assets: frozenset[str] | None = None
    timeframes: frozenset[str] | None = None
    directions: frozenset[str] | None = None
    shapes: tuple[str, ...] = ()
    candles: frozenset[str] | None = None
    threshold: Threshold | None = None
    price: PriceRange | None = None
    continuation: bool | None = None
    max_age: float | None = None
    mention: tuple[str, ...] = ()
    otherwise: bool = False
    routes: Routes | None = None
    cooldown: float | None = None
    active: Active | None = None
    state: StateWanted | None = None
    enrich: bool = False
    on_unknown: Literal["drop", "deliver"] = "drop"
    levels: Levels | None = None

    def __post_init__(self) -> None:
        _settle(self, "shapes", tuple(map(str.upper, self.shapes)))
        if self.timeframes is not None:
            _settle(self, "timeframes", frozenset(map(str.upper, self.timeframes)))
        if self.directions is not None:
            _settle(self, "directions", frozenset(map(str.lower, self.directions)))
        if self.candles is not None:
            _settle(self, "candles", frozenset(map(str.upper, self.candles)))

    @property
    def asks(self) -> bool:
        """Whether an alert's state must be looked up before this rule can say yes."""
        return self.channel in ALERT_CHANNELS and (self.enrich or self.state is not None)

    def destinations(self, event: Event) -> tuple[str, ...]:
        """Where an event that this rule matched goes."""
        return self.to if self.routes is None else self.routes.chosen(event)
