"""Whom the relay trusts when it calls out over TLS, and the least version that it speaks.

    the system's roots ──────────────> context()        one for the process
      └── and a bundle's (PEM) ──────> context(bundle)   one for each content

Every context verifies the certificate and the host's name, and speaks TLS 1.2 or newer (RFC 9325, section 3.1.1).
A bundle is trusted besides the system's roots, not in their place: it is there for the host that the roots don't vouch
for, and a host that changes to a public certificate one day must not fall silent. To take the roots away, name others
with OpenSSL's own ``SSL_CERT_FILE``.

A context costs some 20 ms, because it reads the system's roots: each is made once, where a config is loaded, and kept.
"""

from __future__ import annotations

import functools
import hashlib
import re
import ssl
from dataclasses import dataclass, field
from typing import Final

_BEGIN: Final = re.compile(r"-----BEGIN (?:X509 )?CERTIFICATE-----")
_CERTIFICATE: Final = re.compile(r"-----BEGIN (X509 )?CERTIFICATE-----[^-]*-----END \1?CERTIFICATE-----")
BUNDLES_KEPT: Final = 64  # contexts; a config has a few bundles, and a reload brings few others


@dataclass(frozen=True, slots=True)
class Bundle:
    """Certificates of authorities to trust besides the system's.

    Attributes:
        name: The file, as the config names it; two of other names and the same certificates are equal.
        pem: The certificates alone, whatever else the file holds.
    """

    name: str = field(compare=False)
    pem: str = field(repr=False)

    def fingerprint(self) -> str:
        """16 hex digits that change when the certificates do."""
        return hashlib.sha256(self.pem.encode()).hexdigest()[:16]


def bundle(name: str, text: str) -> Bundle:
    """The certificates in ``text``; comments, and a private key that strayed into it, are left out.

    Args:
        name: What the file is called.
        text: PEM (RFC 7468).

    Raises:
        ValueError: It holds none, or one that is damaged.
    """
    found = ["\n".join(match[0].splitlines()) for match in _CERTIFICATE.finditer(text)]
    if not found:
        raise ValueError("it holds no certificate in PEM form, -----BEGIN CERTIFICATE----- and so on")
    if len(found) != len(_BEGIN.findall(text)):
        raise ValueError("a certificate in it has no end")
    loaded = Bundle(name, "\n".join(found))
    if not loaded.pem.isascii():
        raise ValueError("a certificate in it is damaged")
    try:
        context(loaded)  # here, because nobody else waits for it, and because it proves what was read
    except (ssl.SSLError, ValueError):
        raise ValueError("a certificate in it is damaged") from None
    return loaded


def context(trusted: Bundle | None = None) -> ssl.SSLContext:
    """How to call somebody: the system's roots are trusted, and ``trusted`` besides; always the same one for the same.

    Raises:
        ssl.SSLError: A certificate of ``trusted`` is damaged.
    """
    return _context("" if trusted is None else trusted.pem)


@functools.lru_cache(maxsize=BUNDLES_KEPT)
def _context(pem: str) -> ssl.SSLContext:
    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    if pem:
        made.load_verify_locations(cadata=pem)
        made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an authority below a root is trusted where it is named
    return made
