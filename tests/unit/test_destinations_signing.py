from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from relay.destinations.webhook.signing import Signer
from relay.document.addresses import signing_key, signing_secret
from relay.secret import Secret

OLD = "whsec_" + base64.b64encode(b"the old key, 24 bytes!!!").decode()
NEW = "whsec_" + base64.b64encode(bytes(range(64))).decode()


def _headers(signature: str, at: int) -> dict[str, str]:
    return {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": signature}


def _now() -> int:
    return int(datetime.now(UTC).timestamp())  # the public verifier looks at the real clock


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_the_public_verifier_accepts_either_secret_while_they_rotate(secret: str) -> None:
    at, body = _now(), '{"ticker": "ÄÖ€"}'.encode()
    signature = Signer([Secret(NEW), Secret(OLD)]).sign("msg_1", at, body)
    assert signature.count(" ") == 1
    assert Verifier(secret).verify(body, _headers(signature, at)) == {"ticker": "ÄÖ€"}


def test_the_public_verifier_refuses_a_changed_body_and_a_foreign_secret() -> None:
    at = _now()
    signature = Signer([Secret(NEW)]).sign("msg_1", at, b"{}")
    with pytest.raises(WebhookVerificationError):
        Verifier(NEW).verify(b"[]", _headers(signature, at))
    with pytest.raises(WebhookVerificationError):
        Verifier(OLD).verify(b"{}", _headers(signature, at))


@given(st.binary(min_size=1, max_size=64), st.text(max_size=100), st.integers(0, 4_000_000_000))
def test_signatures_equal_the_public_implementation(key: bytes, body: str, at: int) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    theirs = Verifier(secret).sign("msg_1", datetime.fromtimestamp(at, UTC), body)
    assert Signer([Secret(secret)]).sign("msg_1", at, body.encode()) == theirs


@pytest.mark.parametrize("text", ["whsec_AAEC/w==", "AAEC/w=="])
def test_the_prefix_may_be_missing(text: str) -> None:
    assert signing_key(Secret(text)) == b"\x00\x01\x02\xff"


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_not base64", "whsec_AA_-", "whsec_A", "whsec_AAEC/w", "whsec_ä"])
def test_an_unusable_secret_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="a signing secret is base64") as caught:
        signing_secret(Secret(text))
    assert not text.removeprefix("whsec_") or text.removeprefix("whsec_") not in str(caught.value)


def test_without_a_secret_there_is_no_signature() -> None:
    assert Signer([]).sign("msg_1", 1, b"{}") == ""
