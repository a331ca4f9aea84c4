"""A rule as the matcher sees it: every condition typed, every default spelled out.

A condition that is None admits everything. All conditions of a rule must hold; within one, any listed value does.
Texts are folded when the value is made, so nobody downstream asks about case: symbols, timeframes, shapes and
candles to upper case, directions to lower.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from relay.events import Channel


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
class Rule:
    """One rule of the config.

    Attributes:
        name: Unique among the rules.
        to: Names of destinations, in order, at least one.
        enabled: A disabled rule is kept and never matches.
        channel: The channel it listens to.
        symbols: On breaks: any participant, with or without its ``1!`` or ``=F``.
        assets: Of ``relay.assets.ASSETS``, by the symbol's form.
        shapes: Globs over the shape.
        max_age: Seconds after the trigger at which it is no longer worth sending; None is for ever.
        mention: Whom its alerts ping in a chat, as the config says it.
        otherwise: It matches only what no rule without this does.
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

    def __post_init__(self) -> None:
        _settle(self, "shapes", tuple(map(str.upper, self.shapes)))
        if self.timeframes is not None:
            _settle(self, "timeframes", frozenset(map(str.upper, self.timeframes)))
        if self.directions is not None:
            _settle(self, "directions", frozenset(map(str.lower, self.directions)))
        if self.candles is not None:
            _settle(self, "candles", frozenset(map(str.upper, self.candles)))
