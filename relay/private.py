"""Whether an address belongs to the inside: this machine, its network, or what no public host has.

    10.0.0.1   127.0.0.1   169.254.169.254   100.64.0.1   224.0.0.1   fd00::1   fe80::1   ::1 ─────────> yes
    ::ffff:10.0.0.1   64:ff9b::10.0.0.1   2002:a00:1::   and Teredo: as the IPv4 address they carry ──> yes
    93.184.216.34   2606:4700::1111   ────────────────────────────────────────────────────────────────> no

Decided by IANA's registries of special-purpose addresses (RFC 6890 and those after it), in a table of our own: what
Python's ``is_private`` says changed between its releases. In doubt the answer is yes, because it keeps a request from
being made. What can't be known from an address: a NAT64 under a prefix of a network's own (RFC 6052), and an inside
that uses public addresses.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_INSIDE_4: Final = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this host on this network, RFC 1122
            "10.0.0.0/8",  # private use, RFC 1918
            "100.64.0.0/10",  # shared by a carrier's customers, RFC 6598
            "127.0.0.0/8",  # loopback, RFC 1122
            "169.254.0.0/16",  # link-local, where clouds keep their credentials, RFC 3927
            "172.16.0.0/12",  # private use, RFC 1918
            "192.0.0.0/24",  # protocol assignments, RFC 6890
            "192.0.2.0/24",  # documentation, RFC 5737
            "192.88.99.0/24",  # relays of 6to4, given up, RFC 7526
            "192.168.0.0/16",  # private use, RFC 1918
            "198.18.0.0/15",  # benchmarks, RFC 2544
            "198.51.100.0/24",  # documentation, RFC 5737
            "203.0.113.0/24",  # documentation, RFC 5737
            "224.0.0.0/4",  # multicast, RFC 5771
            "240.0.0.0/4",  # reserved, and broadcast, RFC 1112 and RFC 919
        ),
    )
)
_GLOBAL_6: Final = ip_network("2000::/3")
"""All that is handed out to hosts (RFC 4291); loopback, link-local, site-local, unique local, multicast lie outside."""

_INSIDE_6: Final = tuple(
    map(
        ip_network,
        (
            "2001::/23",  # protocol assignments, RFC 2928; Teredo has been looked at before
            "2001:db8::/32",  # documentation, RFC 3849
            "3fff::/20",  # documentation, RFC 9637
        ),
    )
)
_NAT64: Final = ip_network("64:ff9b::/96")  # RFC 6052; how a network with IPv6 alone reaches every IPv4 host
_LOW_32: Final = 0xFFFF_FFFF


def is_private(address: str) -> bool:
    """Whether ``address`` is of the inside, or no address at all; a zone (``%eth0``) may follow."""
    try:
        found = ip_address(address)
    except ValueError:
        return True
    if isinstance(found, IPv4Address):
        return _is_inside(found)
    carried = _carried(found)
    if carried:
        return any(map(_is_inside, carried))
    return found not in _GLOBAL_6 or any(found in network for network in _INSIDE_6)


def is_private_literal(host: str) -> bool:
    """Whether ``host`` of a URL is an address, not a name, and one of the inside; with or without brackets."""
    host = host.removeprefix("[").removesuffix("]")
    try:
        ip_address(host)
    except ValueError:
        return False
    return is_private(host)


def _is_inside(address: IPv4Address) -> bool:
    return any(address in network for network in _INSIDE_4)


def _carried(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that a packet to ``address`` ends at, or passes; none where it carries none."""
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo  # the server, and the client behind it
    return (IPv4Address(int(address) & _LOW_32),) if address in _NAT64 else ()
