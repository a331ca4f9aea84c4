"""Addresses and secrets in a config: URLs, listening sockets, header values, signing keys.

No message here repeats its value: a webhook's URL is a secret, and one that must not carry a password may.
"""

from __future__ import annotations

import base64
import re
from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit

from yarl import URL

from relay.document.fields import FROM_ENV, Leaf, hidden_text, text, wrong
from relay.document.listening import DEFAULT_LISTEN, OFF, split_address
from relay.secret import Secret

HOW_TO_MAKE_ONE: Final = "make one with: openssl rand -base64 32"

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # a header's name, RFC 9110 section 5.6.2
_OURS: Final = re.compile(r"webhook-.*|content-length|transfer-encoding|connection|host", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_SMALLEST_KEY, _LARGEST_KEY = 24, 64  # bytes, Standard Webhooks 1.0, "Signature scheme"


def parse_url(url: str) -> URL:
    """``url`` as requests are sent to it: exactly as it was written, where that is possible.

    Raises:
        ValueError: It is no URL.
    """
    return URL(url, encoded=url.isascii())  # re-quoting may change what a signed url was signed over


def check_url(url: str, schemes: tuple[str, ...]) -> None:
    """Refuse what is no absolute URL of one of ``schemes``; the text itself is not repeated."""
    example = f"{schemes[-1]}://host/path"
    if re.search(r"[\x00-\x20\x7f]", url):
        raise wrong(f"a URL like {example} is wanted; this one has a space or control character in it")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
        if ":" not in host:
            host.encode("idna")
        usable = bool(parse_url(url).host)
    except (ValueError, UnicodeError):
        raise wrong(f"a URL like {example} is wanted; this one's host or port is malformed") from None
    if parts.scheme not in schemes:
        raise wrong(f"a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)} is wanted")
    if not host or not usable or port == 0:
        raise wrong(f"a URL like {example} is wanted; this one has no {'port' if host else 'host'}")


def url_of(*schemes: str) -> Leaf:
    """A URL of one of ``schemes``, without a slash at its end and without a user or password: it is shown."""

    def read(value: object) -> str:
        url = hidden_text(value)
        check_url(url, schemes)
        if "@" in urlsplit(url).netloc:
            raise wrong("a URL without a user and password is wanted: this one is shown, and is no place for a secret")
        return url.rstrip("/")

    return Leaf(read, {"type": "string", "pattern": rf"^({'|'.join(schemes)})://|\$\{{"})


def secret_url(value: object) -> Secret:
    """An http or https URL that is never shown."""
    secret = secret_text(value)
    check_url(secret.reveal(), ("http", "https"))
    return secret


def secret_text(value: object) -> Secret:
    """A text that is never shown."""
    return value if isinstance(value, Secret) else Secret(hidden_text(value))


def credential(value: object) -> Secret:
    """A key or token that goes into a header: visible ASCII."""
    secret = secret_text(value)
    if not _VISIBLE.fullmatch(secret.reveal()):
        raise wrong("letters, digits and signs without spaces are wanted; a header can't carry this")
    return secret


def signing_key(secret: Secret) -> bytes:
    """The key in a signing secret.

    Raises:
        ValueError: It is not base64.
    """
    return base64.b64decode(secret.reveal().removeprefix("whsec_"), validate=True)


def signing_secret(value: object) -> Secret:
    """A Standard Webhooks secret: ``whsec_`` and base64 of 24 to 64 bytes."""
    secret = secret_text(value)
    try:
        key = signing_key(secret)
    except ValueError:
        raise wrong(f"a signing secret is base64, with or without whsec_ before it; {HOW_TO_MAKE_ONE}") from None
    if not _SMALLEST_KEY <= len(key) <= _LARGEST_KEY:
        raise wrong(
            f"a signing secret is base64 of {_SMALLEST_KEY} to {_LARGEST_KEY} bytes, this one of {len(key)}; "
            f"{HOW_TO_MAKE_ONE}"
        )
    return secret


def header_name(value: object) -> str:
    """A header's name that is not one of ours."""
    name = text(value)
    if not _TOKEN.fullmatch(name):
        raise wrong("a header's name is letters, digits and - alone", value)
    if _OURS.fullmatch(name.lower()):
        raise wrong("this header is set by the relay itself")
    return name


def header_value(value: object) -> Secret:
    """A header's value; it may hold a token."""
    secret = value if isinstance(value, Secret) else Secret(value if value == "" else hidden_text(value))
    if _CONTROL.search(secret.reveal()):
        raise wrong("a header's value is one line of text")
    return secret


def listen_address(value: object) -> str:
    """``off``, or ``host:port``."""
    address = None if value is False else text(value)
    if address is None or (address != OFF and split_address(address) is None):
        raise wrong(f'a host and a port like {DEFAULT_LISTEN} are wanted, or "{OFF}"', value)
    return address


def store_url(value: object) -> str:
    """``sqlite:FILE``."""
    url = hidden_text(value)
    if url.startswith("nats://"):
        raise wrong("nats:// is not supported yet; allowed: sqlite:FILE")
    name = url.removeprefix("sqlite:")
    if name == url or not name.strip("/") or name.endswith("/") or name == ":memory:" or "\0" in name:
        raise wrong("sqlite: and the name of a file are wanted, like sqlite:relay.db")
    return url


def host_name(value: object) -> str:
    """A host's name as browsers send it, without a port, folded."""
    name = text(value).lower()
    if not re.fullmatch(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]", name, re.ASCII):
        raise wrong("the name of a host is wanted, without scheme and port", value)
    return name


_SECRET: Final = {"type": ["string", "number"], "minLength": 1}

SecretUrl: TypeAlias = Annotated[Secret, Leaf(secret_url, {"type": "string", "pattern": r"^https?://|\$\{"})]
Credential: TypeAlias = Annotated[Secret, Leaf(credential, _SECRET)]
SigningSecret: TypeAlias = Annotated[Secret, Leaf(signing_secret, {"type": "string"})]
HeaderName: TypeAlias = Annotated[str, Leaf(header_name, {"type": "string"})]
HeaderValue: TypeAlias = Annotated[Secret, Leaf(header_value, {"type": ["string", "number"]})]
Listen: TypeAlias = Annotated[str, Leaf(listen_address, {"type": "string", "pattern": r"^off$|:\d+$|\$\{"})]
HostName: TypeAlias = Annotated[str, Leaf(host_name, {"type": "string"})]
StoreUrl: TypeAlias = Annotated[str, Leaf(store_url, {"anyOf": [{"type": "string", "pattern": "^sqlite:."}, FROM_ENV]})]
