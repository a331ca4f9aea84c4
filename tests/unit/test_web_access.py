"""Who may ask for what: the table."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.secret import Secret
from relay.web.access import (
    SESSION_SECONDS,
    Asked,
    Policy,
    hostname,
    new_session,
    same_origin,
    valid_session,
)

NOW_US = 1_775_828_722 * MICROS
TOKEN = Secret("correct horse battery staple")
BEARER = f"Bearer {TOKEN.reveal()}"
SESSION = new_session(TOKEN, now_us=NOW_US)

LOCAL = Policy("127.0.0.1")
LOCAL_WITH_TOKEN = Policy("127.0.0.1", frozenset({"relay.example"}), TOKEN)
PROXIED = Policy("127.0.0.1", frozenset({"relay.example"}))
OPEN = Policy("0.0.0.0", frozenset({"relay.example", "Other.Example:8443"}), TOKEN)
LAN = Policy("192.168.1.5", frozenset(), TOKEN)
NAMED = Policy("relay.lan", frozenset(), TOKEN)
SIX = Policy("::", frozenset(), TOKEN)


@pytest.mark.parametrize(
    ("policy", "host", "allowed"),
    [
        (LOCAL, "127.0.0.1:8787", True),
        (LOCAL, "127.0.0.1", True),
        (LOCAL, "localhost:1", True),
        (LOCAL, "LOCALHOST.:8787", True),
        (LOCAL, "[::1]:8787", True),
        (LOCAL, "[0:0:0:0:0:0:0:1]:8787", True),
        (LOCAL, "evil.example", False),
        (LOCAL, "evil.example:8787", False),
        (LOCAL, "localhost.evil.example", False),
        (LOCAL, "127.0.0.1.evil.example", False),
        (LOCAL, "relay.example", False),
        (LOCAL, "192.168.1.5", False),
        (LOCAL, "", False),
        (LOCAL, None, False),
        (LOCAL, "localhost@evil.example", False),
        (LOCAL, "localhost:8787, evil.example", False),
        (LOCAL, "[localhost]", False),
        (LOCAL, "localhost:x", False),
        (Policy("127.0.0.2"), "127.0.0.2:8787", True),
        (Policy("localhost"), "127.0.0.1:8787", True),
        (PROXIED, "relay.example", True),
        (PROXIED, "Relay.Example:443", True),
        (OPEN, "relay.example", True),
        (OPEN, "other.example:9000", True),
        (OPEN, "203.0.113.9:8787", True),
        (OPEN, "[2001:db8::1]:8787", True),
        (OPEN, "localhost:8787", True),
        (OPEN, "evil.example", False),
        (SIX, "[2001:db8::1]", True),
        (Policy("", frozenset(), TOKEN), "10.0.0.1", True),
        (LAN, "192.168.1.5:8787", True),
        (LAN, "192.168.1.6:8787", False),
        (LAN, "localhost", False),
        (NAMED, "relay.lan:8787", True),
        (NAMED, "evil.lan:8787", False),
    ],
)
def test_only_our_own_names_are_answered(policy: Policy, host: str | None, allowed: bool) -> None:
    denial = policy.judge(Asked("GET", "/healthz", host=host), now_us=NOW_US)

    assert (denial is None) is allowed
    assert denial is None or (denial.status, denial.code) == (403, "unknown_host")


def asked(**changes: object) -> Asked:
    return Asked(**{"method": "GET", "path": "/", "host": "relay.example", **changes})  # type: ignore[arg-type]  # a table's row


HERE = "https://relay.example"
THERE = "https://evil.example"


@pytest.mark.parametrize(
    ("policy", "request_", "status"),
    [
        # Reading on loopback needs nothing …
        pytest.param(LOCAL, asked(host="localhost"), None, id="loopback"),
        pytest.param(LOCAL, asked(host="localhost", authorization="Bearer wrong"), None, id="loopback, odd token"),
        pytest.param(LOCAL_WITH_TOKEN, asked(host="localhost"), None, id="loopback, token unused"),
        # … unless the world asks through a proxy and there is a token to ask for.
        pytest.param(PROXIED, asked(), None, id="proxy that guards by itself"),
        pytest.param(LOCAL_WITH_TOKEN, asked(), 401, id="proxy without the token"),
        pytest.param(LOCAL_WITH_TOKEN, asked(authorization=BEARER), None, id="proxy with the token"),
        # Elsewhere the token or a session is needed for everything but health and the way in.
        pytest.param(OPEN, asked(), 401, id="page"),
        pytest.param(OPEN, asked(path="/metrics"), 401, id="metrics"),
        pytest.param(OPEN, asked(path="/api/dead"), 401, id="listing"),
        pytest.param(OPEN, asked(path="/nowhere", known=False), 401, id="unknown path"),
        pytest.param(OPEN, asked(path="/healthz"), None, id="health"),
        pytest.param(OPEN, asked(path="/readyz"), None, id="readiness"),
        pytest.param(OPEN, asked(path="/login"), None, id="form"),
        pytest.param(OPEN, asked(path="/static/page.css"), None, id="its looks"),
        pytest.param(OPEN, asked(path="/static/../api/dead"), 401, id="a path that climbs out"),
        pytest.param(OPEN, asked(host="127.0.0.1"), 401, id="a local name proves nothing here"),
        pytest.param(OPEN, asked(authorization=BEARER), None, id="bearer"),
        pytest.param(OPEN, asked(authorization=BEARER.replace("Bearer", "bearer")), None, id="bearer, folded"),
        pytest.param(OPEN, asked(authorization="Bearer wrong"), 401, id="wrong bearer"),
        pytest.param(OPEN, asked(authorization="Bearer "), 401, id="empty bearer"),
        pytest.param(OPEN, asked(authorization=TOKEN.reveal()), 401, id="no scheme"),
        pytest.param(OPEN, asked(authorization=f"Basic {TOKEN.reveal()}"), 401, id="other scheme"),
        pytest.param(OPEN, asked(authorization="Bearer \udce9"), 401, id="not even text"),
        pytest.param(OPEN, asked(session=SESSION), None, id="session"),
        pytest.param(OPEN, asked(session=TOKEN.reveal()), 401, id="token as a session"),
        pytest.param(OPEN, asked(session="x.y"), 401, id="made-up session"),
        # Posting needs the token or our own page, on loopback too.
        pytest.param(LOCAL, asked(method="POST", host="localhost:8787"), 403, id="post, no origin"),
        pytest.param(
            LOCAL,
            asked(method="POST", host="localhost:8787", origin="http://localhost:8787"),
            None,
            id="post, own page",
        ),
        pytest.param(
            LOCAL,
            asked(method="POST", host="localhost:8787", origin="http://localhost:3000"),
            403,
            id="post, other port",
        ),
        pytest.param(
            LOCAL,
            asked(method="POST", host="127.0.0.1:8787", origin="http://localhost:8787"),
            403,
            id="post, other name",
        ),
        pytest.param(LOCAL, asked(method="POST", host="localhost:8787", origin="null"), 403, id="post, null origin"),
        pytest.param(LOCAL, asked(method="POST", host="localhost", origin=THERE), 403, id="post, other site"),
        pytest.param(
            LOCAL_WITH_TOKEN, asked(method="POST", host="localhost", authorization=BEARER), None, id="post, token"
        ),
        pytest.param(
            LOCAL_WITH_TOKEN,
            asked(method="POST", host="localhost", authorization="Bearer wrong"),
            403,
            id="post, wrong token",
        ),
        pytest.param(
            LOCAL, asked(method="POST", host="localhost", known=False), None, id="post to nowhere: 404 or 405"
        ),
        pytest.param(OPEN, asked(method="POST", authorization=BEARER), None, id="post, token, elsewhere"),
        pytest.param(OPEN, asked(method="POST", authorization=BEARER, origin=THERE), None, id="post, token from afar"),
        pytest.param(OPEN, asked(method="POST", session=SESSION), 403, id="post, session alone"),
        pytest.param(OPEN, asked(method="POST", session=SESSION, origin=THERE), 403, id="post, session, other site"),
        pytest.param(OPEN, asked(method="POST", session=SESSION, origin=HERE), None, id="post, session, own page"),
        pytest.param(OPEN, asked(method="POST", origin=HERE), 401, id="post, own page, nobody"),
        pytest.param(OPEN, asked(method="POST", path="/login", origin=HERE), None, id="log in"),
        pytest.param(OPEN, asked(method="POST", path="/login", origin=THERE), 403, id="log in from another site"),
    ],
)
def test_access(policy: Policy, request_: Asked, status: int | None) -> None:
    denial = policy.judge(request_, now_us=NOW_US)

    assert (denial and denial.status) == status


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://localhost:8787", "localhost:8787", True),
        ("http://LOCALHOST:8787", "localhost:8787", True),
        ("https://relay.example", "relay.example", True),
        ("https://relay.example", "relay.example:443", True),
        ("http://relay.example:80", "relay.example", True),
        ("http://[::1]:8787", "[::1]:8787", True),
        ("https://relay.example", "relay.example:80", False),
        ("http://relay.example", "relay.example:8787", False),
        ("https://relay.example.evil", "relay.example", False),
        ("https://evil.example", "relay.example", False),
        ("file://", "", False),
        ("null", "relay.example", False),
        ("", "relay.example", False),
        (None, "relay.example", False),
        ("https://relay.example", None, False),
        ("ftp://relay.example", "relay.example", False),
        ("https://relay.example/path", "relay.example", False),
        ("https://user@relay.example", "relay.example", False),
    ],
)
def test_a_page_of_ours_is_known_by_scheme_name_and_port(origin: str | None, host: str | None, same: bool) -> None:
    assert same_origin(origin, host, https=True) is same


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://localhost:8787", "localhost:8787", True),
        ("http://relay.example", "relay.example", True),
        ("https://localhost:8787", "localhost:8787", False),
        ("https://localhost", "localhost", False),
        ("https://127.0.0.1:443", "127.0.0.1:443", False),
    ],
)
def test_where_nothing_is_served_over_tls_a_page_of_ours_came_over_http(origin: str, host: str, same: bool) -> None:
    assert same_origin(origin, host, https=False) is same


@pytest.mark.parametrize(
    ("policy", "authority", "allowed"),
    [
        pytest.param(LOCAL, "localhost:8787", False, id="loopback"),
        pytest.param(LOCAL, "127.0.0.1:8787", False, id="loopback, by address"),
        pytest.param(LOCAL, "[::1]:8787", False, id="loopback, IPv6"),
        pytest.param(LOCAL_WITH_TOKEN, "localhost", False, id="loopback, beside a proxy's name"),
        pytest.param(PROXIED, "relay.example", True, id="a proxy's name"),
        pytest.param(Policy("127.0.0.1", frozenset({"localhost"})), "localhost", True, id="a proxy on this machine"),
        pytest.param(OPEN, "relay.example", True, id="elsewhere"),
        pytest.param(OPEN, "192.0.2.7", True, id="elsewhere, by address"),
        pytest.param(OPEN, "127.0.0.1:8787", False, id="elsewhere, asked on loopback"),
    ],
)
def test_a_page_served_over_tls_is_ours_only_where_a_proxy_can_stand_before_us(
    policy: Policy, authority: str, allowed: bool
) -> None:
    for scheme, ours in (("http", True), ("https", allowed)):
        request = asked(method="POST", host=authority, origin=f"{scheme}://{authority}", session=SESSION)
        denial = policy.judge(request, now_us=NOW_US)
        assert (denial and denial.code) == (None if ours else "cross_origin")


def test_a_session_ends_when_it_says_so() -> None:
    last = NOW_US + (SESSION_SECONDS - 1) * MICROS
    assert valid_session(TOKEN, SESSION, now_us=last)
    assert not valid_session(TOKEN, SESSION, now_us=last + MICROS)


def test_a_session_can_neither_be_prolonged_nor_outlive_its_token() -> None:
    expires, _, signature = SESSION.partition(".")
    assert not valid_session(TOKEN, f"{int(expires) + 1}.{signature}", now_us=NOW_US)
    assert not valid_session(Secret("another token"), SESSION, now_us=NOW_US)


def test_a_session_does_not_hold_the_token() -> None:
    assert TOKEN.reveal() not in SESSION


def test_without_a_token_nothing_is_accepted() -> None:
    assert not LOCAL.accepts("")


@given(st.text())
def test_no_host_header_breaks_the_check(text: str) -> None:
    hostname(text)
    for policy in (LOCAL, OPEN, LAN):
        request = Asked("POST", "/", host=text, origin=text, authorization=f"Bearer {text}", session=text)
        denial = policy.judge(request, now_us=NOW_US)
        assert denial is None or msgspec.json.encode(denial)
