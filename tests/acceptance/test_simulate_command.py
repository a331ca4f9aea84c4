"""``relay simulate`` as a user runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest
from websockets.sync.client import connect


def simulate(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "relay.cli", "simulate", *arguments]
    command[1:3] = ["-c", "from relay.cli import main; main()"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_serves_and_ends_cleanly(ending: signal.Signals) -> None:
    with simulate("--listen", "127.0.0.1:0", "--key", "another", "--speed", "0") as running:
        assert running.stdout is not None
        ready = running.stdout.readline()
        assert ready.startswith("ready websocket_url=ws://127.0.0.1:")
        url = ready.split()[1].partition("=")[2]
        with connect(url, additional_headers={"X-API-Key": "another"}) as socket:
            socket.send('{"op":"subscribe","topics":[{"channel":"alerts.in_force"}]}')
            assert '"channels":["alerts.in_force"]' in str(socket.recv(timeout=10))
            assert '"type":"alert.in_force"' in str(socket.recv(timeout=10))
        running.send_signal(ending)
        out = running.stdout.read()  # the lines that came with the first one included
        _, err = running.communicate(timeout=20)
    assert (running.returncode, err) == (0, "")
    assert "another" not in out
    assert "Ids begin anew with each start" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "0.0.0.0:8765"], "loopback only"),
        (["--listen", "127.0.0.1"], "HOST:PORT"),
        (["--fault", "earthquake@5s"], "no such fault"),
        (["--symbols", "AAPL,XYZ"], "no bars of XYZ"),
        (["--from", "2012-01-01", "--to", "2011-01-01"], "no trading day"),
        (["--from", "yesterday"], "yesterday"),
    ],
)
def test_what_it_cannot_do_is_said_with_exit_code_64(arguments: Sequence[str], said: str) -> None:
    with simulate(*arguments) as running:
        out, err = running.communicate(timeout=20)
    assert running.returncode == 64
    assert said in err
    assert out == ""
    assert "Traceback" not in err
