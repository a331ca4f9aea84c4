"""Moments in the words of the two chats, in English."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from relay.clock import MICROS

_LATEST: Final = 253_402_214_400  # the last day of year 9999 is left to the time zones
_EARLIEST: Final = -62_135_510_400
_STEPS: Final = (("year", 31_536_000), ("month", 2_592_000), ("day", 86_400), ("hour", 3_600), ("minute", 60))
_TEENS: Final = range(11, 14)
_ORDINALS: Final = {1: "st", 2: "nd", 3: "rd"}
_TOKEN: Final = re.compile(r"\{(\w+)\}")


def moment(us: int, zone: tzinfo = UTC) -> datetime | None:
    """``us`` µs since the epoch as a date; None outside of the years that have one."""
    if not _EARLIEST <= us // MICROS <= _LATEST:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(zone)


def clock(at: datetime, *, seconds: bool = False) -> str:
    """``2:31 PM``."""
    half, hour = divmod(at.hour, 12)
    return f"{hour or 12}{at.strftime(':%M:%S' if seconds else ':%M')} {('AM', 'PM')[half]}"


def day(at: datetime) -> str:
    """``April 10, 2026``."""
    return f"{at:%B} {at.day}, {at.year}"


def full(at: datetime) -> str:
    """``Friday, April 10, 2026 at 2:31 PM``."""
    return f"{at:%A}, {day(at)} at {clock(at)}"


def relative_day(at: datetime, now: datetime) -> str:
    """``today``, ``yesterday``, ``tomorrow``, or nothing."""
    return {0: "today", -1: "yesterday", 1: "tomorrow"}.get((at.date() - now.date()).days, "")


def calendar(at: datetime, now: datetime) -> str:
    """As Discord puts it beside a name: ``Today at 2:31 PM``, or ``4/8/26, 2:31 PM``."""
    near = relative_day(at, now)
    return f"{near.capitalize()} at {clock(at)}" if near else f"{at.month}/{at.day}/{at:%y}, {clock(at)}"


def ago(at: datetime, now: datetime) -> str:
    """``3 minutes ago``, ``in 2 hours``."""
    seconds = round((at - now).total_seconds())
    unit, count = next(
        ((name, abs(seconds) // size) for name, size in _STEPS if abs(seconds) >= size), ("second", abs(seconds))
    )
    said = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"in {said}" if seconds > 0 else f"{said} ago"


def discord(at: datetime, style: str, now: datetime) -> str:
    """``<t:…:style>`` of Discord (docs.discord.com, reference, timestamp styles)."""
    date = f"{at:%m/%d}/{at.year}"
    told = {
        "t": clock(at),
        "T": clock(at, seconds=True),
        "d": date,
        "D": day(at),
        "f": f"{day(at)} at {clock(at)}",
        "F": full(at),
        "R": ago(at, now),
        "s": f"{date}, {clock(at)}",
        "S": f"{date}, {clock(at, seconds=True)}",
    }
    return told[style]


def slack(at: datetime, text: str, now: datetime) -> str:
    """``<!date^…^text>`` of Slack with its tokens replaced (docs.slack.dev, formatting, dates)."""
    near = relative_day(at, now)
    date = f"{at:%B} {_ordinal(at.day)}, {at.year}"
    short, long = f"{at:%b} {at.day}, {at.year}", f"{at:%A}, {date}"
    told = {
        "date_num": f"{at.year:04}-{at:%m-%d}",
        "date_slash": f"{at:%m/%d}/{at.year}",
        "date": date,
        "date_short": short,
        "date_long": long,
        "date_pretty": near or date,
        "date_short_pretty": near or short,
        "date_long_pretty": near or long,
        "time": clock(at),
        "time_secs": clock(at, seconds=True),
        "ago": ago(at, now),
    }
    said = _TOKEN.sub(lambda token: told.get(token[1], token[0]), text)
    return said[:1].upper() + said[1:] if near and said.startswith(near) else said


def _ordinal(number: int) -> str:
    return f"{number}{'th' if number in _TEENS else _ORDINALS.get(number % 10, 'th')}"
