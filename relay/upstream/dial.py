"""Opening the socket: one attempt, from the name to the finished upgrade, with nothing decided about its failure."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from relay import tls
from relay.loopback import is_loopback_url
from relay.secret import Secret
from relay.upstream.access import USER_AGENT, AuthStyle, auth_headers

MAX_MESSAGE: Final = 16 << 20
"""Bytes of a message that end the connection; far above what we look at, so that a big one is only counted."""

FAILURES: Final = (OSError, TimeoutError, WebSocketException, ValueError, ImportError)
"""What ``dial`` raises when it fails; ImportError is a SOCKS proxy without the library for it."""

MAX_QUEUE: Final = 1024  # frames; one read of the socket can hold hundreds, and pausing it costs two system calls

# At debug level the library logs the request headers, and with them the key.
_quiet = logging.getLogger("relay.upstream.websockets")
_quiet.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """How to reach the socket; times in seconds.

    Attributes:
        url: ``wss://…``; ``ws://…`` where the config allows it.
        api_key: Goes into the upgrade request and nowhere else.
        auth: Which header carries it.
        ping_every: Between keepalive pings.
        ping_timeout: Silence after a ping that ends the connection.
        open_timeout: For TCP, TLS and the upgrade together.
        close_timeout: For the closing handshake.
        ack_timeout: For the answer to a subscribe message.
        tls: Context for ``wss``; None trusts the system's roots.
    """

    url: str
    api_key: Secret
    auth: AuthStyle = AuthStyle.BEARER
    ping_every: float = 20.0
    ping_timeout: float = 20.0
    open_timeout: float = 15.0
    close_timeout: float = 5.0
    ack_timeout: float = 15.0
    tls: ssl.SSLContext | None = None


class _Connect(connect):
    """Redirects are refused: the key goes to the host it was configured for."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def dial(settings: ReaderSettings) -> ClientConnection:
    """Open the socket.

    Raises:
        Exception: One of ``FAILURES``.
    """
    secure = settings.url.startswith("wss:")
    return await _Connect(
        settings.url,
        additional_headers=auth_headers(settings.api_key, settings.auth),
        user_agent_header=USER_AGENT,
        proxy=None if is_loopback_url(settings.url) else True,
        open_timeout=settings.open_timeout,
        ping_interval=settings.ping_every,
        ping_timeout=settings.ping_timeout,
        close_timeout=settings.close_timeout,
        max_size=MAX_MESSAGE,
        max_queue=MAX_QUEUE,
        compression="deflate",
        logger=_quiet,
        ssl=(settings.tls or tls.context()) if secure else None,
    )
