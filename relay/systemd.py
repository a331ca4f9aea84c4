"""What the service manager is told: sd_notify(3), by hand, over its datagram socket.

    ready · reloading · status · watchdog · extend · stopping ──"KEY=value"──> $NOTIFY_SOCKET

Every call is a no-op outside systemd. A call never waits and never raises: a service manager that does not listen is no
reason to stop delivering, and the watchdog notices by itself. (Source: the manual page, "Protocol".)
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import structlog

from relay.clock import MICROS, Clock

_log: Final = structlog.get_logger()

_EXTENSION: Final = 60.0


class Notifier:
    """Speaks to the service manager that ``env`` names.

    Args:
        env: The environment; ``NOTIFY_SOCKET`` in it is a path, or an abstract name that begins with ``@``.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        name = env.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name

    @property
    def listened(self) -> bool:
        """Whether there is a service manager to hear."""
        return bool(self._address)

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

    def extend(self, seconds: float) -> None:
        """Starting or stopping may take so long from now, if that is more than the unit says."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * MICROS)}")

    def watchdog(self) -> None:
        """All is well; due more often than the watchdog's interval."""
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


@asynccontextmanager
async def taking_time(notifier: Notifier, clock: Clock, doing: str) -> AsyncIterator[None]:
    """Ask the service manager for more time, again and again, while the body does something that may take long.

    To be killed half-way would only have it begin anew. It is watched by people then: the status says what goes on.

    Args:
        notifier: The service manager's.
        clock: Paces it.
        doing: That, in a few words.
    """
    asking = asyncio.create_task(_ask_for_time(notifier, clock), name="asking for time")
    notifier.status(doing)
    try:
        yield
    finally:
        asking.cancel()


async def _ask_for_time(notifier: Notifier, clock: Clock) -> None:
    while True:
        notifier.extend(_EXTENSION)
        await clock.sleep(_EXTENSION / 3)


def watchdog_interval(env: Mapping[str, str]) -> float | None:
    """Seconds between two signs of life: half of what the watchdog allows; None where it does not watch us."""
    if env.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    allowed = env.get("WATCHDOG_USEC", "")
    if not (allowed.isascii() and allowed.isdigit()) or int(allowed) == 0:
        return None
    return int(allowed) / MICROS / 2
