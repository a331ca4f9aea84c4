"""What Slack's answers mean: by the word in the body, whatever status it came with.

A table of cases is its test. Texts are as Slack wrote them: the caller takes secrets out and cuts them.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from relay.deliveries import Outcome, Verdict
from relay.destinations.answer import Answer
from relay.destinations.outcome import judge_webhook
from relay.retry_after import parse_retry_after

TOO_MANY: Final = "429"
"""The code of an outcome that says: not so fast."""

# What Slack's incoming webhooks say in the body (docs.slack.dev, incoming webhooks, "handling errors").
_VERDICTS: Final = (
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


class _Body(msgspec.Struct, frozen=True):
    error: str = ""


_decoder: Final = msgspec.json.Decoder(_Body)
_WORD: Final = re.compile(r"[a-z][a-z_]{2,60}", re.ASCII)


def judge_slack(answer: Answer, now_us: int) -> Outcome:
    """By the word in the body, whatever status it came with; by status where there is no known word."""
    outcome = judge_webhook(answer, now_us)
    if outcome.verdict is Verdict.DELIVERED:
        return outcome
    word = _word(answer.text)
    if word is None:
        return outcome
    verdict = _VERDICTS.get(word, outcome.verdict)
    wait = parse_retry_after(answer.headers.get("retry-after"), now_us) if verdict is Verdict.RETRY else None
    return msgspec.structs.replace(outcome, verdict=verdict, detail=f"{outcome.detail} ({word})", retry_after=wait)


def _word(text: str) -> str | None:
    text = text.strip()
    if text.startswith("{"):
        try:
            text = _decoder.decode(text).error
        except (msgspec.DecodeError, ValueError):
            return None
    return text if _WORD.fullmatch(text) else None
