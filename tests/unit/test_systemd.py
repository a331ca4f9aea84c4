"""sd_notify, against a real datagram socket."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay.systemd import Notifier, watchdog_interval


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@relay-test-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name[1:] if name.startswith("@") else name)
        sock.settimeout(5)
        yield name, sock


@pytest.mark.parametrize(
    ("say", "heard"),
    [
        (Notifier.ready, b"READY=1"),
        (Notifier.stopping, b"STOPPING=1"),
        (lambda notifier: notifier.reloading(12_345), b"RELOADING=1\nMONOTONIC_USEC=12345"),
        (Notifier.watchdog, b"WATCHDOG=1"),
        (lambda notifier: notifier.status("connected, 2 lanes"), b"STATUS=connected, 2 lanes"),
        (lambda notifier: notifier.status("two\nlines\r\nREADY=1"), b"STATUS=two lines READY=1"),
    ],
)
def test_the_service_manager_hears_each_message(
    manager: tuple[str, socket.socket], say: Callable[[Notifier], None], heard: bytes
) -> None:
    name, sock = manager

    say(Notifier({"NOTIFY_SOCKET": name}))

    assert sock.recv(1024) == heard


@pytest.mark.parametrize("env", [{}, {"NOTIFY_SOCKET": ""}])
def test_outside_systemd_nothing_happens(env: dict[str, str]) -> None:
    notifier = Notifier(env)
    with capture_logs() as said:
        notifier.ready()
        notifier.status("x")
        notifier.stopping()
        notifier.watchdog()
    assert said == []


def test_a_manager_that_is_gone_is_logged_and_harmless(tmp_path: Path) -> None:
    with capture_logs() as said:
        Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()

    assert [line["message"] for line in said] == ["READY=1"]


def test_a_manager_that_does_not_read_never_makes_us_wait(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, capture_logs() as said:
        sock.bind(str(tmp_path / "notify"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        for _ in range(2_000):  # far more than the kernel queues
            notifier.watchdog()
            if said:
                break
    assert said


@pytest.mark.parametrize(
    ("env", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_a_sign_of_life_is_due_twice_per_watchdog_interval(env: dict[str, str], seconds: float | None) -> None:
    assert watchdog_interval(env) == seconds
