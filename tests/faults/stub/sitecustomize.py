"""Python loads this at its start, where ``PYTHONPATH`` names this folder: a clock and a name server to tamper with.

* ``$RELAY_TEST_CLOCK`` holds nanoseconds, an int64 in the machine's order, that are added to the wall clock.
* While the file ``$RELAY_TEST_NO_DNS`` exists, no name is resolved any more, and each refusal leaves a byte in it.
  Addresses are understood as before, and no name server is ever asked: a test's traffic stays on this machine.
"""

from __future__ import annotations

import ipaddress
import mmap
import os
import socket
import struct
import time
from typing import Any

_clock = os.environ.get("RELAY_TEST_CLOCK", "")
_no_names = os.environ.get("RELAY_TEST_NO_DNS", "")
_true_ns = time.time_ns
_resolve = socket.getaddrinfo


def _step_clock() -> None:
    with open(_clock, "rb") as file:  # noqa: PTH123  because this runs before every import
        offset = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    offset_ns = struct.Struct("q").unpack_from

    def time_ns() -> int:
        nanoseconds: int = _true_ns() + offset_ns(offset)[0]
        return nanoseconds

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9


def _is_address(host: object) -> bool:
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return True


def _getaddrinfo(host: Any, *args: Any, **named: Any) -> Any:
    if host is not None and not _is_address(host) and os.path.exists(_no_names):  # noqa: PTH110  because of the same
        with open(_no_names, "ab") as file:  # noqa: PTH123  because of the same
            file.write(b".")
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return _resolve(host, *args, **named)


if _clock:
    _step_clock()
if _no_names:
    socket.getaddrinfo = _getaddrinfo
