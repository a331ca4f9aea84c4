"""Tells the destination of ``alerts_to`` what is wrong: rarely, together, and past every queue.

    offer ──the same within the hour? dropped──> pending ──a minute since the last notice──> of_now ──> one Notice
        Notice ──attempt, a few, with back-off──> Destination.tell ──> told, or a line in the log
        the relay ends ──last_words, flush──> what is pending, at once, in one go

What holds always:

* A notice is no delivery: it is in no queue, no count and no ledger, so none can bring about another.
* A destination that is off or paused is told nothing, its own trouble included: then there is the log.
* Each attempt says what is so as it is made. What has healed is left out, and is not remembered as told.
* The wait that a provider or the lane has to keep is kept here, too; where that is long, the notice is given up.
* Memory is bounded: one pending trouble for each kind, subject and step.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Final, NamedTuple, Protocol

import structlog

from relay.backoff import Backoff
from relay.clock import Clock, wait_until
from relay.deliveries import Outcome, Verdict
from relay.delivery.settings import LaneStatus
from relay.destinations.base import Informed
from relay.destinations.kinds import AnyConfig
from relay.destinations.notice import Notice, Trouble, TroubleKind, notice_of
from relay.notices.told import Told
from relay.notices.troubles import DAMAGED, View, of_now
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
        now: How the relay stands, as far as it matters to troubles of these kinds.
        clock: Paces it.
        rng: Spreads the attempts.
        simulated: The upstream is a simulator.
    """

    def __init__(
        self,
        recipient: Callable[[], Recipient | None],
        build: Builder,
        told: Told,
        now: Callable[[Collection[TroubleKind]], Awaitable[View]],
        *,
        clock: Clock,
        rng: random.Random,
        simulated: bool,
    ) -> None:
        self._recipient = recipient
        self._build = build
        self._told = told
        self._now = now
        self._clock = clock
        self._rng = rng
        self._simulated = simulated
        self._pending: dict[str, Trouble] = {}  # until told or given up
        self._final: dict[str, Trouble] = {}  # likewise; why the relay ends, whatever the view of now says
        self._notice: Notice | None = None  # the last one made: an attempt that says the same has the same id
        self._offered = asyncio.Event()
        self._urgent = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._flushing = asyncio.Lock()
        self._loaded = self._ending = False
        self._built: tuple[str, Informed] | None = None

    def offer(self, troubles: Iterable[Trouble]) -> None:
        """Tell these, unless they were told within the hour, or what makes the relay end is told."""
        if self._ending:
            return
        for trouble in troubles:
            if not self._told.lately(trouble.key):
                self._pending[trouble.key] = trouble
                if _urgent(trouble):
                    self._urgent.set()
        if self._pending:
            self._offered.set()

    async def run(self) -> None:
        """Tell what is offered, until cancelled or ``last_words``."""
        self._running = asyncio.current_task()
        await self._load()
        while True:
            await self._offered.wait()
            self._offered.clear()
            if await self._tell(_LONGEST_WAIT):
                await wait_until(self._urgent, self._clock, APART)

    async def last_words(self, trouble: Trouble, within: float) -> None:
        """Tell this at once, with what is pending: the relay ends. Best effort, for so many seconds of real time."""
        self._ending = True  # what else is found is of the end
        await self._load()
        if not self._told.lately(trouble.key):
            self._final[trouble.key] = trouble
        await self.flush(within)

    async def flush(self, within: float) -> None:
        """Tell at once what is pending: the relay ends, and ``run`` with this. Best effort, likewise."""
        try:
            async with asyncio.timeout(within), self._flushing:
                if self._running is not None:
                    self._running.cancel()  # what it was about to tell is pending yet
                    await asyncio.wait([self._running])
                await self._load()
                await self._tell(within)
        except TimeoutError:
            if self._pending or self._final:
                _log.warning("notice not sent: the relay ends", troubles=[*self._pending, *self._final])
            self._settle([*self._pending, *self._final])

    async def _load(self) -> None:
        if not self._loaded:
            await self._told.load()
            self._loaded = True
            self._pending = {key: trouble for key, trouble in self._pending.items() if not self._told.lately(key)}

    async def _tell(self, longest: float) -> bool:
        """Tell what is pending; whether somebody was told, or at least asked.

        Args:
            longest: Seconds that one attempt may have to wait.
        """
        backoff = Backoff(self._rng, first=_FIRST_RETRY, cap=_LONGEST_RETRY)
        asked, wait, why = False, 0.0, ""
        notice = await self._made()
        for left in reversed(range(ATTEMPTS)):
            recipient = self._recipient()
            if notice is None or recipient is None:
                break
            wait = max(wait, self._held(recipient))
            why = _unfit(recipient.lane, wait, longest)
            if why:
                break
            if wait > 0:
                await self._clock.sleep(wait)
                notice = await self._made()
                if notice is None:
                    break
            asked = True
            outcome = await self._attempt(recipient, notice)
            if outcome.verdict is Verdict.DELIVERED:
                return True
            why = f"{outcome.code} {outcome.detail}".strip()
            if outcome.verdict is not Verdict.RETRY or not left:
                break
            wait = max(backoff.next(), outcome.retry_after or 0.0)
        if notice is not None:
            self._give_up(notice, why)
        return asked

    async def _attempt(self, recipient: Recipient, notice: Notice) -> Outcome:
        keys = _keys(notice)
        await self._told.note(keys)  # before it is sent: one that kills the relay is not told in every life
        destination = self._destination(recipient)
        if destination.limiter is not None:
            destination.limiter.note(self._clock.monotonic())
        outcome = await destination.tell(notice)
        if outcome.verdict is Verdict.DELIVERED:
            _log.info("notice sent", destination=recipient.name, troubles=keys)
            self._settle(keys)
        return outcome

    def _give_up(self, notice: Notice, why: str) -> None:
        recipient = self._recipient()
        if recipient is not None:
            _log.warning("notice not sent", destination=recipient.name, troubles=_keys(notice), error=why)
        self._settle(_keys(notice))

    async def _made(self) -> Notice | None:
        """What is pending, as it is now; None where all of it has healed."""
        asked: frozenset[TroubleKind] = frozenset()
        now = await self._now(asked)
        while not (kinds := {trouble.kind for trouble in self._pending.values()}) <= asked:  # the look may bring more
            asked |= kinds
            now = await self._now(asked)
        final = {(trouble.kind, trouble.subject) for trouble in self._final.values()}
        others = (trouble for trouble in self._pending.values() if (trouble.kind, trouble.subject) not in final)
        still = {trouble.key: trouble for trouble in of_now(others, now)}
        self._told.forget(self._pending.keys() - still.keys() - self._final.keys())
        self._pending = still
        troubles = (*still.values(), *self._final.values())
        if not troubles:
            self._settle([])
            return None
        if self._notice is None or self._notice.troubles != troubles:
            self._notice = notice_of(troubles, now_us=self._clock.now_us(), simulated=self._simulated)
        return self._notice

    def _settle(self, keys: Collection[str]) -> None:
        """These were told, or given up."""
        self._notice = None
        for key in keys:
            self._pending.pop(key, None)
            self._final.pop(key, None)
        if not any(_urgent(trouble) for trouble in self._pending.values()):
            self._urgent.clear()

    def _held(self, recipient: Recipient) -> float:
        """Seconds that its lane, or its provider, has to be left alone."""
        lane, limiter = recipient.lane, self._destination(recipient).limiter
        held = 0.0 if lane is None else max(lane.held_seconds, lane.paced_seconds)
        return held if limiter is None else max(held, limiter.ready_at() - self._clock.monotonic())

    def _destination(self, recipient: Recipient) -> Informed:
        """Built once for each config: a chat's own state, and a call that hangs, are kept over notices."""
        key = f"{recipient.name}:{recipient.config.fingerprint()}"
        if self._built is None or self._built[0] != key:
            self._built = (key, self._build(recipient.name, recipient.config))
        return self._built[1]


def _keys(notice: Notice) -> list[str]:
    return [trouble.key for trouble in notice.troubles]


def _urgent(trouble: Trouble) -> bool:
    """Whether it waits for no minute: it does not heal, and the relay may be stopped because of it."""
    return trouble.kind is TroubleKind.STORE and trouble.step == DAMAGED


def _unfit(lane: LaneStatus | None, wait: float, longest: float) -> str:
    """Why no attempt is made; empty where one is, after ``wait`` seconds."""
    if lane is not None and lane.switch is not Switch.ON:
        return f"the destination is {lane.switch.value}"
    return "it asks for a long wait" if wait > longest else ""
