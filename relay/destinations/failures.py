"""Why no answer came: an exception of the HTTP library becomes a short name and a sentence.

The library's own messages are not used, because they quote the url; of the url only the host is shown. The names
are a closed set, because they are a metric's label.
"""

from __future__ import annotations

import ssl
from typing import Final

import aiohttp
from yarl import URL

from relay.causes import system_cause, tls_cause
from relay.destinations.answer import INVALID, Failure
from relay.destinations.reach import PrivateAddressError
from relay.durations import format_duration

PRIVATE: Final = "private"

# The first row that fits decides; the library's classes overlap (a refused certificate is also a ValueError).
_CODES: Final[tuple[tuple[tuple[type[Exception], ...], str], ...]] = (
    ((aiohttp.ClientConnectorDNSError,), "dns"),
    ((aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError, ssl.SSLError), "tls"),
    ((TimeoutError,), "timeout"),
    ((aiohttp.ClientConnectorError,), "connect"),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError), "reset"),
    ((aiohttp.NonHttpUrlClientError, ValueError), INVALID),
    ((aiohttp.ClientConnectionError, OSError), "connect"),
)

_SENTENCES: Final = {
    "dns": "the name of {host} could not be resolved",
    "tls": "no TLS connection with {host}: {reason}",
    "timeout": "{host} did not answer within {timeout}",
    "connect": "{host} could not be reached: {reason}",
    "reset": "{host} closed the connection before it answered",
    INVALID: "the request to {host} can't be made: look at the destination's url and headers",
    PRIVATE: "{host} is, or its name leads to, a private address, which deny_private refuses",
    "protocol": "{host} did not answer in HTTP",
}


def failure_of(error: Exception, url: URL, timeout: float) -> Failure:
    """What ``error`` was.

    Args:
        error: As the library raised it.
        url: Where the request went; only host and port are shown.
        timeout: Seconds the request had.
    """
    code = failure_code(error)
    reason = tls_cause(error) if code == "tls" else system_cause(error) or "no connection"
    sentence = _SENTENCES[code].format(host=host_of(url), timeout=format_duration(timeout), reason=reason)
    return Failure(code, sentence)


def failure_code(error: Exception) -> str:
    """The short name of what went wrong."""
    if isinstance(getattr(error, "os_error", error), PrivateAddressError):
        return PRIVATE
    return next((code for types, code in _CODES if isinstance(error, types)), "protocol")


def host_of(url: URL) -> str:
    """Host, and port where the url names one: all of a url that may be shown."""
    host = url.host or "?"
    if ":" in host:
        host = f"[{host}]"
    return host if url.explicit_port is None else f"{host}:{url.explicit_port}"
