"""What the service manager is told: sd_notify(3), by hand, over its datagram socket.

    ready · reloading · status · watchdog · stopping ──"KEY=value"──> $NOTIFY_SOCKET

Every call is a no-op outside systemd. A call never waits and never raises: a service manager that does not listen is no
reason to stop delivering, and the watchdog notices by itself. (Source: the manual page, "Protocol".)
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

import structlog

from relay.clock import MICROS

_log: Final = structlog.get_logger()


class Notifier:
    """Speaks to the service manager that ``env`` names.

    Args:
        env: The environment; ``NOTIFY_SOCKET`` in it is a path, or an abstract name that begins with ``@``.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        name = env.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name

    def ready(self) -> None:
        """The service is up."""
        self._send("READY=1")

    def reloading(self, monotonic_us: int) -> None:
        """The config is being loaded anew; ``ready`` ends that.

        Args:
            monotonic_us: CLOCK_MONOTONIC now, µs; what the manager tells this reload from an earlier one by.
        """
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_us}")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send("STATUS=" + " ".join(text.split()))  # a line break would begin another assignment

    def stopping(self) -> None:
        """The drain has begun."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """The event loop turns; due more often than ``watchdog_interval``."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.settimeout(0)
                sock.sendto(message.encode(errors="replace"), self._address)
        except OSError as error:
            _log.warning("the service manager did not take a message", message=message, error=str(error))


def watchdog_interval(env: Mapping[str, str]) -> float | None:
    """Seconds between two signs of life: half of what the watchdog allows; None where it does not watch us."""
    if env.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    allowed = env.get("WATCHDOG_USEC", "")
    if not (allowed.isascii() and allowed.isdigit()) or int(allowed) == 0:
        return None
    return int(allowed) / MICROS / 2
