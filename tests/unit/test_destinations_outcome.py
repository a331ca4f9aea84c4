from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.deliveries import Outcome, Verdict
from relay.destinations.answer import Answer, Failure
from relay.destinations.discord.outcome import CLOUDFLARE_WAIT, judge_discord
from relay.destinations.endpoint import Judge
from relay.destinations.outcome import judge_failure, judge_webhook, verdict_of
from relay.destinations.slack.outcome import judge_slack
from tests.support.clock import START_US

DELIVERED, RETRY, DEAD, SWITCH_OFF = Verdict.DELIVERED, Verdict.RETRY, Verdict.DEAD, Verdict.SWITCH_OFF
JUDGES = (judge_webhook, judge_discord, judge_slack)


def _discord(status: int, body: object = None, **headers: str) -> Outcome:
    text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
    return judge_discord(Answer(status, {k.replace("_", "-"): v for k, v in headers.items()}, text), START_US)


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
    outcome = judge(Answer(status, {"retry-after": "17"}), START_US)
    assert (outcome.verdict, outcome.retry_after) == (RETRY, 17.0)
    outcome = judge(Answer(status, {"retry-after": "Fri, 10 Apr 2026 13:46:22 GMT"}), START_US)
    assert outcome.retry_after == 60.0


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("status", [200, 302, 400, 410])
def test_what_is_not_retried_is_not_waited_for(judge: Judge, status: int) -> None:
    outcome = judge(Answer(status, {"retry-after": "17"}), START_US)
    assert outcome.retry_after is None


def test_a_redirect_says_where_the_remedy_is() -> None:
    assert "config" in judge_webhook(Answer(301), START_US).detail


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        *((code, RETRY) for code in ("timeout", "dns", "connect", "tls", "reset", "protocol")),
        ("invalid", SWITCH_OFF),
    ],
)
def test_no_answer_is_retried_unless_the_request_is_impossible(code: str, verdict: Verdict) -> None:
    assert judge_failure(Failure(code, "why")) == Outcome(verdict, code, "why")


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, {"id": "1"}, DELIVERED),
        (204, "", DELIVERED),
        (400, {"code": 50035, "message": "Invalid Form Body", "errors": {}}, DEAD),
        (400, {"embeds": ["0"]}, DEAD),
        (401, {"code": 50027, "message": "Invalid Webhook Token"}, SWITCH_OFF),
        (401, {"code": 0, "message": "401: Unauthorized"}, SWITCH_OFF),
        (401, "<html>", SWITCH_OFF),
        (403, {"code": 50027, "message": "Invalid Webhook Token"}, SWITCH_OFF),
        (403, {"code": 50013, "message": "Missing Permissions"}, DEAD),
        (403, "error code: 1020", DEAD),
        (404, {"code": 10015, "message": "Unknown Webhook"}, SWITCH_OFF),
        (404, {"code": 10003, "message": "Unknown Channel"}, DEAD),
        (404, {"code": "10015"}, DEAD),
        (404, "<html>not found</html>", DEAD),
        (404, "", DEAD),
        (400, {"code": 10015}, DEAD),
        (410, "", SWITCH_OFF),
        (301, "", DEAD),
        (429, {"retry_after": 1}, RETRY),
        (500, "", RETRY),
        (502, "<html>", RETRY),
    ],
)
def test_discord_is_judged_by_status_and_error_code(status: int, body: object, verdict: Verdict) -> None:
    assert _discord(status, body).verdict is verdict


@pytest.mark.parametrize(
    ("body", "headers", "wait"),
    [
        ({"retry_after": 0.729, "global": False}, {"via": "1.1 google", "retry_after": "1"}, 0.729),
        ({"retry_after": 64.57, "global": True}, {"via": "1.1 google"}, 64.57),
        ({"retry_after": "2.5"}, {"via": "1.1 google"}, 2.5),
        ({"retry_after": 3}, {}, 3.0),
        ({"retry_after": -1}, {"via": "1.1 google"}, 0.0),
        ({"message": "slow down"}, {"via": "1.1 google", "retry_after": "9"}, 9.0),
        ({"message": "slow down"}, {"via": "1.1 google", "x_ratelimit_reset_after": "4.2"}, 4.2),
        ({"message": "slow down"}, {"via": "1.1 google"}, None),
        ("<html>1015</html>", {}, CLOUDFLARE_WAIT),
        ("<html>1015</html>", {"retry_after": "1200"}, 1200.0),
        ("<html>1015</html>", {"via": "1.1 google"}, CLOUDFLARE_WAIT),
        ("error code: 1015", {"retry_after": "soon"}, CLOUDFLARE_WAIT),
    ],
)
def test_a_429_of_discord_waits_by_body_then_header_and_long_at_its_edge(
    body: object, headers: dict[str, str], wait: float | None
) -> None:
    outcome = _discord(429, body, **headers)
    assert (outcome.verdict, outcome.retry_after) == (RETRY, wait)


def test_a_global_limit_of_discord_is_said() -> None:
    assert "everything" in _discord(429, {"retry_after": 5, "global": True}).detail


def test_what_discord_says_is_in_the_detail() -> None:
    assert "10015: Unknown Webhook" in _discord(404, {"code": 10015, "message": "Unknown Webhook"}).detail


@pytest.mark.parametrize(
    ("remaining", "reset_after", "wait"),
    [("0", "1.25", 1.25), ("1", "1.25", None), ("0", None, None), (None, "1.25", None), ("0", "soon", None)],
)
@pytest.mark.parametrize(("status", "verdict"), [(200, DELIVERED), (204, DELIVERED), (400, DEAD), (500, RETRY)])
def test_an_emptied_bucket_of_discord_is_waited_for_whatever_the_verdict(
    status: int, verdict: Verdict, remaining: str | None, reset_after: str | None, wait: float | None
) -> None:
    told = {"x_ratelimit_remaining": remaining, "x_ratelimit_reset_after": reset_after}
    outcome = _discord(status, "", **{name: value for name, value in told.items() if value is not None})
    assert (outcome.verdict, outcome.retry_after) == (verdict, wait)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, "ok", DELIVERED),
        (400, "invalid_payload", DEAD),
        (500, "invalid_payload", DEAD),
        (400, "invalid_blocks", DEAD),
        (400, "no_text", DEAD),
        (500, "no_text\n", DEAD),
        (400, "user_not_found", DEAD),
        (400, "something_new", DEAD),
        (403, "invalid_token", SWITCH_OFF),
        (403, "action_prohibited", SWITCH_OFF),
        (404, "no_service", SWITCH_OFF),
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
        (500, "rollup_error", RETRY),
        (503, "", RETRY),
    ],
)
def test_slack_is_judged_by_the_word_in_its_body(status: int, body: str, verdict: Verdict) -> None:
    assert judge_slack(Answer(status, {}, body), START_US).verdict is verdict


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
