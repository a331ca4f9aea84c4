"""A long, even load against the real relay: do its memory, its latency and its store stay as they are?

    a server on loopback ──alerts, 200 a second──> relay run (a process) ──POST──> two receivers
          └── REST: what fired, by since_id              └── /proc: RSS, CPU; the store's files

Retention is short, so that what is finished is deleted and given back while the load goes on; rounds over REST come
every minute. Each minute is a row; in the end the last third is compared with the first.

    python -m benchmarks.soak [--minutes 30] [--rate 200] [--json FILE]
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from bisect import bisect_right
from collections import Counter
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
import msgspec
import yaml
from aiohttp import web
from websockets.asyncio.server import serve

from benchmarks.feeding import Feed
from benchmarks.subjects import Process
from relay.clock import isoformat

_SYMBOLS: Final = tuple(f"S{number:03d}" for number in range(200))
_TIMEFRAMES: Final = ("15", "30", "60", "4H", "12H", "D", "W", "M", "Q", "Y")
_SLICE: Final = 0.05  # seconds of alerts that are sent at once
_CLAMP: Final = 200
_KEPT: Final = 100_000  # alerts that REST still shows: some minutes of them
_PATIENCE: Final = 60.0
_PATHS: Final = ("/bot", "/swing")


class Minute(msgspec.Struct, frozen=True):
    """What a minute was like; latencies in ms from the frame to the request at a receiver, sizes in MB."""

    minute: int
    sent: int
    p50: float
    p99: float
    worst: float
    rss: float
    store: float
    wal: float
    cpu: float


class Soak:
    """Upstream and receivers in one.

    Attributes:
        sent: When each id left.
        came: How often each id came at each path.
        complete: Set once all of them have come everywhere.
    """

    def __init__(self, rate: float, seconds: float) -> None:
        self.feed = Feed(self._fire, rate=rate, seconds=seconds, slice_seconds=_SLICE, settle=1.0)
        self.complete = asyncio.Event()
        self.sent: dict[int, float] = {}
        self.came: dict[str, Counter[int]] = {path: Counter() for path in _PATHS}
        self.latencies: list[float] = []
        self._shown: list[tuple[int, str]] = []
        self.rest_calls = 0

    def _fire(self) -> str:
        number = len(self.sent) + 1
        now = isoformat(time.time_ns() // 1000)
        alert = (
            f'{{"id":{number},"symbol":"{_SYMBOLS[number % len(_SYMBOLS)]}",'
            f'"timeframe":"{_TIMEFRAMES[number // len(_SYMBOLS) % len(_TIMEFRAMES)]}","direction":"bullish",'
            f'"shape":"1-2U","price":{100 + number % 97}.25,"triggered_at":"{now}","cc":"2U"}}'
        )
        self._shown.append((number, alert))
        if len(self._shown) > 2 * _KEPT:
            del self._shown[:_KEPT]
        self.sent[number] = time.perf_counter()
        return f'{{"type":"alert.in_force","ts":"{now}","seq":"{number + 1}","data":{alert}}}'

    async def rest(self, request: web.Request) -> web.Response:
        """The oldest alerts above ``since_id``: whoever pages on sees them all."""
        self.rest_calls += 1
        since = int(request.query.get("since_id", "0"))
        limit = min(int(request.query.get("limit", _CLAMP)), _CLAMP)
        above = self._shown[bisect_right(self._shown, since, key=lambda pair: pair[0]) :]
        items = ",".join(alert for _, alert in above[:limit])
        return web.Response(body=f'{{"items":[{items}]}}'.encode(), content_type="application/json")

    async def hook(self, request: web.Request) -> web.Response:
        """Take a delivery."""
        body = json.loads(await request.read())
        number = body["data"]["id"]
        self.came[request.path][number] += 1
        self.latencies.append(time.perf_counter() - self.sent[number])
        self.look()
        return web.Response()

    def look(self) -> None:
        """Whether all is fired and has come."""
        if self.feed.done.is_set() and all(len(came) == len(self.sent) for came in self.came.values()):
            self.complete.set()


def _config(folder: Path, feed: int, http: int) -> Path:
    destinations = {path.strip("/"): {"type": "webhook", "url": f"http://127.0.0.1:{http}{path}"} for path in _PATHS}
    shown: dict[str, Any] = {
        "stratalerts": {
            "api_key": "soak",
            "websocket_url": f"ws://127.0.0.1:{feed}",
            "rest_url": f"http://127.0.0.1:{http}/api",
        },
        "storage": {"retention": "3m"},
        "backfill": {"every": "1m"},
        "http": {"listen": "off"},
        "log": {"level": "warning", "format": "json"},
        "destinations": destinations,
        "rules": [{"name": "all", "to": list(destinations)}],
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(shown))
    return path


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6 if path.exists() else 0.0


async def _minutes(soak: Soak, relay: Process, folder: Path) -> list[Minute]:
    found: list[Minute] = []
    sent, cpu, at = 0, relay.cpu_seconds(), time.monotonic()
    while not soak.feed.done.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(soak.feed.done.wait(), at + 60.0 * (len(found) + 1) - time.monotonic())
        if len(soak.sent) == sent:  # what is left of the time is no minute
            break
        latencies, soak.latencies = sorted(soak.latencies) or [60.0], []  # nothing came: it takes a minute at least
        used = relay.cpu_seconds()
        minute = Minute(
            len(found) + 1,
            len(soak.sent) - sent,
            p50=1e3 * median(latencies),
            p99=1e3 * latencies[int(0.99 * len(latencies))],
            worst=1e3 * latencies[-1],
            rss=relay.resident_mb(),
            store=_megabytes(folder / "relay.db"),
            wal=_megabytes(folder / "relay.db-wal"),
            cpu=(used - cpu) / 60.0,
        )
        sent, cpu = len(soak.sent), used
        found.append(minute)
        click.echo(_row(minute))
    return found


def _row(one: Minute) -> str:
    return (
        f"| {one.minute} | {one.sent:,} | {one.p50:.1f} | {one.p99:.1f} | {one.worst:.0f} | {one.rss:.1f} "
        f"| {one.store:.1f} | {one.wal:.1f} | {one.cpu:.0%} |"
    )


async def run(*, minutes: float, rate: float) -> dict[str, Any]:
    """One soak; its figures."""
    soak = Soak(rate, minutes * 60)
    app = web.Application()
    app.router.add_get("/api/alerts/in-force", soak.rest)
    for path in _PATHS:
        app.router.add_post(path, soak.hook)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with serve(soak.feed, "127.0.0.1", 0, compression=None) as server:
            config = _config(folder, server.sockets[0].getsockname()[1], runner.addresses[0][1])
            process = await asyncio.create_subprocess_exec(sys.executable, "-m", "relay", "run", "-c", str(config))
            try:
                await asyncio.wait_for(soak.feed.subscribed.wait(), _PATIENCE)
                soak.feed.begin.set()
                found = await _minutes(soak, Process(process.pid, 0.0, folder), folder)
                soak.look()  # all may have come before the last was fired
                await asyncio.wait_for(soak.complete.wait(), _PATIENCE)
            finally:
                process.terminate()
                await process.wait()
    await runner.cleanup()
    return _figures(soak, found)


def _figures(soak: Soak, found: list[Minute]) -> dict[str, Any]:
    third = max(1, len(found) // 3)
    first, last = found[1 : 1 + third] or found, found[-third:]  # the first minute warms up

    def ratio(field: str) -> float:
        before, after = (median(float(getattr(one, field)) for one in some) for some in (first, last))
        return after / before

    return {
        "alerts": len(soak.sent),
        "deliveries": sum(sum(came.values()) for came in soak.came.values()),
        "lost": sum(len(soak.sent) - len(came) for came in soak.came.values()),
        "twice": sum(count - 1 for came in soak.came.values() for count in came.values()),
        "rest_calls": soak.rest_calls,
        "last_third_to_first": {field: round(ratio(field), 3) for field in ("p50", "p99", "rss", "store", "cpu")},
        "rss_mb": [round(found[0].rss, 1), round(found[-1].rss, 1)],
        "minutes": [msgspec.structs.asdict(one) for one in found],
    }


@click.command()
@click.option("--minutes", default=30.0, show_default=True)
@click.option("--rate", default=200.0, show_default=True, help="Alerts a second.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(minutes: float, rate: float, file: Path | None) -> None:
    """Soak, and print a row a minute."""
    click.echo("| minute | alerts | p50 ms | p99 ms | worst ms | RSS MB | store MB | WAL MB | CPU |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    figures = asyncio.run(run(minutes=minutes, rate=rate))
    shown = {key: value for key, value in figures.items() if key != "minutes"}
    click.echo(json.dumps(shown))
    if file is not None:
        file.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
