"""What the system or TLS said when a connection failed, for the sentences that both ends of the relay tell.

The HTTP library's own messages are not used: they quote urls, and name classes and switches of its own.
"""

from __future__ import annotations

import os
import ssl


def system_cause(error: Exception) -> str | None:
    """The operating system's word for ``error`` (``Connection refused``); None where it has none."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if isinstance(number, int) and number > 0 else None


def tls_cause(error: Exception) -> str:
    """What was wrong with the certificate or the handshake."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    if isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_message:
        return str(cause.verify_message)
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return str(cause.reason).replace("_", " ").lower()
    return "the handshake failed"
