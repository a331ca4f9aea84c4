"""Of a config with faults, where its relay listens and where its store lies is still read, or it is not guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from relay.config.whereabouts import whereabouts

ELSEWHERE: Final = "127.0.0.1:9001"
DEFAULT: Final = "127.0.0.1:8787"
HTTP: Final = f'http: {{listen: "{ELSEWHERE}"}}\n'


@pytest.mark.parametrize(
    ("text", "listen", "certain"),
    [
        pytest.param(f"rules: []\nnonsense: 1\n{HTTP}", ELSEWHERE, True, id="another section has a fault"),
        pytest.param("rules: []\n", DEFAULT, True, id="YAML without the section"),
        pytest.param("http:\nrules: []\n", DEFAULT, True, id="the section is commented out"),
        pytest.param(f"{HTTP}rules: [\n", ELSEWHERE, True, id="no YAML below the section"),
        pytest.param(f"\n\nrules: [\n{HTTP}", ELSEWHERE, True, id="no YAML above it"),
        pytest.param(
            f'http:\n  # where\n\n  "listen": "{ELSEWHERE}"\n\n# rules\nrules: [',
            ELSEWHERE,
            True,
            id="over several lines",
        ),
        pytest.param(f'"http": {{listen: "{ELSEWHERE}"}}\nrules: [', ELSEWHERE, True, id="its key in quotes"),
        pytest.param("rules: [\n", DEFAULT, False, id="no YAML, and no such section"),
        pytest.param("a: 1\n b: 2\n", DEFAULT, False, id="no YAML, and nothing of use"),
    ],
)
def test_it_is_read_where_it_can_be(text: str, listen: str, *, certain: bool, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    found = whereabouts(path, env={})
    assert found is not None
    assert (found.http.listen, found.certain) == (listen, certain)
    assert found.store_path == tmp_path / "relay.db"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("http: {listen: 9001}\nrules: []\n", id="the section itself has a fault"),
        pytest.param("http: {listne: x}\nrules: []\n", id="a key of it is mistyped"),
        pytest.param("http: {token: ${UNSET}}\nrules: []\n", id="its token is in no environment"),
        pytest.param("http: {token_file: nowhere}\nrules: []\n", id="its token is in no file"),
        pytest.param(f"{HTTP.rstrip()[:-1]}\nrules: []\n", id="it is not closed"),
        pytest.param(f" {HTTP}rules: [", id="it does not stand where sections do"),
        pytest.param(f"{{rules: [\n, {HTTP}", id="all stands in braces"),
        pytest.param("storage: {url: nats}\nrules: []\n", id="the store's has a fault"),
    ],
)
def test_it_is_not_guessed(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert whereabouts(path, env={}) is None


def test_a_file_that_can_not_be_read_tells_nothing(tmp_path: Path) -> None:
    assert whereabouts(tmp_path / "config.yaml", env={}) is None
    (tmp_path / "config.yaml").write_bytes(b"http: \xff")
    assert whereabouts(tmp_path / "config.yaml", env={}) is None


def test_the_token_and_the_store_are_read_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    (tmp_path / "token").write_text("open-sesame\n")
    path.write_text('http: {token_file: token}\nstorage: {url: "sqlite:${STORE}"}\nrules: [')
    found = whereabouts(path, env={"STORE": "other.db", "STATE_DIRECTORY": "/state"})
    assert found is not None
    assert found.http.token is not None
    assert found.http.token.reveal() == "open-sesame"
    assert found.store_path == Path("/state/other.db")
    assert "sesame" not in repr(found)
