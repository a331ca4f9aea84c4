"""The whole relay in this process, where it can be reached into: what the command can't be made to show in seconds."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from relay import intake
from relay.app import Relay
from relay.config.load import load
from relay.deliveries import State
from relay.outbox import sqlite
from relay.outbox.memory import Side
from relay.outbox.transaction import Operation
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from relay.upstream.state import Phase
from tests.support.alerts import arrived, fire, once
from tests.support.process import webhook, write_config


@asynccontextmanager
async def relaying(folder: Path, simulator: Simulator, inbox: Inbox, *, ping: float = 20.0) -> AsyncIterator[Relay]:
    """A relay that runs and is acknowledged; drained at the end, and what broke it is raised."""
    config = write_config(folder, simulator, {"bot": webhook(inbox.url())}, shutdown_grace="5s")
    relay = Relay(load(config, env={}), env={})
    async with AsyncExitStack() as stack:
        await relay.open(stack)
        settings = relay.reader._settings
        relay.reader._settings = replace(settings, ping_every=ping, ping_timeout=ping, close_timeout=0.2)
        running = asyncio.create_task(relay.run())
        try:
            await acknowledged(relay, running)
            yield relay
        finally:
            relay.stop()
            async with asyncio.timeout(20):
                await running


async def acknowledged(relay: Relay, running: asyncio.Task[None]) -> None:
    await until(lambda: relay.desk.ready().ready or running.done())
    assert not running.done()


async def nothing_pending(relay: Relay) -> None:
    """Return once nothing waits any more; looked at whenever an attempt has been noted."""
    noted = asyncio.Event()
    for lane in relay.dispatcher.lanes.values():
        lane.observers.append(lambda *_: noted.set())
    async with asyncio.timeout(10):
        while True:
            noted.clear()
            stats = await relay.outbox.stats()
            if not any(queue.counts.get(State.PENDING) for queue in stats.values()):
                return
            await noted.wait()


async def until(holds: Callable[[], bool]) -> None:
    """Return once ``holds()``; readiness and metrics tell nobody when they change, so they are looked at often."""
    async with asyncio.timeout(10):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


async def test_a_peer_that_falls_silent_is_left_and_what_it_swallowed_is_fetched(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    async with relaying(tmp_path, simulator, inbox, ping=0.2) as relay:
        fired = fire(simulator, 3)
        await inbox.wait_until(lambda: inbox.unique == 3)
        simulator.faults.silence()  # TCP stays up; no frame, no pong
        fired += fire(simulator, 5)
        await simulator.wait_until(lambda: simulator.opened == 2)
        fired += fire(simulator, 2)
        await inbox.wait_until(lambda: inbox.unique == 10)
        await nothing_pending(relay)
        waits = [step for step in relay.reader.state.history if step.phase is Phase.WAITING]
        assert [step.detail for step in waits] == ["the upstream stopped answering pings"]
    assert arrived(inbox) == once(fired)


async def test_what_does_not_fit_the_queue_while_the_store_takes_nothing_is_fetched_afterwards(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "QUEUE_LIMIT", 20)
    async with relaying(tmp_path, simulator, inbox) as relay:
        writer = relay.outbox._writer
        write, full = writer._apply, True

        def apply(operations: Sequence[Operation]) -> Sequence[object]:
            if full:
                raise sqlite3.OperationalError("database or disk is full")
            return write(operations)

        writer._apply = apply
        fired = fire(simulator, 100)
        rejected = relay.metrics.rejected.labels("queue_full")
        await until(lambda: rejected._value.get() >= 60 and not relay.desk.healthy()[0])
        assert inbox.arrived == 0
        full = False
        await inbox.wait_until(lambda: inbox.unique == 100)
        await nothing_pending(relay)
        assert relay.desk.healthy() == (True, [])
        assert simulator.opened == 1
    assert arrived(inbox) == once(fired)


async def test_a_full_disk_does_not_keep_the_pages_from_telling_it(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with AsyncExitStack() as stack:
        relay = Relay(load(config, env={}), env={})
        await relay.open(stack)
        await relay.outbox.memory.note_sides([Side("a rule that is no more", "AAPL", "{}", 1)])

    def full(*_: object) -> object:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite, "apply", full)
    async with AsyncExitStack() as stack:
        relay = Relay(load(config, env={}), env={})
        async with asyncio.timeout(5):
            await relay.open(stack)
        assert relay.web.port


async def test_whatever_breaks_down_ends_the_relay(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(relaying(tmp_path, simulator, inbox))

        def broken(*_: object) -> object:
            raise ZeroDivisionError

        relay.intake._commit = broken  # type: ignore[method-assign,assignment]  # breaks the task that commits
        fire(simulator, 1)
        with pytest.raises(ZeroDivisionError):
            await stack.aclose()
    assert simulator.connected == 0


async def test_two_relays_of_one_account_do_not_fight_over_the_socket(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    config = write_config(folders[0], simulator, {"bot": webhook(inbox.url("/a"))})
    first = Relay(load(config, env={}), env={})
    async with AsyncExitStack() as stack:
        await first.open(stack)
        running = asyncio.create_task(first.run())
        await acknowledged(first, running)
        async with relaying(folders[1], simulator, inbox):
            with pytest.raises(Exception, match="another instance took over"):
                await running
            fired = fire(simulator, 3)
            await inbox.wait_until(lambda: inbox.unique == 3)
            assert simulator.opened == 2
    assert arrived(inbox) == once(fired)
