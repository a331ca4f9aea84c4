"""Whether the relay that runs now can be a service, and whether what was started comes up."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay import __version__
from relay.cli import group, invoke, service
from relay.config.load import loads
from relay.config.model import Config
from relay.errors import Exit, RelayError, UsageError
from relay.install import announcement, running, wrapper
from relay.install.installer import Planned
from relay.install.plan import Step
from relay.install.running import command_of, hidden
from relay.install.startup import Started, until_ready
from relay.install.systemctl import Ended, NotDoneError, Systemctl, readable
from relay.units import CONFIG, STATE
from tests.support.clock import FakeClock


def test_the_command_is_the_script_that_was_called_else_the_one_beside_the_interpreter(tmp_path: Path) -> None:
    python = tmp_path / "bin/python"
    assert command_of(Path("/x/relay/__main__.py"), python) == (str(python), "-m", "relay")
    python.parent.mkdir()
    (tmp_path / "bin/relay").write_text("")
    assert command_of(Path("/x/relay/__main__.py"), python) == (str(tmp_path / "bin/relay"),)
    (tmp_path / "relay").write_text("")
    assert command_of(tmp_path / "relay", python) == (str(tmp_path / "relay"),)
    for place in (tmp_path / "relay", tmp_path / "bin/relay"):
        place.write_text(wrapper.text_of(["/opt/relay/bin/relay"], config=CONFIG, state=STATE))
    assert command_of(tmp_path / "relay", python) == (str(python), "-m", "relay"), "no wrapper becomes one of itself"


def test_a_relay_of_the_same_version_and_other_files_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Installed:
        record = "relay/a.py,sha256=x,1\n"

        def read_text(self, name: str) -> str:
            assert name == "RECORD"
            return self.record

    installed = Installed()
    monkeypatch.setattr(running, "distribution", lambda _: installed)
    first = running.build()
    assert first == running.build()
    assert first.startswith(f"{__version__}+")
    installed.record = "relay/a.py,sha256=y,1\n"
    assert running.build() != first
    installed.record = ""
    assert running.build() == __version__


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("/home/me/relay-env/bin/relay", "lies in /home, which the service does not see (ProtectHome)"),
        ("/root/.local/bin/relay", "lies in /root"),
        (f"{running._TEMPORARY[0]}/x/relay", "(PrivateTmp)"),
        (f"{running._TEMPORARY[1]}/relay", "(PrivateTmp)"),
        ("/opt/not-there/bin/relay", ""),
        ("/homestead/relay", ""),
    ],
)
def test_a_service_does_not_see_homes_and_what_is_temporary(place: str, said: str) -> None:
    found = hidden([Path("/usr"), Path(place)])
    assert said in found
    assert bool(found) is bool(said)


def test_a_folder_that_is_closed_to_others_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_TEMPORARY", ())
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    closed = tmp_path / "closed"
    (closed / "bin").mkdir(parents=True)
    closed.chmod(0o750)
    assert hidden([closed / "bin"]).startswith(f"{closed} is closed to others")
    closed.chmod(0o755)
    assert hidden([closed / "bin"]) == ""


class Passing(FakeClock):
    """A clock on which every sleep is over at once."""

    async def sleep(self, seconds: float) -> None:
        self._pass(seconds)


class Unit:
    """A service that runs for so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    @property
    def active(self) -> bool:
        self.looks -= 1
        return self.looks >= 0

    def ended(self) -> Ended:
        return Ended("deactivating", 0) if self.looks > -3 else Ended("failed", 77)


