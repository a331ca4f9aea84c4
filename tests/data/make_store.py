"""Makes the store of this very tree as a text: what a later relay is upgraded from, told by the code that made it.

    simulator ──alerts──> relay run ──> relay.db ──> store-vN.sql        N: the newest migration of this tree
                             └──> destinations that take, refuse, are gone, fail, are paused

Before a migration is added, run it in a tree of the last commit without it, and commit what it writes:

    python tests/data/make_store.py tests/data

It holds whatever a store can hold: delivered, dead, expired, suppressed and waiting deliveries, a cursor, a baseline, a
hole, a destination that was switched off and one that a person paused, marks, a side, a snooze, a replay.
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from relay.clock import SystemClock  # noqa: E402  because the tree that the script lies in is meant, whoever runs it
from relay.events import Channel  # noqa: E402  likewise
from relay.simulator.inbox import Inbox  # noqa: E402  likewise
from relay.simulator.settings import SimulatorSettings  # noqa: E402  likewise
from relay.simulator.upstream import Simulator  # noqa: E402  likewise
from tests.support.alerts import in_force, simultaneous  # noqa: E402  likewise
from tests.support.command import relay as verb  # noqa: E402  likewise
from tests.support.process import running, webhook, write_config  # noqa: E402  likewise

ONE_KIND = {"timeframe": "D", "direction": "bullish", "cc": "2U"}  # REST can be asked for no smaller part but a symbol
COOLED = {"timeframe": "D", "direction": "bullish", "shape": "1-2U"}
RULES: list[dict[str, object]] = [
    {"name": "in force", "to": ["bot", "fails", "paused"]},
    {"name": "few", "symbol": ["REF*", "OLD*"], "to": ["refuses", "gone", "late"]},
    {"name": "breaks", "channel": "alerts.simultaneous_breaks", "to": ["bot", "paused"]},
    {"name": "seldom", "symbol": "COOL", "cooldown": "1h", "to": "refuses"},
    {"name": "through 200", "channel": "quotes", "symbol": "AAPL", "price": {"crosses_above": 200}, "to": "bot"},
]


async def _live(folder: Path) -> None:
    """A few seconds of a relay's life, with all that can be left behind in its store."""
    async with Simulator(SimulatorSettings(clamp=5), SystemClock()) as simulator, Inbox(SystemClock()) as inbox:
        for path, status in (("/refuses", 404), ("/gone", 410), ("/fails", 503)):
            inbox.always(status, path=path)
        takes = {name: webhook(inbox.url(f"/{name}")) for name in ("bot", "refuses", "gone", "fails", "paused")}
        late = webhook(inbox.url("/late"), max_age="1ms")
        config = write_config(folder, simulator, {**takes, "late": late}, rules=RULES, backfill={"every": "1s"})

        async def said(*words: str) -> None:
            ended = await verb(*words, "-c", str(config))
            assert ended.code == 0, ended.err

        async with running(config) as relay:
            await said("pause", "paused")
            await said("snooze", "TSLA", "60d")
            for symbol in ("REF1", "REF2", "OLD1", "AAPL", "SPY", "TSLA"):
                simulator.fire(in_force(symbol))
            for threshold in (3, 4):
                simulator.fire(simultaneous(threshold, price=threshold + 0.5))
            for _ in range(2):
                simulator.fire(in_force("COOL", **COOLED))
            await simulator.wait_until(lambda: simulator.subscribed(Channel.QUOTES, "AAPL"))
            for price in (199.0, 201.5):
                simulator.quote("AAPL", price)
            await inbox.wait_until(lambda: len(inbox.at("/bot")) >= 10)
            for number in range(9):  # REST alone shows these, of one kind, and more than an answer holds
                simulator.fire(in_force(f"H{number}", price=300 + number / 4, **ONE_KIND), live=False)
            await _until(lambda: _one(folder, "SELECT count(*) FROM holes") == 1)
            await _until(lambda: _one(folder, "SELECT count(*) FROM deliveries WHERE destination = 'gone'") == 3)
            await said("replay", "--since", "1h", "--to", "bot", "--rule", "breaks")
            await said("dead", "retry", "--to", "refuses")
            await _until(lambda: _one(folder, "SELECT max(attempts) FROM deliveries WHERE destination = 'fails'") >= 2)
            await _until(lambda: _one(folder, "SELECT count(*) FROM rounds") >= 4)
            assert await relay.stop() == 0


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110  because another process brings it about
            await asyncio.sleep(0.05)


def _one(folder: Path, statement: str) -> int:
    with closing(sqlite3.connect(folder / "relay.db")) as db:
        return int(db.execute(statement).fetchone()[0])


def lines(store: Path, *, told: str) -> Iterator[str]:
    """The store as SQL that makes it again, with what is not in its tables."""
    with closing(sqlite3.connect(store)) as db:
        yield f"-- {told}"
        for name in ("auto_vacuum", "application_id", "user_version"):
            yield f"PRAGMA {name} = {db.execute(f'PRAGMA {name}').fetchone()[0]};"
        yield from (line for line in db.iterdump() if "sqlite_stat" not in line)


def make(folder: Path) -> Path:
    """Write the store of this tree into ``folder``; the file."""
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(_live(Path(scratch)))
        version = _one(Path(scratch), "PRAGMA user_version")
        commit = subprocess.run(
            ["git", "log", "-1", "--format=%h"],  # noqa: S607  because it is found where the shell finds it
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        target = folder / f"store-v{version}.sql"
        told = f"A store of schema {version}, as the relay of commit {commit} left it (make_store.py)."
        target.write_text("\n".join(lines(Path(scratch) / "relay.db", told=told)) + "\n", encoding="utf-8")
    return target


if __name__ == "__main__":
    sys.stdout.write(f"{make(Path(sys.argv[1]))}\n")
