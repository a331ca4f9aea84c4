"""``active:`` of a rule: the hours, days and time zone in which it is awake.

    {timezone: America/New_York, days: mon-fri, hours: "09:30-16:00"} ──ActiveConfig──> relay.rules.active.Active

Days and hours are each one value or a list. A range of days may go over Sunday (fri-mon), a range of hours over
midnight.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, ClassVar, Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import model_validator

from relay.document.faults import found, nearest
from relay.document.fields import Leaf, Many, Section, text, wrong
from relay.document.scalars import FromOutside
from relay.rules.active import DAYS, EVERY_DAY, MINUTES, Active, Hours

_FULL: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORTEST: Final = 3  # letters of a day's name
_DAYS_MEANT: Final = {
    **dict.fromkeys(("weekday", "weekdays", "workdays"), "mon-fri"),
    **dict.fromkeys(("weekend", "weekends"), "sat-sun"),
    **dict.fromkeys(("daily", "everyday", "every day"), "all"),
}
_RANGE: Final = re.compile(r"(\d{1,2}):([0-5]\d)\s*-\s*(\d{1,2}):([0-5]\d)", re.ASCII)

_NEW_YORK: Final = "America/New_York"
_ZONES_MEANT: Final[Mapping[str, str]] = {
    **dict.fromkeys(("et", "edt", "us/east", "eastern", "nyse", "nasdaq", "nyc", "wall_street"), _NEW_YORK),
    **dict.fromkeys(("ct", "cst", "cdt", "central", "cme"), "America/Chicago"),
    **dict.fromkeys(("mt", "mdt", "mountain"), "America/Denver"),
    **dict.fromkeys(("pt", "pst", "pdt", "pacific"), "America/Los_Angeles"),
    **dict.fromkeys(("bst", "uk", "lse"), "Europe/London"),
    **dict.fromkeys(("cest", "germany"), "Europe/Berlin"),
    **dict.fromkeys(("jst",), "Asia/Tokyo"),
    **dict.fromkeys(("ist",), "Asia/Kolkata"),
    **dict.fromkeys(("aest", "aedt"), "Australia/Sydney"),
    **dict.fromkeys(("z", "utc+0", "gmt+0"), "UTC"),
}
"""What people call time zones that have another name, folded; nobody else's summer time is guessed."""
_NO_ZONES: Final = re.compile(r"localtime|Factory|posixrules|(posix|right)/.*")  # files beside the zones, and no names


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # in turn: no file, no name of one, a folder of zones
        return False
    return _NO_ZONES.fullmatch(name) is None


@cache
def _zones() -> dict[str, str]:
    """All zones, by their folded names. It looks into some 600 files, so only a wrong name asks for it."""
    return {zone.casefold(): zone for zone in sorted(available_timezones()) if _is_zone(zone)}


def _zone(value: object) -> str:
    name = text(value).strip()
    if _is_zone(name):
        return name
    message = f"a time zone is wanted, like {_NEW_YORK}, found {found(value)}"
    near = [] if isinstance(value, FromOutside) else _near_zones(name)
    raise wrong(message + (f"; did you mean {' or '.join(map(repr, near))}?" if near else ""))


def _near_zones(name: str) -> list[str]:
    """The zones that ``name`` may mean: by what people say, by the city alone, by the letters."""
    folded = re.sub(r"\s+", "_", name.casefold())
    if folded in _ZONES_MEANT:
        return [_ZONES_MEANT[folded]]
    zones = _zones()
    if folded in zones:
        return [zones[folded]]
    city = folded.rsplit("/", 1)[-1]
    named = [zone for known, zone in zones.items() if known.rsplit("/", 1)[-1] == city]
    return named[:2] or [zones[close] for close in difflib.get_close_matches(folded, zones, n=1, cutoff=0.75)]


