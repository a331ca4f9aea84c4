"""How a destination may be reached: whom TLS trusts, and whether the inside of a network is out of bounds.

    name ──DNS──> addresses ──public_socket, for each──┬──> a socket, and connect
    10.0.0.1 ────────────────────────────────^         └──> PrivateAddressError: retried, as a name that DNS has wrong

The check is the last thing before ``connect``, on the very address that is connected to. So it does not matter
whether that came from a name, a cache, a second look-up (DNS rebinding) or the URL itself.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import AddrInfoType, SocketFactoryType


class PrivateAddressError(OSError):
    """The address is of the inside, and ``deny_private`` refuses it; the same text for all, as they are told once."""

    def __init__(self, *_: object) -> None:
        super().__init__(errno.EACCES, "a private address is refused")


@dataclass(frozen=True, slots=True)
class Reach:
    """How to reach one destination.

    Attributes:
        tls: Whom to trust; None is the system's roots alone.
        deny_private: Refuse addresses of the inside.
    """

    tls: ssl.SSLContext | None = None
    deny_private: bool = False


ANYWHERE: Final = Reach()
"""The system's roots, and every address."""


def public_socket(private: Callable[[str], bool]) -> SocketFactoryType:
    """A maker of sockets that refuses an address of the inside.

    Args:
        private: Says which is.
    """

    def make(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        if private(str(address[0])):
            raise PrivateAddressError
        return socket.socket(family=family, type=kind, proto=protocol)

    return make
