"""Why a REST call brought no answer: an exception of the HTTP library becomes a sentence for a person.

The library's own wording names classes and switches of its own (``ssl:default``); only host and port are shown.
"""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

import aiohttp

from relay.causes import system_cause, tls_cause


def why_unreachable(error: Exception, url: str) -> str:
    """What ``error`` was.

    Args:
        error: As the library raised it.
        url: Where the request went.
    """
    host = _host(url)
    match error:
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            said = f"the proxy on the way to {host} could not be used: {_system_reason(error)}"
        case aiohttp.ClientConnectorDNSError():
            said = f"the name of {host} could not be resolved"
        case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError() | ssl.SSLError():
            said = f"no TLS connection with {host}: {tls_cause(error)}"
        case aiohttp.ClientConnectorError():
            said = f"{host} could not be reached: {_system_reason(error)}"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | aiohttp.ClientOSError() | OSError():
            said = f"{host} closed the connection before it had answered"
        case aiohttp.InvalidURL() | UnicodeError():
            said = f"no request can be made to {host}: look at stratalerts.rest_url"
        case _:
            said = f"{host} did not answer in HTTP ({type(error).__name__})"
    return said


def _host(url: str) -> str:
    """Host, and port where ``url`` names one; a user and password in it are not shown."""
    return urlsplit(url).netloc.rpartition("@")[2] or "?"


def _system_reason(error: Exception) -> str:
    cause = system_cause(error)
    if cause is not None:
        return cause.lower()
    status = getattr(error, "status", None)
    return f"HTTP {status}" if status else "no connection"
