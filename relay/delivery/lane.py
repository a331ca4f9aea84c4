"""One destination's lane: takes its queue from the outbox to the wire, in order, at the pace the destination bears.

    loop:  Supply.load ──> may it send? (switch, condition, limiters, slots) ──> begin attempts, or wait for a change
                                                                                    │
    begin: the head, and what waits behind it as far as Destination.fits says <─────┘

    attempt:  Destination.send ──Outcome──> Settlement ──> the store's note, the lane's condition

What holds always:

* At most ``concurrency`` attempts are under way, and at most twice as many are not yet noted in the store: that is what
  a ``kill -9`` can send again.
* One message is one attempt of all that it holds. A destination whose messages hold many begins none before the
  former is noted: a ``kill -9`` can send one again, not two. Nothing waits for company: what is alone goes alone.
* Nothing is forgotten: whatever is not delivered, dead or expired is pending in the store, and a lane that starts
  anew finds it there.
* While a person's switch is being written nothing begins: what they dropped or paused does not slip out.
* When ``run`` returns, all that was answered is noted, or known as ``unnoted``: another lane may go on from there.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from relay.clock import MICROS, Clock, wait_until
from relay.deliveries import WAITING
from relay.delivery.condition import Condition
from relay.delivery.item import Item
from relay.delivery.latencies import Latency
from relay.delivery.sender import Batch, Sender
from relay.delivery.settings import LaneSettings, LaneStatus, Observer
from relay.delivery.settlement import Settlement
from relay.delivery.supply import Supply
from relay.delivery.switch import LaneSwitch
from relay.destinations.base import Destination
from relay.errors import StoreBusyError
from relay.limiter import Limiter, SlidingLog
from relay.metrics import Metrics
from relay.outbox.base import Outbox, Switch
from relay.upstream.throttle import LogThrottle

_log = structlog.get_logger()

_STORE_RETRY_SECONDS: Final = 1.0
EXPIRING_AT_ONCE: Final = 500


class Lane:
    """Runs one destination's queue until it is stopped."""

    def __init__(
        self,
        destination: Destination,
        outbox: Outbox,
        settings: LaneSettings,
        *,
        clock: Clock,
        rng: random.Random,
        metrics: Metrics,
    ) -> None:
        self.name = destination.name
        self._sender = Sender(destination, simulated=settings.simulated, max_age=settings.max_age)
        self._capacity = destination.capacity
        self._outbox = outbox
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._throttle = LogThrottle(clock)
        self._condition = Condition(first=settings.retry_initial, cap=settings.retry_max, rng=rng)
        limiters = (SlidingLog(*settings.rate_limit) if settings.rate_limit else None, destination.limiter)
        self._limiters: list[Limiter] = [limiter for limiter in limiters if limiter is not None]
        self._switch = LaneSwitch(self.name, outbox, clock, settings.fingerprint)
        self._supply = Supply(self.name, outbox, settings, clock, capacity=self._capacity)
        self._window = self._supply.window
        self._settlement = Settlement(
            self.name,
            outbox,
            settings,
            self._supply,
            self._condition,
            clock=clock,
            rng=rng,
            metrics=metrics,
            switch_off=lambda reason: self._switch.turn(Switch.OFF, reason),
        )
        self._most_unsettled = 2 * settings.at_once if self._capacity == 1 else 1
        self._wake = asyncio.Event()
        self._in_flight = 0
        self._unsettled = 0
        self._expiring = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._leaving = False
        self.observers: list[Observer] = []
        self.turns = 0  # of its loop: while something waits, one that stands still is out of order

    # --- what others ask of it

    def notify(self) -> None:
        """There may be something new in the queue."""
        self._supply.notify()
        self._wake.set()

    def status(self) -> LaneStatus:
        """How it stands."""
        now = self._clock.monotonic()
        return LaneStatus(
            switch=self._switch.state.switch,
            reason=self._switch.state.reason,
            since_us=self._switch.state.since_us,
            held_seconds=max(0.0, self._condition.held_until - now),
            paced_seconds=max([0.0, *(limiter.ready_at() - now for limiter in self._limiters)]),
            in_flight=self._in_flight,
            failures=self._condition.failures,
            last_error=self._settlement.last_error,
            failing_seconds=self._condition.failing_seconds(now),
            refusal=self._settlement.refusal,
            limit="; ".join(words for limiter in self._limiters if (words := limiter.words())),
        )

    def latency(self) -> Latency | None:
        """How long the last deliveries took; None before the first."""
        return self._settlement.latencies.read()

    async def pause(self) -> None:
        """Send nothing more until ``resume``; the queue is kept."""
        async with self._switch.by_hand():
            if self._switch.state.switch is Switch.ON:
                await self._switch.turn(Switch.PAUSED, "paused by an operator")

    async def resume(self, *, drop_older: float | None = None) -> int:
        """Go on, after a pause or when it was switched off; nothing that was asked for before is waited for.

        Args:
            drop_older: Expire what was received longer ago than this many seconds.

        Returns:
            How many were dropped.
        """
        try:
            async with self._switch.by_hand():
                dropped = 0 if drop_older is None else await self._drop_older(drop_older)
                await self._switch.turn(Switch.ON)
                self._condition.release()
                self._settlement.forgive()
                for limiter in self._limiters:
                    limiter.release()
                self._supply.start_over(forgive=True)
        finally:
            self._wake.set()
        return dropped

    def absolve(self) -> None:
        """A person has let go of what it refused."""
        self._settlement.refusal = ""

    async def _drop_older(self, seconds: float) -> int:
        now_us = self._clock.now_us()
        before_us = max(0, now_us - round(seconds * MICROS))
        dropped = await self._outbox.drop_older(self.name, before_us=before_us, at_us=now_us)
        self._metrics.deliveries.labels(self.name, "expired").inc(dropped)
        return dropped

    async def run(self) -> None:
        """Deliver until ``stop`` has been called, or the lane has left, and what was under way has ended."""
        while not self._stopping:
            self.turns += 1
            self._wake.clear()
            try:
                if held := await self._switch.restore():
                    self._condition.hold(self._clock.monotonic(), held)
                if self._switch.is_on:
                    await self._supply.load(failing=self._condition.failures > 0)
                if self._leaving and await self._has_left():
                    break
            except StoreBusyError as error:
                self._tell_unreadable(error)
                await wait_until(self._wake, self._clock, _STORE_RETRY_SECONDS)
                continue
            self._begin_all()
            await wait_until(self._wake, self._clock, self._idle_seconds())
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._switch.at_rest()

    def leave(self) -> None:
        """Its destination is removed: ``run`` returns when the queue is empty, or the destination was switched off."""
        self._leaving = True
        self._wake.set()

    def inherit(self, former: Lane) -> None:
        """Take over from a lane that has ended: what had an answer there is not sent again, noted or not."""
        self._window.known.hold(former.unnoted)

    @property
    def unnoted(self) -> frozenset[int]:
        """Numbers of the deliveries that were answered, while the store took no note of it; all, once it has ended."""
        return self._window.unnoted

    def stop(self) -> None:
        """Begin nothing new; ``run`` returns when what is under way has ended."""
        self._stopping = True
        self._wake.set()

    def abort(self) -> None:
        """Give up what is under way: it stays pending in the store."""
        for task in self._tasks:
            task.cancel()

    # --- the loop

    def _tell_unreadable(self, error: StoreBusyError) -> None:
        held_back = self._throttle.admit(str(error))  # SQLite's reasons are few
        if held_back is not None:
            _log.warning(
                "queue can't be read, trying again", destination=self.name, error=str(error), held_back=held_back
            )

    async def _has_left(self) -> bool:
        if self._tasks:
            return False
        if self._switch.state.switch is Switch.OFF:
            return True  # with its config gone, nothing but a person could switch it on
        if len(self._window):
            return False
        stats = (await self._outbox.stats()).get(self.name)
        waiting = 0 if stats is None else sum(stats.counts.get(state, 0) for state in WAITING)
        return waiting <= len(self.unnoted) and not self._tasks

    def _begin_all(self) -> None:
        while not self._stopping and (item := self._next()) is not None:
            if batch := self._sender.pack(self._waiting(item), self._clock.now_us()):
                self._begin(batch)
            else:
                self._window.remove(item)
                self._expiring += 1
                self._start(self._expire(item), f"expire-{self.name}-{item.delivery.id}")

    def _waiting(self, head: Item) -> list[Item]:
        most = 1 if self._condition.in_doubt else self._capacity
        return self._window.waiting(head, self._clock.monotonic(), most=most)

    def _begin(self, batch: Batch) -> None:
        now = self._clock.monotonic()
        self._in_flight += 1
        self._unsettled += 1
        self._window.begin(batch.items, now)
        for limiter in self._limiters:
            limiter.note(now)
        self._start(self._attempt(batch, now), f"deliver-{self.name}-{batch.items[0].delivery.id}")

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _next(self) -> Item | None:
        now = self._clock.monotonic()
        ready = self._ready_at()
        if ready is None or ready > now:
            return None
        return self._window.next_probe(now) if self._condition.failures else self._window.next_open(now)

    def _ready_at(self) -> float | None:
        """When another attempt may begin, if there is one; None: not before something has ended or changed."""
        if not self._switch.is_on or self._expiring >= EXPIRING_AT_ONCE:
            return None
        at_once = self._condition.at_once(self._settings.at_once)
        if self._in_flight >= at_once or self._unsettled >= self._most_unsettled:
            return None
        return max([self._condition.held_until, *(limiter.ready_at() for limiter in self._limiters)])

    def _idle_seconds(self) -> float | None:
        """Until when nothing changes by itself; None where only a wake-up can change anything."""
        ready = self._ready_at()
        times = [due for due in (self._window.next_due(), self._supply.parked_due) if due is not None]
        if ready is None or not times:
            return None
        return max(0.001, max(min(times), ready) - self._clock.monotonic())

    # --- one attempt

    async def _expire(self, item: Item) -> None:
        try:
            await self._settlement.expire(item)
        finally:
            self._expiring -= 1

    async def _attempt(self, batch: Batch, began: float) -> None:
        try:
            outcome = await self._sender.send(batch)
        except asyncio.CancelledError:  # pending in the store, as if it had not begun
            for item in batch.items:
                self._window.failed(item)
            self._unsettled -= 1
            raise
        finally:
            self._in_flight -= 1
            self._wake.set()
        self._metrics.attempts.labels(self.name, outcome.code).inc()
        answered_us = self._clock.now_us()
        try:
            await self._settlement.settle(batch.items, outcome, began=began)
        finally:
            self._unsettled -= 1
        for observe in self.observers:
            for message in batch.messages:
                observe(message.delivery, outcome, (answered_us - message.delivery.received_at_us) / MICROS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()
        error = None if task.cancelled() else task.exception()
        if isinstance(error, StoreBusyError):
            _log.warning("not noted; it stays in the queue", destination=self.name, error=str(error))
        elif error is not None:
            _log.error("attempt broke down", destination=self.name, exc_info=error)
