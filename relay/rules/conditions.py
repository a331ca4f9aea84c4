"""One condition of one rule against one event: where the meaning of every condition is decided.

    condition + the event's own value ──> does it hold?

A condition that is not set holds for everything. One that is set fails where the event does not say what it asks
about: nothing unknown is taken for a yes, not even by ``not``. ``match`` does the same for many rules at once and is
held to these functions by a property test; ``explain`` reports from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from relay.events import Channel, Event, names_of, symbol_root
from relay.rules.rule import PriceRange, Symbols, Threshold


def is_glob(text: str) -> bool:
    """Whether ``text`` has a wildcard of fnmatch: ``*``, ``?`` or ``[``."""
    return any(mark in text for mark in "*?[")


def symbols_hold(wanted: Symbols, event: Event) -> bool:
    """Any name is in ``any`` (or that is empty), and no name is in ``none``.

    A break is one event of several futures: one wanted participant is enough, one refused participant too.
    """
    if not wanted.any and not wanted.none:
        return True
    names = names_of(event)
    futures = event.channel is Channel.BREAKS
    if not names or any(_listed(wanted.none, name, futures=futures) for name in names):
        return False
    return not wanted.any or any(_listed(wanted.any, name, futures=futures) for name in names)


def _listed(patterns: Iterable[str], name: str, *, futures: bool) -> bool:
    return any(name_fits(pattern, name.upper(), futures=futures) for pattern in patterns)


def name_fits(pattern: str, name: str, *, futures: bool) -> bool:
    """Whether a symbol is meant by a name or glob, both in upper case.

    Args:
        pattern: ``AAPL``, ``*-USD``.
        name: The symbol as the event has it.
        futures: Contract suffixes don't count: ``ES``, ``ES1!`` and ``ES=F`` mean one another.
    """
    if fnmatchcase(name, pattern):
        return True
    return futures and fnmatchcase(symbol_root(name), symbol_root(pattern))


def text_holds(wanted: frozenset[str] | None, found: str | None) -> bool:
    """Timeframe, direction, candle: one of the listed. Both sides folded alike."""
    return wanted is None or found in wanted


def shape_holds(globs: tuple[str, ...], found: str | None) -> bool:
    """One of the globs fits the whole shape."""
    return not globs or (found is not None and any(fnmatchcase(found, glob) for glob in globs))


def threshold_holds(wanted: Threshold | None, count: int | None) -> bool:
    """At least the minimum, or one of the exact numbers."""
    if wanted is None:
        return True
    if count is None:
        return False
    return (wanted.minimum is not None and count >= wanted.minimum) or count in wanted.exactly


def price_holds(wanted: PriceRange | None, price: float | None) -> bool:
    """Between the bounds, both included. NaN is in no range, as in IEEE 754."""
    if wanted is None:
        return True
    if price is None or price != price:  # noqa: PLR0124  because only NaN differs from itself; isnan is a call more
        return False
    return (wanted.minimum is None or price >= wanted.minimum) and (wanted.maximum is None or price <= wanted.maximum)


def continuation_holds(wanted: bool | None, found: bool | None) -> bool:  # noqa: FBT001  because the value is the point
    """The event says the same."""
    return wanted is None or found is wanted
