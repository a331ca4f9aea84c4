"""A selection as people write it, in a query or as options of a verb; and how it is put into words again.

    {"destination": "bot", "since": "2h"} ──selection_of──> Selection ──texts──> {…, "since": "2026-04-10T11:45:22.…Z"}

Whoever reads one reads it here, so that a filter means the same over HTTP and on the command line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from relay.clock import MICROS
from relay.durations import FORMS, parse_duration
from relay.events import Instant
from relay.outbox.archive import Selection

KEYS: Final = ("id", "event", "destination", "rule", "symbol", "code", "since", "until")
"""The filters, by the name that a query has for them."""

_NUMBER: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_BIGGEST: Final = 2**63 - 1  # what a store can number
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class BadSelectionError(ValueError):
    """A filter's text can't be used.

    Attributes:
        key: The filter.
        said: What is wrong with its text.
    """

    def __init__(self, key: str, said: str) -> None:
        super().__init__(f"`{key}` {said}")
        self.key = key
        self.said = said


def selection_of(given: Mapping[str, str], *, now_us: int) -> Selection:
    """What the filters in ``given`` select; keys that are no filter are passed over.

    Args:
        given: By name. One that is there and empty is a mistake: a script's empty variable must not select all.
        now_us: What ``2h`` is reckoned back from.

    Raises:
        BadSelectionError: Naming the filter.
    """
    for key in KEYS:
        if key in given and not given[key].strip():
            raise BadSelectionError(key, "is empty; leave it out where it does not matter")
    since_us, until_us = (_moment(key, given[key], now_us) if key in given else None for key in ("since", "until"))
    if since_us is not None and until_us is not None and since_us >= until_us:
        raise BadSelectionError("until", "is not after `since`: nothing lies between them")
    return Selection(
        id=number("id", given["id"]) if "id" in given else None,
        event=given.get("event"),
        destination=given.get("destination"),
        rule=given.get("rule"),
        symbol=given.get("symbol"),
        code=given.get("code"),
        since_us=since_us,
        until_us=until_us,
    )


def number(key: str, text: str) -> int:
    """A number of the store's.

    Raises:
        BadSelectionError: It is none.
    """
    found = stored_number(text)
    if found is None:
        raise BadSelectionError(key, "is a whole number from 1 up")
    return found


def stored_number(text: str) -> int | None:
    """The number that ``text`` writes, as a store gives them out; None where it writes none."""
    return int(text) if _NUMBER.fullmatch(text) and 1 <= int(text) <= _BIGGEST else None


def texts(selection: Selection) -> dict[str, str]:
    """``selection`` as ``selection_of`` reads it, its times to the microsecond."""
    times = {"since": selection.since_us, "until": selection.until_us}
    plain = {key: getattr(selection, key) for key in KEYS if key not in times}
    return {key: str(value) for key, value in plain.items() if value is not None} | {
        key: Instant(max(1, us)).isoformat() for key, us in times.items() if us is not None
    }


def _moment(key: str, text: str, now_us: int) -> int:
    """``2h`` is that long ago; else an instant, or a day's beginning in UTC."""
    text = text.strip()
    try:
        return max(1, now_us - round(parse_duration(text) * MICROS))
    except (ValueError, OverflowError):
        pass
    instant = Instant.parse(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)
    if instant is None:
        raise BadSelectionError(key, f"is how long ago ({FORMS}), or a time like 2026-04-10T13:45:00Z")
    return instant.us
