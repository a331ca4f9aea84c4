"""The real desk over any outbox: lanes that run, a backfiller that could, and a connection that is acknowledged."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from relay.backfill.backfiller import Backfiller
from relay.backfill.errands import Errands
from relay.backfill.ports import Settings, Tools
from relay.clock import MICROS
from relay.deliveries import Outcome, Verdict
from relay.delivery.dispatcher import Dispatcher
from relay.delivery.lane import Lane
from relay.delivery.settings import LaneSettings
from relay.desk import FrontDesk
from relay.events import Channel
from relay.judging.snoozes import Snoozes
from relay.metrics import Metrics
from relay.outbox.base import Outbox
from relay.outbox.channels import Hole
from relay.pulse import Pulse
from relay.undertakings import Undertakings
from relay.upstream.state import ConnectionState, Phase
from tests.support.backfill import FakeRest, FakeStore
from tests.support.clock import START_US, FakeClock
from tests.support.events import a_break, entry, in_force
from tests.support.lane import OK, Receiver

TYPES: Final = {"bot": "webhook", "swing": "discord"}
RULES: Final = ("daily bulls", "the whole market moves", "swing")
DEAD: Final = Outcome(Verdict.DEAD, "404", "404 Not Found", "no such hook")
EVENTS, LETTERS = 12, 3


async def fill(outbox: Outbox) -> None:
    """Events that were delivered to bot, all but the first, which are dead letters; a break for nobody; and a hole."""
    hole = Hole(Channel.IN_FORCE, 5, 9, "timeframe=D direction=bullish cc=2U", START_US)
    alerts = [entry(in_force(number, f"S{number}"), "bot") for number in range(1, EVENTS)]
    await outbox.commit([*alerts, entry(a_break(1))], holes=[hole])
    claimed, _ = await outbox.claim("bot", after=0, limit=100)
    for delivery in claimed[:LETTERS]:
        await outbox.bury(delivery, DEAD, at_us=START_US)
    for delivery in claimed[LETTERS:]:
        await outbox.ack(delivery, OK, at_us=START_US)


class Notified:
    """A decider that has nothing to decide here."""

    def notify(self) -> None:
        return


@asynccontextmanager
async def front_desk(outbox: Outbox) -> AsyncIterator[FrontDesk]:
    """A desk over ``outbox``, with a lane for each of ``TYPES``."""
    clock, metrics = FakeClock(START_US + MICROS), Metrics()
    rng = random.Random(7)
    channels = [Channel.IN_FORCE]
    lanes = [
        Lane(Receiver(clock, name=name), outbox, LaneSettings(), clock=clock, rng=rng, metrics=metrics)
        for name in TYPES
    ]
    dispatcher = Dispatcher(lanes)
    tools = Tools(FakeRest(clock), outbox, FakeStore(), clock, rng, tuple)
    connection = ConnectionState(accepted=frozenset(channels), attempts=1)
    connection.enter(Phase.ACKNOWLEDGED, START_US)
    running = asyncio.create_task(dispatcher.run())
    backfiller = Backfiller(tools, metrics, Settings(), channels=lambda: channels)
    errands = Errands(backfiller, clock)
    undertakings = Undertakings()
    try:
        yield FrontDesk(
            outbox=outbox,
            dispatcher=dispatcher,
            backfiller=backfiller,
            connection=connection,
            metrics_registry=metrics,
            clock=clock,
            types=TYPES,
            channels=lambda: channels,
            rules=lambda: RULES,
            snoozes=Snoozes(outbox.memory, clock),
            decider=Notified(),
            minutes=Pulse(clock).minutes,
            standby=lambda: False,
            take_back=lambda: False,
            errands=errands,
            started_at_us=START_US,
            simulated=False,
            undertakings=undertakings,
        )
    finally:
        await undertakings.close()
        await errands.close()
        await backfiller.close()
        dispatcher.stop()
        await asyncio.wait_for(running, 5)
