"""A dead letter that is sent again, in the chats: what is old says so, and calls nobody."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from relay.deliveries import RuleMatch, State
from relay.delivery.lane import Lane
from relay.delivery.settings import LaneSettings
from relay.destinations.factory import Factory
from relay.destinations.http import HttpClient
from relay.metrics import Metrics
from relay.outbox.archive import EVERYTHING
from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.chat.faults import Fault
from relay.simulator.chat.slack import FakeSlack
from tests.support.clock import START_US, FakeClock, settle
from tests.support.events import entry, in_force
from tests.support.memory_outbox import Memory, MemoryOutbox
from tests.support.messages import config_of
from tests.support.waiting import until

WHOM = {"discord": "<@&961700198785118228>", "slack": "<@U012ABCDEF>"}


class Room:
    """A lane to a chat that refuses what comes first."""

    def __init__(self, chat: FakeDiscord | FakeSlack, lane: Lane, outbox: MemoryOutbox, memory: Memory) -> None:
        self.chat = chat
        self.lane = lane
        self.outbox = outbox
        self._memory = memory

    def state(self) -> State:
        (record,) = self._memory.records.values()
        return record.state

    def shown(self) -> str:
        (message,) = self.chat.messages
        return json.dumps(message.payload)


@asynccontextmanager
async def room(kind: str, clock: FakeClock) -> AsyncIterator[Room]:
    client, memory = HttpClient(), Memory(START_US)
    outbox = MemoryOutbox(memory, clock)
    async with FakeDiscord(clock) if kind == "discord" else FakeSlack(clock) as chat:
        chat.add_webhook("swing")
        chat.fail_next(Fault(400))
        destination = Factory(client, clock).build("swing", config_of(kind, chat.url("swing")))
        settings = LaneSettings(ordering="strict")
        lane = Lane(destination, outbox, settings, clock=clock, rng=random.Random(7), metrics=Metrics())
        task = asyncio.create_task(lane.run())
        yield Room(chat, lane, outbox, memory)
        lane.stop()
        await asyncio.wait_for(task, 5)
    await client.close()


@pytest.mark.parametrize("kind", WHOM)
@pytest.mark.parametrize(("minutes", "late"), [(5, False), (60 * 26, True)])
async def test_an_old_dead_letter_says_how_late_it_is_and_pings_nobody(kind: str, minutes: int, late: bool) -> None:
    clock = FakeClock()
    rule = RuleMatch("loud", mention=(WHOM[kind],))
    async with room(kind, clock) as opened:
        await opened.outbox.commit([entry(in_force(1), "swing", rules=(rule,))])
        opened.lane.notify()
        await until(lambda: opened.state() is State.DEAD)
        await clock.advance(60.0 * minutes)
        assert (await opened.outbox.archive.retry(EVERYTHING)).done == 1
        opened.lane.notify()
        await until(lambda: opened.state() is State.DELIVERED)
        await settle()
        assert ("26 h late" in opened.shown()) is late
        assert (WHOM[kind] in opened.shown()) is not late
