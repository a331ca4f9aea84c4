"""Durations as people write them, ``250ms 10s 5m 2h 7d``, and as they are read."""

from __future__ import annotations

import math
import re
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FORM: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)

_ROUGHLY: Final = ((120, 1, "second"), (7200, 60, "minute"), (172_800, 3600, "hour"), (float("inf"), 86_400, "day"))

FORMS: Final = "250ms, 10s, 5m, 2h or 7d"


def parse_duration(text: str) -> float:
    """Seconds in ``text``.

    Raises:
        ValueError: ``text`` is not a number followed by ms, s, m, h or d, or more than any number can be.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"a duration is a number and a unit: {FORMS}")
    seconds = float(match[1]) * _UNITS[match[2]]
    if not math.isfinite(seconds):
        raise ValueError("no duration is as long as that")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest exact form: ``90`` becomes ``90s``, ``7200`` becomes ``2h``, ``0`` becomes ``0s``."""
    if seconds == 0:
        return "0s"
    for unit in ("d", "h", "m", "s"):
        count = seconds / _UNITS[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    millis = seconds * 1000
    return f"{int(millis)}ms" if millis == int(millis) else f"{seconds:g}s"


def roughly(seconds: float) -> str:
    """``90 seconds``, ``12 minutes``, ``3 days``: to be read, not to be reckoned with."""
    width, unit = next((width, unit) for below, width, unit in _ROUGHLY if abs(seconds) < below)
    count = int(abs(seconds) // width)
    return f"{count} {unit}{'' if count == 1 else 's'}"
