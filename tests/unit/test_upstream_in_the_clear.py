"""An upstream whose way shows the key to others is noted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relay.cli import invoke as run
from relay.errors import Exit
from tests.support.config_text import config_text
from tests.support.tls import CA, pem_of

SOCKET = "stratalerts.websocket_url: others on the way can read the API key; use wss://"
UNUSED = "stratalerts.ca_file is never used: neither url has TLS"
REST = "stratalerts.rest_url: others on the way can read the API key; use https://"


@pytest.mark.parametrize(
    ("urls", "notes"),
    [
        ("websocket_url: 'ws://up.example/ws', rest_url: 'HTTP://up.example/api'", [SOCKET, REST]),
        ("websocket_url: 'wss://up.example/ws', rest_url: 'http://10.0.0.7/api'", [REST]),
        ("websocket_url: 'wss://up.example/ws', rest_url: 'https://up.example/api'", []),
        ("websocket_url: 'ws://127.0.0.1:9/ws', rest_url: 'http://localhost:9/api'", []),
        ("websocket_url: 'ws://127.0.0.1:9/ws', rest_url: 'http://localhost:9/api', ca_file: ca.pem", [UNUSED]),
        ("websocket_url: 'ws://127.0.0.1:9/ws', rest_url: 'https://localhost:9/api', ca_file: ca.pem", []),
        ("rest_url: 'http://10.0.0.7/api', ca_file: ca.pem", [REST]),
    ],
)
def test_an_upstream_without_tls_on_another_machine_is_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], urls: str, notes: list[str]
) -> None:
    path = tmp_path / "config.yaml"
    text = config_text("stratalerts", f"stratalerts: {{api_key: k, {urls}}}")
    path.write_text(text.replace("to: bot", "to: bot, max_age: 1m"))
    (tmp_path / "ca.pem").write_text(pem_of(CA()))
    assert run(["check", "-c", str(path), "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["notes"] == notes
