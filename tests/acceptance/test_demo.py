"""``relay demo`` as a user runs it: what it says is true, and nothing of it is left behind."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.command import relay
from tests.support.terminal import terminal

PATIENCE = 60.0  # what a slow machine needs for a short demo


@contextmanager
def demo(tmp: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A demo whose temporary files go to ``tmp``; killed at the end if it still runs."""
    command = [sys.executable, "-m", "relay", "demo", *arguments]
    env = {**os.environ, "TMPDIR": str(tmp)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.kill()


def read_until(running: subprocess.Popen[str], words: str) -> str:
    """What it wrote, up to the first line that holds ``words``."""
    assert running.stdout is not None
    read = ""
    for line in running.stdout:
        read += line
        if words in line:
            return read
    raise AssertionError(f"it never said {words}:\n{read}")


def figure(name: str, text: str) -> int:
    found = re.search(rf"^{name} +(\d+)", text, re.MULTILINE)
    assert found, f"no {name} in:\n{text}"
    return int(found[1])


def left_running(tmp: Path) -> list[int]:
    """Processes that were started with ``tmp`` for their temporary files."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is somebody else's
            if f"TMPDIR={tmp}\0".encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found


def assert_nothing_is_left(tmp: Path) -> None:
    assert list(tmp.iterdir()) == []
    assert left_running(tmp) == []


def test_a_short_demo_delivers_all_that_matched_exactly_once(tmp_path: Path) -> None:
    with demo(tmp_path, "--for", "5s", "--seed", "3") as running:
        out, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, err) == (0, ""), out
    assert figure("fired", out) > 300
    assert figure("matched", out) == figure("delivered", out) > figure("fired", out)
    assert figure("missing", out) == figure("duplicates", out) == 0
    assert figure("recovered", out) > 20  # more than the frames lost: the drop cost some, too
    assert re.search(r"^went wrong +socket dropped 1x, frames swallowed 1x$", out, re.MULTILINE)
    assert re.search(r"^chats +\d+ messages for \d+ alerts, 0 refused for their rate$", out, re.MULTILINE)
    assert re.search(r"^latency +p50 [\d.]+ m?s, p99 [\d.]+ m?s", out, re.MULTILINE)
    assert out.rstrip().endswith("ok: all that matched arrived exactly once")
    assert "\x1b" not in out
    assert out.isascii()
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_sums_up_when_it_is_stopped(tmp_path: Path, ending: signal.Signals) -> None:
    with demo(tmp_path, "--for", "10m") as running:
        said = read_until(running, "fired")
        running.send_signal(ending)
        out, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, err) == (0, ""), said + out
    assert figure("matched", out) == figure("delivered", out)
    assert_nothing_is_left(tmp_path)


def test_the_page_goes_to_another_port_where_its_own_is_taken(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # taken already: all the better
            holder.bind(("127.0.0.1", 8787))
            holder.listen()
        with demo(tmp_path, "--for", "1s") as running:
            out, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, err) == (0, ""), out
    page = re.search(r"^page +http://127\.0\.0\.1:(\d+)/$", out, re.MULTILINE)
    assert page
    assert page[1] != "8787"


async def test_what_it_ran_with_can_be_kept_and_a_used_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    async with terminal("demo", "--for", "1s", "--keep", str(folder), cwd=tmp_path) as shown:
        await shown.until("upstream  connected")
        assert await shown.ended() == 0
    assert figure("matched", shown.shown) == figure("delivered", shown.shown) > 0  # summed up on a terminal, too
    assert shown.shown.endswith("\nok: all that matched arrived exactly once\n")
    check = await relay("check", "-c", str(folder / "config.yaml"))
    assert (check.code, "ok: " in check.out) == (0, True)
    assert "Traceback" not in (folder / "relay.log").read_text() + (folder / "demo.log").read_text()
    again = await relay("demo", "--for", "1s", "--keep", str(folder))
    assert (again.code, again.out) == (64, "")
    assert "is not empty" in again.err


@pytest.mark.skipif(sys.platform != "linux", reason="finds the relay through /proc")
def test_a_relay_that_dies_is_a_failed_demo(tmp_path: Path) -> None:
    with demo(tmp_path, "--for", "10m") as running:
        said = read_until(running, "fired")
        (relay,) = set(left_running(tmp_path)) - {running.pid}
        os.kill(relay, signal.SIGKILL)
        out, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, err) == (1, ""), said + out
    assert "fault: the relay ended with exit code -9" in out
    assert_nothing_is_left(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the relay through /proc")
def test_the_relay_ends_with_a_demo_that_is_killed(tmp_path: Path) -> None:
    with demo(tmp_path, "--for", "10m") as running:
        read_until(running, "fired")
        (relay,) = set(left_running(tmp_path)) - {running.pid}
        handle = os.pidfd_open(relay)
        running.kill()
        running.communicate(timeout=PATIENCE)
        ended, _, _ = select.select([handle], [], [], PATIENCE)
        os.close(handle)
    assert ended


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--for", "soon"], "a duration is a number and a unit"),
        (["--for", "0s"], "1ms at least"),
        (["--speed", "0"], "--speed"),
        (["--keep", __file__], "is a file"),
    ],
)
def test_what_it_cannot_do_is_said_with_exit_code_64(tmp_path: Path, arguments: Sequence[str], said: str) -> None:
    with demo(tmp_path, *arguments) as running:
        out, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, out) == (64, "")
    assert said in err
    assert "Traceback" not in err
