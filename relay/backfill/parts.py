"""Splitting a range of ids that one answer could not show whole.

    everything ──> timeframe × direction ──┬─ in force: ──> cc ──> known symbols, ≤ 250 a call ──halved──> one symbol
                                           └─ breaks:   ──> threshold

A split is *whole* when its parts together hold all that the part may hold. Timeframes, directions, candles and
thresholds are closed sets (values seen beyond them are added, as far as they are few); symbols are not: one that nobody
has told us of may be what was cut. Nor is a split whole over a field that some alert does not have, because no filter
shows that alert, or over one of so many values that not all of them were noted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from relay.events import CANDLES, DIRECTIONS, TIMEFRAMES, Channel, Event

SYMBOLS_A_CALL: Final = 250  # the vendor drops the rest without a word
THRESHOLDS: Final = ("2", "3", "4")
MOST_VALUES: Final = 20
"""Values of a field that are noted: the closed sets have ten at most."""
MOST_SYMBOLS: Final = 10_000
"""Symbols of a round that are noted, besides those that are known."""
_NOT_ONE_SYMBOL: Final = frozenset(",*?[] ")


@dataclass(frozen=True, slots=True)
class Part:
    """Alerts that share some filters; no filters is everything.

    Attributes:
        filters: Query parameters of the vendor's endpoint, in the order they were narrowed.
    """

    filters: tuple[tuple[str, str], ...] = ()

    def narrowed(self, **by: str) -> Part:
        """This part with further filters, or other values for those it has."""
        return Part(tuple({**dict(self.filters), **by}.items()))

    def value(self, name: str) -> str | None:
        """What it is filtered by under ``name``."""
        return dict(self.filters).get(name)

    def holds_all(self, events: Iterable[Event]) -> bool:
        """Whether no event contradicts this part's filters; where one does, the server heeds none of them."""
        wanted = dict(self.filters)
        symbols = wanted.pop("symbols", None)
        listed = None if symbols is None else frozenset(symbols.split(","))
        for event in events:
            if listed is not None and event.symbol is not None and event.symbol not in listed:
                return False
            said = {name: getattr(event, name) for name in wanted}
            if any(value is not None and str(value) != wanted[name] for name, value in said.items()):
                return False
        return True

    @property
    def query(self) -> Mapping[str, str]:
        """The filters as query parameters."""
        return dict(self.filters)

    def __str__(self) -> str:
        """In words: ``timeframe=D direction=bullish cc=2U``."""
        return " ".join(f"{name}={value}" for name, value in self.filters) or "everything"


@dataclass(slots=True)
class Seen:
    """Values that alerts showed; None among them says that an alert lacked the field, or that there are too many."""

    timeframes: set[str | None] = field(default_factory=set)
    directions: set[str | None] = field(default_factory=set)
    candles: set[str | None] = field(default_factory=set)
    thresholds: set[str | None] = field(default_factory=set)
    symbols: set[str | None] = field(default_factory=set)

    def add(self, events: Iterable[Event]) -> None:
        """Take note of some alerts."""
        for event in events:
            _note(self.timeframes, event.timeframe)
            _note(self.directions, event.direction)
            _note(self.candles, event.cc)
            _note(self.thresholds, None if event.threshold is None else str(event.threshold))
            _note(self.symbols, event.symbol, most=MOST_SYMBOLS)


def _note(values: set[str | None], value: str | None, *, most: int = MOST_VALUES) -> None:
    values.add(value if len(values) < most or value in values else None)


@dataclass(frozen=True, slots=True)
class Split:
    """Narrower parts, and whether they are all there is."""

    parts: tuple[Part, ...]
    whole: bool


def split(part: Part, channel: Channel, seen: Seen, symbols: Collection[str]) -> Split | None:
    """The next narrower parts; None where it can't be split further.

    Args:
        part: What was cut.
        channel: Whose.
        seen: The values that the part's own alerts showed.
        symbols: Every symbol known from anywhere; used for in-force alerts only.
    """
    if part.value("timeframe") is None:
        return _by_timeframe_and_direction(part, seen)
    if channel is Channel.BREAKS:
        if part.value("threshold") is not None:
            return None
        return _by_one("threshold", part, THRESHOLDS, seen.thresholds)
    if part.value("cc") is None:
        return _by_one("cc", part, CANDLES, seen.candles)
    listed = part.value("symbols")
    if listed is None:
        return Split(tuple(_by_symbols(part, symbols)), whole=False)
    return _halves(part, listed.split(","))


def _by_timeframe_and_direction(part: Part, seen: Seen) -> Split:
    parts = tuple(
        part.narrowed(timeframe=timeframe, direction=direction)
        for timeframe in _with(TIMEFRAMES, seen.timeframes)
        for direction in _with(DIRECTIONS, seen.directions)
    )
    return Split(parts, whole=None not in seen.timeframes | seen.directions)


def _by_one(name: str, part: Part, closed: tuple[str, ...], seen: set[str | None]) -> Split:
    parts = tuple(part.narrowed(**{name: value}) for value in _with(closed, seen))
    return Split(parts, whole=None not in seen)


def _with(closed: tuple[str, ...], seen: set[str | None]) -> tuple[str, ...]:
    return closed + tuple(sorted(value for value in seen if value and value not in closed))


def _by_symbols(part: Part, symbols: Collection[str]) -> Iterable[Part]:
    single = sorted({symbol for symbol in symbols if symbol and _NOT_ONE_SYMBOL.isdisjoint(symbol)})
    for start in range(0, len(single), SYMBOLS_A_CALL):
        yield part.narrowed(symbols=",".join(single[start : start + SYMBOLS_A_CALL]))


def _halves(part: Part, listed: list[str]) -> Split | None:
    if len(listed) == 1:
        return None
    middle = len(listed) // 2
    halves = (listed[:middle], listed[middle:])
    return Split(tuple(part.narrowed(symbols=",".join(half)) for half in halves), whole=True)
