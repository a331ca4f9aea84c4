"""The demo's life: set up, replay with faults, catch up, judge.

start   simulator, inbox, chats, config, then the relay; the replay begins when it has subscribed
run     until the time is up, somebody stops it, or the relay ends
settle  nothing is fired and nothing goes wrong any more; wait until all that is due has arrived
stop    the relay drains and ends; only then is the account made up: a late duplicate counts too
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from relay.clock import Clock
from relay.demo.faults import FaultInjector
from relay.demo.parts import Parts
from relay.demo.scenario import CHANNELS, RECONCILE_SECONDS, TIMED
from relay.demo.scene import Phase, Replay, Report, Scene
from relay.demo.status import StatusPoller
from relay.demo.summary import findings_of
from relay.demo.tally import Tally
from relay.demo.verify import alert_of
from relay.demo.witness import Witness
from relay.simulator.bars import load_bars
from relay.simulator.chat.posted import Posted
from relay.simulator.inbox import Received
from relay.simulator.ledger import fields_of
from relay.simulator.market import Market, Moment, Tick
from relay.simulator.replay import replay
from relay.simulator.settings import ReplaySettings

_PATIENCE: Final = RECONCILE_SECONDS + 5.0  # seconds without any arrival
_MOST_PATIENCE: Final = 120.0


class Screen(Protocol):
    """Shows a demo to whoever started it."""

    @property
    def every(self) -> float:
        """Seconds between two moments shown."""
        ...

    def show(self, scene: Scene) -> None:
        """Show this moment."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """A demo.

    Attributes:
        directory: Empty; for config, store and log.
        seconds: How long the replay is at most; None for until stopped.
        speed: Trading days a second.
        seed: Decides what the bars leave open.
    """

    directory: Path
    seconds: float | None = None
    speed: float = 30.0
    seed: int = 0


class Demo:
    """One demo; to be made on a running event loop.

    Args:
        settings: What it is to be.
        clock: To live by.
        screen: Who shows it.
    """

    def __init__(self, settings: Settings, clock: Clock, screen: Screen) -> None:
        self._settings, self._clock, self._screen = settings, clock, screen
        self._parts = Parts(
            settings.directory, seed=settings.seed, clock=clock, on_received=self._received, on_posted=self._posted
        )
        self._market = Market(load_bars(), seed=settings.seed)
        self._witness = self._new_witness()
        self._poller = StatusPoller("", clock)
        self._faults = self._fault_injector()
        self._phase = Phase.STARTING
        self._began: float | None = None
        self._fell: float | None = None
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Fire no more; catch up and come to the end."""
        self._stop.set()

    async def run(self) -> Report:
        """Live through it; what it came to.

        Raises:
            RelayError: It could not even begin.
        """
        async with AsyncExitStack() as stack:
            parts = self._parts
            await parts.open(stack)
            self._witness = self._new_witness()
            self._faults = self._fault_injector()
            watching = self._spawn(stack, self._watch())
            stopping = self._spawn(stack, self._stop.wait())
            starting = self._spawn(stack, parts.start_relay())
            await _first(starting, stopping, watching)
            if not starting.done():
                return self._report(["it was stopped before it began"])
            starting.result()
            ended = self._spawn(stack, parts.daemon.ended())
            self._poller = StatusPoller(parts.page, self._clock)
            self._spawn(stack, self._poller.run())
            await self._replay(stack, ended, stopping, watching)
            await self._settle(stack, ended, watching)
            ended_early = ended.done()
            code = await parts.daemon.stop()
            self._phase = Phase.ENDED
            self._show()
            relay = [f"the relay ended with exit code {code}. {parts.daemon.last_words()}"] if code else []
            if ended_early and not code:
                relay = ["the relay ended by itself"]
            return self._report(relay)

    async def _replay(self, stack: AsyncExitStack, *ends: asyncio.Task[object]) -> None:
        """Replay, with faults, until one of ``ends`` comes or the time is up."""
        self._began = self._clock.monotonic()
        self._phase = Phase.RUNNING
        settings = self._settings
        replaying = self._spawn(stack, self._fire_all())
        self._spawn(stack, self._faults.run(settings.seconds))
        timer = [] if settings.seconds is None else [self._spawn(stack, self._clock.sleep(settings.seconds))]
        await _first(replaying, *timer, *ends)
        self._fell = self._clock.monotonic()
        over = replaying.done()
        await _end(replaying)
        self._faults.settle()
        if over and settings.seconds is None:
            self._phase = Phase.OVER
            await _first(*ends)

    async def _fire_all(self) -> None:
        part = ReplaySettings(speed=self._settings.speed)
        await replay(self._market, part, self._clock, show=self._fire, room=_no_room_needed)

    async def _settle(self, stack: AsyncExitStack, *ends: asyncio.Task[object]) -> None:
        """Wait until whatever is due has arrived, or nothing comes any more."""
        self._phase = Phase.CATCHING_UP
        await _first(self._spawn(stack, self._catch_up()), *ends)

    async def _catch_up(self) -> None:
        try:
            async with asyncio.timeout(_MOST_PATIENCE):
                while not self._witness.tally.complete:
                    await self._witness.anything(within=_PATIENCE)
        except TimeoutError:  # what is missing is told in the end
            return

    async def _watch(self) -> None:
        while True:
            self._show()
            await self._clock.sleep(self._screen.every)

    def _fire(self, moment: Moment) -> None:
        if isinstance(moment, Tick):
            return
        fired = self._parts.simulator.fire(fields_of(moment))
        self._witness.tally.fire(fired.channel, alert_of(fired), fired.triggered_at_us)

    def _received(self, received: Received) -> None:
        self._witness.received(received)

    def _posted(self, destination: str, message: Posted) -> None:
        self._witness.posted(destination, message)

    def _show(self) -> None:
        self._screen.show(self._scene())
        self._witness.forget()

    def _scene(self) -> Scene:
        self._faults.watch()
        return Scene(
            phase=self._phase,
            seconds=self._seconds(),
            of_seconds=self._settings.seconds,
            page=self._parts.page,
            config=str(self._parts.config),
            replay=self._where(),
            counts=self._witness.tally.counts(),
            status=self._poller.status,
            arrivals=self._witness.arrivals,
            mishaps=tuple(map(replace, self._faults.mishaps)),
            rooms=self._parts.chats.rooms(),
        )

    def _report(self, relay: list[str]) -> Report:
        counts = self._witness.tally.counts(whole=True)
        return Report(
            replay=self._where(),
            seconds=self._seconds(),
            counts=counts,
            injected=tuple(mishap.kind for mishap in self._faults.mishaps),
            seen_again=self._poller.status.seen_again,
            rooms=self._parts.chats.rooms(),
            findings=findings_of(counts, missing=self._witness.tally.missing(), wrong=self._witness.wrong, relay=relay),
        )

    def _spawn(self, stack: AsyncExitStack, work: Coroutine[None, None, object]) -> asyncio.Task[object]:
        """A task that ends with the demo, at the latest."""
        task: asyncio.Task[object] = asyncio.create_task(work)
        stack.push_async_callback(_end, task)
        return task

    def _seconds(self) -> float:
        if self._began is None:
            return 0.0
        return (self._fell if self._fell is not None else self._clock.monotonic()) - self._began

    def _where(self) -> Replay:
        index, days = self._market.day_index, self._market.days
        return Replay(days[min(index, len(days) - 1)], index, len(days))

    def _new_witness(self) -> Witness:
        return Witness(Tally(self._parts.rules, TIMED, CHANNELS), self._parts.key)

    def _fault_injector(self) -> FaultInjector:
        parts, witness = self._parts, self._witness
        return FaultInjector(
            parts.simulator, parts.inbox, parts.chats, tally=witness.tally, until=witness.until, clock=self._clock
        )


async def _first(*tasks: asyncio.Task[object]) -> None:
    """Wait until one of ``tasks`` is done; raise what it failed with."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _end(task: asyncio.Task[object]) -> None:
    """Cancel ``task`` and wait until it is over; raise what it failed with."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def _no_room_needed() -> None:
    """The market has a pace of its own; it does not wait for slow clients."""
