"""Files of certificates that a config names: where they are looked up, what a changed one changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from trustme import CA

from relay.config.diff import changes, lines
from relay.config.outline import effective, outline_of
from relay.destinations.kinds import AnyConfig
from relay.tls import context
from tests.support.config_text import config_text, faults_of, read
from tests.support.tls import bundle_of, pem_of

ONE, OTHER = CA(), CA()


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_text(pem_of(ONE))
    return tmp_path / "config.yaml"


def bot(path: Path, text: str = "ca_file: ca.pem") -> AnyConfig:
    return read(config_text("webhook", text), path=path).destinations["bot"]


def test_a_relative_name_is_beside_the_config_and_an_absolute_one_where_it_says(beside: Path) -> None:
    for name in ("ca.pem", "./ca.pem", str(beside.parent / "ca.pem")):
        assert bot(beside, f"ca_file: {name}").ca_file == bundle_of(ONE)


def test_a_name_may_come_from_the_environment(beside: Path) -> None:
    text = config_text("webhook", "ca_file: '${CA}'")
    config = read(text, path=beside, env={"CA": "ca.pem"})
    assert config.destinations["bot"].ca_file == bundle_of(ONE)
    assert faults_of(text, path=beside, env={"CA": "gone.pem"}) == [
        "3:12: destinations.bot.ca_file: the file '${CA}' can't be read: no such file or directory"
    ]


def test_what_a_destination_says_is_how_it_is_reached(beside: Path) -> None:
    plain, own = bot(beside, "timeout: 1s").reach, bot(beside).reach
    assert (plain.tls, plain.deny_private) == (None, False)
    assert (own.tls, own.deny_private) == (context(bundle_of(ONE)), False)
    text = "destinations: {bot: {type: slack, url: 'https://bot.example/x', deny_private: true}}"
    assert read(config_text("destinations", text)).destinations["bot"].reach.deny_private


def test_the_upstream_has_a_bundle_of_its_own(beside: Path) -> None:
    assert read(config_text("stratalerts", "stratalerts: {api_key: k}")).stratalerts.tls is context()
    text = config_text("stratalerts", "stratalerts: {api_key: k, ca_file: ca.pem}")
    config = read(text, path=beside)
    assert config.stratalerts.tls is context(bundle_of(ONE))
    assert config.destinations["bot"].reach.tls is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "used: it holds no certificate in PEM form, -----BEGIN CERTIFICATE----- and so on"),
        (b"ca", "used: it holds no certificate in PEM form, -----BEGIN CERTIFICATE----- and so on"),
        (b"\x30\x82\x01\xff\xfe", "read: it is not UTF-8 text"),
        (pem_of(ONE)[:200].encode() + pem_of(ONE).encode(), "used: a certificate in it has no end"),
        (b"#" * (1024 * 1024 + 1), "read: it is larger than 1024 KiB"),
    ],
    ids=["empty", "text", "der", "cut", "huge"],
)
def test_a_file_that_is_no_bundle_is_a_fault_where_it_is_named(beside: Path, content: bytes, why: str) -> None:
    (beside.parent / "ca.pem").write_bytes(content)
    text = config_text("webhook", "ca_file: ca.pem")
    assert faults_of(text, path=beside) == [f"3:12: destinations.bot.ca_file: the file 'ca.pem' can't be {why}"]


def test_a_folder_and_a_file_that_may_not_be_read_are_faults(beside: Path) -> None:
    text = config_text("stratalerts", "stratalerts: {api_key: k, ca_file: .}")
    assert faults_of(text, path=beside) == ["1:36: stratalerts.ca_file: the file '.' can't be read: is a directory"]


def test_apprise_can_have_neither_and_says_so() -> None:
    text = "destinations: {bot: {type: apprise, url: 'json://127.0.0.1/',\n ca_file: ca.pem,\n deny_private: false}}"
    ca_file, deny_private = faults_of(config_text("destinations", text))
    assert ca_file.startswith("3:2: destinations.bot.ca_file: apprise makes its own connections")
    assert deny_private.startswith("4:2: destinations.bot.deny_private: apprise makes its own connections")


def test_other_certificates_in_the_same_file_are_another_destination(beside: Path) -> None:
    text = config_text("webhook", "ca_file: ca.pem")
    before = read(text, path=beside)
    (beside.parent / "ca.pem").write_text(f"# the same\n{pem_of(ONE)}")
    same = read(text, path=beside)
    (beside.parent / "ca.pem").write_text(pem_of(ONE, OTHER))
    after = read(text, path=beside)
    prints = [config.destinations["bot"].fingerprint() for config in (before, same, after)]
    assert prints[0] == prints[1] != prints[2]
    assert list(lines(changes(outline_of(before), outline_of(after)))) == ["~ destination bot: ca_file"]


def test_other_certificates_of_the_upstream_wait_for_a_restart(beside: Path) -> None:
    text = config_text("stratalerts", "stratalerts: {api_key: k, ca_file: ca.pem}")
    before = read(text, path=beside)
    (beside.parent / "ca.pem").write_text(pem_of(OTHER))
    after = read(text, path=beside)
    said = list(lines(changes(outline_of(before), outline_of(after))))
    assert said == ["~ stratalerts.ca_file: changed (needs a restart)"]
    assert effective(before, after).stratalerts.tls is before.stratalerts.tls
