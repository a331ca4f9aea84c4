"""A week's outage: a million deliveries wait for a destination that refuses, and the relay goes on beside them.

    a store made beforehand ──> relay run (a process) <── alerts, 200/s, on loopback
                                  ├── POSTs ──> refused, then taken
                                  └── /proc: memory; its HTTP: pages, lists; the outbox itself: claims, commits, steps

The same with an empty store, so that what the queue costs is the difference. At the end the destination returns, and
how fast the queue drains is measured, too.

    python -m benchmarks.million [--waiting 1000000] [--arrivals 60] [--drain 60] [--json FILE]
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import aiohttp
import click

from benchmarks.load import MATCHING, BenchmarkError, Load, serving
from benchmarks.subjects import Process
from relay.clock import MICROS, SystemClock
from relay.deliveries import Outcome, RuleMatch, Verdict
from relay.events import Channel, Event, Instant, Source
from relay.outbox.base import Entry, NewDelivery
from relay.outbox.file import open_store
from relay.outbox.sqlite import SqliteOutbox

Figures = dict[str, float]

_RATE: Final = 200.0
_WEEK_US: Final = 7 * 86_400 * MICROS
_TIMES: Final = 20
_SYMBOLS: Final = 500
_BATCH: Final = 10_000
_PATIENCE: Final = 120.0
_CONFIG: Final = """\
stratalerts: {{api_key: sk_bench_no_secret, websocket_url: "{feed}", rest_url: "{rest}"}}
http: {{listen: "127.0.0.1:{port}"}}
log: {{level: error, format: json}}
destinations:
  bot: {{type: webhook, url: "{hook}", retry: {{initial: 1s, max: 2s, give_up_after: 30d}}}}
rules:
  - {{name: daily bulls, timeframe: D, direction: bullish, to: bot}}