@pytest.mark.parametrize(
    ("answers", "looks", "ready", "reasons", "ended"),
    [
        ([None, {"ready": False, "reasons": ["no"]}, {"ready": True}], 99, True, (), None),
        ([{"ready": False, "reasons": ["not connected: refused"]}], 99, False, ("not connected: refused",), None),
        ([None], 99, False, ("it runs, and does not answer on http.listen yet",), None),
        ([RelayError("what listens there is no relay")], 99, False, ("what listens there is no relay",), None),
        ([None], 2, False, (), Ended("failed", 77)),
    ],
)
async def test_it_is_waited_for_until_it_is_ready_or_ends_or_patience_does(
    answers: Sequence[Mapping[str, object] | RelayError | None],
    looks: int,
    ready: bool,
    reasons: tuple[str, ...],
    ended: Ended | None,
) -> None:
    left = list(answers)
    clock = Passing()

    async def readyz() -> Mapping[str, object] | None:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, RelayError):
            raise answer
        return answer

    risen = await until_ready(readyz, Unit(looks), clock, patience=5.0)
    assert (risen.ready, risen.reasons, risen.ended) == (ready, reasons, ended)


def config(text: str = "") -> Config:
    return loads(
        'stratalerts: {api_key: k, websocket_url: "ws://127.0.0.1:1/ws"}\n'
        "destinations:\n"
        '  bot: {type: webhook, url: "http://127.0.0.1:1/x"}\n'
        '  swing: {type: slack, url: "http://127.0.0.1:1/y"}\n'
        "rules: [{name: a, to: [bot, swing]}, {name: b, enabled: false, to: bot}]\n" + text,
        path=Path("config.yaml"),
        env={},
    )


def test_the_announcement_goes_to_alerts_to_or_to_the_first_chat() -> None:
    assert announcement.whom(config()) == "swing"
    assert announcement.whom(config("alerts_to: bot\n")) == "bot"
    assert announcement.text(config(), "vps") == f"Relay is up: version {__version__} on vps, 1 rule to 2 destinations"


