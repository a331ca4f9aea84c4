from __future__ import annotations

import json
import socket
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidMessage, InvalidProxyStatus, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from relay.upstream.decide import (
    _ENTITLEMENT_HINT,
    _KEY_HINT,
    _PROXY_HINT,
    _TLS_HINT,
    Action,
    Decision,
    decide,
    decide_close,
    decide_refusal,
    too_big,
    vendor_code,
)

RECONNECT, REJECTED, EVICTED = Action.RECONNECT, Action.REJECTED, Action.EVICTED


def body(code: object = "missing_api_key") -> bytes:
    return json.dumps({"error": {"code": code, "message": "made up"}}).encode()


@pytest.mark.parametrize(
    ("code", "action", "words"),
    [
        (4401, REJECTED, "rejected the key"),
        (4403, REJECTED, "ws:connect"),
        (4409, EVICTED, "another instance"),
        (None, RECONNECT, "without a close frame"),
        *((code, RECONNECT, str(code)) for code in (1000, 1001, 1008, 1011, 1012, 3000, 4400, 4404, 4429, 4500)),
    ],
)
def test_every_close_code_is_decided(code: int | None, action: Action, words: str) -> None:
    decision = decide_close(code)
    assert decision.action is action
    assert words in decision.error
    assert bool(decision.hint) is (action is not RECONNECT)


def test_an_eviction_counts_only_on_the_current_connection() -> None:
    assert decide_close(4409, current=False).action is RECONNECT


@pytest.mark.parametrize(
    ("status", "content", "action", "words"),
    [
        (401, body(), REJECTED, "rejected the key"),
        (401, body("whatever_else"), REJECTED, "rejected the key"),
        (403, body("inactive_entitlement"), REJECTED, "ws:connect"),
        (403, body("missing_scope"), REJECTED, "entitlement"),
        (401, b"", RECONNECT, "HTTP 401"),
        (403, b"<html>Forbidden</html>", RECONNECT, "HTTP 403"),
        (401, b'{"error": "unauthorized"}', RECONNECT, "HTTP 401"),
        (403, b'{"detail": "Forbidden"}', RECONNECT, "HTTP 403"),
        (403, body(403), RECONNECT, "HTTP 403"),
        (401, b"[]", RECONNECT, "HTTP 401"),
        (407, body(), RECONNECT, "HTTP 407"),
        (301, b"", RECONNECT, "HTTP 301"),
        (404, body("not_found"), RECONNECT, "not_found"),
        (409, body("conflict"), RECONNECT, "HTTP 409"),
        (429, body("rate_limit_exceeded"), RECONNECT, "rate_limit_exceeded"),
        (200, b"ok", RECONNECT, "HTTP 200"),
        (500, b"", RECONNECT, "HTTP 500"),
        (503, body(), RECONNECT, "HTTP 503"),
    ],
)
def test_every_refused_upgrade_is_decided(status: int, content: bytes, action: Action, words: str) -> None:
    decision = decide_refusal(status, content)
    assert decision.action is action
    assert words in decision.error


def test_a_bare_refusal_points_at_the_proxy() -> None:
    assert "proxy" in decide_refusal(403).hint
    assert decide_refusal(502).hint == ""


def refused(status: int, content: bytes = b"") -> InvalidStatus:
    return InvalidStatus(Response(status, "", Headers(), content))


def closed(rcvd: int | None, sent: int | None = None, *, first: bool | None = None) -> ConnectionClosedError:
    return ConnectionClosedError(
        Close(rcvd, "") if rcvd is not None else None, Close(sent, "") if sent is not None else None, first
    )


@pytest.mark.parametrize(
    ("error", "action", "words"),
    [
        (refused(401, body()), REJECTED, "HTTP 401"),
        (refused(401), RECONNECT, "HTTP 401"),
        (closed(4401, 4401, first=True), REJECTED, "4401"),
        (closed(4409, 4409, first=True), EVICTED, "4409"),
        (closed(4409, 1011, first=False), EVICTED, "4409"),
        (closed(1012, 1012, first=True), RECONNECT, "1012"),
        (closed(None, 1011), RECONNECT, "pings"),
        (closed(1011, 1011, first=False), RECONNECT, "pings"),
        (closed(None, 1009), RECONNECT, "too big"),
        (closed(None, 1000), RECONNECT, "from here"),
        (closed(None), RECONNECT, "without a close frame"),
        (TimeoutError("timed out"), RECONNECT, "in time"),
        (socket.gaierror(-2, "Name or service not known"), RECONNECT, "Name or service"),
        (ssl.SSLCertVerificationError("bad certificate"), RECONNECT, "TLS"),
        (ConnectionRefusedError(111, "refused"), RECONNECT, "refused"),
        (InvalidProxyStatus(Response(407, "", Headers(), b"")), RECONNECT, "HTTP 407"),
        (InvalidMessage("no"), RECONNECT, "no HTTP"),
        (OSError("Network is unreachable"), RECONNECT, "unreachable"),
        (EOFError(), RECONNECT, "EOFError"),
    ],
    ids=repr,
)
def test_every_error_is_decided(error: Exception, action: Action, words: str) -> None:
    decision = decide(error)
    assert decision.action is action
    assert words in decision.error


