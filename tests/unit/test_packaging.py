"""What ships beside the code says what the code does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from relay.config.model import ConfigFile
from relay.durations import parse_duration
from relay.errors import Exit
from tests.support.dockerfile import copied, ours, pairs

ROOT = Path(__file__).parents[2]
UNITS = ["relay.service", "relay@.service"]
ANALYZE = shutil.which("systemd-analyze")
SHUTDOWN_GRACE = ConfigFile.model_fields["shutdown_grace"].get_default(call_default_factory=True)
IMAGE = ours()[-1]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
MAKE = shutil.which("make") or "make"


def directives(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (ROOT / "systemd" / unit).read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_is_not_restarted_where_a_restart_can_not_help(unit: str) -> None:
    (codes,) = directives(unit)["RestartPreventExitStatus"]
    assert {int(code) for code in codes.split()} == {Exit.EVICTED, Exit.REJECTED, Exit.CONFIG}
    assert directives(unit)["Restart"] == ["on-failure"]


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_gives_the_drain_the_time_it_may_take(unit: str) -> None:
    (seconds,) = directives(unit)["TimeoutStopSec"]
    assert parse_duration(seconds) > SHUTDOWN_GRACE
    assert directives(unit)["KillSignal"] == ["SIGTERM"]


@pytest.mark.parametrize(("unit", "state", "folder"), [(UNITS[0], "relay", ""), (UNITS[1], "relay-%i", "%i/")])
def test_the_unit_speaks_sd_notify_and_keeps_state_and_key_to_itself(unit: str, state: str, folder: str) -> None:
    found = directives(unit)
    assert found["Type"] == ["notify"]
    assert parse_duration(found["WatchdogSec"][0]) > 0
    assert found["DynamicUser"] == ["yes"]
    assert found["StateDirectory"] == [state]
    assert found["LoadCredential"] == [f"api_key:/etc/relay/{folder}api_key"]
    assert found["ExecStart"] == [f"/opt/relay/bin/relay -c /etc/relay/{folder}config.yaml run"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze on this machine")
def test_systemd_finds_no_fault_in_the_unit_and_little_exposure(unit: str, tmp_path: Path) -> None:
    path = tmp_path / unit
    text = (ROOT / "systemd" / unit).read_text(encoding="utf-8")
    path.write_text(text.replace("/opt/relay/bin/relay", sys.executable), encoding="utf-8")

    verified = subprocess.run(
        [str(ANALYZE), "verify", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")

    judged = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", "--threshold=15", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unrecognized option" not in judged.stderr:  # before systemd 250
        assert judged.returncode == 0, judged.stdout


def test_the_image_does_not_run_as_root_nor_is_it_built_by_it() -> None:
    for stage in ours():
        user, _, group = stage.one("USER").partition(":")
        assert int(user) > 0
        assert int(group) > 0


def test_the_image_starts_the_relay_itself_so_that_signals_reach_it() -> None:
    assert IMAGE.command("ENTRYPOINT") == ["relay"]
    assert IMAGE.command("CMD") == ["run"]
    assert IMAGE.one("STOPSIGNAL") == "SIGTERM"
    assert IMAGE.command("HEALTHCHECK") == ["relay", "status", "--ready"]


def test_the_image_keeps_its_state_in_its_volume_and_stands_by_when_evicted() -> None:
    variables = pairs(IMAGE.one("ENV"))
    assert [variables["STATE_DIRECTORY"]] == IMAGE.command("VOLUME")
    assert variables["RELAY_ON_EVICTED"] == "standby"


def test_the_image_holds_nothing_that_no_hash_vouches_for() -> None:
    installs = [
        step
        for stage in ours()
        for word, rest in stage.instructions
        if word == "RUN"
        for step in rest.split("&&")
        if re.search(r"\binstall\b", step) and "pip" in step
    ]
    assert len(installs) == 3
    for step in installs:
        assert "--require-hashes" in step or "--no-index" in step


def test_everything_the_image_copies_exists_and_is_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    copies = [copied(rest) for stage in ours() for word, rest in stage.instructions if word == "COPY"]
    sources = [source.rstrip("/") for copy in copies if copy.stage is None for source in copy.sources]
    assert sources
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored


def test_both_stages_begin_with_the_same_bytes_every_time() -> None:
    bases = {stage.base for stage in ours()}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-\w+@sha256:[0-9a-f]{64}", bases.pop())


PINNED = "sha256:" + "0123456789abcdef" * 4


def pin(folder: Path, *, digest: str) -> str:
    """``make pin`` in a folder of its own, with an engine that answers so; the Dockerfile it leaves."""
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copy(ROOT / "Dockerfile", folder)
    engine = folder / "docker"
    engine.write_text(f'#!/bin/sh\necho "$@" >>asked\necho \'"{digest}"\'\n')  # as JSON: plain, some tell it all
    engine.chmod(0o755)
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run([MAKE, "pin"], cwd=folder, env=env, capture_output=True, timeout=30, check=False)
    assert (done.returncode == 0) is digest.startswith("sha256:")
    return (folder / "Dockerfile").read_text(encoding="utf-8")


def test_the_image_is_pinned_to_the_digest_that_the_registry_tells_again_and_again(tmp_path: Path) -> None:
    for _ in range(2):
        assert f"\nARG PYTHON=python:3.12-slim-bookworm@{PINNED}\n" in pin(tmp_path, digest=PINNED)
    asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert all(" python:3.12-slim-bookworm " in f"{line} " for line in asked)
    assert len(asked) == 2


def test_what_is_no_digest_is_not_written_into_the_dockerfile(tmp_path: Path) -> None:
    assert pin(tmp_path, digest="none") == (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_compose_is_read_only_without_privileges_and_patient() -> None:
    service = COMPOSE["services"]["relay"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert parse_duration(service["stop_grace_period"]) > SHUTDOWN_GRACE
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert [f"state:{place}" for place in IMAGE.command("VOLUME")] == service["volumes"][-1:]
    assert pairs(IMAGE.one("ENV"))["RELAY_CONFIG"] in "".join(service["volumes"])


def test_compose_hands_secrets_over_as_files_and_none_in_the_environment() -> None:
    service = COMPOSE["services"]["relay"]
    assert {"environment", "env_file"}.isdisjoint(service)
    assert set(service["secrets"]) == set(COMPOSE["secrets"])
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    assert pairs(IMAGE.one("ENV"))["CREDENTIALS_DIRECTORY"] == "/run/secrets"  # where engines put them


def test_compose_leaves_the_health_check_to_the_image() -> None:
    assert "healthcheck" not in COMPOSE["services"]["relay"]
    assert "restart" in COMPOSE["services"]["relay"]


def test_ci_runs_in_bash_from_anywhere_and_stops_at_the_first_fault() -> None:
    script = ROOT / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in text
    assert text.index("make test") < text.index("make lint")
    assert subprocess.run(["/bin/bash", "-n", str(script)], check=False, timeout=10).returncode == 0


def test_the_workflow_runs_what_runs_anywhere_with_few_rights_and_pinned_actions() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())
    check = workflow["jobs"]["check"]
    assert check["steps"][-1] == {"run": ".ci/run"}
    supported = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    assert check["strategy"]["matrix"]["python"] == supported
    actions = re.findall(r"uses: (.*)", text)
    assert actions
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", action) for action in actions)


def test_the_licence_is_mit_and_the_projects_own() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License")
    assert "The relay developers" in text


def test_contributing_names_only_commands_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z]+)", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for folder in re.findall(r"`(tests/[a-z]+)`", text):
        assert (ROOT / folder).is_dir(), folder
