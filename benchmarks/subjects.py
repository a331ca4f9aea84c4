"""What is measured: the relay and the hand-written loop, each the real command in a process of its own.

    running(RELAY | NAIVE, load) ──> Process      its CPU seconds, its resident memory; ended by SIGTERM

Figures of a process are the kernel's, from ``/proc`` (proc(5)), so this runs on Linux.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.load import BenchmarkError, Load

_KEY: Final = "sk_bench_no_secret"
_NAIVE: Final = Path(__file__).with_name("naive.py")
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_CONFIG: Final = """\
stratalerts: {{api_key: {key}, websocket_url: "{feed}", rest_url: "{rest}"}}
http: {{listen: "127.0.0.1:{port}"}}
destinations:
  bot: {{type: webhook, url: "{hook}", secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}}
rules:
  - {{name: daily bulls, timeframe: D, direction: bullish, to: bot}}
"""


@dataclass(frozen=True, slots=True)
class Process:
    """A running subject.

    Attributes:
        pid: The process.
        began_at: When it was started, seconds of ``time.perf_counter``.
        folder: Its working directory, gone when it ends.
    """

    pid: int
    began_at: float
    folder: Path

    def cpu_seconds(self) -> float:
        """User and system time of all its threads, to the clock tick (10 ms)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_mb(self) -> float:
        """Resident memory, MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024 / 1e6


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to measure.

    Attributes:
        name: As the table calls it.
        arguments: Its command line after ``python``, for a load and a folder it may write to.
        check: Called when it has ended, with the folder and how many alerts were sent and matched.
    """

    name: str
    arguments: Callable[[Load, Path], list[str]]
    check: Callable[[Path, int, int], None]


def _relay(load: Load, folder: Path) -> list[str]:
    config = folder / "config.yaml"
    config.write_text(_CONFIG.format(key=_KEY, feed=load.feed, rest=load.rest, hook=load.hook, port=load.free_port()))
    return ["-m", "relay", "run", "-c", str(config)]


def _everything_is_stored(folder: Path, sent: int, matched: int) -> None:
    with closing(sqlite3.connect(folder / "relay.db")) as db:
        stored = db.execute("SELECT count(*) FROM events").fetchone()[0]
        delivered = db.execute("SELECT count(*) FROM deliveries WHERE state = 'delivered'").fetchone()[0]
    if (stored, delivered) != (sent, matched):
        raise BenchmarkError(
            f"the relay stored {stored} of {sent} alerts and noted {delivered} of {matched} deliveries"
        )


def _naive(load: Load, folder: Path) -> list[str]:
    del folder
    return [str(_NAIVE), load.feed, load.hook, _KEY]


def _nothing_is_kept(folder: Path, sent: int, matched: int) -> None:
    del folder, sent, matched


RELAY: Final = Subject("relay", _relay, _everything_is_stored)
NAIVE: Final = Subject("naive", _naive, _nothing_is_kept)


@asynccontextmanager
async def running(subject: Subject, load: Load) -> AsyncIterator[Process]:
    """Start ``subject``, wait until it has subscribed, and in the end stop it and check its work.

    Raises:
        BenchmarkError: It ended by itself, or its books do not agree with ours.
    """
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as name:
        folder = Path(name)
        log = folder / "log"
        arguments = subject.arguments(load, folder)
        environment = {"PATH": os.environ["PATH"], "HOME": name}  # no proxy, no config of somebody's
        with log.open("wb") as out:
            began_at = time.perf_counter()
            child = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, cwd=folder, env=environment, stdout=out, stderr=out
            )
        ended = asyncio.ensure_future(child.wait())
        ready = asyncio.ensure_future(load.subscribed.wait())
        try:
            await asyncio.wait((ended, ready), timeout=30, return_when=asyncio.FIRST_COMPLETED)
            if ended.done() or not ready.done():
                raise BenchmarkError(f"{subject.name} did not subscribe:\n{log.read_text()[-2000:]}")
            yield Process(child.pid, began_at, folder)
        finally:
            ready.cancel()
            if not ended.done():
                child.terminate()
                await ended
        subject.check(folder, len(load.sent), load.matched)
