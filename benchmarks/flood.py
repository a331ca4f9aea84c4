"""A flood of quotes against the real relay: what 5,000 a second with 500 rules cost it, and what they write.

    a server on loopback ──quotes, paced──> relay run (a process) ──fired──> a receiver
                                               └── /proc: CPU, RSS, bytes written; the store: events

500 rules, one a symbol. Three floods beside one another: with the rules on other symbols, so that nothing is judged;
with no price reaching a level; and with a share of the symbols passing theirs every second, up and down in turn.

    python -m benchmarks.flood [--seconds 60] [--rate 5000] [--turning 0.01]
"""

from __future__ import annotations

import asyncio
import resource
import socket
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import aiohttp
import click
import msgspec
import yaml
from aiohttp import web
from websockets.asyncio.server import serve

from benchmarks.feeding import Feed
from benchmarks.subjects import Process
from relay.clock import isoformat

_RULES: Final = 500
_SYMBOLS: Final = tuple(f"S{number:03d}" for number in range(_RULES))
_SLICE: Final = 0.02  # seconds of quotes that are sent at once
_LEVEL: Final = 100.0


class Figures(msgspec.Struct, frozen=True):
    """What a flood cost.

    Attributes:
        rate: Quotes a second that were sent, and were counted by the relay.
        cpu_share: Of one core.
        rss_before, rss_after: MB.
        written_kb: Bytes that the process wrote to storage.
        fired: Events stored.
        delivered: Messages that arrived.
        load_share: CPU of the flood itself, of one core.
    """

    rate: float
    cpu_share: float
    rss_before: float
    rss_after: float
    written_kb: float
    fired: int
    delivered: int
    load_share: float


def _config(folder: Path, port: int, hook: int, page: int, prefix: str) -> Path:
    rules = [
        {
            "name": f"r{number}",
            "channel": "quotes",
            "symbol": f"{prefix}{number:03d}",
            "price": {"crosses_above": _LEVEL},
            "to": "bot",
        }
        for number in range(_RULES)
    ]
    shown: dict[str, Any] = {
        "stratalerts": {
            "api_key": "flood",
            "websocket_url": f"ws://127.0.0.1:{port}",
            "rest_url": f"http://127.0.0.1:{hook}/api",
        },
        "http": {"listen": f"127.0.0.1:{page}"},
        "log": {"level": "warning", "format": "json"},
        "destinations": {"bot": {"type": "webhook", "url": f"http://127.0.0.1:{hook}/hook"}},
        "rules": rules,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(shown))
    return path


class _Quotes:
    """Quotes of all symbols in turn; those of some pass their level every second, up and down."""

    def __init__(self, turning: float) -> None:
        self._turning = round(turning * _RULES)
        self._sent = 0
        self._began: float | None = None

    def __call__(self) -> bytes:
        now_s = time.monotonic()
        self._began = now_s if self._began is None else self._began
        symbol = self._sent % _RULES
        away = 5.0 if symbol < self._turning and int(now_s - self._began) % 2 else -5.0
        self._sent += 1
        price = _LEVEL + away + (self._sent % 97) / 100
        now = isoformat(time.time_ns() // 1000)
        return (
            f'{{"type":"quote","ts":"{now}","seq":"{self._sent + 1}","data":{{"symbol":"{_SYMBOLS[symbol]}",'
            f'"price":{price:.2f},"volume":{self._sent * 100},"event_ts":"{now}"}}}}'
        ).encode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _written(pid: int) -> int:
    lines = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(lines["write_bytes"])


async def _counted(page: int, wanted: int) -> int:
    """Quotes that the relay says it received, once that is all of them."""
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"http://127.0.0.1:{page}/metrics") as answer:
                text = await answer.text()
            found = next(
                line for line in text.splitlines() if line.startswith('relay_upstream_frames_total{type="quote"')
            )
            count = int(float(found.split()[-1]))
            if count >= wanted:
                return count
            await asyncio.sleep(0.1)


async def measure(*, seconds: float, rate: float, turning: float, judged: bool) -> Figures:
    """One flood."""
    feed = Feed(_Quotes(turning), rate=rate, seconds=seconds, slice_seconds=_SLICE)
    delivered = 0

    async def hook(request: web.Request) -> web.Response:
        nonlocal delivered
        await request.read()
        delivered += 1
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hook)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with serve(feed, "127.0.0.1", 0, compression=None) as server:
            port = server.sockets[0].getsockname()[1]
            page = _free_port()
            config = _config(folder, port, runner.addresses[0][1], page, "S" if judged else "T")
            command = (sys.executable, "-m", "relay", "run", "-c", str(config))
            process = await asyncio.create_subprocess_exec(*command)
            try:
                await asyncio.wait_for(feed.subscribed.wait(), 20)
                await asyncio.sleep(1.0)  # the start is not measured
                relay = Process(process.pid, 0.0, folder)
                cpu, rss, written = relay.cpu_seconds(), relay.resident_mb(), _written(relay.pid)
                own = resource.getrusage(resource.RUSAGE_SELF)
                feed.begin.set()
                await feed.done.wait()
                count = await _counted(page, feed.sent)
                used, after = relay.cpu_seconds() - cpu, relay.resident_mb()
                wrote = _written(relay.pid) - written
                end = resource.getrusage(resource.RUSAGE_SELF)
            finally:
                process.terminate()
                await process.wait()
            with sqlite3.connect(folder / "relay.db") as db:
                fired = db.execute("SELECT count(*) FROM events").fetchone()[0]
    await runner.cleanup()
    load = (end.ru_utime + end.ru_stime - own.ru_utime - own.ru_stime) / feed.took
    return Figures(
        rate=count / feed.took,
        cpu_share=used / feed.took,
        rss_before=rss,
        rss_after=after,
        written_kb=wrote / 1024,
        fired=fired,
        delivered=delivered,
        load_share=load,
    )


@click.command()
@click.option("--seconds", default=60.0, show_default=True)
@click.option("--rate", default=5000.0, show_default=True, help="Quotes a second.")
@click.option("--turning", default=0.01, show_default=True, help="Share of symbols that pass their level every second.")
def main(seconds: float, rate: float, turning: float) -> None:
    """Measure, and print a table."""
    floods = {
        "rules on other symbols": {"turning": 0.0, "judged": False},
        "no level reached": {"turning": 0.0, "judged": True},
        f"{turning:.0%} of symbols turn every second": {"turning": turning, "judged": True},
    }
    click.echo("| flood | quotes/s | CPU of a core | RSS before, after | written | events | delivered | load's CPU |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, how in floods.items():
        found = asyncio.run(measure(seconds=seconds, rate=rate, **how))  # type: ignore[arg-type]  # as named above
        click.echo(
            f"| {name} | {found.rate:,.0f} | {found.cpu_share:.1%} | {found.rss_before:.0f}, {found.rss_after:.0f} MB "
            f"| {found.written_kb:,.0f} KB | {found.fired} | {found.delivered} | {found.load_share:.0%} |"
        )


if __name__ == "__main__":
    main()
