"""How values look on the page: spans, times, numbers, which state is good; and the templates that show them.

    value ──filter──> text ──finalize: no secret──> autoescape ──> HTML

What holds always: every text passes the redaction before it is escaped; a name that is not there is an error, not an
empty place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import jinja2
import msgspec

from relay.clock import MICROS, isoformat
from relay.deliveries import State
from relay.events import DIRECTIONS, TIMEFRAMES, Instant, symbol_root
from relay.redaction import redact
from relay.web.answers import plain
from relay.web.looks import MEANINGS, Look, look_of
from relay.wording import counted

_CONTROLS: Final = {
    code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(0x7F, 0xA0)) if code not in b"\t\n\r"
}
SECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "wide": {"now": "Now", "connection": "Connection", "destinations": "Destinations", "alerts": "Alerts"},
    "side": {"dead": "Dead letters", "snoozes": "Snoozes", "backfill": "Backfill"},
    "end": {"config": "Config"},
}
"""The sections in the order in which the page has them, by their place: each one's id and name, as the bar calls it."""

LONGEST: Final = 16_000
"""Characters of an object that the page shows."""

_LARGE: Final = 4 * LONGEST  # bytes that are not worth the time it takes to set them out
_HALVED: Final = 4_096  # more than any secret has: the end of a text that was cut may be the beginning of one
_PAGES: Final = Path(__file__).parent / "templates"


def templates() -> jinja2.Environment:
    """What renders the page; read from the disk once, when a template is first asked for."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_showable,
        trim_blocks=True,
        lstrip_blocks=True,
        enable_async=False,
        auto_reload=False,
    )
    environment.filters |= {
        "span": span,
        "clock": clock_time,
        "counted": how_many,
        "iso": isoformat,
        "us": micros,
        "root": symbol_root,
        "look": look_of,
        "minute": minute,
        "redacted": redact,
        "seconds": short_seconds,
        "number": number,
        "percent": percent,
    }
    draw = environment.get_template("marks.html").module.draw  # type: ignore[attr-defined]  # a macro
    marks = {one: draw(one) for one in Look}
    environment.globals |= {
        "State": State,
        "meanings": MEANINGS,
        "sections": SECTIONS,
        "timeframes": TIMEFRAMES,
        "directions": DIRECTIONS,
        "micros": MICROS,
        "mark": marks.__getitem__,
    }
    return environment


def span(seconds: float) -> str:
    """A length of time at the precision a glance needs: ``4s``, ``3m 12s``, ``2h 5m``, ``9d 3h``."""
    whole = max(0, int(seconds))
    for size, unit, rest, rest_unit in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit} {whole % size // rest}{rest_unit}"
    return f"{whole}s"


def short_seconds(seconds: float) -> str:
    """A latency: ``12 ms``, ``0.34 s``, ``4.2 s``, ``3m 12s``."""
    if abs(seconds) < 0.1:  # noqa: PLR2004  because below a tenth of a second people count in milliseconds
        return f"{round(seconds * 1e3)} ms"
    if abs(seconds) < 60:  # noqa: PLR2004  because a minute has 60
        return f"{seconds:.2f} s" if abs(seconds) < 1 else f"{seconds:.1f} s"
    return f"-{span(-seconds)}" if seconds < 0 else span(seconds)


def clock_time(text: object, now_us: int) -> str:
    """A time as a glance needs it, UTC: ``13:45:22``, ``2026-04-09 13:45`` on another day than ``now_us``."""
    moment = Instant.parse(text)
    if moment is None:
        return str(text)
    day, _, time = Instant(moment.us, max(moment.precision_us, MICROS)).isoformat().rstrip("Z").partition("T")
    today = Instant(now_us).isoformat().partition("T")[0]
    return time if day == today else f"{day} {time[:5]}"


def minute(us: int, now_us: int) -> str:
    """As ``clock_time``, to the minute: when something that a person asked for ends."""
    text = isoformat(us)
    return text[11:16] if text[:10] == isoformat(now_us)[:10] else f"{text[:10]} {text[11:16]}"


def micros(text: object) -> int | None:
    """A told time in µs since the epoch; None where it is none."""
    moment = Instant.parse(text)
    return None if moment is None else moment.us


def as_json(data: object) -> tuple[str, bool]:
    """An object as a person reads it, without secrets, and whether it is whole: of a long one, the beginning."""
    if len(msgspec.json.encode(data)) > _LARGE:
        text, whole = redact(json.dumps(data)[:_LARGE])[:-_HALVED], False
    else:
        told = plain({"data": data})
        assert isinstance(told, dict)
        text = msgspec.json.format(msgspec.json.encode(told["data"]), indent=2).decode()
        whole = len(text) <= LONGEST
    return (text, True) if whole else (f"{text[:LONGEST]}…", False)


def number(value: object) -> str:
    """A count with its thousands apart."""
    return f"{value:,}" if type(value) is int else str(value)


def how_many(count: object, noun: str) -> str:
    """A count with its noun; whatever is no number as it was told."""
    return counted(count, noun) if type(count) is int else f"{count} {noun}s"


def percent(value: float) -> str:
    """As SVG wants it."""
    return f"{value:g}%"


def _showable(value: object) -> object:
    """Every expression of a template passes here before it is escaped, without secrets and what HTML can't hold."""
    return redact(value).translate(_CONTROLS) if type(value) is str else value
