"""The whole relay under a watchdog: what no restart would mend keeps it fed, and what stands still does not."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from relay import house, watchdog
from relay.app import Relay
from relay.config.load import load
from relay.outbox import writer
from relay.outbox.transaction import Operation
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from relay.upstream import reader
from relay.upstream.dial import ReaderSettings
from relay.upstream.state import Phase
from tests.support.alerts import fire
from tests.support.manager import Manager, managing
from tests.support.process import webhook, write_config
from tests.support.receiver import receiving
from tests.support.waiting import until

FED = "WATCHDOG=1"
PATIENCE = 1.0
LONGER = 45  # signs of life, 50 ms apart: more than twice that patience


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may stand still for longer than a second."""
    for module, name in (
        (writer, "HANGS_AFTER"),
        (watchdog, "HANGS_AFTER"),
        (reader, "_STANDS_STILL_AFTER"),
        (house, "LEAST_PATIENCE"),
    ):
        monkeypatch.setattr(module, name, PATIENCE)
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.05)


@asynccontextmanager
async def watched(folder: Path, simulator: Simulator, url: str) -> AsyncIterator[tuple[Relay, Manager]]:
    """A relay that is ready, and its manager, who wants to hear of it every 100 ms."""
    config = write_config(folder, simulator, {"bot": webhook(url)}, shutdown_grace="1s", http={"listen": "off"})
    async with managing(str(folder / "notify")) as manager, AsyncExitStack() as stack:
        relay = Relay(load(config, env={}), env={"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "100000"})
        await relay.open(stack)
        running = asyncio.create_task(relay.run())
        try:
            await manager.hears("STATUS=connected")
            yield relay, manager
        finally:
            relay.stop()
            async with asyncio.timeout(20):
                await running


async def is_fed_for(manager: Manager, times: int) -> None:
    for _ in range(times):
        await manager.hears(FED)


async def goes_unfed(relay: Relay, manager: Manager, what: str) -> None:
    assert await manager.hears("STATUS=standing still") == f"STATUS=standing still: {what}"
    watchdog, fed = relay.house._watchdog, manager.count(FED)
    looks = watchdog._looks
    await until(lambda: watchdog._looks >= looks + 6)  # meanwhile it would have been fed six times
    assert manager.count(FED) == fed


async def test_a_full_disk_does_not_restart_it(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(tmp_path, simulator, inbox.url()) as (relay, manager):

        def full(_operations: Sequence[Operation]) -> Sequence[object]:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(relay.outbox._writer, "_apply", full)
        fire(simulator, 3)
        await manager.hears("STATUS=connected, seq")
        await is_fed_for(manager, LONGER)
        assert not relay.desk.healthy()[0]
        assert not any("standing still" in line for line in manager.lines)


async def test_a_destination_that_is_down_does_not_restart_it(tmp_path: Path, simulator: Simulator) -> None:
    async with receiving() as receiver:
        receiver.answer(503)
        async with watched(tmp_path, simulator, receiver.url) as (_, manager):
            fire(simulator, 3)
            await is_fed_for(manager, LONGER)
            assert len(receiver.requests) > 1
            assert not any("standing still" in line for line in manager.lines)


async def test_an_upstream_out_of_reach_does_not_restart_it(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_settings: ReaderSettings) -> None:
        raise ConnectionRefusedError

    async with watched(tmp_path, simulator, inbox.url()) as (relay, manager):
        monkeypatch.setattr(reader, "dial", refused)
        monkeypatch.setattr(relay.reader._backoff, "next", lambda: 0.1)
        simulator.faults.close(1012)
        await manager.hears("STATUS=waiting")
        await is_fed_for(manager, LONGER)
        assert relay.reader.state.attempts > 5
        assert not any("standing still" in line for line in manager.lines)


async def test_a_reader_that_never_comes_to_its_next_step_does(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def for_ever(_settings: ReaderSettings) -> None:
        await asyncio.Event().wait()

    async with watched(tmp_path, simulator, inbox.url()) as (relay, manager):
        monkeypatch.setattr(reader, "dial", for_ever)
        monkeypatch.setattr(relay.reader._backoff, "next", lambda: 0.01)
        simulator.faults.close(1012)
        await goes_unfed(relay, manager, "the reader")
        assert relay.reader.state.phase is Phase.CONNECTING


async def test_a_store_that_never_answers_does(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    async with watched(tmp_path, simulator, inbox.url()) as (relay, manager):
        write = relay.outbox._writer._apply

        def slow(operations: Sequence[Operation]) -> Sequence[object]:
            answers.wait(20)
            return write(operations)

        monkeypatch.setattr(relay.outbox._writer, "_apply", slow)
        fire(simulator, 1)
        try:
            await goes_unfed(relay, manager, "the store")
        finally:
            answers.set()
        await manager.hears("STATUS=connected")
        await is_fed_for(manager, 3)


async def test_a_lane_that_stands_still_does(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.delivery.signs._TIMES_ITS_LONGEST", 0.0)
    async with watched(tmp_path, simulator, inbox.url()) as (relay, manager):
        lane = relay.dispatcher.lanes["bot"]
        answers = asyncio.Event()
        load_more = lane._supply.load

        async def for_ever(*, failing: bool) -> None:
            await answers.wait()
            await load_more(failing=failing)

        monkeypatch.setattr(lane._supply, "load", for_ever)
        fire(simulator, 1)
        try:
            await goes_unfed(relay, manager, "the lane of bot")
        finally:
            answers.set()
        await inbox.wait_until(lambda: inbox.unique == 1)
