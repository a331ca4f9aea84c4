"""How much the rules would have sent in the last day: the values, and how they are told.

    relay.cli.counting ──> Volume: a Count for each rule and each destination ──> lines | JSON

A number says how sure it is: "at most" where some alerts rest on a look-up, "at least" where not all alerts were seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from relay.cli.survey import DAY_US, Shown
from relay.clock import MICROS
from relay.rules import words
from relay.wording import counted

# (some may not be sent after all, some were not seen) ──> what stands before the number
_BOUNDS: Final = {
    (False, False): "",
    (True, False): "at most ",
    (False, True): "at least ",
    (True, True): "about ",
}


class Peak(msgspec.Struct, frozen=True):
    """The minute or hour with the most alerts: when it began, µs since the epoch, and how many."""

    at_us: int
    alerts: int


class Count(msgspec.Struct, frozen=True):
    """What one rule sends, or one destination gets.

    Attributes:
        name: Of the rule or destination.
        alerts: In the last day; None where it can't be told.
        unsure: So many of them rest on a look-up, and may not be sent.
        cut: Not all alerts could be seen: there may be more.
        minute: The busiest.
        hour: The busiest.
        detail: What the number leaves out, or why there is none; in a few words.
    """

    name: str
    alerts: int | None
    unsure: int = 0
    cut: bool = False
    minute: Peak | None = None
    hour: Peak | None = None
    detail: str = ""


class Volume(msgspec.Struct, frozen=True):
    """The last day, counted.

    Attributes:
        until_us: Its end.
        channels: What was seen.
        rules: The enabled ones, in the config's order.
        destinations: Those that an enabled rule leads to, in the config's order.
        notes: What may not be wanted, a sentence each.
    """

    until_us: int
    channels: tuple[Shown, ...]
    rules: tuple[Count, ...]
    destinations: tuple[Count, ...]
    notes: tuple[str, ...]


def lines(volume: Volume) -> Iterator[str]:
    """To be read."""
    yield f"volume, of the 24 hours before {_moment(volume.until_us, '%a %Y-%m-%d %H:%M')} UTC:"
    for shown in volume.channels:
        if shown.cut:
            yield f"  not all of the {words.CHANNEL_WORDS[shown.channel]} were seen: {shown.cut.why}"
    for count in volume.rules:
        yield f"  {_line(count)}"
    for count in volume.destinations:
        yield f"  to {_line(count)}"
    for note in volume.notes:
        yield f"note: {note}"


def _line(count: Count) -> str:
    if count.alerts is None:
        return f"{count.name}: not known, for {count.detail}"
    bound = _BOUNDS[count.unsure > 0, count.cut]
    number = counted(count.alerts, "alert") if count.alerts or bound else "no alert"
    parts = [f"{bound}{number} in the last day"]
    if count.minute is not None and count.hour is not None and count.alerts > 1:
        parts.append(f"at most {count.minute.alerts:,} in one minute ({_moment(count.minute.at_us, '%H:%M')} UTC)")
        parts.append(f"{count.hour.alerts:,} in one hour (from {_moment(count.hour.at_us, '%H:%M')} UTC)")
    return f"{count.name}: {', '.join(parts)}{f'; {count.detail}' if count.detail else ''}"


def _moment(us: int, form: str) -> str:
    return format(datetime.fromtimestamp(us // MICROS, UTC), form)


def plain(volume: Volume) -> dict[str, object]:
    """For a program."""
    return {
        "since": _iso(volume.until_us - DAY_US),
        "until": _iso(volume.until_us),
        "channels": [
            {"channel": shown.channel, "alerts": len(shown.events), "cut": shown.cut.why if shown.cut else None}
            for shown in volume.channels
        ],
        "rules": list(map(_plain, volume.rules)),
        "destinations": list(map(_plain, volume.destinations)),
        "notes": list(volume.notes),
    }


def _plain(count: Count) -> dict[str, object]:
    busiest = {"busiest_minute": count.minute, "busiest_hour": count.hour}
    return {
        "name": count.name,
        "alerts": count.alerts,
        "unsure": count.unsure,
        "cut": count.cut,
        **{key: peak and {"at": _iso(peak.at_us), "alerts": peak.alerts} for key, peak in busiest.items()},
        "detail": count.detail or None,
    }


def _iso(us: int) -> str:
    return _moment(us, "%Y-%m-%dT%H:%M:%SZ")
