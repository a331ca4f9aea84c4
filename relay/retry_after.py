"""How long a server asks us to wait: seconds, or a date (RFC 9110, section 10.2.3).

Seconds may have decimals, because Discord sends them so. A time that has passed is zero. What is neither, and
what is further away than a year (milliseconds by mistake, a broken clock), is no request at all. A caller that
can't wait so long shortens what comes out.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from relay.clock import MICROS

LONGEST: Final = 366 * 86400.0

_SECONDS: Final = re.compile(r"[+-]?\d{1,18}(?:\.\d{0,18})?", re.ASCII)
_DATE: Final = re.compile(r"(?:[A-Za-z]{3,9},? )?[A-Za-z0-9:+ -]{8,40}", re.ASCII)


def parse_seconds(text: str | None) -> float | None:
    """Seconds in ``text``, not below zero; None where it is no number or more than a year."""
    if text is None or _SECONDS.fullmatch(text.strip()) is None:
        return None
    return plausible(float(text.strip()))  # float() strips less than strip() does


def parse_retry_after(text: str | None, now_us: int) -> float | None:
    """The seconds to wait that a ``Retry-After`` header asks for; None where it asks for nothing usable.

    Args:
        text: The header's value, None where there was none.
        now_us: What a date counts from, µs since the epoch.
    """
    if text is None:
        return None
    if _SECONDS.fullmatch(text.strip()):
        return parse_seconds(text)
    moment = parse_date(text)
    return None if moment is None else plausible(moment.timestamp() - now_us / MICROS)


def plausible(seconds: float) -> float | None:
    """``seconds``, at least zero; None above a year."""
    return max(0.0, seconds) if seconds <= LONGEST else None


def parse_date(text: str) -> datetime | None:
    """The moment that an HTTP date names, in any of its three forms; None where it is none."""
    text = text.strip()
    if _DATE.fullmatch(text) is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
