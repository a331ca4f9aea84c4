"""What an answer means: one function a kind of destination, each a table in its test.

    Answer ──judge_webhook / judge_discord / judge_slack──┐
    Failure ─────────────judge_failure────────────────────┴──> Outcome

    2xx                                            delivered
    408 425 429 5xx, no answer                     retry
    410, and what a vendor says of a lost webhook  dead, and the destination is switched off
    any other                                      dead; a redirect is one of them

A wait that the destination asks for is passed on in full. Texts are as the destination wrote them: the caller
takes secrets out and cuts them.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

import msgspec

from relay.deliveries import Outcome, Verdict
from relay.destinations.answer import INVALID, Answer, Failure, succeeded
from relay.retry_after import parse_retry_after, parse_seconds, plausible

CLOUDFLARE_WAIT: Final = 60.0
"""Seconds to leave Discord alone when its edge, not its API, says 429 and not for how long."""

_TRANSIENT: Final = frozenset({408, 425, 429})


def verdict_of(status: int) -> Verdict:
    """What a status means where the vendor says nothing else."""
    if succeeded(status):
        return Verdict.DELIVERED
    if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Verdict.RETRY
    return Verdict.SWITCH_OFF if status == HTTPStatus.GONE else Verdict.DEAD


def judge_failure(failure: Failure) -> Outcome:
    """No answer: try again, unless the request can't even be made."""
    verdict = Verdict.SWITCH_OFF if failure.code == INVALID else Verdict.RETRY
    return Outcome(verdict, failure.code, failure.detail)


def judge_webhook(answer: Answer, now_us: int) -> Outcome:
    """By status alone.

    Args:
        answer: What came back.
        now_us: What a ``Retry-After`` date counts from, µs since the epoch.
    """
    verdict = verdict_of(answer.status)
    wait = parse_retry_after(answer.headers.get("retry-after"), now_us) if verdict is Verdict.RETRY else None
    return Outcome(verdict, str(answer.status), _sentence(answer.status), answer.text, wait)


def _sentence(status: int) -> str:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "unknown status"
    said = f"answered {status} {phrase}"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"{said}; redirects are not followed, so the final address belongs in the config"
    return said


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


# What Slack's incoming webhooks say in the body (docs.slack.dev, incoming webhooks, "handling errors").
_SLACK: Final = (
    dict.fromkeys(
        (
            "invalid_payload",
            "invalid_blocks",
            "invalid_blocks_format",
            "user_not_found",
            "no_text",
            "missing_text_or_fallback_or_attachments",
            "too_many_attachments",
        ),
        Verdict.DEAD,
    )
    | dict.fromkeys(
        (
            "no_service",
            "no_service_id",
            "invalid_token",
            "no_active_hooks",
            "no_team",
            "team_disabled",
            "channel_not_found",
            "channel_is_archived",
            "action_prohibited",
            "posting_to_general_channel_denied",
        ),
        Verdict.SWITCH_OFF,
    )
    | dict.fromkeys(("rollup_error",), Verdict.RETRY)
)


class _SlackBody(msgspec.Struct, frozen=True):
    error: str = ""


_slack_decoder: Final = msgspec.json.Decoder(_SlackBody)
_SLACK_WORD: Final = re.compile(r"[a-z][a-z_]{2,60}", re.ASCII)


def judge_slack(answer: Answer, now_us: int) -> Outcome:
    """By the word in the body, whatever status it came with; by status where there is no known word."""
    outcome = judge_webhook(answer, now_us)
    if outcome.verdict is Verdict.DELIVERED:
        return outcome
    word = _slack_word(answer.text)
    if word is None:
        return outcome
    verdict = _SLACK.get(word, outcome.verdict)
    wait = parse_retry_after(answer.headers.get("retry-after"), now_us) if verdict is Verdict.RETRY else None
    return msgspec.structs.replace(outcome, verdict=verdict, detail=f"{outcome.detail} ({word})", retry_after=wait)


def _slack_word(text: str) -> str | None:
    text = text.strip()
    if text.startswith("{"):
        try:
            text = _slack_decoder.decode(text).error
        except (msgspec.DecodeError, ValueError):
            return None
    return text if _SLACK_WORD.fullmatch(text) else None
