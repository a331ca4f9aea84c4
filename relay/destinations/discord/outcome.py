"""What Discord's answers mean: by status, and by the error code where the webhook itself is gone.

A table of cases is its test. Texts are as Discord wrote them: the caller takes secrets out and cuts them.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from msgspec.structs import replace

from relay.deliveries import Outcome, Verdict
from relay.destinations.answer import Answer, succeeded
from relay.destinations.discord.told import Scope, Told, read
from relay.destinations.outcome import judge_webhook

UNKNOWN_WEBHOOK: Final = 10015
INVALID_TOKEN: Final = 50027
NETWORK_ERROR: Final = 40333
"""Error codes (docs.discord.com, topics, opcodes and status codes)."""

_GONE: Final = frozenset({(HTTPStatus.NOT_FOUND, UNKNOWN_WEBHOOK), (HTTPStatus.FORBIDDEN, INVALID_TOKEN)})
_MEANINGS: Final = {
    UNKNOWN_WEBHOOK: "the webhook was deleted; make a new one, put its url into the config and reload it",
    INVALID_TOKEN: "the webhook's token is no longer valid; copy its url into the config anew and reload it",
    NETWORK_ERROR: "Cloudflare refused the request before Discord saw it; something on the way changes our User-Agent",
}
_SCOPES: Final = {
    Scope.GLOBAL: "the limit is for everything from this address",
    Scope.EDGE: "Cloudflare holds back everything from this address",
}


def judge_discord(answer: Answer, now_us: int) -> Outcome:
    """The outcome of an answer, where nothing else is known; see ``outcome_of``."""
    return outcome_of(answer, read(answer, now_us), now_us)


def outcome_of(answer: Answer, told: Told, now_us: int) -> Outcome:
    """By status, and by the error code where the webhook itself is gone.

    Args:
        answer: What came back.
        told: What it tells.
        now_us: What a ``Retry-After`` date counts from, µs since the epoch.
    """
    outcome = judge_webhook(answer, now_us)
    if succeeded(answer.status):
        return outcome
    verdict = outcome.verdict
    if answer.status == HTTPStatus.UNAUTHORIZED or (answer.status, told.code) in _GONE:
        verdict = Verdict.SWITCH_OFF
    wait = told.wait if told.limited else outcome.retry_after
    return replace(outcome, verdict=verdict, detail=_detail(outcome.detail, told), retry_after=wait)


def _detail(said: str, told: Told) -> str:
    if told.message:
        said = f"{said} ({f'{told.code}: ' if told.code else ''}{told.message})"
    meaning = _MEANINGS.get(told.code or 0) or (_SCOPES.get(told.limited) if told.limited else None)
    return f"{said}; {meaning}" if meaning else said
