"""A relay that is killed and cut off in full flow, and the count of what was lost.

    python -m tests.acceptance.crash_run [--kills 5 --drops 3 --rate 250 --seed 1]

    real setups ──fire, RATE a second──> simulator ══╪══ relay ══> inbox, a path for each destination
                                                     │
                     kill -9 and dropped sockets, at seeded moments, each after so many more deliveries or REST calls

What was fired and what each destination should have got of it is worked out here, by plain conditions of its own; what
it did get is what the inbox answered with a 2xx. Lost is what never came, twice is what came again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from relay.clock import SystemClock
from relay.events import EVENT_TYPES, Channel
from relay.simulator.bars import load_bars
from relay.simulator.history import Fired
from relay.simulator.inbox import Answer, Inbox, Received
from relay.simulator.ledger import fields_of
from relay.simulator.market import Market, Tick
from relay.simulator.settings import Age, SimulatorSettings, WireStyle
from relay.simulator.upstream import Simulator
from tests.support.alerts import in_force
from tests.support.process import RelayProcess, webhook, write_config

_PATIENCE = 30.0


@dataclass(frozen=True)
class Target:
    """A destination, the rule that sends to it, and what should arrive there."""

    config: dict[str, object]
    rule: dict[str, object]
    wants: Callable[[Fired], bool]

    @property
    def concurrency(self) -> int:
        """Requests in flight at once."""
        given = self.config.get("concurrency", 8)
        assert isinstance(given, int)
        return 1 if self.config.get("ordering") == "strict" else given


def _in_force(fired: Fired) -> bool:
    return fired.channel is Channel.IN_FORCE


TARGETS = {
    "every": Target({}, {}, _in_force),
    "strict": Target(
        {"ordering": "strict"},
        {"timeframe": ["M", "Q", "Y"]},
        lambda fired: _in_force(fired) and fired.object["timeframe"] in {"M", "Q", "Y"},
    ),
    "loose": Target(
        {"ordering": "none", "concurrency": 16},
        {"direction": "bullish"},
        lambda fired: _in_force(fired) and fired.object["direction"] == "bullish",
    ),
    "breaks": Target({}, {"channel": "alerts.simultaneous_breaks"}, lambda fired: fired.channel is Channel.BREAKS),
    "shaky": Target(
        {"concurrency": 4},
        {"symbol": ["AAPL", "MSFT"]},
        lambda fired: _in_force(fired) and fired.object["symbol"] in {"AAPL", "MSFT"},
    ),
}


@dataclass(frozen=True)
class Plan:
    """What is done to the relay.

    Attributes:
        kills: How many ``kill -9``.
        drops: How many sockets are cut.
        rate: Alerts a second …
        backlog: … while fewer than so many are on their way: a slow machine is not to drown in its own load, for
            what REST hides behind its clamp in a part it can't be asked for more narrowly is lost by rights.
        between: Deliveries between two misfortunes, at least and at most.
        seed: Decides the moments.
        order: Which item of a REST answer comes first.
        keep: Which items a truncated answer keeps.
        clamp: The greatest REST answer.
        ids: Alerts carry their id on the socket; otherwise invented ones are fired, each with a symbol of its own,
            for real setups come so fast here that their natural fields alone could not tell them apart.
    """

    kills: int = 5
    drops: int = 3
    rate: float = 250.0
    backlog: int = 600
    between: tuple[int, int] = (40, 300)
    seed: int = 1
    order: Age = Age.NEWEST
    keep: Age = Age.NEWEST
    clamp: int = 200
    ids: bool = True


@dataclass
class Figures:
    """What came of it; ``excess`` lists destinations with more duplicates than were in flight at the kills."""

    fired: int = 0
    wanted: int = 0
    delivered: int = 0
    lost: int = 0
    twice: int = 0
    recovered: int = 0
    renamed: int = 0
    strangers: int = 0
    kills: int = 0
    drops: int = 0
    connections: int = 0
    rest_calls: int = 0
    seconds: float = 0.0
    exit_code: int | None = None
    excess: dict[str, int] = field(default_factory=dict)
    holes: int = 0

    @property
    def good(self) -> bool:
        """Nothing lost, nothing unexplained."""
        return not (self.lost or self.renamed or self.strangers or self.excess or self.exit_code)


class CrashRun:
    """One run of a plan in ``folder``."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._rng = random.Random(plan.seed)
        self._firing = True

    async def run(self) -> Figures:
        """Do it; the figures."""
        plan, began = self._plan, time.monotonic()
        settings = SimulatorSettings(
            order=plan.order,
            keep=plan.keep,
            clamp=plan.clamp,
            seed=plan.seed,
            socket=WireStyle(ids=plan.ids, micros=True),
        )
        async with AsyncExitStack() as stack:
            self.simulator = await stack.enter_async_context(Simulator(settings, SystemClock()))
            self.inbox = await stack.enter_async_context(Inbox(SystemClock(), on_received=self._make_shaky))
            self.inbox.always(Answer(delay=0.005))  # so that something is in flight at any moment
            config = write_config(
                self._folder,
                self.simulator,
                {name: webhook(self.inbox.url(f"/{name}"), **target.config) for name, target in TARGETS.items()},
                rules=[{"name": name, "to": name, **target.rule} for name, target in TARGETS.items()],
            )
            self.relay = await stack.enter_async_context(RelayProcess(config))
            await self.relay.start()
            await self.relay.ready()
            load = asyncio.create_task(self._fire())
            try:
                await self._suffer()
            finally:
                self._firing = False
                await load
            await self._until_all_came()
            await self.relay.until_drained()
            holes = len((await self.relay.json("/api/status"))["backfill"]["holes"])
            figures = self._count()
            figures.exit_code = await self.relay.stop()
        figures.holes = holes
        figures.seconds = round(time.monotonic() - began, 1)
        return figures

    async def _fire(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for fields in _setups(self._plan.seed) if self._plan.ids else _nameless():
            if self._backlog() > self._plan.backlog:
                await self.inbox.wait_until(self._has_room, 2 * _PATIENCE)
            if not self._firing:
                return
            self.simulator.fire(fields)
            due = max(due, loop.time() - 1) + 1 / self._plan.rate
            if due > loop.time():
                await asyncio.sleep(due - loop.time())

    def _has_room(self) -> bool:
        return not self._firing or self._backlog() <= self._plan.backlog

    def _backlog(self) -> int:
        """Alerts on their way: each goes to one of these two, whatever else it goes to."""
        return len(self.simulator.fired) - len(self.inbox.delivered["/every"]) - len(self.inbox.delivered["/breaks"])

    async def _suffer(self) -> None:
        misfortunes = [self._kill] * self._plan.kills + [self._drop] * self._plan.drops
        self._rng.shuffle(misfortunes)
        for misfortune in misfortunes:
            await self._some_flow()
            await misfortune()
        await self._some_flow()

    async def _some_flow(self) -> None:
        """Wait for the moment: most often in the flow, sometimes in the middle of catching up."""
        if self.relay.runs > 1 and self._rng.random() < 0.3:
            calls = len(self.simulator.calls) + self._rng.randint(1, 6)
            await self.simulator.wait_until(lambda: len(self.simulator.calls) >= calls, _PATIENCE)
        else:
            wanted = self.inbox.arrived + self._rng.randint(*self._plan.between)
            await self.inbox.wait_until(lambda: self.inbox.arrived >= wanted, _PATIENCE)

    async def _kill(self) -> None:
        await self.relay.kill()
        await self.relay.start()
        if self._rng.random() < 0.5:  # else the next misfortune may find it starting
            await self.relay.ready()

    async def _drop(self) -> None:
        await self.simulator.wait_until(lambda: self.simulator.connected > 0, _PATIENCE)
        opened = self.simulator.opened
        self.simulator.faults.drop()
        await self.simulator.wait_until(lambda: self.simulator.opened > opened, _PATIENCE)

    def _make_shaky(self, received: Received) -> None:
        if received.path == "/shaky" and self.inbox.arrived % 41 == 0:
            self.inbox.answer(503, path="/shaky")

    # --- the count

    def _truth(self, fired: Fired) -> object:
        """What one alert is told from another by."""
        return (fired.channel, fired.id) if self._plan.ids else fired.object["symbol"]

    def _told(self, body: dict[str, Any]) -> object:
        """The same, of what arrived."""
        if not self._plan.ids:
            return body["data"]["symbol"]
        channel = Channel.BREAKS if body["type"] == EVENT_TYPES[Channel.BREAKS] else Channel.IN_FORCE
        return channel, body["data"]["id"]

    async def _until_all_came(self) -> None:
        """Wait for as many different ids as are wanted; what is short after that is counted as lost."""
        fired, delivered = self.simulator.fired, self.inbox.delivered
        wanted = {f"/{name}": sum(map(target.wants, fired)) for name, target in TARGETS.items()}
        with suppress(TimeoutError):
            await self.inbox.wait_until(
                lambda: all(len(delivered[path]) >= count for path, count in wanted.items()), _PATIENCE
            )

    def _arrivals(self) -> defaultdict[str, dict[object, Counter[str]]]:
        """By destination and alert: how often which ``webhook-id`` was delivered."""
        found: defaultdict[str, dict[object, Counter[str]]] = defaultdict(dict)
        for received in self.inbox.received:
            if received.status // 100 == 2:
                alert = self._told(json.loads(received.body))
                found[received.path[1:]].setdefault(alert, Counter())[received.webhook_id] += 1
        return found

    def _count(self) -> Figures:
        figures = Figures(
            fired=len(self.simulator.fired),
            kills=self._plan.kills,
            drops=self._plan.drops,
            connections=self.simulator.opened,
            rest_calls=len(self.simulator.calls),
        )
        arrivals = self._arrivals()
        for name, target in TARGETS.items():
            wanted = {self._truth(fired) for fired in self.simulator.fired if target.wants(fired)}
            got = arrivals[name]
            again = sum(times.total() - 1 for times in got.values())
            figures.wanted += len(wanted)
            figures.delivered += len(wanted & got.keys())
            figures.lost += len(wanted - got.keys())
            figures.strangers += len(got.keys() - wanted)
            figures.renamed += sum(len(times) > 1 for times in got.values())
            figures.twice += again
            if again > self._plan.kills * 2 * target.concurrency:
                figures.excess[name] = again
        figures.recovered = len(
            {
                (received.path, received.webhook_id)
                for received in self.inbox.received
                if json.loads(received.body)["relay"]["source"] == "backfill"
            }
        )
        return figures


def _setups(seed: int) -> Iterator[dict[str, object]]:
    """Alerts of the real market, one after another."""
    for moment in Market(load_bars(), seed=seed).moments():
        if not isinstance(moment, Tick):
            yield fields_of(moment)


def _nameless() -> Iterator[dict[str, object]]:
    while True:
        yield in_force()


def main() -> None:
    """Run it and print the figures; exit 1 when something was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--drops", type=int, default=3)
    parser.add_argument("--rate", type=float, default=250.0, help="alerts a second")
    parser.add_argument("--between", type=int, nargs=2, default=(40, 300), help="deliveries between two misfortunes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-socket-ids", action="store_true")
    given = parser.parse_args()
    plan = Plan(
        kills=given.kills,
        drops=given.drops,
        rate=given.rate,
        between=tuple(given.between),
        seed=given.seed,
        ids=not given.no_socket_ids,
    )
    with tempfile.TemporaryDirectory() as folder:
        run = CrashRun(plan, Path(folder))
        try:
            figures = asyncio.run(run.run())
        except (TimeoutError, AssertionError):
            click.echo(run.relay.tail(), err=True)
            raise
    for name, value in asdict(figures).items():
        click.echo(f"{name:12} {value}")
    sys.exit(0 if figures.good else 1)


if __name__ == "__main__":
    main()
