"""One destination's lane: takes its queue from the outbox to the wire, in order, at the pace the destination bears.

    loop:  load ──> may it send? (switch, condition, limiter, slots) ──> begin an attempt, or wait for a change

    attempt ──> Outcome ─┬─ delivered   ack
                         ├─ retry       the lane is held, or the message backs off alone, or it is parked
                         ├─ dead        dead letter
                         └─ switch off  dead letter; the lane stops, its queue stays

What holds always:

* At most ``concurrency`` attempts are under way, and at most twice as many are not yet noted in the store: that is what
  a ``kill -9`` can send again.
* Nothing is forgotten: whatever is not delivered, dead or expired is pending in the store, and a lane that starts
  anew finds it there.
* A message that fails while others succeed holds up its own ordering key only, and that for ``PARK_AFTER`` attempts.
"""

from __future__ import annotations

import asyncio
import random
from typing import Final, Protocol

import msgspec
import structlog

from relay.backoff import full_jitter
from relay.clock import MICROS, Clock, wait_until
from relay.deliveries import Delivery, Message, Outcome, RuleMatch, Verdict
from relay.delivery.condition import Condition, Permission
from relay.delivery.limiter import Limiter
from relay.delivery.window import PARK_AFTER, Item, Ordering, Window
from relay.destinations.base import Destination
from relay.errors import StoreBusyError
from relay.metrics import Metrics
from relay.outbox.base import DestinationState, Outbox, Switch

_log = structlog.get_logger()

_STORE_RETRY_SECONDS: Final = 1.0
_PARKED_AT_ONCE: Final = 8


class LaneSettings(msgspec.Struct, frozen=True):
    """How a lane behaves; seconds where nothing else is said.

    Attributes:
        concurrency: Attempts under way at once.
        rate_limit: Sendings per seconds, or None.
        fingerprint: Of the destination's config: a destination that was switched off goes on when it changes.
        simulated: The upstream is a simulator; receivers are told.
    """

    ordering: Ordering = "symbol"
    concurrency: int = 8
    rate_limit: tuple[int, float] | None = None
    retry_initial: float = 1.0
    retry_max: float = 300.0
    give_up_after: float = 86_400.0
    fingerprint: str = ""
    simulated: bool = False


class LaneStatus(msgspec.Struct, frozen=True):
    """What a person sees of a lane.

    Attributes:
        switch: on, paused or off.
        condition: open, held or probe.
        held_seconds: How much longer nothing goes out; 0 when open.
    """

    switch: Switch
    reason: str
    condition: str
    held_seconds: float
    in_flight: int
    failures: int
    last_error: str
    last_delivered_us: int | None


