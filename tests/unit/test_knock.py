"""A health check asks a relay in little time, and leaves to the full question whatever is not plainly an answer."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from relay.cli import knock

READY = {"ready": True, "reasons": [], "degraded": ["swing is switched off"]}
SLOW = ("pydantic", "aiohttp", "structlog", "rich", "websockets", "jinja2", "asyncio")


class Readyz(BaseHTTPRequestHandler):
    status = 200
    body = json.dumps(READY)

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/readyz" else 404)
        self.end_headers()
        self.wfile.write(self.body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def relay() -> Iterator[tuple[type[Readyz], int]]:
    handler = type("Answering", (Readyz,), {})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield handler, server.server_port
        server.shutdown()
        thread.join()


def config(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:{port}", "0.0.0.0:{port}", "localhost:{port}", "${HOST:-127.0.0.1}:{port}", "${ADDRESS}"]
)
def test_a_relay_that_listens_somewhere_on_this_machine_is_asked(
    listen: str, relay: tuple[type[Readyz], int], tmp_path: Path
) -> None:
    handler, port = relay
    env = {"ADDRESS": f"0.0.0.0:{port}", "http_proxy": "http://127.0.0.1:9"}
    path = config(tmp_path, f'http: {{listen: "{listen.replace("{port}", str(port))}", token: "${{UNSET}}"}}\n')
    assert knock.readiness(path, env) == READY
    handler.status = 503
    handler.body = json.dumps({**READY, "ready": False})
    assert knock.readiness(None, env | {"RELAY_CONFIG": str(path)}) == {**READY, "ready": False}


@pytest.mark.parametrize(
    "text",
    [
        "http: [", "http: {listen: off}", "http: {listen: 9}", "http: {listen: ':9'}", "http: {listen: '${UNSET}'}",
        "http: 5", "http: {listen: '127.0.0.1:9'}", "http: {listen: [1]}", "http: {listen: '127.0.0.1:99999'}",
    ],
)  # fmt: skip
def test_what_is_hard_to_tell_is_left_to_the_full_question(text: str, tmp_path: Path) -> None:
    assert knock.readiness(config(tmp_path, text), {}) is None


def test_where_the_config_says_nothing_the_relay_is_asked_where_it_listens_by_itself(
    relay: tuple[type[Readyz], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knock, "DEFAULT_LISTEN", f"127.0.0.1:{relay[1]}")
    assert knock.readiness(config(tmp_path, "rules: []\n"), {}) == READY
    assert knock.readiness(config(tmp_path, "http: {}\n"), {}) == READY


def test_a_config_that_is_not_there_is_left_to_the_full_question(tmp_path: Path) -> None:
    assert knock.readiness(tmp_path / "none.yaml", {}) is None


@pytest.mark.parametrize(("status", "body"), [(200, "<html>"), (200, "[]"), (200, "{}"), (403, json.dumps(READY))])
def test_another_program_is_not_taken_for_a_relay(
    status: int, body: str, relay: tuple[type[Readyz], int], tmp_path: Path
) -> None:
    handler, port = relay
    handler.status, handler.body = status, body
    assert knock.readiness(config(tmp_path, f"http: {{listen: '127.0.0.1:{port}'}}\n"), {}) is None


def test_asking_whether_a_relay_is_ready_loads_nothing_that_takes_long(
    relay: tuple[type[Readyz], int], tmp_path: Path
) -> None:
    path = config(tmp_path, f"http: {{listen: '127.0.0.1:{relay[1]}'}}\n")
    script = f"""
import sys
from relay.cli import invoke
code = invoke(["status", "--ready", "-c", {str(path)!r}])
print(code, *(name for name in {SLOW!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == ["ready", "degraded: swing is switched off", "0"], done.stderr
