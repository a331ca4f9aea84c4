"""A desk without a relay behind it: holds what it is given and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec

from relay.backfill.errands import Errand
from relay.clock import MICROS
from relay.config.diff import Changes, DestinationChanges
from relay.config.outline import Outline, RuleOutline
from relay.deliveries import State
from relay.delivery.latencies import Latency
from relay.events import Channel
from relay.judging import silence
from relay.judging.snoozes import Snoozes
from relay.outbox.archive import Archive, Step
from relay.outbox.channels import Hole
from relay.outbox.memory import Snooze, SnoozeKind
from relay.pulse import Minute
from relay.web.desk import (
    BackfillStatus,
    ChannelStatus,
    ConfigStatus,
    ConnectionStatus,
    ConnectionStep,
    DestinationStatus,
    Readiness,
    Status,
    StoreStatus,
)
from relay.web.looks import LaneState, LinkState
from tests.support.clock import FakeClock
from tests.support.fake_archive import FakeArchive
from tests.support.memory_outbox import Memory, MemoryOutbox

NOW_US = 1_775_828_722 * MICROS  # 2026-04-10T13:45:22Z


def a_status() -> Status:
    return Status(
        version="1.2.3",
        started_at_us=NOW_US - 7_500 * MICROS,
        now_us=NOW_US,
        connection=ConnectionStatus(
            LinkState.CONNECTED,
            NOW_US - 125 * MICROS,
            last_frame_us=NOW_US - MICROS,
            reconnects=1,
            seq=4812,
            lag_seconds=0.21,
            history=(
                ConnectionStep(NOW_US - 125 * MICROS, LinkState.CONNECTED),
                ConnectionStep(NOW_US - 127 * MICROS, LinkState.CONNECTING),
                ConnectionStep(NOW_US - 135 * MICROS, LinkState.WAITING, "closed with 1006: no close frame"),
                ConnectionStep(NOW_US - 7_499 * MICROS, LinkState.CONNECTED),
            ),
        ),
        store=StoreStatus(healthy=True),
        backfill=BackfillStatus(
            result="complete",
            completed_at_us=NOW_US - 60 * MICROS,
            holes=(Hole(Channel.IN_FORCE, 5, 9, "timeframe=D direction=bullish cc=2U", NOW_US - 90 * MICROS),),
        ),
        channels=(
            ChannelStatus("alerts.in_force", accepted=True, cursor=98421, round_completed_us=NOW_US - 60 * MICROS),
            ChannelStatus("quotes", accepted=False, scope="prices:read"),
            ChannelStatus("states", accepted=None),
        ),
        destinations=(
            DestinationStatus(
                "bot",
                "webhook",
                LaneState.IDLE,
                counts={State.DELIVERED: 7, State.PENDING: 1},
                limit="50/1s",
                latency=Latency(0.012, 0.34, 7),
            ),
            DestinationStatus("swing", "discord", LaneState.OFF, reason="410 Gone", since_us=NOW_US - 10 * MICROS),
        ),
        minutes=tuple(
            Minute(NOW_US - (22 + 60 * ago) * MICROS, events=ago % 7, delivered=ago % 5, failed=int(ago == 3))
            for ago in range(9, -1, -1)
        ),
    )


def an_event(number: int) -> dict[str, object]:
    return {
        "id": number,
        "event": f"alerts.in_force:{number}",
        "symbol": "AAPL",
        "timeframe": "D",
        "direction": "bullish",
        "shape": "1-2U",
        "price": 187.5,
        "triggered_at": "2026-04-10T13:45:22Z",
        "source": "live",
        "deliveries": {"bot": "delivered"},
        "data": {"symbol": "AAPL", "price_us": 187, "note": "<b>bold</b>"},
    }


def a_letter(number: int) -> dict[str, object]:
    return {
        "id": number,
        "event": f"alerts.in_force:{number}",
        "destination": "bot",
        "state": "dead",
        "attempts": 3,
        "last_error": "404 Not Found",
    }


class FakeDesk:
    """Answers from its attributes."""

    def __init__(self) -> None:
        self.health: tuple[bool, list[str]] = (True, [])
        self.readiness = Readiness(ready=True)
        self.now = a_status()
        self.events = [an_event(n) for n in range(1, 251)]
        self.letters = [a_letter(n) for n in range(1, 4)]
        self.asked: list[tuple[object, ...]] = []
        self.page_rows = 1_000  # of a listing of events, however many are asked for
        self.snoozes = Snoozes(MemoryOutbox(Memory(NOW_US)).memory, FakeClock(NOW_US))
        self.names = silence.Names(("daily bulls", "swing"), ("bot", "swing"))
        self.archive: Archive = FakeArchive(self)
        self.errands: list[Errand] = []
        self.fault: Exception | None = None
        self.gate: asyncio.Event | None = None

    def healthy(self) -> tuple[bool, list[str]]:
        return self.health

    def ready(self) -> Readiness:
        return self.readiness

    async def metrics(self) -> bytes:
        return b"# HELP relay_upstream_connected x\nrelay_upstream_connected 1.0\n"

    async def status(self) -> Status:
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return msgspec.structs.replace(self.now, snoozes=tuple(self.snoozed()))

    def destinations(self) -> Sequence[str]:
        return [one.name for one in self.now.destinations]

    async def queue(self, step: Coroutine[Any, Any, Step]) -> Step:
        came = await step
        self.asked.append(("notify", *came.destinations))
        return came

    async def drop(self, step: Coroutine[Any, Any, Step]) -> Step:
        return await step

    async def pause(self, name: str) -> None:
        self._known(name)
        self.asked.append(("pause", name))
        self._put(name, LaneState.PAUSED)

    async def resume(self, name: str, *, drop_older: float | None) -> int:
        self._known(name)
        self.asked.append(("resume", name, drop_older))
        self._put(name, LaneState.IDLE)
        return 4 if drop_older else 0

    def connect(self) -> bool:
        self.asked.append(("connect",))
        taken_back = self.now.connection.state is LinkState.STANDBY
        if taken_back:
            self.change(connection=msgspec.structs.replace(self.now.connection, state=LinkState.CONNECTING))
        return taken_back

    def backfill(self, since: float | None) -> Errand:
        self.asked.append(("backfill", since))
        self.errands.append(Errand(len(self.errands) + 1, None, NOW_US))
        return self.errands[-1]

    def errand(self, number: int) -> Errand | None:
        return next((errand for errand in self.errands if errand.number == number), None)

    def config(self) -> ConfigStatus:
        outline = Outline(
            "config.yaml", {}, (RuleOutline("a", enabled=True, sentence="a: all.", fingerprint="0"),), {}, {}
        )
        return ConfigStatus(outline, ("storage.url",), NOW_US)

    async def reload(self, *, drain: bool) -> Changes:
        self.asked.append(("reload", drain))
        if self.fault is not None:
            raise self.fault
        return Changes(destinations=DestinationChanges(removed=("swing",)))

    def snoozed(self) -> Sequence[Snooze]:
        return self.snoozes.active()

    async def snooze(self, name: str, seconds: float, *, kind: SnoozeKind | None) -> Snooze:
        if self.fault is not None:
            raise self.fault
        self.asked.append(("snooze", name, seconds, kind))
        return await silence.silence(self.snoozes, self.names, name, seconds, kind)

    async def wake(self, name: str | None, *, kind: SnoozeKind | None) -> Sequence[Snooze]:
        self.asked.append(("wake", name, kind))
        return await silence.wake(self.snoozes, self.names, name, kind)

    def _known(self, name: str) -> None:
        if name not in {lane.name for lane in self.now.destinations}:
            raise KeyError(name)

    def _put(self, name: str, state: LaneState) -> None:
        self.change(
            destinations=tuple(
                msgspec.structs.replace(lane, state=state) if lane.name == name else lane
                for lane in self.now.destinations
            )
        )

    def change(self, **changes: object) -> None:
        self.now = msgspec.structs.replace(self.now, **changes)
