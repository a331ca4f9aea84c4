"""What an answer means where the vendor says nothing else; a table in its test.

    Answer ──judge_webhook──┐     Discord's and Slack's own words: their ``outcome`` modules
    Failure ─judge_failure──┴──> Outcome

    2xx                                            delivered
    408 425 429 5xx, no answer                     retry
    410, and what a vendor says of a lost webhook  dead, and the destination is switched off
    any other                                      dead; a redirect is one of them

A wait that the destination asks for is passed on in full. Texts are as the destination wrote them: the caller
takes secrets out and cuts them.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from relay.deliveries import Outcome, Verdict
from relay.destinations.answer import INVALID, Answer, Failure, succeeded
from relay.retry_after import parse_retry_after

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
    return Outcome(verdict, str(answer.status), sentence_of(answer.status), answer.text, wait)


def sentence_of(status: int) -> str:
    """``answered 404 Not Found``, and what to do about a redirect."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "unknown status"
    said = f"answered {status} {phrase}"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"{said}; redirects are not followed, so the final address belongs in the config"
    return said
