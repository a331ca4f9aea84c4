from __future__ import annotations

import pytest

from relay.deliveries import Verdict
from relay.destinations.answer import Answer
from relay.destinations.slack.outcome import TOO_MANY, judge_slack
from tests.support.clock import START_US

DELIVERED, RETRY, DEAD, SWITCH_OFF = Verdict.DELIVERED, Verdict.RETRY, Verdict.DEAD, Verdict.SWITCH_OFF


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, "ok", DELIVERED),
        (400, "invalid_payload", DEAD),
        (500, "invalid_payload", DEAD),
        (400, "invalid_blocks", DEAD),
        (400, "invalid_blocks_format", DEAD),
        (400, "no_text", DEAD),
        (500, "no_text\n", DEAD),
        (400, "missing_text_or_fallback_or_attachments", DEAD),
        (400, "too_many_attachments", DEAD),
        (400, "user_not_found", DEAD),
        (400, "something_new", DEAD),
        (403, "invalid_token", SWITCH_OFF),
        (403, "action_prohibited", SWITCH_OFF),
        (403, "posting_to_general_channel_denied", SWITCH_OFF),
        (403, "team_disabled", SWITCH_OFF),
        (404, "no_service", SWITCH_OFF),
        (404, "no_service_id", SWITCH_OFF),
        (404, "no_active_hooks", SWITCH_OFF),
        (404, "no_team", SWITCH_OFF),
        (404, "channel_not_found", SWITCH_OFF),
        (410, "channel_is_archived", SWITCH_OFF),
        (400, '{"ok": false, "error": "no_service"}', SWITCH_OFF),
        (400, "{broken", DEAD),
        (404, "<html>", DEAD),
        (410, "", SWITCH_OFF),
        (302, "", DEAD),
        (429, "rate_limited", RETRY),
        (429, "", RETRY),
        (500, "rollup_error", RETRY),
        (503, "", RETRY),
    ],
)
def test_slack_is_judged_by_the_word_in_its_body(status: int, body: str, verdict: Verdict) -> None:
    assert judge_slack(Answer(status, {}, body), START_US).verdict is verdict


def test_the_word_is_in_the_detail() -> None:
    assert judge_slack(Answer(404, {}, "no_service"), START_US).detail == "answered 404 Not Found (no_service)"


def test_too_many_is_told_by_its_code_with_the_wait() -> None:
    outcome = judge_slack(Answer(429, {"retry-after": "30"}, "rate_limited"), START_US)
    assert (outcome.code, outcome.retry_after) == (TOO_MANY, 30.0)


def test_a_word_that_makes_it_a_retry_keeps_the_wait_and_one_that_does_not_takes_it_away() -> None:
    date = {"retry-after": "Fri, 10 Apr 2026 13:46:22 GMT"}
    assert judge_slack(Answer(500, date, "rollup_error"), START_US).retry_after == 60.0
    assert judge_slack(Answer(400, date, "rollup_error"), START_US).retry_after == 60.0
    assert judge_slack(Answer(500, date, "no_text"), START_US).retry_after is None


@pytest.mark.parametrize(
    "body", ["", "no", "No Service", "<html>", "a" * 62, '{"error": 7}', '{"ok": false}', "no-text"]
)
def test_what_is_no_word_is_not_in_the_detail(body: str) -> None:
    assert judge_slack(Answer(404, {}, body), START_US).detail == "answered 404 Not Found"
