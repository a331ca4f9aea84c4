"""Whether an address stays on this machine: decided by its text alone, nothing is resolved; in doubt it does not.

A yes lifts a guard (no token is asked for, invented alerts may be sent there, no proxy is used), so that only what
every resolver and library reads alike counts: 127.0.0.0/8, ::1, and the name localhost in any capitals.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

_NETWORKS: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_AUTHORITY: Final = re.compile(r"(?:.*@)?(\[[^][]*\]|[^][:]*)(?::\d*)?", re.DOTALL)  # urlsplit skips what follows a ]


def is_loopback_host(host: str) -> bool:
    """Whether only this machine can reach ``host``, a name or an address; IPv6 with or without brackets."""
    if host.lower() == "localhost":
        return True
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _NETWORKS)


def is_loopback_url(url: str) -> bool:
    """Whether the host of ``url`` is this machine; what is no URL is not."""
    try:
        authority = _AUTHORITY.fullmatch(urlsplit(url).netloc)
    except ValueError:
        return False
    return authority is not None and is_loopback_host(authority[1])
