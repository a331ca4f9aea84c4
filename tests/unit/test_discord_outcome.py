from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.deliveries import Outcome, Verdict
from relay.destinations.answer import Answer
from relay.destinations.discord.outcome import judge_discord
from relay.destinations.discord.told import EDGE_WAIT, Scope, Told, read
from tests.support.clock import START_US

DELIVERED, RETRY, DEAD, SWITCH_OFF = Verdict.DELIVERED, Verdict.RETRY, Verdict.DEAD, Verdict.SWITCH_OFF
VIA = {"via": "1.1 google"}


def answer(status: int, body: object = None, headers: dict[str, str] | None = None) -> Answer:
    text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
    return Answer(status, headers or {}, text)


def judged(status: int, body: object = None, headers: dict[str, str] | None = None) -> Outcome:
    return judge_discord(answer(status, body, headers), START_US)


def told(status: int, body: object = None, headers: dict[str, str] | None = None) -> Told:
    return read(answer(status, body, headers), START_US)


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
        (403, {"code": 40333, "message": "internal network error"}, DEAD),
        (403, "error code: 1020", DEAD),
        (404, {"code": 10015, "message": "Unknown Webhook"}, SWITCH_OFF),
        (404, {"code": 10003, "message": "Unknown Channel"}, DEAD),
        (404, {"code": "10015"}, DEAD),
        (404, {"code": 10015, "message": 7, "retry_after": [], "global": {}}, SWITCH_OFF),
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
    assert judged(status, body).verdict is verdict


@pytest.mark.parametrize(
    ("body", "headers", "scope", "wait"),
    [
        ({"retry_after": 0.729, "global": False}, VIA | {"retry-after": "1"}, Scope.BUCKET, 0.729),
        ({"retry_after": 64.57, "global": True}, VIA, Scope.GLOBAL, 64.57),
        ({"retry_after": 5}, VIA | {"x-ratelimit-global": "true"}, Scope.GLOBAL, 5.0),
        ({"retry_after": 5}, VIA | {"x-ratelimit-scope": "global"}, Scope.GLOBAL, 5.0),
        ({"retry_after": 5}, VIA | {"x-ratelimit-scope": "shared"}, Scope.BUCKET, 5.0),
        ({"retry_after": "2.5"}, VIA, Scope.BUCKET, 2.5),
        ({"retry_after": 3}, {}, Scope.BUCKET, 3.0),
        ({"retry_after": True}, VIA, Scope.BUCKET, None),
        ({"retry_after": -1}, VIA, Scope.BUCKET, 0.0),
        ({"message": "slow down"}, VIA | {"retry-after": "9"}, Scope.BUCKET, 9.0),
        ({"message": "slow down"}, VIA | {"x-ratelimit-reset-after": "4.2"}, Scope.BUCKET, 4.2),
        ({"message": "slow down"}, {"x-ratelimit-reset-after": "4.2"}, Scope.BUCKET, 4.2),
        ({"message": "slow down"}, VIA, Scope.BUCKET, None),
        ("<html>1015</html>", VIA, Scope.BUCKET, None),
        ("<html>1015</html>", {}, Scope.EDGE, EDGE_WAIT),
        ("<html>1015</html>", {"retry-after": "5"}, Scope.EDGE, EDGE_WAIT),
        ("<html>1015</html>", {"retry-after": "1200"}, Scope.EDGE, 1200.0),
        ("error code: 1015", {"retry-after": "soon"}, Scope.EDGE, EDGE_WAIT),
        ({"message": "You are being rate limited"}, {"retry-after": "3"}, Scope.EDGE, EDGE_WAIT),
    ],
)
def test_a_429_says_whose_limit_it_is_and_how_long(
    body: object, headers: dict[str, str], scope: Scope, wait: float | None
) -> None:
    said = told(429, body, headers)
    assert (said.limited, said.wait) == (scope, wait)
    outcome = judged(429, body, headers)
    assert (outcome.verdict, outcome.retry_after) == (RETRY, wait)


@pytest.mark.parametrize(("status", "verdict"), [(200, DELIVERED), (204, DELIVERED), (400, DEAD), (500, RETRY)])
def test_an_emptied_bucket_is_the_limiters_and_holds_no_lane(status: int, verdict: Verdict) -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "1.25", "x-ratelimit-bucket": "b"}
    outcome = judged(status, "", headers)
    assert (outcome.verdict, outcome.retry_after) == (verdict, None)
    assert told(status, "", headers) == Told(bucket="b", remaining=0, reset_after=1.25)


