"""The frame of the command line: verbs, help, exit codes."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from relay.cli import VERBS, group, run

CONFIG = """
stratalerts: {api_key: k}
http: {listen: "off"}
destinations: {bot: {type: webhook, url: "https://bot.example/x"}}
rules: [{name: all, to: bot}]
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return str(path)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_command_with_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = group.get_command(click.Context(group), verb)
    assert command is not None
    assert command.name in {verb, "command"}
    assert run([verb, "--help"]) == 0
    assert f"relay {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["bogus"], ["version", "--bogus"], ["pause"], ["resume", "a", "b"]])
def test_wrong_usage_exits_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 64
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_config_may_stand_before_and_after_the_verb(
    place: str, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["-c", config, "check"] if place == "before" else ["check", "-c", config]
    assert run(arguments) == 0
    assert "all" in capsys.readouterr().out


def test_an_unknown_destination_is_named_with_its_nearest(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pause", "bott", "-c", config]) == 64
    assert "Did you mean bot?" in capsys.readouterr().err


def test_pause_and_resume_work_on_the_store_where_no_relay_runs(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pause", "bot", "-c", config]) == 0
    assert run(["resume", "bot", "--drop-older", "10m", "-c", config]) == 0
    assert "bot goes on." in capsys.readouterr().out


def test_a_wrong_duration_says_how_to_write_one(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["resume", "bot", "--drop-older", "ten", "-c", config]) == 64
    assert "250ms" in capsys.readouterr().err


def test_a_missing_config_exits_78_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RELAY_CONFIG", raising=False)
    assert run(["check"]) == 78
    assert "config.example.yaml" in capsys.readouterr().err
