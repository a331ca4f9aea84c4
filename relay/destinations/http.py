"""One HTTP exchange, bounded in time and size, for every kind of destination.

    Request ──HttpClient.exchange──> Answer | Failure

What holds always:

* The time-out covers everything from the name look-up to the status line. An answer that is huge, endless or
  dripping is read as far as the cap and the time allow, then its connection is closed: the status has decided.
* Redirects are not followed, cookies not kept, proxies and ``.netrc`` of the environment not used: an alert goes
  to the address in the config and nowhere else.
* Certificates and host names are verified, with TLS 1.2 or newer. Connections are shared only by those that trust the
  same authorities; those that refuse the inside of a network (``deny_private``) have a pool of their own, and each
  connection in it was made to an address that had been looked at (``reach``).
* There is no limit over all destinations: one that hangs takes no connection away from another.
* Nothing but ``asyncio.CancelledError`` is raised while the client is open, and no failure's text holds more of
  the url than its host.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp import SocketFactoryType
from aiohttp.abc import AbstractResolver
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from relay import __version__, tls
from relay.destinations.answer import Answer, Failure, succeeded
from relay.destinations.failures import failure_of
from relay.destinations.reach import ANYWHERE, Reach, public_socket
from relay.private import is_private

USER_AGENT: Final = f"relay/{__version__}"
"""What we call ourselves, where the vendor asks for no other form."""

BODY_CAP: Final = 8 * 1024
"""Bytes of an answer's body that are read."""

HEADER_CAP: Final = 64 * 1024
"""Bytes of one header of an answer; beyond it a 2xx would be lost and the alert sent again and again."""

SUCCESS_PATIENCE: Final = 1.0
"""Seconds to wait for the body of a 2xx, which nothing depends on but the connection's reuse."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to send.

    Attributes:
        method: ``POST``, ``PUT`` or ``PATCH``; ``GET`` and ``HEAD`` look for somebody without sending.
        url: Where to; never shown.
        headers: All of them but those that HTTP itself needs.
        body: Sent as it is.
        timeout: Seconds until the status must be there.
        reach: Whom to trust on the way, and which addresses to refuse.
    """

    method: str
    url: URL = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)  # the key of a webhook may be in any of these
    body: bytes = field(repr=False)
    timeout: float
    reach: Reach = ANYWHERE


class HttpClient:
    """The connections of all destinations. Make it in a running event loop and close it there.

    Args:
        resolver: Looks names up; the system's by default.
        private: Which addresses ``deny_private`` refuses.
    """

    def __init__(
        self, *, resolver: AbstractResolver | None = None, private: Callable[[str], bool] = is_private
    ) -> None:
        self._anywhere = _session(resolver)
        self._outside = _session(resolver, public_socket(private))

    async def exchange(self, request: Request) -> Answer | Failure:
        """Send once and read what comes back."""
        reach = request.reach
        session = self._outside if reach.deny_private else self._anywhere
        loop = asyncio.get_running_loop()
        deadline = loop.time() + request.timeout
        try:
            async with asyncio.timeout_at(deadline):
                response = await session.request(
                    request.method,
                    request.url,
                    headers=request.headers,
                    data=request.body,
                    allow_redirects=False,
                    ssl=True if reach.tls is None else reach.tls,
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return failure_of(error, request.url, request.timeout)
        patience = deadline - loop.time()
        if succeeded(response.status):
            patience = min(patience, SUCCESS_PATIENCE)
        raw = await _beginning(response, patience)
        headers: dict[str, str] = {}
        for name, value in response.headers.items():
            headers.setdefault(name.lower(), value)
        text = _plain(raw, headers.get("content-encoding", "")).decode("utf-8", "replace")
        return Answer(response.status, headers, text)

    async def close(self) -> None:
        """Close every connection; an exchange under way ends as a failure."""
        await self._anywhere.close()
        await self._outside.close()


def _session(resolver: AbstractResolver | None, sockets: SocketFactoryType | None = None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, resolver=resolver, ssl=tls.context(), socket_factory=sockets),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # ``exchange`` keeps the time itself, status and body apart
        auto_decompress=False,  # a 2xx in an encoding we can't read is still a 2xx
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
        max_line_size=HEADER_CAP,
        max_field_size=HEADER_CAP,
    )


async def _beginning(response: aiohttp.ClientResponse, patience: float) -> bytes:
    """The body up to the cap; the connection is kept only if that was all of it."""
    kept = bytearray()
    whole = False
    try:
        # TimeoutError is an OSError; HttpProcessingError is how aiohttp reports broken chunks.
        with suppress(aiohttp.ClientError, OSError, HttpProcessingError):
            async with asyncio.timeout(patience):
                while len(kept) < BODY_CAP and not whole:
                    chunk = await response.content.read(BODY_CAP - len(kept))
                    whole = not chunk
                    kept += chunk
    finally:
        if whole:
            response.release()
        else:
            response.close()
    return bytes(kept)


def _plain(raw: bytes, encoding: str) -> bytes:
    """``raw`` without a compression that we did not ask for, never more than the cap."""
    if encoding.strip().lower() not in {"gzip", "x-gzip", "deflate"}:
        return raw
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(raw, BODY_CAP)
    except zlib.error:
        return b""
