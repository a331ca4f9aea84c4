"""Who may ask for what: one function decides, on nothing but the request's head.

    Host known? ──no──> 403          a page on another site that made a name point at us
    open path, or loopback, or token, or session? ──no──> 401
    is there such a path? ──no──> (the router answers 404 or 405)
    POST: token, or Origin equal to Host? ──no──> 403     a page on another site that posts through a browser
    ──> go on

On loopback no token is needed, except where the request came under one of the configured proxy names: then
it is the world that asks, and a token that is set is asked for.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from relay.clock import MICROS
from relay.document.listening import EVERYWHERE
from relay.loopback import is_loopback_host
from relay.secret import Secret

SESSION_COOKIE: Final = "relay_session"
SESSION_SECONDS: Final = 7 * 86_400
LOGIN_PATH: Final = "/login"
STYLE_PATH: Final = "/static/page.css"
ICON_PATHS: Final = tuple(f"/static/icon-{kind}.svg" for kind in ("good", "fair", "bad", "rest"))

_OPEN: Final = frozenset({"/healthz", "/readyz", LOGIN_PATH, STYLE_PATH, *ICON_PATHS})
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_AUTHORITY: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?", re.ASCII | re.IGNORECASE)
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Asked:
    """The head of a request, as far as it matters here; absent headers are None.

    Attributes:
        path: The route that will answer; the path itself where none will.
        known: The router has this path and method.
    """

    method: str
    path: str
    host: str | None = None
    origin: str | None = None
    authorization: str | None = None
    session: str | None = None
    known: bool = True


@dataclass(frozen=True, slots=True)
class Denial:
    """Why not."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What the config says about access.

    Attributes:
        listen: The address listened on; empty is every address.
        hosts: Further names to be asked for by, behind a proxy.
        token: The token, or None where none is configured.
    """

    listen: str
    hosts: frozenset[str] = field(default_factory=frozenset)
    token: Secret | None = None

    def judge(self, asked: Asked, *, now_us: int) -> Denial | None:
        """Why this request is refused; None where it is not."""
        name = hostname(asked.host)
        if name is None or not self._knows(name):
            return Denial(403, "unknown_host", "this name is not one of ours; add it to http.hosts in the config")
        bearer = self.bears_token(asked.authorization)
        if not bearer and self._needs_token(asked.path, name):
            session = self.token is not None and valid_session(self.token, asked.session, now_us=now_us)
            if not session:
                return Denial(401, "token_required", "send the token as `Authorization: Bearer …`, or log in")
        if asked.method != "POST" or not asked.known or bearer:
            return None
        if not same_origin(asked.origin, asked.host, https=self._may_be_https(name)):
            return Denial(403, "cross_origin", "a POST needs the token, or an Origin header equal to the address asked")
        return None

    def accepts(self, token: str) -> bool:
        """Whether this is the token, compared in constant time."""
        return self.token is not None and hmac.compare_digest(_digest(token), _digest(self.token.reveal()))

    def asks_bearer(self, authorization: str | None) -> bool:
        """Whether a token is given that there is something to compare with."""
        return self.token is not None and (authorization or "").partition(" ")[0].lower() == "bearer"

    def bears_token(self, authorization: str | None) -> bool:
        """Whether the token is given, and it is the one."""
        return self.asks_bearer(authorization) and self.accepts((authorization or "").partition(" ")[2].strip())

    def _knows(self, name: str) -> bool:
        if name in self._proxied():
            return True
        listen = _canonical(self.listen)
        if is_loopback_host(self.listen):
            return name in _LOCAL or name == listen
        # No other site's name resolves to a literal address, so one can't be used for rebinding.
        if listen in EVERYWHERE:
            return _ip(name) is not None or name == "localhost"
        return name == listen

    def _needs_token(self, path: str, name: str) -> bool:
        if is_open(path):
            return False
        return not is_loopback_host(self.listen) or (self.token is not None and name in self._proxied() - _LOCAL)

    def _may_be_https(self, name: str) -> bool:
        """Whether a browser may have come to ``name`` over TLS, which is a proxy's: we speak plain HTTP."""
        return name in self._proxied() or not is_loopback_host(name)

    def _proxied(self) -> frozenset[str]:
        return frozenset(hostname(host) or _canonical(host) for host in self.hosts)


def is_open(path: str) -> bool:
    """Whether everybody may ask for ``path``."""
    return path in _OPEN


def hostname(authority: str | None) -> str | None:
    """The name in a Host header, folded, without port, brackets and final dot; None where it is none."""
    match = _AUTHORITY.fullmatch(authority or "")
    if match is None:
        return None
    name = _canonical(match[1])
    return None if ":" in name and _ip(name) is None else name


def same_origin(origin: str | None, host: str | None, *, https: bool) -> bool:
    """Whether a page at ``origin`` was served under the address that ``host`` names.

    Args:
        origin: The page's scheme, name and port, as the browser tells them.
        host: The Host header.
        https: The page may have been served over TLS.
    """
    scheme, _, authority = (origin or "").partition("://")
    asking, asked = _AUTHORITY.fullmatch(authority), _AUTHORITY.fullmatch(host or "")
    if scheme not in (_PORTS if https else {"http"}) or asking is None or asked is None:
        return False
    default = _PORTS[scheme]
    return (hostname(authority), int(asking[2] or default)) == (hostname(host), int(asked[2] or default))


def new_session(token: Secret, *, now_us: int) -> str:
    """A cookie's value that proves the token was known, without holding it; good for ``SESSION_SECONDS``."""
    expires = str(now_us // MICROS + SESSION_SECONDS)
    return f"{expires}.{_sign(token, expires)}"


def valid_session(token: Secret, value: str | None, *, now_us: int) -> bool:
    """Whether we signed ``value`` under this token and it has not expired."""
    expires, _, signature = (value or "").partition(".")
    if not hmac.compare_digest(_digest(signature), _digest(_sign(token, expires))):
        return False
    return now_us // MICROS < int(expires)  # signed by us, so it is a number


def _sign(token: Secret, expires: str) -> str:
    message = f"relay-session:{expires}".encode(errors="surrogateescape")
    return hmac.new(token.reveal().encode(), message, hashlib.sha256).hexdigest()


def _digest(text: str) -> bytes:
    """Equal lengths to compare: the time taken tells nothing about the text, its length included."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).digest()


def _canonical(host: str) -> str:
    folded = host.strip().lower().removeprefix("[").removesuffix("]").removesuffix(".")
    ip = _ip(folded)
    return folded if ip is None else str(ip)


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
