"""Where the relay listens, and where it is found."""

from __future__ import annotations

import pytest

from relay.config.model import Http
from relay.document.listening import DEFAULT_LISTEN, connectable, split_address


@pytest.mark.parametrize(
    ("listened_on", "connected_to"),
    [
        ("", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "::1"),
        ("::1", "::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "localhost"),
        ("192.0.2.1", "192.0.2.1"),
        ("vps.example", "vps.example"),
    ],
)
def test_what_listens_everywhere_is_found_on_loopback_and_what_does_not_where_it_listens(
    listened_on: str, connected_to: str
) -> None:
    assert connectable(listened_on) == connected_to


@pytest.mark.parametrize(
    ("address", "split"),
    [
        ("127.0.0.1:8787", ("127.0.0.1", 8787)),
        ("[::1]:65535", ("::1", 65535)),
        ("vps.example:0", ("vps.example", 0)),
        (":8787", None),
        ("8787", None),
        ("::1:8787", None),
        ("[127.0.0.1]:8787", None),
        ("127.0.0.1:65536", None),
        ("127.0.0.1:\N{ARABIC-INDIC DIGIT NINE}", None),
    ],
)
def test_an_address_is_a_host_and_a_port(address: str, split: tuple[str, int] | None) -> None:
    assert split_address(address) == split


def test_a_config_that_says_nothing_listens_where_a_health_check_looks() -> None:
    assert Http().listen == DEFAULT_LISTEN
    assert Http().address == split_address(DEFAULT_LISTEN)
