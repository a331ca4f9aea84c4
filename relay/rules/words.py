"""How rules and their values are put into words, the same in ``check`` and in what ``relay.rules.explain`` finds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from relay.assets import ASSETS
from relay.events import CANDLES, DIRECTIONS, TIMEFRAMES, Channel
from relay.rules.rule import PriceRange, Threshold

CHANNEL_WORDS: Final = {
    Channel.IN_FORCE: "in-force alerts",
    Channel.BREAKS: "simultaneous breaks",
    Channel.STATES: "states",
    Channel.QUOTES: "quotes",
}

_LONGEST_LIST: Final = 12
_TIMEFRAME_WORDS: Final = {
    "15": "15-minute",
    "30": "30-minute",
    "60": "60-minute",
    "4H": "4-hour",
    "12H": "12-hour",
    "D": "daily",
    "W": "weekly",
    "M": "monthly",
    "Q": "quarterly",
    "Y": "yearly",
}
_UNITS: Final = (("day", 86400.0), ("hour", 3600.0), ("minute", 60.0), ("second", 1.0), ("millisecond", 0.001))


def listing(items: Sequence[str], joint: str) -> str:
    """``A``, ``A or B``, ``A, B or C``; a long list ends in how many more there are."""
    if len(items) > _LONGEST_LIST:
        shown = items[: _LONGEST_LIST - 2]
        return f"{', '.join(shown)} {joint} {len(items) - len(shown)} more"
    if len(items) < 2:  # noqa: PLR2004  because two is what a joint needs
        return "".join(items)
    return f"{', '.join(items[:-1])} {joint} {items[-1]}"


def number(value: float) -> str:
    """All digits of ``value`` and no more: ``5``, ``214.32``."""
    return repr(float(value)).removesuffix(".0")


def in_order(values: Iterable[str], known: Sequence[str]) -> list[str]:
    """``values`` as ``known`` orders them; unknown ones last, by name."""
    return sorted(values, key=lambda value: (known.index(value) if value in known else len(known), value))


def timeframes(values: Collection[str]) -> list[str]:
    """``{"W", "D"}`` as ``["D", "W"]``."""
    return in_order(values, TIMEFRAMES)


def timeframe_word(value: str) -> str:
    """``D`` is ``daily``; an unknown code stays itself."""
    return _TIMEFRAME_WORDS.get(value, value)


def assets(values: Collection[str]) -> list[str]:
    """Stocks, futures, crypto."""
    return in_order(values, ASSETS)


def directions(values: Collection[str]) -> list[str]:
    """Bullish before bearish."""
    return in_order(values, DIRECTIONS)


def candles(values: Collection[str]) -> list[str]:
    """1, 2U, 2D, 3."""
    return in_order(values, CANDLES)


def price_range(wanted: PriceRange) -> str:
    """``5 to 500``, ``5 or more``, ``500 or less``; ``at all`` is open on both sides."""
    if wanted.minimum is None:
        return "at all" if wanted.maximum is None else f"{number(wanted.maximum)} or less"
    if wanted.maximum is None:
        return f"{number(wanted.minimum)} or more"
    return f"{number(wanted.minimum)} to {number(wanted.maximum)}"


def threshold(wanted: Threshold) -> str:
    """``3 or more``, ``exactly 2 or 4``."""
    parts = [] if wanted.minimum is None else [f"{wanted.minimum} or more"]
    if wanted.exactly:
        parts.append(f"exactly {listing([str(count) for count in sorted(wanted.exactly)], 'or')}")
    return " or ".join(parts)


def span(seconds: float) -> str:
    """``10 minutes``, ``1 hour``, ``90 seconds``: the largest unit that tells it exactly."""
    for unit, width in _UNITS:
        count = round(seconds / width, 6)
        if count >= 1 and count == int(count):
            return f"{int(count)} {unit}{'' if count == 1 else 's'}"
    return f"{number(seconds)} seconds"