class Observer(Protocol):
    """Who wants to hear of every outcome (a live display, a stream)."""

    def __call__(self, delivery: Delivery, outcome: Outcome, seconds: float) -> None:
        """An attempt ended, ``seconds`` after the event was received."""
        ...


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
        self._destination = destination
        self._outbox = outbox
        self._settings = settings
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        strict = settings.ordering == "strict"
        self._concurrency = 1 if strict else settings.concurrency
        self._condition = Condition(first=settings.retry_initial, cap=settings.retry_max, rng=rng)
        self._limiter = Limiter(*settings.rate_limit) if settings.rate_limit else None
        self._window = Window(
            settings.ordering, size=max(64, 16 * self._concurrency), key_size=max(16, 2 * self._concurrency)
        )
        self._wake = asyncio.Event()
        self._more = True
        self._start_over = False
        self._parked_due_us: int | None = None
        self._in_flight = 0
        self._unsettled = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._state = DestinationState()
        self._stopping = False
        self._last_error = ""
        self._last_delivered_us: int | None = None
        self.observers: list[Observer] = []

    # --- what others ask of it

    def notify(self) -> None:
        """There may be something new in the queue."""
        self._more = True
        self._wake.set()

    def status(self) -> LaneStatus:
        """How it stands."""
        now = self._clock.monotonic()
        return LaneStatus(
            switch=self._state.switch,
            reason=self._state.reason,
            condition=self._condition.permits(now, 0).value,
            held_seconds=max(0.0, self._condition.held_until - now),
            in_flight=self._in_flight,
            failures=self._condition.failures,
            last_error=self._last_error,
            last_delivered_us=self._last_delivered_us,
        )

    async def pause(self) -> None:
        """Send nothing more until ``resume``; the queue is kept."""
        if self._state.switch is Switch.ON:
            await self._switch(Switch.PAUSED, "paused by an operator")

    async def resume(self, *, drop_older: float | None = None) -> int:
        """Go on, after a pause or when it was switched off.

        Args:
            drop_older: Expire what was received longer ago than this many seconds.

        Returns:
            How many were dropped.
        """
        dropped = 0
        if drop_older is not None:
            now_us = self._clock.now_us()
            before_us = now_us - round(drop_older * MICROS)
            dropped = await self._outbox.drop_older(self.name, before_us=before_us, at_us=now_us)
            self._metrics.deliveries.labels(self.name, "expired").inc(dropped)
        self._condition.release()
        if self._state.switch is not Switch.ON:
            await self._switch(Switch.ON, "")
        self._start_over = True  # what is held may have changed in the store; the loop reads it again
        self.notify()
        return dropped

    async def run(self) -> None:
        """Deliver until ``stop`` has been called and what was under way has ended."""
        await self._restore()
        while not self._stopping:
            self._wake.clear()
            try:
                await self._load()
            except StoreBusyError as error:
                _log.warning("queue can't be read, trying again", destination=self.name, error=str(error))
                await wait_until(self._wake, self._clock, _STORE_RETRY_SECONDS)
                continue
            self._begin_all()
            await wait_until(self._wake, self._clock, self._idle_seconds())
        if self._tasks:
            await asyncio.wait(self._tasks)

    def stop(self) -> None:
        """Begin nothing new; ``run`` returns when what is under way has ended."""
        self._stopping = True
        self._wake.set()

    def abort(self) -> None:
        """Give up what is under way: it stays pending in the store."""
        for task in self._tasks:
            task.cancel()

    # --- the loop

    async def _restore(self) -> None:
        """Take up what the last run knew: switched off, asked to wait, parked ones."""
        state = await self._outbox.destination(self.name)
        if state.switch is Switch.OFF and state.fingerprint != self._settings.fingerprint:
            _log.info("destination has a new config and is switched on", destination=self.name)
            state = DestinationState(since_us=self._clock.now_us())
            await self._outbox.switch(self.name, state)
        self._state = state
        if state.switch is not Switch.ON:
            _log.warning("destination takes nothing", destination=self.name, switch=state.switch, reason=state.reason)
        waiting_us = state.held_until_us - self._clock.now_us()
        if waiting_us > 0:
            self._condition.hold(self._clock.monotonic(), waiting_us / MICROS)
        self._parked_due_us = await self._outbox.next_parked_us(self.name)

    async def _load(self) -> None:
        """Fill the window: first what was left behind, then what is due again, then onward."""
        if self._state.switch is not Switch.ON:
            return
        if self._start_over:
            self._start_over = False
            self._window.forget()
        while self._window.room and (key := self._window.reloadable()) is not None:
            asked = min(self._window.room, 16)
            after = self._window.skipped[key]
            found = await self._outbox.claim_key(self.name, key, after=after, limit=asked)
            self._window.reload(key, [self._item(delivery) for delivery in found], asked=asked)
        await self._load_parked()
        while self._more and self._window.low:
            asked = self._window.room
            self._more = False  # a notify that comes while we read sets it again
            found, position = await self._outbox.claim(
                self.name, after=self._window.position, limit=asked, skip=tuple(self._window.skips)
            )
            self._window.load((self._item(delivery) for delivery in found), position=position)
            self._more = self._more or len(found) == asked

    async def _load_parked(self) -> None:
        now_us = self._clock.now_us()
        if self._parked_due_us is None or self._parked_due_us > now_us or not self._window.room:
            return
        for delivery in await self._outbox.claim_parked(self.name, due_us=now_us, limit=_PARKED_AT_ONCE):
            self._window.add(Item(delivery))
        next_due_us = await self._outbox.next_parked_us(self.name)
        # What was just claimed is still due in the store; look again when it has been tried, or a moment from now.
        self._parked_due_us = None if next_due_us is None else max(next_due_us, now_us + MICROS)

    def _item(self, delivery: Delivery) -> Item:
        """A claimed delivery with its own back-off, as far as it is left."""
        now_us = self._clock.now_us()
        waiting_us = delivery.retry_at_us - now_us
        if delivery.updated_at_us > now_us:  # the clock was set back: the stored time means nothing
            waiting_us = min(waiting_us, round(self._settings.retry_max * MICROS))
        if waiting_us <= 0:
            return Item(delivery)
        return Item(delivery, not_before=self._clock.monotonic() + waiting_us / MICROS)

    def _begin_all(self) -> None:
        while not self._stopping and (item := self._next()) is not None:
            self._in_flight += 1
            self._unsettled += 1
            now = self._clock.monotonic()
            self._window.begin(item, now)
            wanted = item.delivery.wanted_by(self._clock.now_us())
            if wanted and self._limiter is not None:
                self._limiter.note(now)
            work = self._attempt(item, wanted, now) if wanted else self._expire(item)
            task = asyncio.create_task(work, name=f"deliver-{self.name}-{item.delivery.id}")
            self._tasks.add(task)
            task.add_done_callback(self._attempt_ended)

    def _next(self) -> Item | None:
        if self._state.switch is not Switch.ON:
            return None
        if self._in_flight >= self._concurrency or self._unsettled >= 2 * self._concurrency:
            return None
        now = self._clock.monotonic()
        if self._limiter is not None and self._limiter.ready_at() > now:
            return None
        permission = self._condition.permits(now, self._in_flight)
        if permission is Permission.ONE:
            return self._window.next_probe(now)
        return self._window.next_open(now) if permission is Permission.ALL else None

    def _idle_seconds(self) -> float | None:
        """Until when nothing changes by itself; None where only a wake-up can change anything."""
        if self._state.switch is not Switch.ON:
            return None
        now = self._clock.monotonic()
        times: list[float] = []
        if self._parked_due_us is not None:
            due = now + (self._parked_due_us - self._clock.now_us()) / MICROS
            times.append(max(due, self._condition.held_until))
        head_due = self._window.next_due()
        if head_due is not None and not self._waits_for_an_answer():
            ready = self._limiter.ready_at() if self._limiter is not None else now
            times.append(max(head_due, self._condition.held_until, ready))
        return max(0.001, min(times) - now) if times else None

    def _waits_for_an_answer(self) -> bool:
        """Whether nothing can begin before something under way has ended."""
        full = self._in_flight >= self._concurrency or self._unsettled >= 2 * self._concurrency
        return full or (self._in_flight > 0 and self._condition.failures > 0)

    # --- one attempt

    def _attempt_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._unsettled -= 1
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("attempt broke down", destination=self.name, exc_info=error)

    async def _expire(self, item: Item) -> None:
        now_us = self._clock.now_us()
        self._window.remove(item)
        self._free_slot()
        await self._outbox.expire(item.delivery, at_us=now_us)
        self._metrics.deliveries.labels(self.name, "expired").inc()
        self._window.settled(item)

    async def _attempt(self, item: Item, wanted: tuple[RuleMatch, ...], began: float) -> None:
        expiries = [rule.expires_at_us for rule in wanted]
        message = Message(
            delivery=item.delivery,
            rules=tuple(rule.name for rule in wanted),
            expires_at_us=None if None in expiries else max(at for at in expiries if at is not None),
            attempt=item.delivery.attempts + 1,
            now_us=self._clock.now_us(),
            simulated=self._settings.simulated,
        )
        try:
            outcome = await self._send(message)
        except asyncio.CancelledError:  # pending in the store, as if it had not begun
            self._window.failed(item)
            self._free_slot()
            raise
        self._metrics.attempts.labels(self.name, outcome.code).inc()
        self._free_slot()
        await self._conclude(item, outcome, began)

    def _free_slot(self) -> None:
        self._in_flight -= 1
        self._wake.set()

    async def _send(self, message: Message) -> Outcome:
        try:
            return await self._destination.send(message)
        except Exception as error:  # noqa: BLE001  because a fault of ours in one destination must not end the others
            _log.exception("destination broke down", destination=self.name, delivery=message.delivery.id)
            return Outcome(Verdict.RETRY, "internal", f"the relay failed to send it: {type(error).__name__}")

    async def _conclude(self, item: Item, outcome: Outcome, began: float) -> None:
        now, now_us = self._clock.monotonic(), self._clock.now_us()
        if outcome.retry_after is not None:
            self._condition.hold(now, outcome.retry_after)
            if outcome.retry_after >= 1:
                await self._outbox.hold(self.name, until_us=now_us + round(outcome.retry_after * MICROS))
        seconds = (now_us - item.delivery.received_at_us) / MICROS
        if outcome.verdict is Verdict.RETRY:
            await self._failed(item, outcome, now, now_us, began)
        else:
            self._condition.succeeded(now)  # a refusal is an answer, too: the destination works
            await self._part_with_poison(item, now_us)
            self._window.remove(item)
            if outcome.verdict is Verdict.DELIVERED:
                self._last_delivered_us = now_us
                await self._outbox.ack(item.delivery, outcome, at_us=now_us)
                self._metrics.deliveries.labels(self.name, "delivered").inc()
                self._metrics.latency.labels(self.name).observe(max(0.0, seconds))
            else:
                await self._bury(item, outcome, now_us)
            self._window.settled(item)
        for observe in self.observers:
            observe(item.delivery, outcome, seconds)

    async def _bury(self, item: Item, outcome: Outcome, now_us: int) -> None:
        self._last_error = outcome.detail or outcome.code
        _log.warning(
            "dead letter",
            destination=self.name,
            delivery=item.delivery.id,
            event_key=item.delivery.event_key,
            code=outcome.code,
            detail=outcome.detail,
        )
        if outcome.verdict is Verdict.SWITCH_OFF:
            await self._switch(Switch.OFF, outcome.detail or outcome.code)
        await self._outbox.bury(item.delivery, outcome, at_us=now_us)
        self._metrics.deliveries.labels(self.name, "dead").inc()

    async def _failed(self, item: Item, outcome: Outcome, now: float, now_us: int, began: float) -> None:
        delivery = item.delivery
        self._last_error = outcome.detail or outcome.code
        first_us = now_us if delivery.first_attempt_at_us is None else delivery.first_attempt_at_us
        asked_to_wait = outcome.retry_after is not None or outcome.code == "429"
        alone = not asked_to_wait and (
            delivery.parked or self._condition.is_own_fault(began=began, last_failed=item.last_failed)
        )
        item.last_failed = now
        item.first_failed = now if item.first_failed is None else item.first_failed
        if now_us - first_us >= self._settings.give_up_after * MICROS:
            self._condition.failed(now, began=began)
            self._window.remove(item)
            await self._bury(item, outcome, now_us)
            self._window.settled(item)
            return
        attempts = delivery.attempts + 1
        if alone:
            delay = full_jitter(
                attempts, first=self._settings.retry_initial, cap=self._settings.retry_max, rng=self._rng
            )
            item.not_before = now + delay
        else:
            was_open = self._condition.failures == 0
            item.not_before = self._condition.failed(now, began=began)
            if was_open:
                _log.warning("destination fails, backing off", destination=self.name, detail=self._last_error)
        retry_at_us = now_us + round((item.not_before - now) * MICROS)
        parked = (
            delivery.parked
            or (alone and (self._settings.ordering == "none" or self._window.crowded(now)))
            or (attempts >= PARK_AFTER and self._condition.succeeded_since(item.first_failed))
        )
        await self._note_failure(item, outcome, now_us=now_us, retry_at_us=retry_at_us, parked=parked, alone=alone)

    async def _note_failure(
        self, item: Item, outcome: Outcome, *, now_us: int, retry_at_us: int, parked: bool, alone: bool
    ) -> None:
        delivery = item.delivery
        if parked:
            self._window.remove(item)
        await self._outbox.retry(delivery, outcome, at_us=now_us, retry_at_us=retry_at_us, parked=parked)
        if parked:
            self._window.settled(item)
            self._expect_parked(retry_at_us)
            return
        item.delivery = msgspec.structs.replace(
            delivery,
            attempts=delivery.attempts + 1,
            first_attempt_at_us=now_us if delivery.first_attempt_at_us is None else delivery.first_attempt_at_us,
            retry_at_us=retry_at_us,
            updated_at_us=now_us,
        )
        self._window.failed(item)
        if alone:
            self._window.hold_up(item)

    async def _part_with_poison(self, item: Item, now_us: int) -> None:
        """``item`` was answered: those before it that failed again and again are to blame themselves."""
        for poison in self._window.predecessors(item):
            delay = full_jitter(
                poison.delivery.attempts,
                first=self._settings.retry_initial,
                cap=self._settings.retry_max,
                rng=self._rng,
            )
            retry_at_us = now_us + round(delay * MICROS)
            self._window.remove(poison)
            _log.warning("message parked, others go on", destination=self.name, delivery=poison.delivery.id)
            await self._outbox.park(poison.delivery, retry_at_us=retry_at_us)
            self._window.settled(poison)
            self._expect_parked(retry_at_us)

    def _expect_parked(self, due_us: int) -> None:
        self._parked_due_us = due_us if self._parked_due_us is None else min(self._parked_due_us, due_us)

    async def _switch(self, switch: Switch, reason: str) -> None:
        self._state = DestinationState(switch, reason, self._clock.now_us(), self._settings.fingerprint)
        _log.warning("destination switched", destination=self.name, switch=switch.value, reason=reason)
        await self._outbox.switch(self.name, self._state)
