"""The relay's world for one run: its upstream, its destinations, its machine; and what befalls them.

    Gun ──shots──> FaultyUpstream ══╪══ relay run (supervised) ══╪══> Receivers
                                    │                            │
       schedule ──faults──> Misfortunes: applied, and healed when their time is over

A supervisor starts the relay again whenever it ends, as a service manager would. An end that no fault explains is a
violation like a lost alert.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import ssl
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import trustme

from relay.events import Channel
from tests.faults.misfortunes import Misfortunes
from tests.faults.oracle import Hole, Row, Target, Verdict, judge
from tests.faults.receivers import Receiver
from tests.faults.schedule import Fault
from tests.faults.shots import Gun, Ledger, Shot
from tests.faults.supervisor import Supervisor
from tests.faults.surroundings import Disk, Machine
from tests.faults.upstream import KEY, FaultyUpstream
from tests.support.process import RelayProcess, webhook, write_config

_RETRY: Final = {"initial": "50ms", "max": "400ms"}
_TIMEOUT: Final = "2s"
_CLAMPS: Final = (40, 60, 100, 200)
_CLAMPS_OF_A_LONG_RUN: Final = (200, 500)  # what REST hides behind its clamp is lost by rights
_ASYNCIO_IS_DONE_FOR: Final = re.compile(  # CPython's own words about a loop for which there were no files
    r"Exception ignored in: <function BaseEventLoop\.__del__.*\nTraceback"
)
_LONG: Final = 60.0  # seconds
_BATCH: Final = 500  # shots on their way at most, for the same reason


def _in_force(shot: Shot) -> bool:
    return shot.channel is Channel.IN_FORCE


def _bullish(shot: Shot) -> bool:
    return _in_force(shot) and shot.fields["direction"] == "bullish"


def _all(_: Shot) -> bool:
    return True


TARGETS: Final = {
    "strict": Target({"ordering": "strict", "timeout": "5s"}, _all, ordered=lambda _: ""),
    "symbols": Target({"timeout": "5s"}, _all, ordered=lambda shot: shot.symbol),
    "flaky": Target({}, _all),
    "loose": Target({"ordering": "none", "concurrency": 16}, _bullish),
    "young": Target({"max_age": "3s"}, _in_force, may_expire=True),
    "calm": Target({}, _in_force, may_suppress=True),
    "tls": Target({"concurrency": 4}, _in_force),
}
RULES: Final[Sequence[dict[str, object]]] = (
    {"name": "in force", "to": ["strict", "symbols", "flaky", "young", "tls"]},
    {"name": "breaks", "channel": "alerts.simultaneous_breaks", "to": ["strict", "symbols", "flaky"]},
    {"name": "bullish", "direction": "bullish", "to": "loose"},
    {"name": "calm", "to": "calm", "cooldown": "20s"},
)
SUFFERING: Final = ("flaky", "loose", "young", "tls", "calm")


@dataclass
class Figures:
    """What came of a run, for people and as JSON."""

    seed: int
    faults: dict[str, int]
    skipped: dict[str, int]
    seconds: float = 0.0
    events: int = 0
    wanted: int = 0
    delivered: int = 0
    recovered: int = 0
    states: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    twice: int = 0
    twice_explained_by_answers_unheard: int = 0
    twice_explained_by_hard_ends: int = 0
    hard_ends: int = 0
    starts: int = 0
    connections: int = 0
    rest_calls: int = 0
    names_refused: int = 0
    holes: int = 0
    violations: int = 0


class World:
    """One run of ``faults`` in ``folder``."""

    def __init__(
        self, seed: int, faults: Sequence[Fault], folder: Path, *, rate: float = 25.0, every: str = "1s"
    ) -> None:
        self.faults = faults
        self._seed, self._folder, self._rate, self._every = seed, folder, rate, every
        self._rng = random.Random(f"{seed} world")
        self.ledger = Ledger()
        self._firing = True

    async def run(self, seconds: float, *, settle: float = 45.0) -> tuple[Figures, Verdict]:
        """Fire for so many seconds while the faults befall; then heal everything, wait, and judge."""
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            await self._build(stack, _CLAMPS if seconds < _LONG else _CLAMPS_OF_A_LONG_RUN)
            load = asyncio.create_task(self._fire())
            try:
                await self.misfortunes.befall(self.faults, seconds)
            finally:
                self._firing = False
                await load
            await self.misfortunes.heal_all()
            await self.supervisor.up()
            stuck = await self._settle(settle)
            rows, status = await self._books()
            verdict = judge(
                self.ledger,
                TARGETS,
                {name: receiver.arrivals for name, receiver in self.receivers.items()},
                rows,
                hard_ends=self.supervisor.hard_ends,
                holes=[Hole(h["channel"], h["after_id"], h["up_to_id"]) for h in status["backfill"]["holes"]],
            )
            await self.supervisor.stop()
            verdict.faults += stuck + self.supervisor.complaints
            said = _ASYNCIO_IS_DONE_FOR.sub("", self.supervisor.relay.stderr)
            if "Traceback" in said:
                verdict.faults.append(f"a traceback: {said[said.index('Traceback') :][:2000]}")
            for receiver in self.receivers.values():
                verdict.faults += receiver.wrong
                if receiver.strays:
                    verdict.faults.append(f"{receiver.name}: {receiver.strays} requests that are no delivery")
        figures = self._figures(verdict, len(status["backfill"]["holes"]))
        figures.seconds = round(time.monotonic() - began, 1)
        return figures, verdict

    async def _build(self, stack: AsyncExitStack, clamps: Sequence[int]) -> None:
        self.upstream = await stack.enter_async_context(FaultyUpstream(self.ledger, clamp=self._rng.choice(clamps)))
        trusted, unknown = trustme.CA(), trustme.CA()
        self._folder.mkdir(parents=True, exist_ok=True)
        roots = self._folder / "roots.pem"
        trusted.cert_pem.write_to_path(str(roots))
        context, impostor = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2))
        trusted.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        unknown.issue_cert("127.0.0.1", "localhost").configure_cert(impostor)
        self.receivers = {
            name: await stack.enter_async_context(
                Receiver(
                    name,
                    self.ledger,
                    tls=context if name == "tls" else None,
                    host="localhost" if name == "flaky" else "127.0.0.1",
                )
            )
            for name in TARGETS
        }
        machine, disk = Machine(self._folder), Disk(self._folder / "disk")
        await disk.mount()
        stack.push_async_callback(disk.unmount)
        config = write_config(
            self._folder,
            self.upstream,
            {
                name: webhook(self.receivers[name].url, **{"retry": _RETRY, "timeout": _TIMEOUT, **target.config})
                for name, target in TARGETS.items()
            },
            rules=list(RULES),
            key=KEY,
            stratalerts={"on_evicted": "standby"},
            storage={"url": f"sqlite:{disk.place}/relay.db"},
            backfill={"every": self._every},
            shutdown_grace="4s",
        )
        relay = await stack.enter_async_context(RelayProcess(config, env={**machine.env, "SSL_CERT_FILE": str(roots)}))
        self.supervisor = Supervisor(relay)
        stack.push_async_callback(self.supervisor.leave)
        await self.supervisor.start()
        await relay.ready()
        self.misfortunes = Misfortunes(
            upstream=self.upstream,
            receivers={name: self.receivers[name] for name in SUFFERING},
            supervisor=self.supervisor,
            machine=machine,
            disk=disk,
            tls=(context, impostor),
            rng=self._rng,
        )

    async def _fire(self) -> None:
        gun, due = Gun(self._seed), time.monotonic()
        while self._firing:
            if self._backlog() < _BATCH:
                self.upstream.fire(gun.shot())
            due = max(due, time.monotonic() - 1) + 1 / self._rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _backlog(self) -> int:
        return len(self.ledger) - len(self.receivers["symbols"].seen)

    async def _settle(self, patience: float) -> list[str]:
        """Wait until the relay knows of everything and nothing waits; what is stuck then."""
        wanted = len(self.ledger)
        last: Any = None

        def done(status: Any) -> bool:
            nonlocal last
            last = status
            counts = {one["name"]: one["counts"] for one in status["destinations"]}
            waiting = sum(each.get("pending", 0) + each.get("deciding", 0) for each in counts.values())
            return bool(waiting == 0) and sum(counts.get("strict", {}).values()) >= wanted

        try:
            await self.supervisor.relay.until_status(done, patience)
        except AssertionError:
            counts = {one["name"]: one["counts"] for one in (last or {}).get("destinations", [])}
            return [f"not settled after {patience:g} s, {wanted} fired: {counts}"]
        return []

    async def _books(self) -> tuple[list[Row], Any]:
        """Every delivery the relay knows of, page by page."""
        rows: list[Row] = []
        before = ""
        while True:
            page = await self._page(f"/api/deliveries{before}")
            rows.extend(
                Row(item["data"]["n"], item["destination"], item["state"], item["webhook_id"], item["last_code"])
                for item in page["items"]
            )
            if page["next"] is None:
                return rows, await self._page("/api/status")
            before = f"?before={page['next']}"

    async def _page(self, path: str) -> Any:
        for _ in range(20):
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                status, body = await self.supervisor.relay.get(path)
                if status == 200:
                    return json.loads(body)
            await asyncio.sleep(0.2)
        raise AssertionError(f"{path} can't be read")

    def _figures(self, verdict: Verdict, holes: int) -> Figures:
        return Figures(
            seed=self._seed,
            faults=dict(sorted(Counter(fault.kind.value for fault in self.misfortunes.done).items())),
            skipped=dict(sorted(Counter(fault.kind.value for fault in self.misfortunes.skipped).items())),
            events=verdict.events,
            wanted=verdict.wanted,
            delivered=verdict.delivered,
            recovered=verdict.recovered,
            states=dict(sorted(verdict.states.items())),
            lost=len(verdict.lost),
            twice=verdict.twice,
            twice_explained_by_answers_unheard=verdict.twice_unheard,
            twice_explained_by_hard_ends=verdict.twice_at_ends,
            hard_ends=len(self.supervisor.hard_ends),
            starts=self.supervisor.relay.runs,
            connections=self.upstream.opened,
            rest_calls=self.upstream.calls,
            names_refused=self.misfortunes.machine.refused_names,
            holes=holes,
            violations=len(verdict.faults),
        )

    def log(self) -> str:
        """The relay's last words."""
        return self.supervisor.relay.tail()

    def story(self) -> str:
        """Seed and schedule, for who reads of a failure."""
        return "\n".join([f"seed {self._seed}", *map(str, self.faults)])
