"""The relay beside a hand-written loop, in one run: what keeping, retrying and proving everything costs.

    round: start ─> warm-up ─> store ─> burst ─> steady stream ─> slow receiver ─> stop      relay, naive, relay, …

Each round starts both anew, one after the other, so that both meet the same machine; figures are medians of the rounds.
Absolute figures are this machine's, ratios travel. After each round the relay's store is counted: all that was sent is
in it, all that matched is noted as delivered. ``load busy`` is the share of a core that the load itself took in the
burst: near 100 % it would be what is measured.

    python benchmarks/run.py [--rounds 5] [--json FILE]
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from benchmarks import rules
from benchmarks.load import MATCHING, OTHER, Load, serving
from benchmarks.subjects import NAIVE, RELAY, Process, Subject, running

_WARM_UP: Final = 200
_STORED: Final = 15_000  # below what the relay's queue holds, so that nothing is let go and fetched again
_BURST: Final = 5_000
_RATE: Final = 200.0
_STEADY: Final = 1_000
_SLOW: Final = 100
_SLOW_SECONDS: Final = 0.02
_SETTLE: Final = 0.5  # seconds for what follows the last arrival: noting it, the first backfill round

Figures = dict[str, float]

# key, what it says, and how it is shown
ROWS: Final = (
    ("events_per_s", "alerts/s, socket to store", "{:,.0f}"),
    ("deliveries_per_s", "deliveries/s, socket to 2xx, burst of 5,000", "{:,.0f}"),
    ("slow_deliveries_per_s", "deliveries/s, receiver takes 20 ms", "{:,.0f}"),
    ("latency_p50_ms", "latency p50 at 200/s, ms", "{:.2f}"),
    ("latency_p99_ms", "latency p99 at 200/s, ms", "{:.2f}"),
    ("burst_cpu_s", "CPU s per 1,000 deliveries, burst", "{:.3f}"),
    ("steady_cpu_s", "CPU s per 1,000 deliveries, 200/s", "{:.3f}"),
    ("start_s", "start to subscribed, s", "{:.2f}"),
    ("idle_mb", "memory when started, MB", "{:.1f}"),
    ("loaded_mb", "memory after all of it, MB", "{:.1f}"),
    ("load_busy", "load busy in the burst, % of a core", "{:.0f}"),
)


async def measure_round(subject: Subject) -> Figures:
    """One round of one subject, from its start to its end."""
    async with serving() as load, running(subject, load) as process:
        figures = {"start_s": load.subscribed_at - process.began_at}
        await _run(load, [MATCHING] * _WARM_UP)
        await asyncio.sleep(_SETTLE)
        figures["idle_mb"] = process.resident_mb()
        # The last one matches: it comes when all before it have been dealt with.
        seconds = await _run(load, [*[OTHER] * _STORED, MATCHING])
        figures["events_per_s"] = (_STORED + 1) / seconds
        await asyncio.sleep(_SETTLE)
        figures |= await _burst(load, process)
        figures |= await _steady(load, process)
        load.delay = _SLOW_SECONDS
        figures["slow_deliveries_per_s"] = _SLOW / await _run(load, [MATCHING] * _SLOW)
        figures["loaded_mb"] = process.resident_mb()
        await asyncio.sleep(_SETTLE)
    return figures


async def _run(load: Load, kinds: Sequence[tuple[str, str]]) -> float:
    """Send alerts at once; seconds until the last that matches has come."""
    frames = load.prepare(kinds)
    began = time.perf_counter()
    load.send(frames)
    await load.everything()
    return max(load.came.values()) - began


async def _burst(load: Load, process: Process) -> Figures:
    ours, theirs = time.process_time(), process.cpu_seconds()
    seconds = await _run(load, [MATCHING] * _BURST)
    ours = time.process_time() - ours
    await asyncio.sleep(_SETTLE)
    return {
        "deliveries_per_s": _BURST / seconds,
        "burst_cpu_s": (process.cpu_seconds() - theirs) / _BURST * 1_000,
        "load_busy": ours / seconds * 100,
    }


async def _steady(load: Load, process: Process) -> Figures:
    """Alerts one by one at an even pace."""
    frames = load.prepare([MATCHING] * _STEADY)
    theirs, due = process.cpu_seconds(), time.perf_counter()
    for frame in frames:
        load.send([frame])
        due += 1 / _RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    await load.everything()
    took = statistics.quantiles(((load.came[number] - load.sent[number]) * 1e3 for number, _ in frames), n=100)
    return {
        "latency_p50_ms": took[49],
        "latency_p99_ms": took[98],
        "steady_cpu_s": (process.cpu_seconds() - theirs) / _STEADY * 1_000,
    }


def machine() -> dict[str, object]:
    """Where it was measured, as far as it matters."""
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "fsync_ms": round(_fsync_ms(), 2),
    }


def _fsync_ms() -> float:
    """What making 4 KiB durable costs where the relay's store lies; the median of fifty."""
    took: list[float] = []
    with tempfile.TemporaryFile() as file:
        for _ in range(50):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took)


def medians(rounds: Sequence[Figures]) -> Figures:
    """Each figure's median over the rounds."""
    return {key: statistics.median(figures[key] for figures in rounds) for key in rounds[0]}


def table(relay: Figures, naive: Figures) -> str:
    """The comparison, as Markdown."""
    lines = ["| | relay | hand-written loop | relay ÷ loop |", "| --- | ---: | ---: | ---: |"]
    for key, label, form in ROWS:
        ratio = relay[key] / naive[key] if naive[key] else float("nan")
        lines.append(f"| {label} | {form.format(relay[key])} | {form.format(naive[key])} | {ratio:.2f} |")
    return "\n".join(lines)


def rules_table(mixes: Mapping[str, Mapping[str, float]]) -> str:
    """Matching, as Markdown."""
    sizes = [str(size) for size in rules.SIZES]
    lines = [
        f"| matching, µs per alert | {' | '.join(f'{int(size):,} rules' for size in sizes)} | 10,000 ÷ 10 |",
        f"| --- |{' ---: |' * (len(sizes) + 1)}",
    ]
    lines += [
        f"| {mix} | {' | '.join(f'{row[size]:.2f}' for size in sizes)} | {row['ratio_10000']:.2f} |"
        for mix, row in mixes.items()
    ]
    return "\n".join(lines)


async def compare(rounds: int) -> dict[str, list[Figures]]:
    """Both, in turns."""
    figures: dict[str, list[Figures]] = {RELAY.name: [], NAIVE.name: []}
    for number in range(rounds):
        for subject in (RELAY, NAIVE):
            click.echo(f"round {number + 1} of {rounds}: {subject.name}", err=True)
            figures[subject.name].append(await measure_round(subject))
    return figures


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(min=1))
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write every figure of every round there.")
def main(*, rounds: int, file: Path | None) -> None:
    """Measure the relay beside the hand-written loop."""
    where = machine()
    figures = asyncio.run(compare(rounds))
    matching = rules.measure()
    middle = {name: medians(many) for name, many in figures.items()}
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    print(f"\n{table(middle[RELAY.name], middle[NAIVE.name])}\n\n{rules_table(matching)}")
    if file is not None:
        report = {"machine": where, "medians": middle, "rounds": figures, "rules": matching}
        file.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
