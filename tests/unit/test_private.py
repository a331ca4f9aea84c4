"""Which addresses are of the inside, by table and by Python's own judgement."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.private import is_private, is_private_literal


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::10.0.0.1",
        "::8.8.8.8",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:8.8.8.8",
        "64:ff9b::10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::8.8.8.8",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:a00:1::1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "3fff::1",
        "3fff:fff:ffff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "010.0.0.1",
        "127.0.0.1.",
        "[::1]",
    ],
)
def test_the_inside_is_refused_and_so_is_what_is_no_address(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "2001:200::1",
        "2606:4700::1111",
        "2a00:1450:4001::1",
        "3ffe::1",
    ],
)
def test_what_anybody_can_reach_is_not_private(address: str) -> None:
    assert not is_private(address)


def teredo(server: IPv4Address, client: IPv4Address) -> IPv6Address:
    return IPv6Address((0x2001_0000 << 96) | (int(server) << 64) | (int(client) ^ 0xFFFF_FFFF))


@given(st.ip_addresses(v=4))
@example(IPv4Address("10.0.0.1"))
@example(IPv4Address("8.8.8.8"))
def test_a_carried_address_is_judged_as_itself(address: IPv4Address) -> None:
    alone = is_private(str(address))
    number = int(address)
    public = IPv4Address("9.9.9.9")
    for carrier in (
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address((0x2002 << 112) | (number << 80) | 1),
        IPv6Address((0x0064_FF9B << 96) | number),
        teredo(public, address),
        teredo(address, public),
    ):
        assert is_private(str(carrier)) is alone, carrier
        assert is_private(carrier.exploded) is alone, carrier


@given(st.ip_addresses())
@example(ip_address("192.0.0.9"))
@example(ip_address("fe80::1"))
def test_whatever_python_says_is_of_the_inside_is_refused(address: IPv4Address | IPv6Address) -> None:
    named = (address.is_private, address.is_loopback, address.is_link_local, address.is_multicast)
    if any((*named, address.is_reserved, address.is_unspecified)) and address not in ip_network("64:ff9b::/96"):
        assert is_private(str(address)) or getattr(address, "ipv4_mapped", None) is not None


@pytest.mark.parametrize(
    "network",
    ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4"],
)
@given(st.data())
def test_every_address_of_a_network_of_the_inside_is_refused(network: str, data: st.DataObject) -> None:
    assert is_private(str(data.draw(st.ip_addresses(network=network))))


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert isinstance(is_private(text), bool)


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("10.0.0.1", True),
        ("::1", True),
        ("[fd00::1]", True),
        ("8.8.8.8", False),
        ("[2606:4700::1111]", False),
        ("bot.example", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_a_name_is_no_literal(host: str, private: bool) -> None:
    assert is_private_literal(host) is private
