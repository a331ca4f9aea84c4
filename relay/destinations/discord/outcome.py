"""What Discord's answers mean: by status, and by the error code where the webhook itself is gone.

A table of cases is its test. Texts are as Discord wrote them: the caller takes secrets out and cuts them.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec

from relay.deliveries import Outcome, Verdict
from relay.destinations.answer import Answer
from relay.destinations.outcome import judge_webhook
from relay.retry_after import parse_seconds, plausible

CLOUDFLARE_WAIT: Final = 60.0
"""Seconds to leave Discord alone when its edge, not its API, says 429 and not for how long."""


class _DiscordBody(msgspec.Struct, frozen=True):
    """The error object of Discord's API, as far as it matters (docs.discord.com, topics/rate-limits)."""

    code: int | None = None
    message: str = ""
    retry_after: float | str | None = None
    everywhere: bool = msgspec.field(default=False, name="global")


_UNKNOWN_WEBHOOK: Final = 10015
_INVALID_TOKEN: Final = 50027
_discord_decoder: Final = msgspec.json.Decoder(_DiscordBody)


def judge_discord(answer: Answer, now_us: int) -> Outcome:
    """By status, and by the error code where the webhook itself is gone.

    A bucket that this very message emptied (``X-RateLimit-Remaining: 0``) is told as ``retry_after`` on any
    verdict, delivered included: whatever goes out before its reset would be a 429.
    """
    outcome = judge_webhook(answer, now_us)
    if outcome.verdict is Verdict.DELIVERED:
        return _with_wait(outcome, _emptied(answer))
    said = _discord_body(answer)
    detail = outcome.detail
    if said and said.message:
        number = f"{said.code}: " if said.code else ""
        detail = f"{detail} ({number}{said.message})"
    outcome = msgspec.structs.replace(outcome, detail=detail)
    if _discord_lost(answer.status, said):
        return msgspec.structs.replace(outcome, verdict=Verdict.SWITCH_OFF)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _discord_limited(outcome, answer, said)
    return _with_wait(outcome, _emptied(answer))


def _discord_body(answer: Answer) -> _DiscordBody | None:
    try:
        return _discord_decoder.decode(answer.text)
    except (msgspec.DecodeError, ValueError):
        return None


def _discord_lost(status: int, said: _DiscordBody | None) -> bool:
    """The webhook was deleted or its token changed: nothing sent there will ever arrive."""
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.GONE}:
        return True
    code = said.code if said else None
    return (status, code) in {(HTTPStatus.NOT_FOUND, _UNKNOWN_WEBHOOK), (HTTPStatus.FORBIDDEN, _INVALID_TOKEN)}


def _discord_limited(outcome: Outcome, answer: Answer, said: _DiscordBody | None) -> Outcome:
    """A 429: the body's decimals are exact, the header is rounded; Cloudflare's has neither JSON nor ``Via``."""
    wait = _number(said.retry_after) if said else None
    if wait is None:
        wait = outcome.retry_after
    if wait is None:
        wait = parse_seconds(answer.headers.get("x-ratelimit-reset-after"))
    if wait is None and (said is None or "via" not in answer.headers):
        wait = CLOUDFLARE_WAIT
    detail = outcome.detail
    if said and said.everywhere:
        detail = f"{detail}; the limit is for everything from this address"
    return msgspec.structs.replace(outcome, detail=detail, retry_after=wait)


def _number(value: float | str | None) -> float | None:
    return parse_seconds(value) if isinstance(value, str) or value is None else plausible(value)


def _emptied(answer: Answer) -> float | None:
    if answer.headers.get("x-ratelimit-remaining", "").strip() != "0":
        return None
    return parse_seconds(answer.headers.get("x-ratelimit-reset-after"))


def _with_wait(outcome: Outcome, wait: float | None) -> Outcome:
    if wait is None:
        return outcome
    return msgspec.structs.replace(outcome, retry_after=max(wait, outcome.retry_after or 0.0))
