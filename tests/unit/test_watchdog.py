"""The watchdog is fed while everything turns, on a clock moved by hand and a real datagram socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay.deliveries import State
from relay.errors import StoreBusyError
from relay.outbox.writer import HANGS_AFTER
from relay.systemd import Notifier, taking_time
from relay.turning import Sign
from relay.watchdog import LEAST_PATIENCE, LOOK_SECONDS, Watchdog
from relay.web.desk import BackfillStatus, ConnectionStatus, DestinationStatus, Status, StoreStatus
from relay.web.looks import LaneState, LinkState
from tests.support.clock import START_US, FakeClock
from tests.support.manager import Manager, managing

EVERY = 15.0
FED = "WATCHDOG=1"
HOUR = 3_600.0


class Relay:
    """What a watchdog looks at, as a test wants it; as it is, all is well and nothing waits."""

    def __init__(self, manager: Manager, *, seconds: float | None = EVERY) -> None:
        self.clock = FakeClock()
        self.manager = manager
        self.writes = True
        self.reader = Sign(1, due=False, patience=300.0)
        self.store = Sign(1, due=False, patience=HANGS_AFTER)
        self.lane_turns = 1
        self.waiting = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.unreadable = False
        self.connection = LinkState.CONNECTED
        self.asked = 0
        self.watchdog = Watchdog(
            Notifier({"NOTIFY_SOCKET": manager.name}),
            self.clock,
            seconds=seconds,
            status=self._status,
            writes=lambda: self.writes,
            loops=lambda: {"the reader": self.reader, "the store": self.store},
            lanes=self._lanes,
        )

    async def _status(self) -> Status:
        self.asked += 1
        await self.gate.wait()
        if self.unreadable:
            raise StoreBusyError("the store could not be read: disk I/O error")
        bot = DestinationStatus("bot", "webhook", LaneState.IDLE, counts={State.PENDING: self.waiting})
        connection, store = ConnectionStatus(self.connection, START_US), StoreStatus(healthy=True)
        return Status("1", START_US, START_US, connection, store, BackfillStatus(), (), (bot,))

    def _lanes(self, waiting: Collection[str]) -> Mapping[str, Sign]:
        return {"bot": Sign(self.lane_turns, "bot" in waiting, LEAST_PATIENCE)}

    async def fed(self, seconds: float) -> int:
        """How often it is fed in so many seconds from now; twice in an interval, so none that counts is missed."""
        before = self.manager.count(FED)
        await self.clock.advance(seconds)
        return self.manager.count(FED) - before

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.watchdog.run())
        await self.clock.advance(0)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.fixture
async def manager(tmp_path: Path) -> AsyncIterator[Manager]:
    async with managing(str(tmp_path / "notify")) as manager:
        yield manager


@pytest.fixture
def relay(manager: Manager) -> Relay:
    return Relay(manager)


async def test_it_is_fed_at_once_and_at_its_time_while_everything_turns(relay: Relay) -> None:
    async with relay.watched():
        assert relay.manager.count(FED) == 1
        assert await relay.fed(HOUR) == HOUR / EVERY


async def test_a_reader_that_stands_still_stops_it_and_one_that_turns_again_does_not(relay: Relay) -> None:
    relay.reader = Sign(1, due=True, patience=300.0)
    with capture_logs() as said:
        async with relay.watched():
            assert await relay.fed(300) == 20
            assert await relay.fed(HOUR) == 0
            assert relay.manager.lines[-1] == "STATUS=standing still: the reader"
            relay.reader = Sign(2, due=True, patience=300.0)
            assert await relay.fed(EVERY) == 1
            await relay.clock.advance(LOOK_SECONDS)
            assert relay.manager.lines[-1].startswith("STATUS=connected")
    told = [(line["log_level"], line.get("what")) for line in said]
    assert told == [("error", ["the reader"]), ("info", None)]


async def test_a_reader_that_tries_again_and_again_keeps_it_fed(relay: Relay) -> None:
    async with relay.watched():
        for turns in range(60):  # an upstream out of reach: a step at least once a minute
            relay.reader = Sign(turns, due=True, patience=300.0)
            assert await relay.fed(60) == 4


async def test_a_full_disk_keeps_it_fed_though_no_lane_can_move(relay: Relay) -> None:
    relay.waiting = 9
    async with relay.watched():
        relay.writes = False  # every attempt of the writer is answered: it is between two of them, or turns
        for turns in range(60):
            relay.store = Sign(turns, due=bool(turns % 2), patience=HANGS_AFTER)
            assert await relay.fed(60) == 4
        relay.writes = True
        assert await relay.fed(60) == 4  # a lane has its whole patience from here on


async def test_a_store_that_never_answers_stops_it_after_ten_minutes(relay: Relay) -> None:
    relay.store = Sign(7, due=True, patience=HANGS_AFTER)
    async with relay.watched():
        assert await relay.fed(600) == 40
        assert await relay.fed(HOUR) == 0
        assert relay.manager.lines[-1] == "STATUS=standing still: the store"


async def test_a_look_at_the_store_that_never_ends_stops_it_likewise(relay: Relay) -> None:
    relay.gate.clear()
    async with relay.watched():
        assert await relay.fed(EVERY + HANGS_AFTER) == 41  # the first look begins after the first feeding
        assert await relay.fed(HOUR) == 0
        assert relay.manager.lines[-1] == "STATUS=standing still: reading the store"
        relay.gate.set()
        assert await relay.fed(EVERY) == 1


async def test_a_store_that_refuses_to_be_read_keeps_it_fed_and_is_told(relay: Relay) -> None:
    relay.unreadable = True
    async with relay.watched():
        assert await relay.fed(HOUR) == HOUR / EVERY
    assert relay.manager.lines.count("STATUS=the store could not be read: disk I/O error") == 1


async def test_a_lane_that_could_send_and_stands_still_stops_it(relay: Relay) -> None:
    relay.waiting = 3
    async with relay.watched():
        assert await relay.fed(EVERY + LEAST_PATIENCE) == 41  # it is known to be due from the second time on
        assert await relay.fed(HOUR) == 0
        assert relay.manager.lines[-1] == "STATUS=standing still: the lane of bot"
        relay.lane_turns += 1
        assert await relay.fed(EVERY) == 1


async def test_the_drain_is_fed_whatever_stands_still(relay: Relay) -> None:
    relay.reader = Sign(1, due=True, patience=0.0)
    async with relay.watched():
        await relay.clock.advance(60)
    before = relay.manager.count(FED)
    draining = asyncio.create_task(relay.watchdog.drain())
    assert await relay.fed(60) == 5
    assert before == 1
    draining.cancel()


async def test_the_status_is_told_when_it_changes_and_no_more_often_than_every_few_seconds(relay: Relay) -> None:
    async with relay.watched():
        await relay.clock.advance(HOUR)
        for relay.waiting in range(1, 100):
            await relay.clock.advance(1)
    told = [line for line in relay.manager.lines if line.startswith("STATUS=")]
    assert told[0] == "STATUS=connected; 1 destination: 1 idle; 0 waiting, 0 dead"
    assert len(told) == 1 + 99 // LOOK_SECONDS


async def test_who_has_just_started_it_sees_soon_that_it_is_connected(relay: Relay) -> None:
    relay.connection = LinkState.CONNECTING
    async with relay.watched():
        await relay.clock.advance(2.5)
        relay.connection = LinkState.CONNECTED
        await relay.clock.advance(1)
        assert relay.manager.lines[-1].startswith("STATUS=connected")
        asked = relay.asked
        await relay.clock.advance(10 * LOOK_SECONDS)
        assert relay.asked == asked + 10


async def test_the_status_is_told_where_nobody_watches(manager: Manager) -> None:
    relay = Relay(manager, seconds=None)
    async with relay.watched():
        await relay.clock.advance(60)
    assert [line[:6] for line in manager.lines] == ["STATUS"]


async def test_outside_a_service_manager_nothing_is_looked_at() -> None:
    relay = Relay(Manager(""))
    async with relay.watched():
        await relay.clock.advance(60)
    assert relay.asked == 0


async def test_what_takes_long_at_the_start_asks_for_more_time_until_it_is_done(manager: Manager) -> None:
    clock = FakeClock()
    async with taking_time(Notifier({"NOTIFY_SOCKET": manager.name}), clock, "opening the store"):
        await clock.advance(3 * 60)
    await clock.advance(HOUR)
    asked = manager.count("EXTEND_TIMEOUT_USEC=60000000")
    assert manager.lines[0] == "STATUS=opening the store"
    assert asked == 10  # each in good time before the former is over
