"""Where the relay's own pages listen, as the config writes it, and what to connect to for that. Pure.

    127.0.0.1:8787 ──split_address──> host, port ──connectable──> the host that a program on this machine connects to

It imports nothing that takes long: a health check needs it every few seconds.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

OFF: Final = "off"
DEFAULT_LISTEN: Final = "127.0.0.1:8787"

_LOOPBACK_OF_ALL: Final[Mapping[str, str]] = {
    "": "127.0.0.1",
    "0.0.0.0": "127.0.0.1",  # noqa: S104  because it is compared, not bound
    "::": "::1",  # asyncio lets no socket take both families: nobody answers for it on 127.0.0.1
}
EVERYWHERE: Final = frozenset(_LOOPBACK_OF_ALL)
"""The hosts that stand for every address of the machine, without brackets."""


def split_address(address: str) -> tuple[str, int] | None:
    """Host and port of ``host:port`` or ``[v6]:port``; None where it is neither."""
    host, colon, port = address.rpartition(":")
    if not colon or not re.fullmatch(r"\d{1,5}", port, re.ASCII) or int(port) > 65535:  # noqa: PLR2004  because TCP says so
        return None
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        return (host, int(port)) if _is_ip(host, 6) else None
    return (host, int(port)) if re.fullmatch(r"[A-Za-z0-9._-]+", host, re.ASCII) else None


def connectable(host: str) -> str:
    """The host to connect to, on the machine where something listens on ``host``; without brackets, both."""
    return _LOOPBACK_OF_ALL.get(host, host)


def _is_ip(host: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(host).version == version
    except ValueError:
        return False