@pytest.mark.parametrize("odd", ["", "soon", "-1", "1.5", "9" * 30, "²"])
def test_a_remainder_that_is_no_number_is_not_told(odd: str) -> None:
    assert told(200, "", {"x-ratelimit-remaining": odd}).remaining is None


@pytest.mark.parametrize(
    ("status", "headers", "counts"),
    [
        (401, {}, True),
        (403, {}, True),
        (404, {}, True),
        (429, VIA, True),
        (429, {}, True),
        (429, VIA | {"x-ratelimit-scope": "shared"}, False),
        (404, {"x-ratelimit-scope": "shared"}, True),
        (400, {}, False),
        (200, {}, False),
        (503, {}, False),
    ],
)
def test_what_counts_towards_a_ban_is_known(status: int, headers: dict[str, str], counts: bool) -> None:
    assert told(status, "", headers).invalid is counts


@pytest.mark.parametrize(
    ("status", "body", "headers", "said"),
    [
        (429, {"retry_after": 5, "global": True}, VIA, "everything from this address"),
        (429, "1015", {}, "Cloudflare holds back everything"),
        (404, {"code": 10015, "message": "Unknown Webhook"}, {}, "(10015: Unknown Webhook); the webhook was deleted"),
        (403, {"code": 40333, "message": "internal network error"}, {}, "changes our User-Agent"),
        (400, {"message": "Cannot send an empty message"}, {}, "(Cannot send an empty message)"),
        (
            400,
            {
                "code": 50035,
                "message": "Invalid Form Body",
                "errors": {"embeds": {"0": {"title": {"_errors": [{"code": "X", "message": "Too long."}]}}}},
            },
            {},
            "(50035: Invalid Form Body; embeds.0.title: Too long.)",
        ),
    ],
)
def test_what_discord_says_is_in_the_detail_with_what_it_means(
    status: int, body: object, headers: dict[str, str], said: str
) -> None:
    assert said in judged(status, body, headers).detail


_json = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["_errors", "message", "0"]) | st.text(), inner),
)


@given(
    st.integers(100, 999),
    st.dictionaries(
        st.sampled_from(
            ["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset-after", "x-ratelimit-scope", "via"]
        ),
        st.text(max_size=9) | st.floats().map(str),
    ),
    st.text(max_size=50)
    | st.dictionaries(st.sampled_from(["code", "message", "retry_after", "global", "errors"]), _json).map(
        lambda body: msgspec.json.encode(body, enc_hook=str).decode()
    ),
)
def test_no_answer_makes_it_raise(status: int, headers: dict[str, str], text: str) -> None:
    outcome = judge_discord(Answer(status, headers, text), START_US)
    assert outcome.code == str(status)
    assert (outcome.verdict is DELIVERED) == (200 <= status <= 299)


@pytest.mark.parametrize(
    ("headers", "reset_after"),
    [
        ({"x-ratelimit-reset": "1775828724.500"}, 2.5),
        ({"x-ratelimit-reset": "1775828724.500", "x-ratelimit-reset-after": "0.25"}, 0.25),
        ({"x-ratelimit-reset": "1775828724500"}, None),
        ({"x-ratelimit-reset": "nan"}, None),
        ({"x-ratelimit-reset": "1"}, 0.0),
        ({"x-ratelimit-reset": "soon"}, None),
        ({}, None),
    ],
)
def test_a_reset_told_as_a_moment_alone_is_read_by_our_clock(
    headers: dict[str, str], reset_after: float | None
) -> None:
    assert read(Answer(200, headers), 1_775_828_722_000_000).reset_after == reset_after


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (404, "<html>", "answered 404 Not Found"),
        (400, {"code": 50035, "message": "Invalid Form Body"}, "answered 400 Bad Request (50035: Invalid Form Body)"),
        (401, {"code": 0, "message": "401: Unauthorized"}, "answered 401 Unauthorized (401: Unauthorized)"),
        (
            404,
            {"code": 10015},
            (
                "answered 404 Not Found; the webhook was deleted; "
                "make a new one, put its url into the config and reload it"
            ),
        ),
    ],
)
def test_the_detail_says_what_discord_said_and_what_it_means(status: int, body: object, detail: str) -> None:
    assert judged(status, body).detail == detail


def test_the_detail_of_a_limit_says_for_what_it_is_unless_it_is_for_the_webhook_alone() -> None:
    alone = judged(429, {"retry_after": 1, "global": False}, VIA)
    everything = judged(429, {"retry_after": 1, "global": True}, VIA)
    assert alone.detail == "answered 429 Too Many Requests"
    assert everything.detail == "answered 429 Too Many Requests; the limit is for everything from this address"
