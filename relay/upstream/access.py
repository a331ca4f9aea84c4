"""How both halves of the upstream are reached: the key's header, the way past or through a proxy, clean texts.

The key is revealed in ``auth_headers`` and nowhere else; ``clean`` keeps it out of anything that is told, because
a server may echo it.
"""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from relay import __version__, tls
from relay.events import Channel
from relay.loopback import is_loopback_url
from relay.secret import Secret

USER_AGENT: Final = f"stratalerts-relay/{__version__}"

SCOPES: Final[Mapping[Channel, str]] = {
    Channel.IN_FORCE: "alerts:read",
    Channel.BREAKS: "alerts:read",
    Channel.STATES: "states:read",
    Channel.QUOTES: "prices:read",
}
"""The scope a key needs for each channel, on the socket and over REST."""

_TEXT_LIMIT: Final = 300


class AuthStyle(StrEnum):
    """Which of the vendor's two headers carries the key."""

    BEARER = "bearer"
    X_API_KEY = "x-api-key"


def auth_headers(key: Secret, style: AuthStyle) -> dict[str, str]:
    """The header that carries ``key``."""
    if style is AuthStyle.BEARER:
        return {"Authorization": f"Bearer {key.reveal()}"}
    return {"X-API-Key": key.reveal()}


def environment_proxy(url: str) -> str | None:
    """The HTTP proxy the environment names for ``url``; None on loopback or where ``NO_PROXY`` excludes it."""
    parts = urlsplit(url)
    if is_loopback_url(url) or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxy = urllib.request.getproxies().get(parts.scheme)
    return proxy if proxy and proxy.startswith(("http://", "https://")) else None


def rest_session(trusted: ssl.SSLContext | None = None) -> aiohttp.ClientSession:
    """Connections for REST, which keep no cookies; the caller closes them.

    Args:
        trusted: Whom to trust; None is the system's roots.
    """
    connector = aiohttp.TCPConnector(ssl=trusted or tls.context())
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def clean(text: str, key: Secret) -> str:
    """``text`` fit to be told: without the key, printable, and short."""
    if key:
        text = text.replace(key.reveal(), "***")
    text = "".join(char if char.isprintable() else " " for char in text)
    return text if len(text) <= _TEXT_LIMIT else f"{text[: _TEXT_LIMIT - 1]}…"
