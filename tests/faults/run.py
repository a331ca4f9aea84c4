"""The long form of the fault suite, by hand.

    python -m tests.faults.run --seeds 1,2,3 --minutes 20 [--rate 25] [--json FILE]

Each seed is a run of its own: faults for so many minutes, then everything is healed and the ledger is weighed against
what was fired. Prints the figures, a table a seed; on any violation the schedule and what is missing, and exit 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import click

from tests.faults.oracle import Verdict
from tests.faults.schedule import schedule
from tests.faults.world import Figures, World


async def one(seed: int, given: argparse.Namespace, folder: Path) -> tuple[Figures, Verdict]:
    """One run."""
    seconds = given.minutes * 60
    faults = schedule(seed, seconds, every=given.gap, longest=given.longest, freeze=given.freeze)
    world = World(seed, faults, folder, rate=given.rate, every=given.every)
    figures, verdict = await world.run(seconds, settle=given.settle)
    if not verdict.good:
        click.echo(f"{world.story()}\n{verdict}", err=True)
    return figures, verdict


def main() -> None:
    """Run the seeds one after another."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", default="1", help="numbers, with commas between them")
    parser.add_argument("--minutes", type=float, default=20.0, help="of faults, for each seed")
    parser.add_argument("--rate", type=float, default=25.0, help="alerts a second")
    parser.add_argument("--gap", type=float, default=3.0, help="seconds between two faults, on average")
    parser.add_argument("--longest", type=float, default=20.0, help="seconds a fault lasts at most")
    parser.add_argument("--freeze", type=float, default=60.0, help="seconds a SIGSTOP lasts at most")
    parser.add_argument("--every", default="5s", help="backfill.every")
    parser.add_argument(
        "--settle", type=float, default=180.0, help="seconds until all must have come after the last fault"
    )
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    parser.add_argument("--keep", type=Path, help="a folder for logs and stores; else they go when a run is over")
    given = parser.parse_args()
    results: list[Figures] = []
    good = True
    for seed in map(int, given.seeds.split(",")):
        with tempfile.TemporaryDirectory(prefix="relay-faults-") as folder:
            figures, verdict = asyncio.run(one(seed, given, (given.keep or Path(folder)) / f"seed-{seed}"))
        good &= verdict.good
        results.append(figures)
        for name, value in asdict(figures).items():
            click.echo(f"{name:38} {value}")
        click.echo(str(verdict))
        if given.json:
            given.json.write_text(json.dumps([asdict(each) for each in results], indent=1) + "\n")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
