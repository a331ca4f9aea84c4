"""A relay that is reloaded in this process: what it subscribes to and tells follows from the config of now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.app import Relay
from relay.clock import SystemClock
from relay.config.load import load
from relay.deliveries import State
from relay.errors import StoreBusyError
from relay.events import Channel
from relay.outbox.archive import EVERYTHING
from relay.outbox.forecast import forecast_replay, forecast_retry
from relay.simulator.inbox import Inbox
from relay.simulator.settings import ApiKey, Scope, SimulatorSettings
from relay.simulator.upstream import Simulator
from tests.support.alerts import fire
from tests.support.process import webhook, write_config
from tests.support.waiting import until

Rules = list[dict[str, Any]]

IN_FORCE: dict[str, Any] = {"name": "in force", "to": "bot"}
BREAKS: dict[str, Any] = {"name": "breaks", "channel": "alerts.simultaneous_breaks", "to": "bot"}
QUOTES: dict[str, Any] = {
    "name": "through 200", "channel": "quotes", "symbol": "AAPL", "price": {"above": 200}, "to": "bot"
}  # fmt: skip


class House:
    """A relay and the file it reads."""

    def __init__(self, folder: Path, simulator: Simulator, inbox: Inbox, rules: Rules) -> None:
        self._folder, self._simulator, self._inbox = folder, simulator, inbox
        self.terms: dict[str, Any] = {}
        self.relay = Relay(load(self._write(rules, None), env={}), env={})

    def _write(self, rules: Rules, port: int | None) -> Path:
        destinations = {"bot": webhook(self._inbox.url(), **self.terms)}
        return write_config(self._folder, self._simulator, destinations, rules=rules, port=port, shutdown_grace="1s")

    async def reload(self, *rules: dict[str, Any]) -> None:
        self._write([*rules], self.relay.web.port)
        assert self.relay.reloader is not None
        await self.relay.reloader.reload()


@asynccontextmanager
async def reloading(folder: Path, simulator: Simulator, inbox: Inbox, *rules: dict[str, Any]) -> AsyncIterator[House]:
    """A relay that runs; drained at the end."""
    house = House(folder, simulator, inbox, [*rules])
    async with AsyncExitStack() as stack:
        await house.relay.open(stack)
        running = asyncio.create_task(house.relay.run())
        try:
            yield house
        finally:
            house.relay.stop()
            async with asyncio.timeout(20):
                await running


async def test_a_max_age_that_is_set_or_taken_away_counts_for_what_was_stored_before(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    inbox.always(404)
    async with reloading(tmp_path, simulator, inbox, IN_FORCE) as house:
        await simulator.wait_until(lambda: simulator.subscribed(Channel.IN_FORCE))
        fire(simulator, 1)
        archive = house.relay.outbox.archive

        async def has_come(*fates: State) -> None:
            """What became of the alert, and of each time it was sent again."""

            async with asyncio.timeout(10):
                while [item["state"] for item in (await archive.list_deliveries()).items] != [*fates]:
                    pass

        await has_come(State.DEAD)
        inbox.always(200)
        house.terms = {"max_age": "1ms"}
        await house.reload(IN_FORCE)
        assert (await forecast_retry(archive, [EVERYTHING])).overdue == 1
        await house.relay.desk.queue(archive.retry(EVERYTHING))
        await has_come(State.EXPIRED)
        await house.relay.desk.queue(archive.replay(EVERYTHING))
        await has_come(State.EXPIRED, State.EXPIRED)
        assert inbox.arrived == 1
        house.terms = {}
        await house.reload(IN_FORCE)
        assert (await forecast_replay(archive, EVERYTHING)).overdue == 0
        await house.relay.desk.queue(archive.replay(EVERYTHING))
        await has_come(State.DELIVERED, State.EXPIRED, State.EXPIRED)


async def test_a_subscription_that_could_not_be_changed_is_changed_later(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reloading(tmp_path, simulator, inbox, IN_FORCE) as house:
        await simulator.wait_until(lambda: simulator.subscribed(Channel.IN_FORCE))
        baseline, troubles = house.relay.backfiller.ensure_baseline, [StoreBusyError("disk I/O error")]

        async def once_unreadable(channels: Collection[Channel]) -> None:
            if troubles:
                raise troubles.pop()
            await baseline(channels)

        monkeypatch.setattr(house.relay.backfiller, "ensure_baseline", once_unreadable)
        with capture_logs() as said:
            async with asyncio.timeout(5):
                await house.reload(IN_FORCE, BREAKS)
                await simulator.wait_until(lambda: simulator.subscribed(Channel.BREAKS))
        assert "channel not subscribed yet" in [line["event"] for line in said]


async def test_a_full_disk_does_not_hold_up_what_a_reload_subscribes_to(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reloading(tmp_path, simulator, inbox, IN_FORCE) as house:
        await simulator.wait_until(lambda: simulator.subscribed(Channel.IN_FORCE))

        async def wait_for_room(**_: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(house.relay.outbox.memory, "forget_sides", wait_for_room)
        async with asyncio.timeout(5):
            await house.reload(IN_FORCE, QUOTES)
            await simulator.wait_until(lambda: simulator.subscribed(Channel.QUOTES, "AAPL"))
            await house.reload(IN_FORCE)
            await simulator.wait_until(lambda: not simulator.subscribed(Channel.QUOTES, "AAPL"))


async def test_a_refused_look_up_is_told_only_while_a_rule_asks_and_is_forgotten_by_a_reload(
    tmp_path: Path, inbox: Inbox
) -> None:
    poor = ApiKey(scopes=frozenset(Scope) - {Scope.STATES})
    asks = {**IN_FORCE, "enrich": True}
    async with (
        Simulator(SimulatorSettings(keys={"sim-key": poor}), SystemClock()) as simulator,
        reloading(tmp_path, simulator, inbox, asks) as house,
    ):
        await simulator.wait_until(lambda: simulator.subscribed(Channel.IN_FORCE))
        fire(simulator, 1)
        desk = house.relay.desk
        await until(lambda: any("states can't be looked up" in line for line in desk.ready().degraded))
        await house.reload(IN_FORCE)
        assert desk.ready().degraded == ()
        await house.reload(asks)  # somebody may have added the scope meanwhile
        assert desk.ready().degraded == ()


async def test_a_baseline_that_hangs_holds_up_no_other_subscription(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    async with reloading(tmp_path, simulator, inbox, IN_FORCE) as house:
        await simulator.wait_until(lambda: simulator.subscribed(Channel.IN_FORCE))
        simulator.faults.rest("503", path="simultaneous-breaks")
        async with asyncio.timeout(8):  # a baseline is waited for for ten seconds
            await house.reload(IN_FORCE, BREAKS)
            await house.reload(IN_FORCE, BREAKS, QUOTES)
            await simulator.wait_until(lambda: simulator.subscribed(Channel.QUOTES, "AAPL"))
            assert not simulator.subscribed(Channel.BREAKS)
            simulator.faults.clear()
            await simulator.wait_until(lambda: simulator.subscribed(Channel.BREAKS))
        assert simulator.opened == 1
