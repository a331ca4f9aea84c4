"""How rules and their values are put into words, the same in ``check`` and in what ``relay.rules.explain`` finds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from relay.assets import ASSETS
from relay.events import CANDLES, DIRECTIONS, INDEX_FUTURES, TIMEFRAMES, Channel
from relay.rules.active import EVERY_DAY, Active
from relay.rules.rule import PriceRange, Threshold
from relay.states import COLOURS

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
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SINGULAR: Final = {"are": "is", "become": "becomes"}
_SHORTEST_RUN: Final = 3
_CONTINENTS: Final = frozenset(
    {"Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)
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
    """``5 to 500``, ``5``, ``5 or more``, ``500 or less``; ``at all`` is open on both sides."""
    if wanted.minimum is None:
        return "at all" if wanted.maximum is None else f"{number(wanted.maximum)} or less"
    if wanted.maximum is None:
        return f"{number(wanted.minimum)} or more"
    if wanted.minimum == wanted.maximum:
        return number(wanted.minimum)
    return f"{number(wanted.minimum)} to {number(wanted.maximum)}"


def threshold(wanted: Threshold) -> str:
    """``3 or more``, ``all 4``, ``exactly 2 or 4``."""
    parts = []
    if wanted.minimum is not None:
        parts.append(f"all {wanted.minimum}" if wanted.minimum == len(INDEX_FUTURES) else f"{wanted.minimum} or more")
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


def colours(wanted: Mapping[str, str], verb: str) -> str:
    """``D and W are green``, with ``verb`` for ``are``: timeframes of one colour together."""
    said: list[str] = []
    for colour in COLOURS:
        of_it = timeframes([timeframe for timeframe, asked in wanted.items() if asked == colour])
        if of_it:
            plural = f"{verb} " if len(of_it) > 1 else f"{_SINGULAR[verb]} "
            said.append(f"{listing(of_it, 'and')} {plural}{colour}")
    return listing(said, "and")


def window(active: Active) -> str:
    """``from 09:30 to 16:00 in New York, Monday to Friday``."""
    hours = listing(
        [f"from {start} to {end}" for start, _, end in (str(own).partition("-") for own in active.hours)], "or"
    )
    where = f"in {place(active.timezone)}"
    days = "" if active.days == EVERY_DAY else weekdays(active.days)
    if hours:
        return f"{hours} {where}{f', {days}' if days else ''}"
    return f"{f'on {days}' if days else 'on every day'} {where}"


def place(timezone: str) -> str:
    """``New York`` of ``America/New_York``; a zone that is not named by a city stays itself."""
    region, _, city = timezone.partition("/")
    return city.rpartition("/")[2].replace("_", " ") if city and region in _CONTINENTS else timezone


def weekdays(days: Collection[int]) -> str:
    """``Monday to Friday``, ``Sunday to Thursday``, ``Saturday and Sunday``; 0 is Monday."""
    starts = [day for day in sorted(days) if (day - 1) % 7 not in days]
    said: list[str] = []
    for start in starts:
        run = next(length for length in range(1, 8) if (start + length) % 7 not in days)
        names = [_DAYS[(start + step) % 7] for step in range(run)]
        said.extend([f"{names[0]} to {names[-1]}"] if run >= _SHORTEST_RUN else names)
    return listing(said or list(_DAYS), "and")
