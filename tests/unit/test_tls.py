"""Whom a context trusts, and what a bundle may hold."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trustme import CA

from relay.tls import BUNDLES_KEPT, _context, bundle, context
from tests.support.tls import bundle_of, pem_of

ONE, OTHER = CA(), CA()


def test_every_context_verifies_and_speaks_nothing_old() -> None:
    for made in (context(), context(bundle_of(ONE))):
        assert made.minimum_version is ssl.TLSVersion.TLSv1_2
        assert made.verify_mode is ssl.CERT_REQUIRED
        assert made.check_hostname


def test_a_context_is_made_once_for_the_same_certificates() -> None:
    assert context() is context(None)
    again = bundle("elsewhere.pem", f"# ours\n{pem_of(ONE)}".replace("\n", "\r\n"))
    assert context(bundle_of(ONE)) is context(again)
    assert (again, again.fingerprint()) == (bundle_of(ONE), bundle_of(ONE).fingerprint())
    assert context(bundle_of(OTHER)) is not context(again)
    assert context() is not context(again)
    assert bundle_of(ONE).fingerprint() != bundle_of(OTHER).fingerprint()


def test_contexts_are_kept_in_a_bounded_number() -> None:
    """Whoever reloads with new certificates each day for years must not keep them all."""
    assert _context.cache_info().maxsize == BUNDLES_KEPT


def test_a_bundle_is_trusted_besides_the_systems_roots() -> None:
    system = {cert["serialNumber"] for cert in context().get_ca_certs()}
    ours = {cert["serialNumber"] for cert in context(bundle_of(ONE, OTHER)).get_ca_certs()}
    assert system < ours
    assert len(ours - system) == 2


def test_only_the_certificates_are_kept_of_a_file() -> None:
    key = ONE.private_key_pem.bytes().decode()
    read = bundle("all.pem", f"Grüße\n{key}{pem_of(ONE)}trailing")
    assert read == bundle_of(ONE)
    assert "PRIVATE" not in read.pem
    assert "CERTIFICATE" not in repr(read)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no certificate"),
        ("hello", "holds no certificate"),
        (ONE.private_key_pem.bytes().decode(), "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\n", "holds no certificate"),
        (pem_of(ONE) + pem_of(OTHER)[:200], "has no end"),
        (pem_of(ONE)[:200] + pem_of(OTHER), "has no end"),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "is damaged"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "is damaged"),
        ("-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----", "is damaged"),
        ("-----BEGIN CERTIFICATE-----\nGrüße\n-----END CERTIFICATE-----", "is damaged"),
        (pem_of(ONE) + pem_of(OTHER).replace("MII", "MIX", 1), "is damaged"),
    ],
)
def test_what_can_not_be_trusted_is_told(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        bundle("ca.pem", text)


@given(st.text(max_size=200))
def test_any_body_of_a_certificate_is_read_or_refused(body: str) -> None:
    with pytest.raises(ValueError, match="certificate"):
        bundle("ca.pem", f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----")
