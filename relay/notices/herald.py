"""Tells the destination of ``alerts_to`` what is wrong: rarely, together, and past every queue.

    offer ──the same within the hour? dropped──> pending ──a minute since the last notice──> one Notice
        Notice ──attempt, a few, with back-off──> Destination.tell ──> told, or a line in the log

What holds always:

* A notice is no delivery: it is in no queue, no count and no ledger, so none can bring about another.
* A destination that is off or paused is told nothing, its own trouble included: then there is the log.
* The wait that a provider or the lane has to keep is kept here, too; where that is long, the notice is given up.
* Memory is bounded: one pending trouble for each kind, subject and step.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

import structlog

from relay.backoff import Backoff
from relay.clock import Clock
from relay.deliveries import Verdict
from relay.delivery.settings import LaneStatus
from relay.destinations.base import Informed
from relay.destinations.kinds import AnyConfig
from relay.destinations.notice import Trouble, notice_of
from relay.notices.told import Told
from relay.outbox.base import Switch

_log = structlog.get_logger()

ATTEMPTS: Final = 8
"""For one notice; about three minutes."""
APART: Final = 60.0
"""Seconds between two notices, at least."""

_FIRST_RETRY: Final = 2.0
_LONGEST_RETRY: Final = 60.0
_LONGEST_WAIT: Final = 900.0
"""Seconds that one attempt is waited for; a provider that asks for more gets no notice."""


class Recipient(NamedTuple):
    """Who is told now.

    Attributes:
        name: The destination's.
        config: Its config.
        lane: How its lane stands; None where it has none yet.
    """

    name: str
    config: AnyConfig
    lane: LaneStatus | None


class Builder(Protocol):
    """Makes a destination."""

    def __call__(self, name: str, config: AnyConfig) -> Informed:
        """The destination that ``config`` describes."""
        ...


class Herald:
    """Tells troubles.

    Args:
        recipient: Who is told, as of now; None where nobody is.
        build: Makes a destination to tell by.
        told: What was told lately.
        clock: Paces it.
        rng: Spreads the attempts.
        simulated: The upstream is a simulator.
    """

    def __init__(
        self,
        recipient: Callable[[], Recipient | None],
        build: Builder,
        told: Told,
        *,
        clock: Clock,
        rng: random.Random,
        simulated: bool,
    ) -> None:
        self._recipient = recipient
        self._build = build
        self._told = told
        self._clock = clock
        self._rng = rng
        self._simulated = simulated
        self._pending: dict[str, Trouble] = {}
        self._offered = asyncio.Event()
        self._built: tuple[str, Informed] | None = None

    def offer(self, troubles: Iterable[Trouble]) -> None:
        """Tell these, unless they were told within the hour."""
        for trouble in troubles:
            if not self._told.lately(trouble.key):
                self._pending[trouble.key] = trouble
        if self._pending:
            self._offered.set()

    async def run(self) -> None:
        """Tell what is offered, for ever."""
        await self._told.load()
        while True:
            await self._offered.wait()
            self._offered.clear()
            batch = self._take()
            if batch and await self._tell(batch):
                await self._clock.sleep(APART)

    async def last_words(self, trouble: Trouble, within: float) -> None:
        """Tell this at once, with what is pending: the relay ends. Best effort, for so many seconds of real time."""
        self.offer([trouble])
        batch = self._take()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                if batch:
                    await self._tell(batch)

    def _take(self) -> tuple[Trouble, ...]:
        """What is pending, each once; what was told since it was offered is left out."""
        batch = tuple(trouble for key, trouble in self._pending.items() if not self._told.lately(key))
        self._pending = {}
        return batch

    async def _tell(self, batch: tuple[Trouble, ...]) -> bool:
        """Whether somebody was told, or at least asked."""
        recipient = self._recipient()
        if recipient is None:
            return False
        kinds = [trouble.key for trouble in batch]
        said = _log.bind(destination=recipient.name, troubles=kinds)
        if recipient.lane is not None and recipient.lane.switch is not Switch.ON:
            said.warning("notice not sent: the destination is not on", switch=recipient.lane.switch.value)
            return False
        await self._told.note(kinds)  # before it is sent: one that kills the relay is not told in every life
        notice = notice_of(batch, now_us=self._clock.now_us(), simulated=self._simulated)
        backoff = Backoff(self._rng, first=_FIRST_RETRY, cap=_LONGEST_RETRY)
        wait, why = 0.0, "it asks for a long wait"
        for left in reversed(range(ATTEMPTS)):
            recipient = self._recipient()
            if recipient is None:
                return True
            wait = max(wait, _held(recipient.lane))
            destination = self._destination(recipient)
            if destination.limiter is not None:
                wait = max(wait, destination.limiter.ready_at() - self._clock.monotonic())
            if wait > _LONGEST_WAIT:
                break
            await self._clock.sleep(wait)
            if destination.limiter is not None:
                destination.limiter.note(self._clock.monotonic())
            outcome = await destination.tell(notice)
            if outcome.verdict is Verdict.DELIVERED:
                said.info("notice sent")
                return True
            why = f"{outcome.code} {outcome.detail}".strip()
            if outcome.verdict is not Verdict.RETRY or not left:
                break
            wait = max(backoff.next(), outcome.retry_after or 0.0)
        said.warning("notice not sent", error=why)
        return True

    def _destination(self, recipient: Recipient) -> Informed:
        """Built once for each config: a chat's own state, and a call that hangs, are kept over notices."""
        key = f"{recipient.name}:{recipient.config.fingerprint()}"
        if self._built is None or self._built[0] != key:
            self._built = (key, self._build(recipient.name, recipient.config))
        return self._built[1]


def _held(lane: LaneStatus | None) -> float:
    """Seconds for which the lane itself sends nothing."""
    return 0.0 if lane is None else max(lane.held_seconds, lane.paced_seconds)
