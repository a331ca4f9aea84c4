"""Deliveries that a rule asks about: taken up from the store, looked up, and decided.

    outbox.deciding ──by event──> Case ──its symbols──> one look-up a symbol, for all cases that want it
                                   │  ^                     │
              its deadlines ───────┤  └──────answer─────────┘
                                   └──decide──> outbox.decide ──> sent with what was found · suppressed · taken away

What holds always:

* Nothing waits for a look-up but the deliveries of its own event, and each of those by its own rules' deadlines.
* What is undecided is in the store, with the rules' conditions as they were; a restart takes it up again.
* What is decided at one moment is noted in one transaction.

Memory: ``CASES`` events, some kilobytes each; beyond them the rest waits in the store, for ``PATIENCE`` at most.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Protocol

import structlog

from relay.clock import Clock, wait_until
from relay.deliveries import Delivery
from relay.errors import StoreBusyError, UpstreamError
from relay.judging.case import Case, MaxAge
from relay.judging.marks import Marks
from relay.metrics import Metrics
from relay.outbox.base import Decision, Outbox
from relay.outbox.memory import Mark
from relay.states import Snapshot
from relay.upstream.lookup import Facts
from relay.upstream.throttle import LogThrottle

_log = structlog.get_logger()

CASES: Final = 10_000
"""Events that are being decided at once; each leaves within PATIENCE."""

PAGE: Final = 500
_AT_ONCE: Final = 500  # cases that are decided before the loop has its turn
_STORE_RETRY_SECONDS: Final = 1.0


class StateSource(Protocol):
    """Where states are looked up; ``relay.upstream.lookup.Lookup``."""

    async def known(self, symbol: str) -> Snapshot:
        """The state of a symbol, however often it has to be asked for.

        Raises:
            UpstreamError: It can't be known: no such symbol, or the key may not ask.
        """
        ...

    async def facts(self, symbol: str) -> Facts:
        """What hardly changes of it, likewise; it may be remembered for a day."""
        ...


@dataclass(eq=False, slots=True)
class _Inquiry:
    """A look-up under way, and the cases that wait for it, in their order."""

    task: asyncio.Task[None]
    cases: dict[str, None] = field(default_factory=dict)


class Decider:
    """Decides what is deciding, until it is stopped.

    Args:
        marks: What cooldowns are measured by.
        max_age: As for a ``Case``; when it changes, ``reconsider``.
        notify: Told the destinations that got something to send.
    """

    def __init__(
        self,
        outbox: Outbox,
        source: StateSource,
        marks: Marks,
        *,
        clock: Clock,
        metrics: Metrics,
        max_age: MaxAge,
        notify: Callable[[Iterable[str]], None],
    ) -> None:
        self._outbox = outbox
        self._source = source
        self._marks = marks
        self._clock = clock
        self._metrics = metrics
        self._max_age = max_age
        self._notify = notify
        self._throttle = LogThrottle(clock)
        self._wake = asyncio.Event()
        self._stopping = False
        self._began_us = clock.now_us()
        self._cases: dict[str, Case] = {}  # by the event's key
        self._inquiries: dict[tuple[str, bool], _Inquiry] = {}  # by symbol, and whether its sector is enough
        self._touched: dict[str, None] = {}  # cases to look at, in order
        self._due: list[tuple[float, str]] = []  # a heap; what has no case any more is passed over
        self._more = True  # an earlier run may have left some
        self._anew = False
        self._position = 0

    @property
    def under_way(self) -> int:
        """Events that are being decided."""
        return len(self._cases)

    def notify(self, anew: bool = False) -> None:  # noqa: FBT001, FBT002  because it is handed on as a callback
        """Something was committed that is to be decided.

        Args:
            anew: It may stand before what has been taken up: it was stored earlier, and released now.
        """
        self._more = True
        self._anew = self._anew or anew
        self._wake.set()

    def reconsider(self) -> None:
        """What destinations take has changed: what is being decided may have less time than it had, or more."""
        self._touched.update(dict.fromkeys(self._cases))
        self._wake.set()

    def stop(self) -> None:
        """Give up what is under way: it stays deciding in the store."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Decide until ``stop``."""
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    await self._take_up()
                    await self._decide()
                except StoreBusyError as error:
                    self._tell_stuck(error)
                    self._more = True
                    await wait_until(self._wake, self._clock, _STORE_RETRY_SECONDS)
                    continue
                if not self._touched and not (self._more and len(self._cases) < CASES):
                    await wait_until(self._wake, self._clock, self._idle_seconds())
        finally:
            tasks = [inquiry.task for inquiry in self._inquiries.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _tell_stuck(self, error: StoreBusyError) -> None:
        held_back = self._throttle.admit(str(error))  # SQLite's reasons are few
        if held_back is not None:
            _log.warning(
                "what is to be decided can't be read or noted, trying again", error=str(error), held_back=held_back
            )

    # --- cases

    async def _take_up(self) -> None:
        """Begin on what the store has, as far as there is room."""
        while self._more and len(self._cases) < CASES:
            self._more = False  # a notify that comes while we read sets it again, and so the other
            if self._anew:
                self._anew = False
                self._position = 0
            found = await self._outbox.deciding(after=self._position, limit=PAGE)
            events = [list(own) for _, own in groupby(found, key=lambda delivery: delivery.event_key)]
            if len(found) == PAGE:
                self._more = True
                if len(events) > 1:
                    events.pop()  # the rest of its deliveries may be on the next page; they are decided together
            for deliveries in events:
                self._begin(deliveries)
                self._position = deliveries[-1].id

    def _begin(self, deliveries: list[Delivery]) -> None:
        key = deliveries[0].event_key
        case = self._cases.get(key)
        if case is not None:
            case.join(deliveries)  # one was released meanwhile
        else:
            began_us = max(self._began_us, deliveries[0].received_at_us)
            now_us, now = self._clock.now_us(), self._clock.monotonic()
            case = self._cases[key] = Case(
                deliveries, began_us=min(began_us, now_us), now_us=now_us, now=now, max_age=self._max_age
            )
            for name in case.names:
                self._inquire(name, case)
        self._touched[key] = None

    def _end(self, case: Case) -> None:
        del self._cases[case.key]
        for name in case.names:
            inquiry = self._inquiries.get((name, case.sector_alone))
            if inquiry is not None:
                inquiry.cases.pop(case.key, None)
                if not inquiry.cases:
                    inquiry.task.cancel()  # nobody waits for it any more
                    del self._inquiries[name, case.sector_alone]

    # --- look-ups

    def _inquire(self, name: str, case: Case) -> None:
        place = (name, case.sector_alone)
        inquiry = self._inquiries.get(place)
        if inquiry is None:
            task = asyncio.create_task(self._look_up(*place), name=f"look-up-{name}")
            inquiry = self._inquiries[place] = _Inquiry(task)
        inquiry.cases[case.key] = None

    async def _look_up(self, symbol: str, sector_alone: bool) -> None:  # noqa: FBT001  because it is half of a key
        snapshot = await self._snapshot(symbol, sector_alone=sector_alone)
        for key in self._inquiries.pop((symbol, sector_alone)).cases:
            self._cases[key].answer(symbol, snapshot)
            self._touched[key] = None
        self._wake.set()

    async def _snapshot(self, symbol: str, *, sector_alone: bool) -> Snapshot | None:
        try:
            if sector_alone:
                return Snapshot(symbol, {}, (await self._source.facts(symbol)).sector)
            return await self._source.known(symbol)
        except UpstreamError as error:
            _log.info("state not known", symbol=symbol, error=str(error))
        except Exception:  # noqa: BLE001  because a fault of ours in a look-up must not keep the alert from being decided
            _log.exception("look-up broke down", symbol=symbol)
        return None

    # --- decisions

    async def _decide(self) -> None:
        """Decide what an answer or a deadline has settled."""
        now = self._clock.monotonic()
        while self._due and self._due[0][0] <= now:
            self._touched[heapq.heappop(self._due)[1]] = None
        touched = list(self._touched)[:_AT_ONCE]
        made: list[tuple[Case, list[Decision], list[Mark]]] = []
        if len(self._due) > 2 * len(self._cases) + PAGE:  # most are of cases that have ended, or stand there twice
            self._due = [(case.due(now), key) for key, case in self._cases.items()]
            heapq.heapify(self._due)
        for key in touched:
            del self._touched[key]
            if (case := self._cases.get(key)) is not None:
                made.append((case, *case.decide(now, self._marks)))
                heapq.heappush(self._due, (case.due(now), key))
        await self._note(made)

    async def _note(self, made: list[tuple[Case, list[Decision], list[Mark]]]) -> None:
        decisions = [decision for _, own, _ in made for decision in own]
        if not decisions:
            return
        try:
            noted = await self._outbox.decide(decisions, at_us=self._clock.now_us())
        except BaseException as error:
            for case, own, left in made:
                case.take_back(left, self._marks)
                if own:
                    self._touched[case.key] = None
            if isinstance(error, StoreBusyError) or not isinstance(error, Exception):
                raise
            raise StoreBusyError(f"the store refused it: {error}") from error
        for case, own, left in made:
            kept = {mark for decision in own if decision.delivery.id in noted for mark in decision.marks}
            case.take_back([mark for mark in left if mark not in kept], self._marks)
            case.drop(own)
            if not case.deliveries:
                self._end(case)
        # The others were dropped meanwhile.
        done = [decision for decision in decisions if decision.delivery.id in noted]
        for decision in done:
            if decision.suppressed is not None and decision.rules:
                self._metrics.deliveries.labels(decision.delivery.destination, "suppressed").inc()
        # Told in any case: a commit that seemed to fail may have come through, and then nothing was left to decide.
        self._notify({d.delivery.destination for d in decisions if d.suppressed is None and d.rules})

    def _idle_seconds(self) -> float | None:
        """Until a deadline; None where there is none."""
        while self._due and self._due[0][1] not in self._cases:
            heapq.heappop(self._due)
        return max(0.001, self._due[0][0] - self._clock.monotonic()) if self._due else None
