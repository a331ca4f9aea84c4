from __future__ import annotations

import pytest
from yarl import URL

from relay.destinations.redact import Redactor, printable

URL_TEXT = "https://ann:pa%24s@hooks.example:8443/services/T00/tok%2Fen-123456/s3cr?sig=a%3Db%26c&n=1"
REDACT = Redactor(URL(URL_TEXT, encoded=True), ["whsec_c2VjcmV0", "alpha", "1", ""])


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"Cannot POST {URL_TEXT}", "Cannot POST ***"),
        ("Cannot POST /services/T00/tok%2Fen-123456/s3cr", "Cannot POST ***"),
        ("no hook tok%2Fen-123456", "no hook ***"),
        ("no hook s3cr", "no hook ***"),
        ("sig a%3Db%26c, decoded a=b&c", "sig ***, decoded ***"),
        ("X-Team: alpha", "X-Team: ***"),
        ("whsec_c2VjcmV0 or c2VjcmV0", "*** or ***"),
        ("Basic YW5uOnBhJHM=", "Basic ***"),
        ("1 of 1 services at hooks.example", "1 of 1 services at hooks.example"),
    ],
)
def test_what_a_server_repeats_of_our_request_is_hidden(said: str, shown: str) -> None:
    assert REDACT(said) == shown


def test_a_bare_address_hides_nothing() -> None:
    redact = Redactor(URL("http://127.0.0.1:9000/"))
    assert redact("GET / refused") == "GET / refused"


def test_a_redactor_shows_no_secret() -> None:
    assert "alpha" not in repr(REDACT)


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert printable("red \x1b[31m\x00\u202e\nline\ttab") == "red \ufffd[31m\ufffd\ufffd\nline\ttab"
