from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.deliveries import Outcome, Verdict
from relay.destinations.answer import Answer, Failure
from relay.destinations.discord.outcome import judge_discord
from relay.destinations.endpoint import Judge
from relay.destinations.outcome import judge_failure, judge_webhook, verdict_of
from relay.destinations.slack.outcome import judge_slack
from tests.support.clock import START_US

DELIVERED, RETRY, DEAD, SWITCH_OFF = Verdict.DELIVERED, Verdict.RETRY, Verdict.DEAD, Verdict.SWITCH_OFF
JUDGES = (judge_webhook, judge_discord, judge_slack)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, DELIVERED) for status in (200, 201, 202, 204, 226, 299)),
        *((status, RETRY) for status in (408, 425, 429, 500, 501, 502, 503, 504, 520, 599, 999)),
        *((status, DEAD) for status in (101, 300, 301, 302, 303, 304, 307, 308)),
        *((status, DEAD) for status in (400, 401, 402, 403, 404, 405, 409, 413, 415, 422, 431, 451)),
        (410, SWITCH_OFF),
    ],
)
def test_a_status_alone_decides_for_a_webhook(status: int, verdict: Verdict) -> None:
    assert verdict_of(status) is verdict
    outcome = judge_webhook(Answer(status, {}, "what it said"), START_US)
    assert (outcome.verdict, outcome.code, outcome.answer) == (verdict, str(status), "what it said")
    assert str(status) in outcome.detail


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_retry_waits_as_long_as_it_is_told(judge: Judge, status: int) -> None:
    outcome = judge(Answer(status, {"retry-after": "17", "via": "1.1 edge"}), START_US)
    assert (outcome.verdict, outcome.retry_after) == (RETRY, 17.0)
    outcome = judge(Answer(status, {"retry-after": "Fri, 10 Apr 2026 13:46:22 GMT", "via": "1.1 edge"}), START_US)
    assert outcome.retry_after == 60.0


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("status", [200, 302, 400, 410])
def test_what_is_not_retried_is_not_waited_for(judge: Judge, status: int) -> None:
    outcome = judge(Answer(status, {"retry-after": "17"}), START_US)
    assert outcome.retry_after is None


_REMEDY = "; redirects are not followed, so the final address belongs in the config"


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (299, "answered 299 unknown status"),
        (300, f"answered 300 Multiple Choices{_REMEDY}"),
        (301, f"answered 301 Moved Permanently{_REMEDY}"),
        (399, f"answered 399 unknown status{_REMEDY}"),
        (400, "answered 400 Bad Request"),
        (599, "answered 599 unknown status"),
    ],
)
def test_the_sentence_names_the_status_and_the_remedy_for_a_redirect(status: int, sentence: str) -> None:
    assert judge_webhook(Answer(status), START_US).detail == sentence


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        *((code, RETRY) for code in ("timeout", "dns", "connect", "tls", "reset", "protocol")),
        ("invalid", SWITCH_OFF),
    ],
)
def test_no_answer_is_retried_unless_the_request_is_impossible(code: str, verdict: Verdict) -> None:
    assert judge_failure(Failure(code, "why")) == Outcome(verdict, code, "why")


@given(
    st.integers(100, 999),
    st.dictionaries(
        st.sampled_from(["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset-after", "via"]), st.text(max_size=9)
    ),
    st.one_of(st.text(max_size=50), st.recursive(st.none() | st.floats() | st.text(), st.lists).map(repr)),
)
def test_no_answer_makes_a_judge_raise(status: int, headers: dict[str, str], text: str) -> None:
    for judge in JUDGES:
        outcome = judge(Answer(status, headers, text), START_US)
        assert outcome.code == str(status)
        assert (outcome.verdict is DELIVERED) == (200 <= status <= 299)