def test_only_our_own_1009_is_a_message_too_big() -> None:
    assert too_big(closed(None, 1009))
    assert too_big(closed(1009, 1009, first=False))
    assert not too_big(closed(1009, 1009, first=True))


def test_a_code_that_is_no_name_is_not_repeated() -> None:
    assert vendor_code(body("missing_scope")) == "missing_scope"
    assert vendor_code(body("<b>\n")) == "unreadable_code"
    assert vendor_code(body("x" * 1000)) == "unreadable_code"


@given(st.integers(0, 65535), st.text(), st.integers(100, 599), st.binary())
def test_nothing_but_the_listed_cases_ends_the_reader(code: int, reason: str, status: int, content: bytes) -> None:
    assert (decide_close(code, reason).action is RECONNECT) is (code not in {4401, 4403, 4409})
    assert decide_refusal(status, content).action is RECONNECT


def _said(rcvd: Close | None, sent: Close | None = None) -> ConnectionClosedError:
    """What the server said first is answered with the same."""
    return ConnectionClosedError(rcvd, sent or rcvd, None if rcvd is None else True)


def _unverified() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


def _no_tls() -> ssl.SSLError:
    error = ssl.SSLError(1, "the long text")
    error.reason = "WRONG_VERSION_NUMBER"
    return error


def _cut_short() -> InvalidMessage:
    error = InvalidMessage("did not receive a valid HTTP response")
    error.__cause__ = EOFError("connection closed")
    return error


@pytest.mark.parametrize(
    ("error", "sentence", "hint"),
    [
        (refused(401, body()), "the upstream rejected the key (HTTP 401, missing_api_key)", _KEY_HINT),
        (
            refused(403, body("missing_scope")),
            "the key lacks the entitlement or the scope ws:connect (HTTP 403, missing_scope)",
            _ENTITLEMENT_HINT,
        ),
        (refused(404, body("not_found")), "the upgrade was refused (HTTP 404, not_found)", ""),
        (refused(499), "the upgrade was refused (HTTP 499)", _PROXY_HINT),
        (refused(500), "the upgrade was refused (HTTP 500)", ""),
        (_said(Close(4401, "")), "the upstream rejected the key (close code 4401)", _KEY_HINT),
        (_said(Close(4401, "bad key")), "the upstream rejected the key (close code 4401: bad key)", _KEY_HINT),
        (
            _said(Close(4403, "no")),
            "the key lacks the entitlement or the scope ws:connect (close code 4403: no)",
            _ENTITLEMENT_HINT,
        ),
        (_said(Close(1012, "deploy")), "the upstream closed the connection (close code 1012: deploy)", ""),
        (_said(Close(1012, "")), "the upstream closed the connection (close code 1012)", ""),
        (_said(None), "the connection broke without a close frame", ""),
        (_said(None, Close(1009, "big")), "a message was too big, so the connection was closed", ""),
        (_said(None, Close(1011, "ping")), "the upstream stopped answering pings", ""),
        (_said(None, Close(1000, "")), "the connection was closed from here (close code 1000)", ""),
        (_said(None, Close(1000, "drain")), "the connection was closed from here (close code 1000: drain)", ""),
        (TimeoutError("timed out"), "no answer in time to the connection attempt", ""),
        (socket.gaierror(-2, "not known"), "the upstream's name could not be resolved (not known)", ""),
        (socket.gaierror("odd"), "the upstream's name could not be resolved (odd)", ""),
        (_unverified(), "TLS failed (self-signed certificate)", _TLS_HINT),
        (_no_tls(), "TLS failed (WRONG_VERSION_NUMBER)", _TLS_HINT),
        (ConnectionRefusedError(111, "refused"), "the upstream refused the connection", ""),
        (InvalidProxyStatus(Response(407, "", Headers(), b"")), "the proxy refused the connection (HTTP 407)", ""),
        (_cut_short(), "the connection broke before the upgrade was answered", ""),
        (InvalidMessage("no"), "the answer to the upgrade was no HTTP", ""),
        (OSError("unreachable"), "the connection could not be made (unreachable)", ""),
        (EOFError(), "the connection could not be made (EOFError)", ""),
    ],
    ids=repr,
)
def test_each_end_is_told_in_one_sentence_with_its_remedy(error: Exception, sentence: str, hint: str) -> None:
    decision = decide(error)
    assert decision == Decision(decision.action, sentence, hint)


def test_an_old_connection_that_is_evicted_is_no_eviction_and_a_new_one_is() -> None:
    error = _said(Close(4409, "newer"))
    assert decide(error, current=False).action is RECONNECT
    assert decide(error).action is EVICTED
    assert decide(error).error == "another instance took over the account's connection (close code 4409: newer)"


def test_a_close_without_a_reason_is_told_without_one() -> None:
    assert decide_close(1012).error == "the upstream closed the connection (close code 1012)"