@pytest.mark.parametrize(
    ("here", "more", "named"),
    [
        ("nothing", "", ""),
        ("mine", "", ""),
        ("mine", 'http: {listen: "off"}\n', f" -c {CONFIG}"),
        ("another", "", f" -c {CONFIG}"),
    ],
)
def test_the_status_that_is_told_to_be_typed_is_the_services_in_the_folder_where_one_stands(
    here: str, more: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = tmp_path / ("config.yaml" if here == "mine" else "handed.yaml")
    source.touch()
    if here == "another":
        (tmp_path / "config.yaml").touch()
    made = Planned(replace(config(more), path=source), Path("/"), (), (), "", wraps=True)
    told = list(service.afterwards(made, Started(ready=True)))
    assert f"  status     sudo relay status{named}" in told


def test_what_systemd_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    script = tmp_path / "systemctl"
    script.write_text("#!/bin/sh\necho 'Failed to reload:\n  no' >&2; exit 1\n")
    script.chmod(0o755)
    with pytest.raises(NotDoneError, match=r"^`systemctl daemon-reload` did not work: Failed to reload: no$") as caught:
        Systemctl(str(script)).do(Step.RELOAD)
    assert caught.value.said == "Failed to reload: no"
    script.write_text("#!/bin/sh\nexit 4\n")
    with pytest.raises(NotDoneError, match=r"did not work: exit code 4$"):
        Systemctl(str(script)).do(Step.DISABLE)


def test_what_systemd_tells_of_an_end_is_read(tmp_path: Path) -> None:
    script = tmp_path / "systemctl"
    script.write_text(f"#!{sys.executable}\nprint('ActiveState=failed\\nExecMainStatus=77\\nExecMainPID=12')\n")
    script.chmod(0o755)
    assert Systemctl(str(script)).ended() == Ended("failed", 77)
    script.write_text(f"#!{sys.executable}\nprint('ActiveState=inactive\\nExecMainStatus=0\\nExecMainPID=0')\n")
    assert Systemctl(str(script)).ended() == Ended("inactive", None)
    assert Systemctl(str(script)).log() == []


def run(monkeypatch: pytest.MonkeyPatch, *options: str, uid: int, before: Sequence[str] = ()) -> Result:
    monkeypatch.setattr("relay.cli.install.os.geteuid", lambda: uid)
    return CliRunner().invoke(group, [*before, "install", *options])


@pytest.mark.parametrize(
    ("before", "options", "again"),
    [
        ((), (), "install"),
        ((), ("--wait", "5s", "-c", "my config.yaml"), "install --wait 5s -c 'my config.yaml'"),
        (("-c", "x.yaml"), ("--force",), "install -c x.yaml --force"),
    ],
)
def test_who_is_not_root_is_told_what_to_say(
    monkeypatch: pytest.MonkeyPatch, before: Sequence[str], options: Sequence[str], again: str
) -> None:
    ended = run(monkeypatch, *options, uid=1000, before=before)
    assert isinstance(ended.exception, UsageError)
    assert ended.exception.exit_code is Exit.USAGE
    assert ended.exception.hint.startswith("Say: sudo ")
    assert ended.exception.hint.endswith(f" {again}")


def test_a_machine_without_systemd_is_told_what_else_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.install.systemctl._BOOTED", Path("/nowhere"))
    ended = run(monkeypatch, uid=0)
    assert isinstance(ended.exception, RelayError)
    assert ended.exception.exit_code is Exit.FAILED
    assert "Docker" in ended.exception.hint


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay in a home, made with the system's Python, on a machine that systemd runs."""
    monkeypatch.setattr("relay.cli.install.running.used", lambda: (Path("/home/me/relay-env/bin/relay"),))
    monkeypatch.setattr("relay.cli.install.running.interpreter", lambda: (Path("/usr"),))
    monkeypatch.setattr("relay.install.systemctl._BOOTED", tmp_path)
    monkeypatch.setattr("relay.install.systemctl.shutil.which", lambda _: "/bin/false")


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize(
    ("python", "how"),
    [
        ("/usr", "where everybody can read it, and from there: sudo python3 -m venv"),
        (
            "/home/me/.pyenv/versions/3.11.7",
            "with the system's Python (3.11 or newer), for this one is hidden: sudo /usr/bin/python3 -m venv --clear",
        ),
    ],
)
def test_a_relay_in_a_home_says_how_to_install_it_elsewhere(
    python: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.cli.install.running.interpreter", lambda: (Path(python),))
    ended = run(monkeypatch, "--force", uid=0)
    assert isinstance(ended.exception, RelayError)
    again = "sudo /opt/relay/bin/pip install . && sudo /opt/relay/bin/relay install --force"
    assert ended.exception.hint == f"Install it {how} /opt/relay && {again}"


@pytest.mark.usefixtures("at_home")
def test_a_dry_run_shows_the_files_all_the_same_and_ends_as_the_real_one_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "stratalerts: {api_key: sk-ocelot}\n"
        'destinations: {bot: {type: webhook, url: "https://bot.example/x"}}\n'
        "rules: [{name: a, to: bot}]\n"
    )

    def dry_run(*options: str) -> tuple[int, str]:
        return invoke(["install", "--dry-run", "-c", str(path), *options]), capsys.readouterr().out

    code, shown = dry_run()
    assert code == Exit.FAILED
    assert "/etc/systemd/system/relay.service  0644 root  " in shown
    assert "note: without --dry-run it would be refused: this relay can't be a service: /home/me" in shown
    assert "ocelot" not in shown
    code, shown = dry_run("--root", str(tmp_path / "root"))
    assert (code, "would be refused" in shown) == (Exit.OK, False)
    assert shown.startswith("note: this relay can't be a service: /home/me")
    monkeypatch.setattr("relay.install.systemctl._BOOTED", Path("/nowhere"))
    code, shown = dry_run()
    assert code == Exit.FAILED
    assert "note: without --dry-run it would be refused: this machine is not run by systemd" in shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            '{"store": "/x", "event": "starting", "level": "info", "timestamp": "2026-04-10T13:45:22Z"}',
            "info: starting store=/x",
        ),
        ('{"event": "no level"}', "info: no level"),
        ("relay: the key was rejected", "relay: the key was rejected"),
        ("[1]", "[1]"),
        ('{"a": 1}', '{"a": 1}'),
    ],
)
def test_a_line_of_the_log_is_shown_for_a_person(line: str, shown: str) -> None:
    assert readable(line) == shown