"""

ROWS: Final = (
    ("store_mb", "the store, MB", "{:,.0f}"),
    ("start_s", "start to subscribed, s", "{:.2f}"),
    ("check_s", "quick_check, s", "{:.2f}"),
    ("claim_ms", "claim of 64, ms", "{:.2f}"),
    ("commit_ms", "commit of one alert, ms", "{:.2f}"),
    ("settle_ms", "note of one delivery, ms", "{:.2f}"),
    ("stats_ms", "ledger and queues, ms", "{:.2f}"),
    ("list_ms", "/api/deliveries, ms", "{:.2f}"),
    ("page_ms", "/, ms", "{:.2f}"),
    ("dead_ms", "/api/dead, ms", "{:.2f}"),
    ("prune_ms", "longest step of retention, ms", "{:.1f}"),
    ("rss_start_mb", "memory when started, MB", "{:.1f}"),
    ("rss_mb", "memory after the arrivals, MB", "{:.1f}"),
    ("drain_per_s", "drained when it returns, deliveries/s", "{:,.0f}"),
)


def build(path: Path, waiting: int) -> None:
    """A store in which so many alerts wait, spread over the last week."""
    now_us = SystemClock().now_us()
    first_us = now_us - _WEEK_US
    with closing(open_store(path, now_us=first_us)) as db:
        db.execute("PRAGMA synchronous = OFF")
        for start in range(1, waiting + 1, _BATCH):
            numbers = range(start, min(waiting + 1, start + _BATCH))
            db.execute("BEGIN")
            db.executemany(_EVENT, [_event(number, first_us + _WEEK_US * number // waiting) for number in numbers])
            db.executemany(
                _DELIVERY, [_delivery(number, first_us + _WEEK_US * number // waiting) for number in numbers]
            )
            db.execute("COMMIT")
        db.execute("INSERT INTO destinations (name, sequence) VALUES ('bot', ?)", (waiting,))
        for channel in ("alerts.in_force", "alerts.simultaneous_breaks"):
            db.execute(
                "INSERT INTO channels (name, baseline_id, baseline_before) VALUES (?, 0, ?)", (channel, first_us)
            )
            db.execute("INSERT INTO rounds VALUES (?, ?, ?, ?)", (channel, waiting, now_us, now_us + 1))
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


_EVENT: Final = (
    "INSERT INTO events (seq, key, channel, upstream_id, subject, symbols, timeframe, direction, shape, price, cc, "
    "triggered_at, precision, source, received_at, data) "
    "VALUES (?, ?, 'alerts.in_force', ?, ?, ?, 'D', 'bullish', '1-2U', 101.25, '2U', ?, 1000000, 'live', ?, ?)"
)
_DELIVERY: Final = (
    "INSERT INTO deliveries (id, event, destination, sequence, ordering_key, webhook_id, rules, source, state, "
    "received_at, updated_at) VALUES (?, ?, 'bot', ?, ?, ?, '[{\"name\":\"daily bulls\"}]', 'live', 'pending', ?, ?)"
)


def _event(number: int, at_us: int) -> tuple[object, ...]:
    symbol = f"S{number % _SYMBOLS:03d}"
    data = {"id": number, "symbol": symbol, "timeframe": "D", "direction": "bullish", "shape": "1-2U", "price": 101.25}
    body = json.dumps({**data, "triggered_at": "2026-04-10T14:35:00Z", "cc": "2U", "continuation": False})
    return (number, f"alerts.in_force:{number}", number, symbol, json.dumps([symbol]), at_us, at_us, body)


def _delivery(number: int, at_us: int) -> tuple[object, ...]:
    symbol = f"S{number % _SYMBOLS:03d}"
    return (number, number, number, symbol, f"msg_{number:032x}", at_us, at_us)


async def _times(work: Callable[[], Awaitable[object]], times: int = _TIMES) -> float:
    """The median of some calls, ms."""
    took: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took)


async def outbox_figures(path: Path) -> Figures:
    """What single calls of the outbox cost, with nothing else going on."""
    figures = _checked(path)
    clock = SystemClock()
    outbox = await SqliteOutbox.open(path, clock)
    try:
        numbers = iter(range(10**9, 2 * 10**9))

        async def commit() -> None:
            await outbox.commit([_entry(next(numbers), clock.now_us())])

        figures["commit_ms"] = await _times(commit)
        figures["claim_ms"] = await _times(lambda: outbox.claim("bot", after=0, limit=64))
        figures["stats_ms"] = await _times(outbox.stats)
        queue = iter((await outbox.claim("bot", after=0, limit=_TIMES))[0])
        refused = Outcome(Verdict.RETRY, "503")

        async def settle() -> None:
            now_us = clock.now_us()
            await outbox.retry(next(queue), refused, at_us=now_us, retry_at_us=now_us + MICROS, parked=False)

        figures["settle_ms"] = await _times(settle)
        figures["prune_ms"] = await _longest_prune(outbox, clock.now_us())
    finally:
        await outbox.close()
    return figures


def _checked(path: Path) -> Figures:
    with closing(sqlite3.connect(path)) as db:
        began = time.perf_counter()
        assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
        return {"check_s": time.perf_counter() - began, "store_mb": path.stat().st_size / 1e6}


async def _longest_prune(outbox: SqliteOutbox, now_us: int, steps: int = 200) -> float:
    longest = 0.0
    for _ in range(steps):
        began = time.perf_counter()
        more = await outbox.prune(
            finished_before_us=now_us, identities_before_us=now_us - 30 * 86_400 * MICROS, marks_before_us=now_us
        )
        longest = max(longest, (time.perf_counter() - began) * 1e3)
        if not more:
            break
    return longest


def _entry(number: int, at_us: int) -> Entry:
    symbol = f"S{number % _SYMBOLS:03d}"
    event = Event(
        Channel.IN_FORCE, id=number, symbol=symbol, timeframe="D", direction="bullish", shape="1-2U", price=101.25,
        triggered_at=Instant(at_us), data=json.dumps({"id": number, "symbol": symbol}).encode(),
    )  # fmt: skip
    return Entry(event, Source.LIVE, at_us, (NewDelivery("bot", (RuleMatch("daily bulls"),)),))


async def process_figures(folder: Path, *, waiting: int, arrivals: float, drain: float) -> Figures:
    """What the real process costs beside the queue, while alerts go on coming."""
    async with serving() as load:
        load.refusing = True
        load.skip(10 * max(waiting, 1))
        port = load.free_port()
        config = folder / "config.yaml"
        config.write_text(_CONFIG.format(feed=load.feed, rest=load.rest, hook=load.hook, port=port))
        with (folder / "log").open("wb") as out:
            began = time.perf_counter()
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "relay", "run", "-c", str(config), stdout=out, stderr=out,
                env={"PATH": os.environ["PATH"], "HOME": str(folder)}, cwd=Path.cwd(),
            )  # fmt: skip
        try:
            await asyncio.wait_for(load.subscribed.wait(), _PATIENCE)
            figures = {"start_s": load.subscribed_at - began}
            await asyncio.sleep(5.0)  # the check of the file has ended, the lane is full
            process = Process(child.pid, began, folder)
            figures["rss_start_mb"] = process.resident_mb()
            await _arrive(load, arrivals)
            figures |= await _asked(port)
            figures["rss_mb"] = process.resident_mb()
            if drain:
                figures["drain_per_s"] = await _drained(load, drain)
        finally:
            child.terminate()
            await child.wait()
        if child.returncode:
            raise BenchmarkError(f"the relay ended with {child.returncode}: {(folder / 'log').read_text()[-2000:]}")
    return figures


async def _arrive(load: Load, seconds: float) -> None:
    due = time.perf_counter()
    for frame in load.prepare([MATCHING] * round(_RATE * seconds)):
        load.send([frame])
        due += 1 / _RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def _asked(port: int) -> Figures:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

        async def get(path: str) -> None:
            async with session.get(path) as answer:
                answer.raise_for_status()
                await answer.read()

        paths = {"list_ms": "/api/deliveries", "page_ms": "/", "dead_ms": "/api/dead"}
        return {name: await _times(lambda path=path: get(path)) for name, path in paths.items()}  # type: ignore[misc]


async def _drained(load: Load, seconds: float) -> float:
    """Deliveries a second from the first on."""
    load.refusing = False
    async with asyncio.timeout(_PATIENCE):
        while not load.came:  # noqa: ASYNC110  because the receiver counts, and tells nobody
            await asyncio.sleep(0.05)
    began, already = time.perf_counter(), len(load.came)
    await asyncio.sleep(seconds)
    return (len(load.came) - already) / (time.perf_counter() - began)


async def measure(waiting: int, *, arrivals: float, drain: float) -> Figures:
    """All figures of one store."""
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as name:
        folder = Path(name)
        path = folder / "relay.db"
        await asyncio.to_thread(build, path, waiting)
        figures = await process_figures(folder, waiting=waiting, arrivals=arrivals, drain=drain if waiting else 0.0)
        return figures | await outbox_figures(path)


@click.command()
@click.option("--waiting", default=1_000_000, show_default=True, help="Deliveries that wait.")
@click.option("--arrivals", default=60.0, show_default=True, help="Seconds for which alerts go on coming, 200/s.")
@click.option("--drain", default=60.0, show_default=True, help="Seconds for which draining is measured.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the figures to a file, too.")
def main(waiting: int, arrivals: float, drain: float, target: Path | None) -> None:
    """Measure, and print a table."""
    empty = asyncio.run(measure(0, arrivals=arrivals, drain=drain))
    full = asyncio.run(measure(waiting, arrivals=arrivals, drain=drain))
    click.echo(f"| | empty | {waiting:,} waiting | ratio |\n| --- | ---: | ---: | ---: |")
    for key, name, shape in ROWS:
        shown = [shape.format(figures[key]) if key in figures else "" for figures in (empty, full)]
        ratio = f"{full[key] / empty[key]:.2f}" if empty.get(key) and key in full else ""
        click.echo(f"| {name} | {' | '.join(shown)} | {ratio} |")
    if target is not None:
        target.write_text(json.dumps({"empty": empty, "full": full}, indent=2))


if __name__ == "__main__":
    main()
