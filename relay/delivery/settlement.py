"""What an outcome means for the message, for the lane and for the store, and the note of it.

    Outcome ─┬─ delivered   ack
             ├─ dead        dead letter; others go on
             ├─ switch off  dead letter; the lane stops, its queue stays
             └─ retry ──> whose fault? ─┬─ the destination's   the lane is held, the message keeps its place
                                        └─ the message's own   it backs off alone, or is parked

Of a batch, which shares one answer:

    delivered   ack of each             dead   nobody dies yet: each goes again, alone, and only the guilty die
    switch off  the first dies for it   retry  all keep their places; one's own fault: each goes again, alone

What holds always: whatever is decided is asked of the store before anything else is waited for, so that an answer
that came is noted even when the lane is given up a moment later.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeAlias

import msgspec
import structlog

from relay.backoff import full_jitter
from relay.clock import MICROS, Clock
from relay.deliveries import Delivery, Outcome, Verdict
from relay.delivery.condition import Condition
from relay.delivery.item import Item
from relay.delivery.latencies import Latencies
from relay.delivery.settings import LaneSettings
from relay.delivery.supply import Supply
from relay.delivery.window import PARK_AFTER
from relay.events import Source
from relay.metrics import Metrics
from relay.outbox.base import Outbox

_log = structlog.get_logger()

_Note: TypeAlias = Coroutine[Any, Any, None]
_WORTH_REMEMBERING: Final = 1.0  # seconds of a wait; a shorter one is over before a restart is


class Settlement:
    """Settles the attempts of one lane.

    Args:
        switch_off: Stops the lane at once, for a reason; returns the note of it.

    Attributes:
        last_error: What the last failure said; empty once something was delivered after it.
        refusal: Why the last message became a dead letter; empty where it was delivered, or a person has seen that.
    """

    def __init__(
        self,
        name: str,
        outbox: Outbox,
        settings: LaneSettings,
        supply: Supply,
        condition: Condition,
        *,
        clock: Clock,
        rng: random.Random,
        metrics: Metrics,
        switch_off: Callable[[str], _Note],
    ) -> None:
        self._name = name
        self._outbox = outbox
        self._settings = settings
        self._supply = supply
        self._window = supply.window
        self._condition = condition
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        metrics.await_destination(name)
        self._switch_off = switch_off
        self._began, self._began_us = clock.monotonic(), clock.now_us()
        self.last_error = self.refusal = ""
        self.latencies = Latencies()

    def forgive(self) -> None:
        """A person has seen what went wrong."""
        self.last_error = self.refusal = ""

    async def settle(self, batch: Sequence[Item], outcome: Outcome, *, began: float) -> None:
        """The attempt of all in ``batch``, which began at the monotonic time ``began``, came to ``outcome``.

        All that it means for the lane holds when this first waits. Whatever it raises, the store has not noted the
        outcome; the batch's key is free again then.
        """
        now, now_us = self._clock.monotonic(), self._clock.now_us()
        notes = self._decide(batch, outcome, now, now_us, began)
        try:
            if len(notes) == 1:
                await notes[0]
            else:
                await asyncio.gather(*notes)  # one transaction takes them all
        except Exception:
            for item in batch:
                self._window.put_back(item, now + self._settings.retry_max)
            raise

    async def expire(self, item: Item) -> None:
        """No rule wants ``item`` any more; it has left its queue."""
        await self._outbox.expire(item.delivery, at_us=self._clock.now_us())
        self._metrics.deliveries.labels(self._name, "expired").inc()
        self._window.settled(item)

    def _decide(self, batch: Sequence[Item], outcome: Outcome, now: float, now_us: int, began: float) -> list[_Note]:
        notes: list[_Note] = []
        wait = outcome.retry_after
        if wait is not None and self._condition.hold(now, wait) and wait >= _WORTH_REMEMBERING:
            notes.append(self._outbox.hold(self._name, since_us=now_us, until_us=now_us + round(wait * MICROS)))
        if outcome.verdict is Verdict.RETRY:
            return [*notes, *self._failed(batch, outcome, now, now_us, began)]
        if self._condition.failures:
            _log.info("destination answers again", destination=self._name, after_failures=self._condition.failures)
        self._condition.succeeded(now)  # a refusal is an answer, too: the destination works
        self._window.suspect_predecessors(batch[0])
        if outcome.verdict is Verdict.DELIVERED:
            self.last_error = self.refusal = ""
            for item in batch:
                self._window.remove(item)
            return [*notes, *(self._note_delivered(item, outcome, now_us) for item in batch)]
        if outcome.verdict is Verdict.DEAD and len(batch) > 1:
            return [*notes, *self._one_by_one(batch, outcome, now_us)]
        first, *others = batch
        self._window.remove(first)
        kept = (self._note_failed(item, outcome, 0.0, now_us, own_wait=False) for item in others)
        return [*notes, *self._bury(first, outcome, now_us), *kept]

    def _one_by_one(self, batch: Sequence[Item], outcome: Outcome, now_us: int) -> list[_Note]:
        """Somebody in ``batch`` can't be taken: alone, each shows whether it is the one."""
        _log.warning(
            "message refused, its alerts go again one by one",
            destination=self._name,
            alerts=len(batch),
            code=outcome.code,
            detail=outcome.detail,
        )
        self.last_error = outcome.detail or outcome.code
        said = f"{outcome.detail}, in a message with {len(batch) - 1} more; it goes again alone"
        outcome = msgspec.structs.replace(outcome, detail=said)
        for item in batch:
            item.alone = True
        return [self._note_failed(item, outcome, 0.0, now_us, own_wait=False) for item in batch]

    def _bury(self, item: Item, outcome: Outcome, now_us: int) -> list[_Note]:
        self.last_error = self.refusal = outcome.detail or outcome.code
        _log.warning(
            "dead letter",
            destination=self._name,
            delivery=item.delivery.id,
            event_key=item.delivery.event_key,
            code=outcome.code,
            detail=outcome.detail,
        )
        switching = [self._switch_off(self.last_error)] if outcome.verdict is Verdict.SWITCH_OFF else []
        return [*switching, self._note_dead(item, outcome, now_us)]

    def _failed(self, batch: Sequence[Item], outcome: Outcome, now: float, now_us: int, began: float) -> list[_Note]:
        self.last_error = outcome.detail or outcome.code
        own_fault = any(self._is_own_fault(item, outcome, began) for item in batch)
        single = len(batch) == 1
        own_wait = own_fault and single
        if own_wait:
            not_before = now + self._own_delay(batch[0].delivery)
        else:
            if self._condition.failures == 0:
                _log.warning("destination fails, backing off", destination=self._name, detail=self.last_error)
            not_before = self._condition.failed(now, began=began, asked=outcome.asks_for_patience)
        notes: list[_Note] = []
        for item in batch:
            item.last_failed = now
            item.first_failed = now if item.first_failed is None else item.first_failed
            item.not_before = not_before
            item.alone = item.alone or (own_fault and not single)
            notes += self._again(item, outcome, now, now_us, own_wait=own_wait, single=single)
        return notes

    def _again(
        self, item: Item, outcome: Outcome, now: float, now_us: int, *, own_wait: bool, single: bool
    ) -> list[_Note]:
        """``item`` failed, and what there is to note: it keeps its place, is parked, or has been tried long enough."""
        if self._tried_long_enough(item, now, now_us):
            self._window.remove(item)
            return self._bury(item, outcome, now_us)
        if single and self._is_parked(item, now, own_wait=own_wait):
            self._window.remove(item)
            seconds = min(item.not_before - now, self._settings.retry_max)
            return [self._note_failed_parked(item, outcome, seconds, now_us)]
        return [self._note_failed(item, outcome, item.not_before - now, now_us, own_wait=own_wait)]

    def _tried_long_enough(self, item: Item, now: float, now_us: int) -> bool:
        """Whether ``give_up_after`` is over by the wall clock, and by time that has passed where that is known.

        A wall clock that is set forward by days buries nothing that was tried for a minute. Of what was read anew since
        its first attempt, it is known that this lane has not tried for longer than it lives; of what an earlier run
        tried, nothing but the wall clock's times.
        """
        first_us = item.delivery.first_attempt_at_us
        if first_us is None:
            return self._settings.give_up_after <= 0
        since = item.tried_since
        if since is None and first_us >= self._began_us:
            since = self._began
        by_wall = now_us - first_us >= self._settings.give_up_after * MICROS
        return by_wall and (since is None or now - since >= self._settings.give_up_after)

    def _is_own_fault(self, item: Item, outcome: Outcome, began: float) -> bool:
        if outcome.asks_for_patience:
            return False
        if item.delivery.parked or item.suspect:
            return True
        return self._condition.is_own_fault(began=began, last_failed=item.last_failed)

    def _is_parked(self, item: Item, now: float, *, own_wait: bool) -> bool:
        if item.delivery.parked:
            return True
        if own_wait and (self._settings.ordering == "none" or self._window.crowded(now)):
            return True
        worn = item.delivery.attempts + 1 >= PARK_AFTER
        return worn and (item.suspect or self._condition.succeeded_since(item.first_failed))

    def _own_delay(self, delivery: Delivery) -> float:
        return full_jitter(
            delivery.attempts + 1, first=self._settings.retry_initial, cap=self._settings.retry_max, rng=self._rng
        )

    # --- notes: each asks the store first, and lets go of the message when that is done

    async def _note_delivered(self, item: Item, outcome: Outcome, now_us: int) -> None:
        await self._outbox.ack(item.delivery, outcome, at_us=now_us)
        self._metrics.deliveries.labels(self._name, "delivered").inc()
        if item.delivery.source is not Source.REPLAY:  # its age is its alert's, and no fault of the relay
            seconds = max(0, now_us - item.delivery.received_at_us) / MICROS
            self._metrics.latency.labels(self._name).observe(seconds)
            self.latencies.note(seconds)
        self._window.settled(item)

    async def _note_dead(self, item: Item, outcome: Outcome, now_us: int) -> None:
        await self._outbox.bury(item.delivery, outcome, at_us=now_us)
        self._metrics.deliveries.labels(self._name, "dead").inc()
        self._window.settled(item)

    async def _note_failed_parked(self, item: Item, outcome: Outcome, seconds: float, now_us: int) -> None:
        retry_at_us = now_us + round(seconds * MICROS)
        await self._outbox.retry(item.delivery, outcome, at_us=now_us, retry_at_us=retry_at_us, parked=True)
        self._window.settled(item)
        self._supply.expect_parked(seconds)

    async def _note_failed(self, item: Item, outcome: Outcome, seconds: float, now_us: int, *, own_wait: bool) -> None:
        delivery, retry_at_us, now = item.delivery, now_us + round(seconds * MICROS), self._clock.monotonic()
        await self._outbox.retry(delivery, outcome, at_us=now_us, retry_at_us=retry_at_us, parked=False)
        if item.stale:  # the queue was read anew meanwhile: the store knows whether and where it waits
            self._window.remove(item)
            self._window.settled(item)
            self._supply.start_over()
            return
        item.delivery = msgspec.structs.replace(
            delivery,
            attempts=delivery.attempts + 1,
            first_attempt_at_us=now_us if delivery.first_attempt_at_us is None else delivery.first_attempt_at_us,
            retry_at_us=retry_at_us,
            updated_at_us=now_us,
        )
        if delivery.first_attempt_at_us is None:
            item.tried_since = now
        self._window.failed(item)
        if own_wait:
            self._window.hold_up(item)
