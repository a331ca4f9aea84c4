"""What ships beside the code says what the code does."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from relay.durations import parse_duration
from relay.errors import Exit

ROOT = Path(__file__).parents[2]
UNIT = (ROOT / "systemd" / "relay.service").read_text(encoding="utf-8")
ANALYZE = shutil.which("systemd-analyze")
SHUTDOWN_GRACE = parse_duration("20s")  # the config's default


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continued lines joined, comments left out."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#")).replace("\\\n", "")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    return found[max(number for number, (word, _) in enumerate(found) if word == "FROM") :]


def setting(word: str) -> str:
    (found,) = [rest for name, rest in last_stage() if name == word]
    return found


def directives() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_the_unit_is_not_restarted_where_a_restart_can_not_help() -> None:
    (codes,) = directives()["RestartPreventExitStatus"]
    assert {int(code) for code in codes.split()} == {Exit.EVICTED, Exit.REJECTED, Exit.CONFIG}
    assert directives()["Restart"] == ["on-failure"]


def test_the_unit_gives_the_drain_the_time_it_may_take() -> None:
    (seconds,) = directives()["TimeoutStopSec"]
    assert parse_duration(seconds) > SHUTDOWN_GRACE
    assert directives()["KillSignal"] == ["SIGTERM"]


def test_the_unit_speaks_sd_notify_and_keeps_state_and_key_to_itself() -> None:
    found = directives()
    assert found["Type"] == ["notify"]
    assert parse_duration(found["WatchdogSec"][0]) > 0
    assert found["DynamicUser"] == ["yes"]
    assert found["StateDirectory"] == ["relay"]
    assert found["LoadCredential"] == ["api_key:/etc/relay/api_key"]


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze on this machine")
def test_systemd_finds_no_fault_in_the_unit_and_little_exposure(tmp_path: Path) -> None:
    unit = tmp_path / "relay.service"
    unit.write_text(UNIT.replace("/opt/relay/bin/relay", sys.executable), encoding="utf-8")

    verified = subprocess.run(
        [str(ANALYZE), "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")

    judged = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unrecognized option" not in judged.stderr:  # before systemd 250
        assert judged.returncode == 0, judged.stdout


def test_the_image_does_not_run_as_root() -> None:
    user, _, group = setting("USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0


def test_the_image_starts_the_relay_itself_so_that_signals_reach_it() -> None:
    assert json.loads(setting("ENTRYPOINT")) == ["relay"]
    assert json.loads(setting("CMD")) == ["run"]
    assert setting("STOPSIGNAL") == "SIGTERM"


def test_the_image_keeps_its_state_in_its_volume_and_stands_by_when_evicted() -> None:
    variables = dict(part.split("=", 1) for part in shlex.split(setting("ENV")))
    assert variables["STATE_DIRECTORY"] in json.loads(setting("VOLUME"))
    assert variables["RELAY_ON_EVICTED"] == "standby"


def test_the_image_holds_nothing_that_no_hash_vouches_for() -> None:
    installs = [
        step
        for word, rest in instructions()
        if word == "RUN"
        for step in rest.split("&&")
        if re.search(r"\binstall\b", step) and "pip" in step
    ]
    assert len(installs) == 3
    for step in installs:
        assert "--require-hashes" in step or "--no-index" in step


def test_everything_the_image_copies_exists_and_is_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    sources = [
        source.rstrip("/")
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored


class Health(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def health() -> Iterator[tuple[type[Health], str]]:
    handler = type("Answering", (Health,), {})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield handler, f"http://127.0.0.1:{server.server_port}/healthz"
        server.shutdown()
        thread.join()


def test_the_images_health_check_passes_while_the_relay_is_healthy_and_only_then(
    health: tuple[type[Health], str],
) -> None:
    _, _, command = setting("HEALTHCHECK").partition("CMD ")
    python, *arguments = json.loads(command)
    assert python == "python"

    def check(url: str) -> int:
        environment = {**os.environ, "RELAY_HEALTH_URL": url, "http_proxy": "http://127.0.0.1:9"}
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, timeout=30, check=False
        )
        return done.returncode

    handler, url = health
    assert check(url) == 0
    handler.status = 503
    assert check(url) != 0
    assert check("http://127.0.0.1:9/healthz") != 0


def test_compose_is_read_only_without_privileges_and_patient() -> None:
    service = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["relay"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert parse_duration(service["stop_grace_period"]) > SHUTDOWN_GRACE
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert "state:/var/lib/relay" in service["volumes"]


def test_ci_runs_in_bash_from_anywhere_and_stops_at_the_first_fault() -> None:
    script = ROOT / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in text
    assert text.index("make test") < text.index("make lint")
    assert subprocess.run(["/bin/bash", "-n", str(script)], check=False, timeout=10).returncode == 0


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
