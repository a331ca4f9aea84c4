"""``relay init`` on a terminal: what is asked, asked again, and never written over or shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from relay.cli import VERBS, group
from relay.cli.setup.report import next_steps
from relay.config.load import load

KEY = "sk-zq7-0001"
URL = "https://discord.com/api/webhooks/961700198785118228/zq7-token"
PROGRAM = "/opt/not-on-the-path/bin/relay"

Run = Callable[..., Result]


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run it in an empty folder, with somebody there who types ``lines``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RELAY_CONFIG", raising=False)
    monkeypatch.delenv("STRATALERTS_API_KEY", raising=False)
    monkeypatch.setattr("relay.cli.init.terminal", lambda: True)
    monkeypatch.setattr("relay.install.running.command", lambda: (PROGRAM,))

    def run(*lines: str, options: tuple[str, ...] = ()) -> Result:
        arguments = ["init", "--offline", *options]
        return CliRunner().invoke(group, arguments, input="".join(f"{line}\n" for line in lines))

    return run


def test_it_is_the_first_verb() -> None:
    assert next(iter(VERBS)) == "init"


def test_the_answers_become_a_config_that_only_its_owner_knows_the_secrets_of(init: Run, tmp_path: Path) -> None:
    ended = init(KEY, "discord", URL, "swing", "n", "AAPL, SPY", "D W", "bullish")
    assert (ended.exit_code, ended.exception) == (0, None)
    loaded = load(tmp_path / "config.yaml", env={})
    assert loaded.stratalerts.api_key.reveal() == KEY
    assert loaded.destinations["swing"].url.reveal() == URL
    assert ended.output.count("(secret: only you can read it)") == 2
    assert "my alerts: in-force alerts on AAPL or SPY, on the daily or weekly timeframe, bullish" in ended.output
    assert f"next: {PROGRAM} send swing, then: {PROGRAM} run\n" in ended.output
    assert KEY not in ended.output
    assert "zq7-token" not in ended.output
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if not path.suffix}
    assert modes == {"api_key": 0o600, "discord_swing": 0o600}


def test_enter_takes_what_stands_in_brackets(init: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATALERTS_API_KEY", KEY)
    monkeypatch.setenv("HOOK", URL)
    ended = init("", "", "${HOOK}", "", "", "", "", "")
    assert ended.exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.schema.json", "config.yaml"]
    loaded = load(tmp_path / "config.yaml", env={"STRATALERTS_API_KEY": KEY, "HOOK": URL})
    assert list(loaded.destinations) == ["discord"]
    assert "my alerts: all in-force alerts go to discord" in ended.output


def test_what_can_not_be_used_is_asked_again_without_being_shown(init: Run, tmp_path: Path) -> None:
    tgram = f"tgram://{URL}"
    typed = [f"{KEY} x", KEY, "fax", "slack", tgram, URL, "a/b", "desk", "y", "slack", URL, "desk", "desk 2", "n"]
    ended = init(*typed, '"AAPL"', "AAPL", "15m", "15", "up", "bearish")
    assert ended.exit_code == 0
    for said in ("letters, digits and signs", "a destination's name", "wanted; Telegram", "desk is taken", "'15'"):
        assert said in ended.output
    assert ended.output.count("That won't do") == 7
    assert KEY not in ended.output
    assert "zq7" not in ended.output
    loaded = load(tmp_path / "config.yaml", env={})
    assert list(loaded.destinations) == ["desk", "desk 2"]
    assert loaded.rules[0].directions == frozenset({"bearish"})


def test_what_an_option_says_is_not_asked(init: Run, tmp_path: Path) -> None:
    (tmp_path / "the.key").write_text(f"{KEY}\n")
    options = ("--key-file", "the.key", "--slack", f"desk={URL}", "--timeframes", "all", "--direction", "all")
    ended = init("", options=options)
    assert ended.exit_code == 0
    assert ended.output.count("[all]") == 1
    assert "api_key_file: the.key #" in (tmp_path / "config.yaml").read_text()


def test_nothing_is_written_over_without_a_yes(init: Run, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("mine")
    ended = init("n")
    assert (ended.exit_code, ended.exception) == (0, None)
    assert "config.yaml is as it was" in ended.output
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
    assert init("y", KEY, "", URL, "", "", "", "", "").exit_code == 0
    assert (tmp_path / "config.yaml").read_text() != "mine"


def test_no_other_file_is_written_over_without_a_yes_either(init: Run, tmp_path: Path) -> None:
    (tmp_path / "discord_discord").write_text("mine")
    ended = init(KEY, "", URL, "", "", "", "", "", "n")
    assert "discord_discord is there already, saying something else; nothing was written" in str(ended.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["discord_discord"]


def test_the_same_answers_again_ask_about_the_config_alone(init: Run) -> None:
    answers = (KEY, "", URL, "", "", "", "", "")
    assert init(*answers).exit_code == 0
    again = init("y", *answers)
    assert (again.exit_code, again.output.count("Write over?")) == (0, 1)


def test_a_script_that_says_the_same_again_finds_all_as_it_is_and_another_is_refused(
    init: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", URL)
    (tmp_path / "the.key").write_text(f"{KEY}\n")
    options = ("--yes", "--key-file", "the.key", "--slack", "desk=${HOOK}")
    assert init(options=options).exit_code == 0
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = init(options=options)
    assert (again.exit_code, "wrote" in again.output, again.output.count("already so: ")) == (0, False, 2)
    assert f"next: {PROGRAM} send desk, then: {PROGRAM} run\n" in again.output
    other = init(options=(*options, "--direction", "bullish"))
    assert f"{tmp_path}/config.yaml is there already, saying something else" in str(other.exception)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert init(options=(*options, "--direction", "bullish", "--force")).exit_code == 0


def test_who_stops_answering_has_changed_nothing(init: Run, tmp_path: Path) -> None:
    ended = init("", KEY, "discord")
    assert ended.exit_code == 1  # click's own word for it; relay.cli.invoke says 130
    assert "That won't do: nothing was typed; Ctrl-C ends this" in ended.output
    assert "\nstopped: nothing was written\n" in ended.output
    assert list(tmp_path.iterdir()) == []


def test_a_folder_may_be_named_and_is_made(init: Run, tmp_path: Path) -> None:
    ended = init(KEY, "", URL, "", "", "", "", "", options=("deep/down",))
    assert ended.exit_code == 0
    assert (tmp_path / "deep/down/config.yaml").exists()
    assert f"relay run -c {tmp_path}/deep/down/config.yaml" in ended.output


def test_a_link_goes_on_leading_where_it_led(init: Run, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "config.yaml").symlink_to("elsewhere/relay.yaml")
    assert init("y", KEY, "", URL, "", "", "", "", "").exit_code == 0
    assert (tmp_path / "config.yaml").is_symlink()
    assert load(tmp_path / "config.yaml", env={}).rules


def test_a_variable_that_is_not_set_is_named(init: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LATER", raising=False)
    ended = init("${LATER}", "", "${LATER_TOO}", "", "", "", "", "")
    assert ended.exit_code == 0
    assert "note: LATER and LATER_TOO are not set here" in ended.output


def test_it_is_documented_by_its_help() -> None:
    command = group.get_command(click.Context(group), "init")
    assert command is not None
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or getattr(parameter, "help", None)


@pytest.mark.parametrize(("on_the_path", "said"), [(PROGRAM, "relay"), ("/usr/bin/relay", PROGRAM), (None, PROGRAM)])
def test_what_is_next_can_be_typed_as_it_stands_and_sends_nothing_where_a_sample_was_taken(
    monkeypatch: pytest.MonkeyPatch, on_the_path: str | None, said: str
) -> None:
    monkeypatch.setattr("relay.install.running.command", lambda: (PROGRAM,))
    monkeypatch.setattr("shutil.which", lambda _: on_the_path)
    place = Path("config.yaml").absolute()
    assert next_steps(place, "my chat")[0] == f"next: {said} send 'my chat', then: {said} run"
    assert next_steps(place, None)[0] == f"next: {said} run"
