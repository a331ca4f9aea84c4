"""``relay check`` and ``relay schema``, in this process."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from relay.cli import invoke as run
from relay.cli.check import notes
from relay.config.load import load
from relay.config.schema import schema_text
from relay.errors import Exit
from tests.support.config_text import SIGNING_SECRET, config_text
from tests.support.documents import ENV, ROOT, shown


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config with two rules."""
    file = tmp_path / "config.yaml"
    text = config_text("rules", "rules: [{name: a, to: bot}, {name: b, timeframe: D, enabled: false, to: bot}]")
    file.write_text(text)
    return file


@pytest.mark.parametrize("before", [True, False])
def test_a_config_that_is_right_is_said_in_plain_sentences(
    config: Path, capsys: pytest.CaptureFixture[str], *, before: bool
) -> None:
    arguments = ["-c", str(config), "check"] if before else ["check", "--config", str(config)]
    assert run(arguments) == Exit.OK
    out = capsys.readouterr().out.splitlines()
    assert "  bot: webhook" in out
    assert [line for line in out if line.startswith("  a: ")] == ["  a: all in-force alerts go to bot."]
    assert out[-1] == f"ok: {config}"


def test_the_destination_of_notices_is_said_to_be_that(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(config.read_text() + "alerts_to: bot\n")
    assert run(["check", "-c", str(config)]) == Exit.OK
    assert "  bot: webhook, told of the relay's own troubles" in capsys.readouterr().out.splitlines()


def test_a_config_that_is_wrong_ends_with_78_and_every_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(config_text("more", "lgo: {}\nlog: {level: loud}"))
    monkeypatch.setenv("RELAY_CONFIG", str(file))
    assert run(["check"]) == Exit.CONFIG
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{file}:4:1: lgo: unknown key; did you mean 'log'?" in err.splitlines()
    assert any(line.startswith(f"{file}:5:14: log.level: ") for line in err.splitlines())
    assert "Traceback" not in err


def test_json_tells_a_program_what_a_person_reads(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "-c", str(config), "--json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    assert told["destinations"] == [{"name": "bot", "type": "webhook", "terms": []}]
    assert [(rule["name"], rule["enabled"], rule["to"]) for rule in told["rules"]] == [
        ("a", True, ["bot"]),
        ("b", False, ["bot"]),
    ]
    config.write_text("rules: []\n")
    assert run(["check", "-c", str(config), "--json"]) == Exit.CONFIG
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert {"line": 1, "column": 8, "path": "rules"}.items() <= told["faults"][-1].items()
    assert told["faults"][-1]["mark"] == {"line": 1, "column": 8}


def test_a_config_that_is_not_there_is_told_to_a_program_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RELAY_CONFIG", raising=False)
    assert run(["check", "--json"]) == Exit.CONFIG
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], "there is no config" in told["error"]) == (False, True)


@pytest.mark.parametrize(
    ("rules", "note"),
    [
        ("[{name: a, enabled: false, to: bot}]", "every rule is disabled: nothing will be delivered"),
        ("[{name: a, enabled: false, to: bot}, {name: b, to: ops}]", "no enabled rule sends to bot"),
    ],
)
def test_what_is_right_and_still_odd_is_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rules: str, note: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "stratalerts: {api_key: k}\n"
        "destinations: {bot: {type: slack, url: 'http://a'}, ops: {type: slack, url: 'http://a'}}\n"
        f"rules: {rules}\n"
    )
    assert run(["check", "-c", str(file)]) == Exit.OK
    assert f"note: {note}" in capsys.readouterr().out.splitlines()


