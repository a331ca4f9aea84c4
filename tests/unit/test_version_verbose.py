"""What a report of a fault begins with."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from relay import __version__
from relay.cli import invoke
from relay.outbox.sql import migrations

SECRET = "sk-" + "0123456789abcdef"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("RELAY_CONFIG", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY", "RELAY_ON_EVICTED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("relay.config.found.DEFAULT_PLACES", (Path("config.yaml"),))
    path = tmp_path / "config.yaml"
    path.write_text(f"stratalerts: {{api_key: {SECRET}}}\nstorage: {{url: 'sqlite:mine.db'}}\n")
    return path


def verbose(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert invoke(["version", "--verbose", *words]) == 0
    out = capsys.readouterr().out
    assert SECRET not in out
    return out


def test_it_tells_versions_places_and_the_schema_it_writes(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(verbose(capsys, "--json"))
    assert (found["relay"], found["sqlite"], found["schema"]) == (
        __version__,
        sqlite3.sqlite_version,
        len(migrations()),
    )
    assert found["config"] == str(config)
    assert found["store"] == str(config.with_name("mine.db"))
    assert found["dependencies"].keys() >= {"aiohttp", "websockets", "pydantic"}
    assert "not installed" not in found["dependencies"].values()
    told = verbose(capsys)
    assert f"relay: {__version__}\n" in told
    assert f"  aiohttp {found['dependencies']['aiohttp']}\n" in told


def test_the_environment_that_moves_places_is_told(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/relay")
    found = json.loads(verbose(capsys, "--json"))
    assert found["environment"] == {"STATE_DIRECTORY": "/var/lib/relay"}
    assert found["store"] == "/var/lib/relay/mine.db"
    assert config.exists()


@pytest.mark.parametrize("text", [None, "http: [", "http: {listen: 9}"])
def test_it_is_told_whatever_the_config_is(text: str | None, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.unlink()
    if text is not None:
        config.write_text(text)
    told = verbose(capsys)
    assert ("config: none found" in told) is (text is None)
    assert "store: not known without a config that can be read" in told
