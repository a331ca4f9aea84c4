"""The chart of the last hour: counts by minute in, the geometry of a picture out; the template only draws it.

    minutes ──chart_of──> paths in a box of 60 × 100, ticks and times in per cent, and the same in words

One scale for all three: alerts and deliveries go up from the base line, failed attempts go down, so that nobody has to
know colours to tell trouble. What is not zero is always seen. Time goes to the right; minutes before this run are told
as unknown, not as quiet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from relay.clock import MICROS, isoformat
from relay.pulse import MINUTES, Minute
from relay.wording import counted

_MINUTE_US: Final = 60 * MICROS
_TICKS: Final = 4  # at most so many steps on the whole scale
_BAR: Final = 0.74  # of a minute's width
_LEAST: Final = 1.5  # per cent of the height that one of anything takes at least
_BELOW: Final = 0.12  # of what is above the base line, where anything is below
_APART: Final = 9.0  # per cent of the height between two numbers that are read as two
_EVERY: Final = 15  # minutes between two times told


class Mark(msgspec.Struct, frozen=True):
    """A text at a place of an axis, per cent from the left or from the top."""

    at: float
    text: str


class Column(msgspec.Struct, frozen=True):
    """A minute in which something happened: its place, 0 to 59, when it began, its counts and what they say."""

    slot: int
    at_us: int
    time: str
    minute: Minute
    says: str


class Chart(msgspec.Struct, frozen=True):
    """What is to be drawn.

    Attributes:
        events: Path of the bars up, of alerts, in a box of 60 × 100.
        delivered: Path of the line, of deliveries.
        failed: Path of the bars down, of failed attempts.
        base: The base line, per cent from the top.
        ticks: Of the scale, with whole numbers.
        times: Wall-clock times, UTC.
        unknown: How much of the width, per cent, was before this run.
        columns: The minutes in which something happened, the oldest first.
        says: The whole of it in a sentence.
        quiet: Nothing happened at all.
    """

    events: str
    delivered: str
    failed: str
    base: float
    ticks: tuple[Mark, ...]
    times: tuple[Mark, ...]
    unknown: float
    columns: tuple[Column, ...]
    says: str
    quiet: bool


def chart_of(minutes: Sequence[Minute]) -> Chart:
    """The chart of ``minutes``, the oldest first, 60 at most."""
    shown = list(minutes)[-MINUTES:]
    first = MINUTES - len(shown)
    up = max((max(one.events, one.delivered) for one in shown), default=0)
    down = max((one.failed for one in shown), default=0)
    step = step_for(max(up, down))
    top = -(-up // step) * step or step
    unit = 100 / (top + (max(down, top * _BELOW) if down else 0))
    base = round(top * unit, 2)

    def bars(counts: Sequence[int], sign: int) -> str:
        return "".join(
            f"M{_n(first + at + (1 - _BAR) / 2)},{_n(base)}v{_n(sign * max(count * unit, _LEAST))}h{_BAR:g}V{_n(base)}z"
            for at, count in enumerate(counts)
            if count
        )

    return Chart(
        events=bars([one.events for one in shown], -1),
        delivered=_steps([base - (max(one.delivered * unit, _LEAST) if one.delivered else 0) for one in shown], first),
        failed=bars([one.failed for one in shown], 1),
        base=base,
        ticks=_ticks(top, down, step, unit),
        times=_times(shown),
        unknown=round(100 * first / MINUTES, 2),
        columns=tuple(_column(first + at, one) for at, one in enumerate(shown) if _any(one)),
        says=_sentence(shown),
        quiet=not any(map(_any, shown)),
    )


def step_for(span: int) -> int:
    """Between two ticks: 1, 2 or 5 times a power of ten, so that a scale of ``span`` has few of them."""
    step = 1
    while span > step * _TICKS:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step


def _ticks(top: int, down: int, step: int, unit: float) -> tuple[Mark, ...]:
    """Up from the base line step by step; below it what there was at most, where that can be told apart."""
    marks = [Mark(round((top - count) * unit, 2), f"{count:,}") for count in range(0, top + 1, step)]
    if down * unit >= _APART:
        marks.append(Mark(round((top + down) * unit, 2), f"{down:,}"))
    return tuple(marks)


def _any(minute: Minute) -> bool:
    return bool(minute.events or minute.delivered or minute.failed)


def _steps(heights: Sequence[float], first: int) -> str:
    """A line that goes along each minute at its height."""
    if not heights:
        return ""
    rest = "".join(f"V{_n(height)}H{first + at + 1}" for at, height in enumerate(heights))
    return f"M{first},{_n(heights[0])}{rest}"


def _times(minutes: Sequence[Minute]) -> tuple[Mark, ...]:
    """Each quarter of an hour that began within the chart."""
    if not minutes:
        return ()
    newest = round(minutes[-1].at_us / _MINUTE_US)
    slots = ((slot, newest - (MINUTES - 1 - slot)) for slot in range(1, MINUTES - 2))
    told = ((slot, _clock(at * _MINUTE_US)) for slot, at in slots if at % _EVERY == 0)
    return tuple(Mark(round(100 * slot / MINUTES, 2), time) for slot, time in told)


def _column(slot: int, minute: Minute) -> Column:
    time = _clock(minute.at_us)
    counts = _counts(minute.events, minute.delivered, minute.failed)
    return Column(slot, minute.at_us, time, minute, f"{time}: {counts}")


def _counts(events: int, delivered: int, failed: int) -> str:
    return f"{counted(events, 'alert')}, {delivered:,} delivered, {counted(failed, 'failed attempt')}"


def _sentence(minutes: Sequence[Minute]) -> str:
    totals = (sum(getattr(one, name) for one in minutes) for name in ("events", "delivered", "failed"))
    span = f"In the last {len(minutes)} minutes" if len(minutes) > 1 else "In this minute"
    busiest = max(minutes, key=lambda one: one.events, default=None)
    most = f"; the most alerts in a minute were {busiest.events:,}, at {_clock(busiest.at_us)} UTC" if busiest else ""
    return f"{span}: {_counts(*totals)}{most if busiest and busiest.events else ''}."


def _clock(at_us: int) -> str:
    return isoformat(at_us)[11:16]


def _n(number: float) -> str:
    return f"{round(number, 2):g}"
