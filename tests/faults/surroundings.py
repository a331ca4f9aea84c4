"""What a process lives in, and how it fails: a disk, a clock, a name server, file descriptors.

The disk is a small tmpfs, limits are set on the live process by ``prlimit``; the wall clock and the name server are
those of ``stub/sitecustomize.py``, which answers in their place inside the process. (``libfaketime`` steps the clock
from outside, but breaks more than that: under it CPython's own sleeps and waits fail or spin.)
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

_PAGE: Final = 4096
_OFFSET: Final = struct.Struct("q")  # nanoseconds
_STUB: Final = Path(__file__).parent / "stub"


class Disk:
    """A file system of its own, where this user may mount one; else a plain folder."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.mounted = False

    async def mount(self) -> None:
        """Make it."""
        self.place.mkdir()
        if shutil.which("mount") is None or shutil.which("umount") is None:
            return
        self.mounted = not await _command("mount", "-t", "tmpfs", "-o", "size=256m", "relay-faults", str(self.place))

    async def unmount(self) -> None:
        """Let go of it; nobody may use it any more."""
        if self.mounted:
            self.free()
            await self.read_only(on=False)
            for _ in range(50):
                if not await _command("umount", str(self.place)):
                    return
                await asyncio.sleep(0.1)

    def fill(self) -> None:
        """Leave no byte."""
        with self._filler.open("wb", buffering=0) as file, suppress(OSError):
            for size in (1 << 20, _PAGE):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)

    async def read_only(self, *, on: bool) -> bool:
        """Take no writes; whether that could be had: nobody may have it open for writing."""
        return not await _command("mount", "-o", f"remount,{'ro' if on else 'rw'}", str(self.place))

    @property
    def _filler(self) -> Path:
        return self.place / "filler"


class Machine:
    """The clock, the names and the limits of one process.

    Attributes:
        env: What its environment needs for that.
        refused_names: How often a name was not resolved.
    """

    def __init__(self, folder: Path) -> None:
        self._clock = folder / "clock"
        self._no_dns = folder / "no-dns"
        self._clock.write_bytes(_OFFSET.pack(0))
        self.refused_names = 0
        self.env = {
            "PYTHONPATH": str(_STUB),
            "RELAY_TEST_CLOCK": str(self._clock),
            "RELAY_TEST_NO_DNS": str(self._no_dns),
        }

    def set_clock(self, offset: float) -> None:
        """The wall clock is off by so many seconds from now on; the monotonic one goes on."""
        with self._clock.open("r+b") as file:  # in place: the process has this very file mapped
            file.write(_OFFSET.pack(round(offset * 1_000_000_000)))

    def names(self, *, on: bool) -> None:
        """Resolve names, or none."""
        if not on:
            self._no_dns.touch()
        elif self._no_dns.exists():
            self.refused_names += self._no_dns.stat().st_size
            self._no_dns.unlink()


def open_files(pid: int) -> int:
    """File descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  because there is nothing to make paths of


def limit(pid: int, what: int, soft: int | None) -> None:
    """Set a live process's limit; None sets it to all it may have."""
    with suppress(ProcessLookupError):
        _, hard = resource.prlimit(pid, what)
        resource.prlimit(pid, what, (hard if soft is None else soft, hard))


async def _command(*words: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()