def _days(value: object) -> frozenset[int]:
    written = text(value).strip()
    folded = written.casefold()
    if folded == "all":
        return EVERY_DAY
    if folded in _DAYS_MEANT:
        raise wrong(f"these days are written {_DAYS_MEANT[folded]}", value)
    ends = [_day(name) for name in folded.split("-")]
    match ends:
        case [int() as day]:
            return frozenset({day})
        case [int() as first, int() as last] if first != last:
            return frozenset((first + step) % len(DAYS) for step in range((last - first) % len(DAYS) + 1))
        case [int(), int()]:
            raise wrong(f"a range of days ends on another day than it begins; one day is {DAYS[ends[0] or 0]}", value)
        case _:
            message = f"a day or a range of days is wanted, like mon-fri or sat, found {found(value)}"
            raise wrong(message + ("" if isinstance(value, FromOutside) else _meant_days(folded)))


def _day(name: str) -> int | None:
    """``mon``, ``tues`` or ``wednesday`` as a number, 0 on Monday."""
    short = name.strip()
    matches = (number for number, full in enumerate(_FULL) if full.startswith(short))
    return next(matches, None) if len(short) >= _SHORTEST else None


def _meant_days(folded: str) -> str:
    if re.search(r"[,;\s]", folded.strip()) and all(_day(name) is not None for name in re.split(r"[-,;\s]+", folded)):
        return "; write several as a list: [mon, wed-fri]"
    unknown = [name.strip() for name in folded.split("-") if _day(name) is None]
    near = next(filter(None, (nearest(name, DAYS) or nearest(name, _FULL) for name in unknown)), None)
    return f"; did you mean '{near}'?" if near else ""


def _hours(value: object) -> Hours:
    match = _RANGE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None and isinstance(value, str) and "," in value:
        raise wrong('several ranges are a list: ["09:30-12:00", "13:00-16:00"]', value)
    if match is None:
        raise wrong('hours of the day are wanted, from and until, like "09:30-16:00"', value)
    first, first_minute, last, last_minute = map(int, match.groups())
    start, end = first * 60 + first_minute, last * 60 + last_minute
    if start >= MINUTES or end > MINUTES:
        raise wrong("a day's hours are 00:00 to 23:59, and 24:00 as an end", value)
    if start == end:
        raise wrong('these hours end as they begin; the whole day is "00:00-24:00"', value)
    return Hours(start, end)


ZoneName: TypeAlias = Annotated[str, Leaf(_zone, {"type": "string", "minLength": 1})]
DayRange: TypeAlias = Annotated[frozenset[int], Leaf(_days, {"type": "string", "minLength": 1})]
HourRange: TypeAlias = Annotated[
    Hours, Leaf(_hours, {"type": "string", "pattern": r"^\s*\d{1,2}:[0-5]\d\s*-\s*\d{1,2}:[0-5]\d\s*$|\$\{"})
]


class ActiveConfig(Section):
    """When a rule is awake, by the alert's own time."""

    wanted: ClassVar[str] = f'a mapping is wanted, like {{timezone: {_NEW_YORK}, days: mon-fri, hours: "09:30-16:00"}}'
    examples: ClassVar[Mapping[str, str]] = {"timezone": _NEW_YORK}

    timezone: ZoneName
    """An IANA name, America/New_York; its summer time counts."""
    days: Many[DayRange] | None = None
    """mon-fri, sat, or a list; all, where it is left out."""
    hours: Many[HourRange] | None = None
    """09:30-16:00, or a list; over midnight, they belong to the day they begin on."""

    @model_validator(mode="after")
    def _says_something(self) -> ActiveConfig:
        if self.days is None and self.hours is None:
            raise wrong("days or hours are wanted, or both")
        return self


def window_of(config: ActiveConfig) -> Active:
    """The window as the judge sees it."""
    return Active(
        timezone=config.timezone,
        days=EVERY_DAY if config.days is None else frozenset().union(*config.days),
        hours=tuple(dict.fromkeys(config.hours or ())),
    )
