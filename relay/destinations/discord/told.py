"""What an answer of Discord tells about its limits and its reasons, taken from where each provider part puts it.

    Answer ──read──> Told        headers X-RateLimit-…, the JSON body of an error, and whether Cloudflare spoke

Numbers may be texts; what can't be read is not told. (Source: docs.discord.com, topics, rate limits and opcodes.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Final

import msgspec

from relay.clock import MICROS
from relay.destinations.answer import Answer, succeeded
from relay.retry_after import parse_retry_after, parse_seconds, plausible

_INVALID: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS}
)
"""Answers that Discord counts towards a ban of the address; a 429 of a shared limit does not count."""

EDGE_WAIT: Final = 60.0
"""Seconds to leave Discord alone when its edge refuses this address, whatever less it says."""

_REASONS_SHOWN: Final = 3
_DIGITS: Final = 10  # no limit has so many


class Scope(StrEnum):
    """Whose limit a 429 speaks of."""

    BUCKET = "bucket"  # this webhook's, or its channel's
    GLOBAL = "global"  # everything from this address
    EDGE = "edge"  # Cloudflare's, before Discord itself


class Told(msgspec.Struct, frozen=True):
    """What an answer tells.

    Attributes:
        code: Discord's error code; None where it gave none.
        message: Its message, and the first faults of a form, by their path.
        bucket: An opaque name of the limit that the numbers are of.
        limit: Requests that a full bucket holds.
        remaining: Requests left in the bucket.
        reset_after: Seconds until the bucket is full again.
        limited: Whose limit was hit, on a 429.
        wait: Seconds to wait, on a 429; None where it does not say.
        invalid: Whether the answer counts towards a ban of this address.
    """

    code: int | None = None
    message: str = ""
    bucket: str | None = None
    limit: int | None = None
    remaining: int | None = None
    reset_after: float | None = None
    limited: Scope | None = None
    wait: float | None = None
    invalid: bool = False


class _Body(msgspec.Struct, frozen=True):
    """The error object of Discord's API, as far as it matters; any type is taken where only one is of use."""

    code: object = None
    message: object = None
    retry_after: object = None
    everywhere: object = msgspec.field(default=False, name="global")
    errors: object = None


_decoder: Final = msgspec.json.Decoder(_Body)


def read(answer: Answer, now_us: int) -> Told:
    """Everything at once.

    Args:
        answer: What came back.
        now_us: What a ``Retry-After`` date counts from, µs since the epoch.
    """
    headers = answer.headers
    said = _Body() if succeeded(answer.status) else _body(answer)
    limited, wait = None, None
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        limited = _scope(headers, said)
        wait = _wait(headers, said, now_us)
        wait = max(EDGE_WAIT, wait or 0.0) if limited is Scope.EDGE else wait
    shared = headers.get("x-ratelimit-scope", "").strip().lower() == "shared"
    return Told(
        code=said.code if isinstance(said.code, int) and not isinstance(said.code, bool) else None,
        message=_message(said),
        bucket=headers.get("x-ratelimit-bucket"),
        limit=_count(headers, "x-ratelimit-limit"),
        remaining=_count(headers, "x-ratelimit-remaining"),
        reset_after=_reset_after(headers, now_us),
        limited=limited,
        wait=wait,
        invalid=answer.status in _INVALID and not (limited and shared),
    )


def _count(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < _DIGITS else None


def _body(answer: Answer) -> _Body:
    try:
        return _decoder.decode(answer.text)
    except (ValueError, RecursionError):
        return _Body()


def _scope(headers: Mapping[str, str], said: _Body) -> Scope:
    """The API tells its limits in headers or body and passes a proxy (``Via``); Cloudflare's page does neither."""
    named = any(name.startswith("x-ratelimit-") for name in headers)
    if "via" not in headers and not named and _seconds(said.retry_after) is None:
        return Scope.EDGE
    everywhere = (
        said.everywhere is True
        or headers.get("x-ratelimit-global", "").strip().lower() == "true"
        or headers.get("x-ratelimit-scope", "").strip().lower() == "global"
    )
    return Scope.GLOBAL if everywhere else Scope.BUCKET


def _wait(headers: Mapping[str, str], said: _Body, now_us: int) -> float | None:
    """The body's decimals are exact, the header is rounded."""
    told = (
        _seconds(said.retry_after),
        parse_retry_after(headers.get("retry-after"), now_us),
        parse_seconds(headers.get("x-ratelimit-reset-after")),
    )
    return next((wait for wait in told if wait is not None), None)


def _reset_after(headers: Mapping[str, str], now_us: int) -> float | None:
    """As a span; only where that is missing by the moment, which is no better than our clock."""
    if (span := parse_seconds(headers.get("x-ratelimit-reset-after"))) is not None:
        return span
    try:
        moment = float(headers.get("x-ratelimit-reset", ""))
    except ValueError:
        return None
    return plausible(moment - now_us / MICROS)


def _seconds(value: object) -> float | None:
    if isinstance(value, str):
        return parse_seconds(value)
    return plausible(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _message(said: _Body) -> str:
    reasons = [f"{path}: {reason}" for path, reason in _reasons(said.errors)][:_REASONS_SHOWN]
    return "; ".join(([said.message] if isinstance(said.message, str) and said.message else []) + reasons)


def _reasons(errors: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Each fault of a refused form: ``embeds.0.title`` and what is said of it."""
    if not isinstance(errors, dict):
        return
    for key, inner in errors.items():
        if key == "_errors" and isinstance(inner, list):
            yield from ((path, str(item.get("message", ""))) for item in inner if isinstance(item, dict))
        else:
            yield from _reasons(inner, f"{path}.{key}".lstrip("."))
