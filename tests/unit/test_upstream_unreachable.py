"""Why no REST answer came, in words."""

from __future__ import annotations

import errno
import ssl
from types import SimpleNamespace
from typing import cast

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from relay.upstream.unreachable import why_unreachable

URL = "https://user:hunter2@api.example:8765/market"
KEY = cast("ConnectionKey", SimpleNamespace(host="api.example", port=8765, ssl=True, is_ssl=True))
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 8765)")
UNTRUSTED = ssl.SSLCertVerificationError()
UNTRUSTED.verify_message = "self-signed certificate"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (aiohttp.ClientConnectorError(KEY, REFUSED), "api.example:8765 could not be reached: connection refused"),
        (aiohttp.ClientConnectorError(KEY, OSError("odd")), "api.example:8765 could not be reached: no connection"),
        (aiohttp.ClientConnectorDNSError(KEY, OSError()), "the name of api.example:8765 could not be resolved"),
        (
            aiohttp.ClientConnectorCertificateError(KEY, UNTRUSTED),
            "no TLS connection with api.example:8765: self-signed certificate",
        ),
        (
            aiohttp.ClientConnectorSSLError(KEY, OSError()),
            "no TLS connection with api.example:8765: the handshake failed",
        ),
        (
            aiohttp.ClientProxyConnectionError(KEY, REFUSED),
            "the proxy on the way to api.example:8765 could not be used: connection refused",
        ),
        (aiohttp.ServerDisconnectedError(), "api.example:8765 closed the connection before it had answered"),
        (ConnectionResetError(), "api.example:8765 closed the connection before it had answered"),
        (
            aiohttp.InvalidURL("http://hunter2"),
            "no request can be made to api.example:8765: look at stratalerts.rest_url",
        ),
        (aiohttp.ClientError("hunter2"), "api.example:8765 did not answer in HTTP (ClientError)"),
    ],
)
def test_a_failure_is_told_in_plain_words_without_the_librarys(error: Exception, said: str) -> None:
    assert why_unreachable(error, URL) == said
