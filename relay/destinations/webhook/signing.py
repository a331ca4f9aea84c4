"""Standard Webhooks 1.0 signatures (github.com/standard-webhooks/standard-webhooks, "Signature scheme").

    HMAC-SHA256(key, "{webhook-id}.{webhook-timestamp}.{body}") ──base64──> "v1,…"

While a secret rotates there are several keys, hence several signatures in one header, separated by spaces; a
receiver accepts any. The key is what follows ``whsec_``, base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from relay.document.addresses import signing_key
from relay.secret import Secret


class Signer:
    """Signs with every key, the first secret's signature first; ``repr`` shows none of them."""

    __slots__ = ("_keys",)

    def __init__(self, secrets: Sequence[Secret]) -> None:
        """Decode the keys of secrets that the config has accepted."""
        self._keys = tuple(signing_key(secret) for secret in secrets)

    def sign(self, webhook_id: str, timestamp: int, body: bytes) -> str:
        """The value of ``webhook-signature``; empty without a secret.

        Args:
            webhook_id: Without a dot, because the dot separates.
            timestamp: Seconds since the epoch, at sending.
            body: Exactly the bytes that go out.
        """
        signed = b"%s.%d.%s" % (webhook_id.encode(), timestamp, body)
        digests = (hmac.digest(key, signed, hashlib.sha256) for key in self._keys)
        return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