def test_a_mention_that_pings_nobody_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(config_text("rule", "mention: '<@&961700198785118228>'\n    max_age: 1m"))
    assert run(["check", "-c", str(path), "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["notes"] == ["a pings nobody: none of its destinations is a chat"]


SLACK = "https://hooks.slack.com/services/T1/B1/x"
HOOK = "type: webhook, url: 'https://bot.example/hunter2'"
SIGNED = f"{HOOK}, secret: {SIGNING_SECRET}"
UNSIGNED = (
    "bot and ops have no secret, so their receivers can't tell the relay from anybody else; "
    "`openssl rand -base64 32` makes one"
)
LATE = "may be sent an alert long after it fired, as after an outage; where an order follows, set max_age, like 10s"


@pytest.mark.parametrize(
    ("destinations", "rules", "told"),
    [
        (f"bot: {{{SIGNED}, max_age: 10s}}", "{name: a, to: bot}", []),
        (f"bot: {{{SIGNED}}}", "{name: a, to: bot}", [f"bot {LATE}"]),
        (f"bot: {{{SIGNED}}}", "{name: a, to: bot, max_age: 10s}", []),
        (f"bot: {{{SIGNED}}}", "{name: a, to: bot, max_age: 10s}, {name: b, to: bot}", []),
        (f"bot: {{{SIGNED}}}", "{name: a, to: bot}, {name: b, to: bot, enabled: false, max_age: 1s}", [f"bot {LATE}"]),
        (f"bot: {{{SIGNED}}}, ops: {{{SIGNED}}}", "{name: a, to: [bot, ops]}", [f"bot and ops {LATE}"]),
        ("bot: {type: webhook, url: 'http://127.0.0.1:9/x'}", "{name: a, to: bot}", [f"bot {LATE}"]),
        ("bot: {type: slack, url: 'http://127.0.0.1:9/x'}", "{name: a, to: bot}", []),
        (f"bot: {{{SIGNED}, max_age: 1m}}, ops: {{{SIGNED}}}", "{name: a, to: bot}", ["no enabled rule sends to ops"]),
        (f"bot: {{{SIGNED}, max_age: 1m}}, ops: {{{SIGNED}}}", "{name: a, to: bot}]\nalerts_to: ops #", []),
        (
            f"bot: {{{HOOK}, max_age: 1m}}, ops: {{{HOOK}, max_age: 1m}}",
            "{name: a, to: [bot, ops]}",
            [UNSIGNED],
        ),
    ],
)
def test_what_a_bot_is_better_off_with_is_noted_and_what_is_told_of_troubles_is_in_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], destinations: str, rules: str, told: list[str]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"stratalerts: {{api_key: k}}\ndestinations: {{{destinations}}}\nrules: [{rules}]\n")
    assert run(["check", "-c", str(file), "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["notes"] == told


def test_nothing_that_we_show_first_is_doubted(tmp_path: Path) -> None:
    urls = {"DISCORD_SWING_URL": ENV["DISCORD_SWING"], "SLACK_DESK_URL": SLACK, "SHEET_URL": "https://sheet.example/x"}
    [first] = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert list(notes(load(ROOT / "config.example.yaml", env={**ENV, **urls}))) == []
    assert list(notes(shown(first, tmp_path))) == []


@pytest.mark.parametrize(("token", "count"), [("hunter2", 1), ("f0e4c2f76c58916e", 0)])
def test_a_token_that_may_be_guessed_is_noted_and_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], token: str, count: int
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(config_text("more", f"http: {{token: {token}}}"))
    assert run(["check", "-c", str(path)]) == Exit.OK
    out = capsys.readouterr().out
    assert out.count("note: http.token is so short that it may be guessed") == count
    assert token not in out


@pytest.mark.parametrize(
    ("destination", "told"),
    [
        ("type: slack, url: 'http://127.0.0.1:9/hunter2'", []),
        (
            "type: discord, url: 'https://discord.com/api/webhooks/1/hunter2/slack'",
            ["bot's url ends in /slack, where Discord takes messages in another form; leave that off"],
        ),
    ],
)
def test_an_address_that_is_probably_not_meant_is_noted_and_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], destination: str, told: list[str]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(config_text("destinations", f"destinations: {{bot: {{{destination}}}}}"))
    assert run(["check", "-c", str(file)]) == Exit.OK
    out = capsys.readouterr().out
    assert [line.removeprefix("note: ") for line in out.splitlines() if line.startswith("note: ")] == told
    assert "hunter2" not in out


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == Exit.OK
    assert capsys.readouterr().out == schema_text()


@pytest.mark.parametrize(
    ("kind", "keys", "said"),
    [
        (
            "webhook",
            "sources: live, max_age: 10s, rate_limit: 50/1s",
            "live alerts only, nothing older than 10 seconds, at most 50 in 1 second",
        ),
        (
            "discord",
            "roles: {swing: '<@&1>'}, mentions: {D: swing}, ping: {every: 10m}, late: {as: digest}, template: x",
            "pings swing on D, at most every 10 minutes, late after 10 minutes: in a digest, own template",
        ),
    ],
)
def test_the_terms_of_a_destination_are_said_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, keys: str, said: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(config_text(kind, keys))
    assert run(["check", "-c", str(path)]) == 0
    assert f"  bot: {kind}, {said}\n" in capsys.readouterr().out
    assert run(["check", "-c", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["destinations"][0]["terms"] == said.split(", ")
