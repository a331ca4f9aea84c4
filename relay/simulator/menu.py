"""Faults by name, for the command line and the control endpoint.

NAME[=VALUE][@AT[:FOR]]      swallow=3@2s           the next three frames, two seconds in
                             rest-slow=1.5@10s:5s   answers take 1.5 s, for five seconds
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from relay.durations import parse_duration
from relay.simulator.faults import GARBAGE, REFUSALS, REST_FAULTS, Faults

NAMES: Final = (
    "drop",
    "evict",
    "close",
    "silence",
    "swallow",
    "repeat",
    "reorder",
    "clear",
    *(f"garbage-{kind}" for kind in GARBAGE),
    *(f"refuse-{status}" for status in REFUSALS),
    *(f"refuse-{status}-proxy" for status in REFUSALS),
    *(f"rest-{kind}" for kind in REST_FAULTS),
)

_FORM: Final = re.compile(
    r"(?P<name>[a-z0-9-]+)(?:=(?P<value>\d+(?:\.\d+)?))?(?:@(?P<at>[^:]+)(?::(?P<span>.+))?)?", re.ASCII
)


class Scheduled(msgspec.Struct, frozen=True):
    """A fault to come: ``at`` seconds after the start, for ``seconds`` (None: for ever, or once)."""

    name: str
    value: float | None = None
    at: float = 0.0
    seconds: float | None = None


def parse_fault(text: str) -> Scheduled:
    """A scheduled fault from ``NAME[=VALUE][@AT[:FOR]]``.

    Raises:
        ValueError: it has another form, an unknown name or a duration that is none.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError("a fault is NAME[=VALUE][@AT[:FOR]], like drop@5s or rest-500@10s:5s")
    _known(match["name"])
    return Scheduled(
        name=match["name"],
        value=float(match["value"]) if match["value"] else None,
        at=parse_duration(match["at"]) if match["at"] else 0.0,
        seconds=parse_duration(match["span"]) if match["span"] else None,
    )


def inject(
    faults: Faults,
    name: str,
    *,
    value: float | None = None,
    seconds: float | None = None,
    times: int | None = None,
) -> None:
    """Cause the fault called ``name``.

    Args:
        faults: Whose.
        name: One of ``NAMES``.
        value: How many frames, which close code, how many seconds slow; each has a default.
        seconds: How long it lasts, where it lasts.
        times: How often it happens, where that can be said.

    Raises:
        ValueError: there is no such name.
    """
    _known(name)
    verb, _, detail = name.partition("-")
    match verb:
        case "drop" | "evict" | "clear":
            {"drop": faults.drop, "evict": faults.evict, "clear": faults.clear}[verb]()
        case "close":
            faults.close(int(value or 1012))
        case "silence":
            faults.silence(seconds)
        case "swallow" | "repeat":
            {"swallow": faults.swallow, "repeat": faults.repeat}[verb](int(value or 1))
        case "reorder":
            faults.reorder(int(value or 2))
        case "garbage":
            faults.garbage(detail)
        case "refuse":
            status, _, proxy = detail.partition("-")
            faults.refuse(int(status), vendor=not proxy, times=times, seconds=seconds)
        case _:
            faults.rest(detail, times=times, seconds=seconds, value=value or 0.0)


def _known(name: str) -> None:
    if name not in NAMES:
        raise ValueError(f"no such fault: {name}; there are {', '.join(NAMES)}")
