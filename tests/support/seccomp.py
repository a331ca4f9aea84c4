"""What a unit forbids its process to ask of the kernel, put on this process by libseccomp: a forbidden call kills it.

    unit ──SystemCallFilter · RestrictAddressFamilies · MemoryDenyWriteExecute──> confine ──> the kernel

systemd answers a forbidden call with EPERM, and a program may go on as if nothing were; here it dies, so that a run
that lives shows that none was made. Families of sockets are refused as systemd refuses them, with EAFNOSUPPORT, because
the C library tries some and does without. What a group of calls is, ``systemd-analyze syscall-filter`` says.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import shutil
import socket
import subprocess
from collections.abc import Iterable
from functools import cache
from typing import Final

_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_LOG_AND_KILL_BIT: Final = 4  # SCMP_FLTATR_CTL_LOG
_ERRNO: Final = 0x00050000
_EQUAL, _MASKED = 4, 7
_NO_NEW_PRIVILEGES: Final = 38
_WRITE, _EXECUTE = 2, 4
_SHARED_EXECUTE: Final = 0o100000
_MOST_FAMILIES: Final = 64


class _Argument(ctypes.Structure):
    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


def why_not() -> str:
    """Why no process can be confined here; empty where one can."""
    if ctypes.util.find_library("seccomp") is None:
        return "no libseccomp on this machine"
    return "" if shutil.which("systemd-analyze") else "no systemd-analyze on this machine"


def values(unit: str, setting: str) -> list[str]:
    """What a unit's text says for a setting, line by line."""
    return [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{setting}=")]


@cache
def calls_of(group: str) -> frozenset[str]:
    """The system calls of ``@group``, with those of the groups in it."""
    if not group.startswith("@"):
        return frozenset([group])
    listed = subprocess.run(
        [str(shutil.which("systemd-analyze")), "syscall-filter", "--no-pager", group],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    members = [line.strip() for line in listed.stdout.splitlines()[1:]]
    return frozenset().union(*(calls_of(name) for name in members if name and not name.startswith("#")))


def allowed(unit: str) -> frozenset[str]:
    """The system calls that are left to a unit: those of its first lines, without those of lines with ``~``."""
    left = set(calls_of("@default"))
    for line in values(unit, "SystemCallFilter"):
        named = frozenset().union(*(calls_of(name) for name in line.removeprefix("~").split()))
        left = left - named if line.startswith("~") else left | named
    return frozenset(left)


def families(unit: str) -> list[int]:
    """The families of sockets that a unit leaves to its process."""
    (line,) = values(unit, "RestrictAddressFamilies")
    return [getattr(socket, name).value for name in line.split()]


class _Filter:
    """A filter under construction."""

    def __init__(self, default: int) -> None:
        self._library = ctypes.CDLL(ctypes.util.find_library("seccomp"))
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(default)))
        assert self._context.value

    def rule(self, action: int, call: str, *arguments: _Argument) -> None:
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:  # not of this machine
            return
        array = (_Argument * max(1, len(arguments)))(*arguments)
        done = self._library.seccomp_rule_add_array(
            self._context, ctypes.c_uint32(action), ctypes.c_int(number), ctypes.c_uint(len(arguments)), array
        )
        assert done == 0, (call, done)

    def load(self) -> None:
        self._library.seccomp_attr_set(self._context, ctypes.c_int(_LOG_AND_KILL_BIT), ctypes.c_uint32(1))
        done = self._library.seccomp_load(self._context)
        assert done == 0, done


def confine(calls: Iterable[str], sockets: Iterable[int]) -> None:
    """Forbid this process, all that it starts included, any other call, any other socket, and to run what it wrote.

    Args:
        calls: What it may call.
        sockets: Families of sockets that it may open.
    """
    ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    both = _WRITE | _EXECUTE
    details = _Filter(_ALLOW)
    details.rule(_KILL, "mmap", _Argument(2, _MASKED, both, both))
    for call in ("mprotect", "pkey_mprotect"):
        details.rule(_KILL, call, _Argument(2, _MASKED, _EXECUTE, _EXECUTE))
    details.rule(_KILL, "shmat", _Argument(2, _MASKED, _SHARED_EXECUTE, _SHARED_EXECUTE))
    for family in set(range(_MOST_FAMILIES)) - set(sockets):
        details.rule(_ERRNO | errno.EAFNOSUPPORT, "socket", _Argument(0, _EQUAL, family, 0))
    filtered = _Filter(_KILL)
    for call in calls:
        filtered.rule(_ALLOW, call)
    details.load()
    filtered.load()
