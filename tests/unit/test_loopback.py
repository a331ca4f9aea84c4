from __future__ import annotations

import pytest

from relay.loopback import is_loopback_host, is_loopback_url

HOSTS = [
    ("127.0.0.1", True),
    ("127.9.8.7", True),
    ("127.255.255.255", True),
    ("::1", True),
    ("0:0:0:0:0:0:0:1", True),
    ("[::1]", True),
    ("localhost", True),
    ("LOCALHOST", True),
    # Everybody's, or another's.
    ("", False),
    ("0.0.0.0", False),
    ("::", False),
    ("[::]", False),
    ("128.0.0.1", False),
    ("10.0.0.1", False),
    ("192.168.1.5", False),
    ("2001:db8::1", False),
    ("localhost.example", False),
    ("127.0.0.1.example", False),
    ("relay.example", False),
    # In doubt: some resolvers and libraries would take these for this machine, others would not.
    ("localhost.", False),
    ("app.localhost", False),
    ("ip6-localhost", False),
    ("::ffff:127.0.0.1", False),
    ("2130706433", False),
    ("127.1", False),
    ("0x7f.0.0.1", False),
    ("127.0.0.01", False),
    ("[127.0.0.1", False),
    ("\uff11\uff12\uff17.0.0.1", False),
    (" 127.0.0.1", False),
]


@pytest.mark.parametrize(("host", "loopback"), HOSTS)
def test_only_what_surely_stays_on_this_machine_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback_host(host) is loopback


@pytest.mark.parametrize(("host", "loopback"), [(host, loopback) for host, loopback in HOSTS if host.isascii()])
def test_a_url_is_loopback_where_its_host_is(host: str, loopback: bool) -> None:
    written = f"[{host}]" if ":" in host and not host.startswith("[") else host
    assert is_loopback_url(f"http://{written}:8080/path") is loopback


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("ws://127.0.0.1/ws", True),
        ("ws://[::1]:8080/ws", True),
        ("https://LOCALHOST/x", True),
        ("http://user:pw@localhost:1/", True),
        ("wss://app.stratalerts.com/ws", False),
        ("ws://localhost.evil.example/ws", False),
        ("http://127.0.0.1@real.example/", False),
        ("http://127.0.0.1\\@real.example/", False),
        ("http://real.example/127.0.0.1", False),
        ("http://real.example#@127.0.0.1/", False),
        ("http://[::1", False),
        ("http://[::1]evil.example/", False),
        ("127.0.0.1", False),
        ("", False),
    ],
)
def test_a_url_is_judged_by_its_host_alone(url: str, loopback: bool) -> None:
    assert is_loopback_url(url) is loopback
