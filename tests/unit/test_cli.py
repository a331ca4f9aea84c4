"""The frame of the command line: verbs, help, exit codes."""

from __future__ import annotations

import errno
import gc
import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from relay.cli import VERBS, group
from relay.cli import invoke as run
from relay.outbox.file import StoreLock, open_store

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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chekc"], "No such command 'chekc'. Did you mean 'check'?"),
        (["simulator"], "Did you mean 'simulate'?"),
        (["check", "config.yaml"], "The config file is named with -c."),
        (["run", "my relay.yml", "x"], "The config file is named with -c."),
    ],
)
def test_a_slip_is_answered_with_what_was_probably_meant(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 64
    assert said in capsys.readouterr().err


def test_nothing_is_guessed_where_nothing_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bogus"]) == 64
    assert "Did you mean" not in capsys.readouterr().err
    assert run(["version", "again"]) == 64
    assert "-c" not in capsys.readouterr().err


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_config_may_stand_before_and_after_the_verb(
    place: str, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["-c", config, "check"] if place == "before" else ["check", "-c", config]
    assert run(arguments) == 0
    assert "all" in capsys.readouterr().out


def test_an_unknown_destination_is_named_with_its_nearest(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pause", "bott", "-c", config]) == 64
    assert "Did you mean 'bot'?" in capsys.readouterr().err


def test_pause_and_resume_work_on_the_store_where_no_relay_runs(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pause", "bot", "-c", config]) == 0
    assert run(["resume", "bot", "--drop-older", "10m", "-c", config]) == 0
    assert "bot goes on." in capsys.readouterr().out


@pytest.mark.parametrize(("verb", "code"), [(["connect"], 75), (["status", "--check"], 1), (["status"], 1)], ids=str)
def test_a_relay_that_holds_the_store_under_another_name_is_seen_by_every_verb(
    verb: list[str], code: int, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Path(config).with_name("store.db")
    open_store(store, now_us=0).close()
    store.with_name("relay.db").symlink_to(store)
    with StoreLock(store):
        assert run([*verb, "-c", config]) == code
    told = "".join(capsys.readouterr())
    assert "relay runs" in told
    assert "no relay runs" not in told.lower()


def test_a_wrong_duration_says_how_to_write_one(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["resume", "bot", "--drop-older", "ten", "-c", config]) == 64
    assert "250ms" in capsys.readouterr().err


def test_nothing_is_older_than_all_time(config: str) -> None:
    assert run(["resume", "bot", "--drop-older", "9" * 15 + "d", "-c", config]) == 0


@pytest.mark.parametrize("since", ["ten", "99999999d", "9" * 30 + "d", "9" * 400 + "d"])
def test_a_backfill_from_before_all_time_is_wrong_usage_and_is_not_begun(config: str, since: str) -> None:
    assert run(["backfill", "--since", since, "-c", config]) == 64
    assert not (Path(config).parent / "relay.db").exists()


def test_a_missing_config_exits_78_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RELAY_CONFIG", raising=False)
    assert run(["check"]) == 78
    assert "config.example.yaml" in capsys.readouterr().err


def test_the_version_is_an_option_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("relay ")


def test_a_fault_of_ours_is_told_in_two_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("relay.cli.version.json.dumps", lambda _facts: 1 / 0)
    assert run(["version", "--json"]) == 1
    told = capsys.readouterr().err
    assert told.splitlines()[0] == "relay: ZeroDivisionError: division by zero"
    assert "Traceback" not in told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_nobody_can_take_is_told_without_a_traceback() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "relay", "version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, ended.stderr) == (1, "relay: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", ">&- 2>&- <&-"])
def test_a_verb_works_with_standard_streams_that_are_closed(closed: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("rules: [")
    python = shlex.quote(sys.executable)
    for words, code in (("version", 0), (f"check -c {config}", 78)):
        ended = subprocess.run(
            ["/bin/sh", "-c", f"{python} -m relay {words} {closed}"], capture_output=True, text=True, check=False
        )
        assert (ended.returncode, "fault of the relay" in ended.stderr) == (code, False)


def test_a_start_without_file_descriptors_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none_left(*_args: object, **_named: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as without:
        without.setattr(os, "open", none_left)
        without.setattr(group, "main", none_left)
        code = run(["run"])
    assert (code, capsys.readouterr().err) == (1, "relay: Too many open files\n")


def test_check_says_that_a_simulator_does_not_reach_real_destinations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    simulated = "{api_key: k, websocket_url: 'ws://127.0.0.1:8765/ws', rest_url: 'http://127.0.0.1:8765/api'}"
    path.write_text(CONFIG.replace("{api_key: k}", simulated))
    assert run(["check", "-c", str(path)]) == 0
    assert "sends to bot only with --allow-real" in capsys.readouterr().out


def test_the_collector_goes_on_once_a_verb_is_there_and_spares_what_was_imported() -> None:
    gc.disable()
    try:
        assert group.get_command(click.Context(group), "version") is not None
        assert gc.isenabled()
        assert gc.get_freeze_count()
    finally:
        gc.enable()
        gc.unfreeze()
