"""Every rule an event fits, at a cost that does not grow with the rules it can't fit.

    compile_rules(rules) ──> RuleIndex
                                │
    event ──match──> channel ──> traits ∧ symbol ∧ price ──> the set bits, in the order of the config

A set of rules is one whole number. Traits (timeframe, direction, shape, candle, continuation, threshold) come from
small vocabularies and symbols from a universe of some hundred, so the set for each is remembered once worked out;
prices have an index of their own. What is remembered is limited: a feed of ever new words costs time, never memory.
The index says exactly what ``explain.matched`` says, which asks each rule by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeVar

from relay.assets import asset_of
from relay.events import Channel, Event, count_of
from relay.rules.bits import mask_of, select
from relay.rules.conditions import threshold_holds
from relay.rules.patterns import Patterns
from relay.rules.prices import PriceIndex
from relay.rules.rule import Rule

SYMBOLS_REMEMBERED: Final = 8192
TRAITS_REMEMBERED: Final = 4096

H = TypeVar("H", bound=Hashable)

# Timeframe, direction, shape, candle, continuation as the event has them, and how many futures broke.
_Traits = tuple[str | None, str | None, str | None, str | None, bool | None, int | None]


class RuleIndex:
    """Compiled rules. Made by ``compile_rules``; never changes, so it can be swapped in whole."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        by_channel: defaultdict[Channel, list[Rule]] = defaultdict(list)
        for rule in rules:
            if rule.enabled:
                by_channel[rule.channel].append(rule)
        self._channels = {channel: _ChannelIndex(channel, own) for channel, own in by_channel.items()}

    def match(self, event: Event) -> tuple[Rule, ...]:
        """The enabled rules that want ``event``, in the order of the config."""
        index = self._channels.get(event.channel)
        return () if index is None else index.match(event)

    def otherwise(self, event: Event) -> tuple[Rule, ...]:
        """The enabled ``otherwise`` rules that want ``event`` should no other rule turn out to."""
        index = self._channels.get(event.channel)
        return () if index is None else index.otherwise(event)


def compile_rules(rules: Sequence[Rule]) -> RuleIndex:
    """Prepare ``rules`` for matching; disabled ones are left out."""
    return RuleIndex(rules)


class _ChannelIndex:
    """The enabled rules of one channel; bit ``i`` is ``rules[i]``."""

    def __init__(self, channel: Channel, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._breaks = channel is Channel.BREAKS
        self._first = mask_of(_where(not rule.otherwise for rule in rules), len(rules))  # before all ``otherwise``
        self._timeframes = _Listed([rule.timeframes for rule in rules])
        self._directions = _Listed([rule.directions for rule in rules])
        self._candles = _Listed([rule.candles for rule in rules])
        self._continuations = _Listed([None if rule.continuation is None else {rule.continuation} for rule in rules])
        self._any_shape = mask_of(_where(not rule.shapes for rule in rules), len(rules))
        self._shapes = Patterns([rule.shapes for rule in rules])
        self._thresholds = _group([rule.threshold for rule in rules])
        self._assets = _Listed([rule.assets for rule in rules])
        self._any_symbol = mask_of(_where(not rule.symbols.any for rule in rules), len(rules))
        self._nameless = self._any_symbol & mask_of(_where(not rule.symbols.none for rule in rules), len(rules))
        self._wanted = Patterns([rule.symbols.any for rule in rules], futures=self._breaks)
        self._refused = Patterns([rule.symbols.none for rule in rules], futures=self._breaks)
        priced = any(rule.price is not None for rule in rules)
        self._prices = PriceIndex([rule.price for rule in rules]) if priced else None
        # Texts are keyed as sent and folded behind the memory, so that an event that was seen costs no folding.
        self.symbols: Callable[[str | None], int] = lru_cache(SYMBOLS_REMEMBERED)(self._admit_symbol)
        self.participants: Callable[[tuple[str, ...]], int] = lru_cache(SYMBOLS_REMEMBERED)(self._admit_participants)
        self.traits: Callable[[_Traits], int] = lru_cache(TRAITS_REMEMBERED)(self._admit_traits)

    def match(self, event: Event) -> tuple[Rule, ...]:
        mask = self._admit(event)
        if mask & self._first:
            mask &= self._first
        return select(self._rules, mask) if mask else ()

    def otherwise(self, event: Event) -> tuple[Rule, ...]:
        mask = self._admit(event) & ~self._first
        return select(self._rules, mask) if mask else ()

    def _admit(self, event: Event) -> int:
        mask = self.participants(event.symbols) if self._breaks else self.symbols(event.symbol)
        if mask:
            count = count_of(event) if self._breaks else event.threshold
            mask &= self.traits((event.timeframe, event.direction, event.shape, event.cc, event.continuation, count))
        if mask and self._prices is not None:
            mask &= self._prices.admitted(event.price)
        return mask

    def _admit_symbol(self, symbol: str | None) -> int:
        asset = asset_of(symbol) if symbol else None
        return self._admit_names((symbol,) if symbol else ()) & self._assets.admitted(asset)

    def _admit_participants(self, names: tuple[str, ...]) -> int:
        return self._admit_names(names) & self._assets.admitted("futures")

    def _admit_names(self, names: tuple[str, ...]) -> int:
        known = [name.upper() for name in names if name]
        if not known:
            return self._nameless
        wanted, refused = self._any_symbol, 0
        for name in known:
            wanted |= self._wanted.find(name)
            refused |= self._refused.find(name)
        return wanted & ~refused

    def _admit_traits(self, traits: _Traits) -> int:
        timeframe, direction, shape, candle, continuation, count = traits
        mask = self._timeframes.admitted(timeframe and timeframe.upper())
        mask &= self._directions.admitted(direction and direction.lower())
        mask &= self._any_shape | (self._shapes.find(shape.upper()) if shape else 0)
        mask &= self._candles.admitted(candle and candle.upper())
        mask &= self._continuations.admitted(continuation)
        admitted = 0
        for threshold, rules in self._thresholds.items():
            if threshold_holds(threshold, count):
                admitted |= rules
        return mask & admitted


class _Listed:
    """Rules that list the values they take; None takes all of them."""

    def __init__(self, lists: Sequence[Iterable[Hashable] | None]) -> None:
        by_value: defaultdict[Hashable, list[int]] = defaultdict(list)
        for bit, values in enumerate(lists):
            for value in values or ():
                by_value[value].append(bit)
        self._open = mask_of(_where(values is None for values in lists), len(lists))
        self._by_value = {value: mask_of(bits, len(lists)) for value, bits in by_value.items()}

    def admitted(self, value: Hashable) -> int:
        return self._open | self._by_value.get(value, 0)


def _where(flags: Iterable[bool]) -> Iterable[int]:
    return (bit for bit, flag in enumerate(flags) if flag)


def _group(conditions: Sequence[H]) -> dict[H, int]:
    """Each distinct condition with the rules that have it."""
    bits: defaultdict[H, list[int]] = defaultdict(list)
    for bit, condition in enumerate(conditions):
        bits[condition].append(bit)
    return {condition: mask_of(own, len(conditions)) for condition, own in bits.items()}
