"""Deliveries that a rule asks about: taken up from the store, looked up, and decided.

    outbox.deciding ──by event──> look up its symbols (bounded in number and time) ──> each rule that asks:
                                                                                      │   holds · does not · not known
              outbox.decide <── sent with what was found · suppressed · taken away <──┘

What holds always:

* Nothing waits for a look-up but the deliveries of its own event.
* What is undecided is in the store, with the rules' conditions as they were; a restart takes it up again.
* After ``PATIENCE`` seconds, or shortly before its ``max_age``, an alert is decided with what is known by then: sent
  without what was only to be shown; where a condition can't be judged, the rule's ``on_unknown`` decides.
* A rule judges an event once, whatever the number of its destinations: its cooldown is marked once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final, Protocol

import msgspec
import structlog

from relay.clock import MICROS, Clock, wait_until
from relay.deliveries import Ask, Delivery, RuleMatch, Suppression
from relay.errors import StoreBusyError, UpstreamError
from relay.events import Event, names_of
from relay.judging.judge import cooling
from relay.judging.marks import Marks, mark_of
from relay.metrics import Metrics
from relay.outbox.base import Decision, Outbox
from relay.outbox.memory import Mark
from relay.states import Snapshot, StateWanted, known_to_hold
from relay.upstream.lookup import Facts

_log = structlog.get_logger()

PATIENCE: Final = 30.0
"""Seconds an alert waits for what must be looked up."""

_BEFORE_IT_EXPIRES: Final = 0.1  # of its life, at most a second: left for the sending itself
AT_ONCE: Final = 500  # events whose look-ups are under way; each ends within PATIENCE
_PAGE: Final = 500
_STORE_RETRY_SECONDS: Final = 1.0

_encode: Final = msgspec.json.Encoder().encode


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


class Decider:
    """Decides what is deciding, until it is stopped.

    Args:
        marks: What cooldowns are measured by.
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
        notify: Callable[[Iterable[str]], None],
    ) -> None:
        self._outbox = outbox
        self._source = source
        self._marks = marks
        self._clock = clock
        self._metrics = metrics
        self._notify = notify
        self._wake = asyncio.Event()
        self._wake.set()  # an earlier run may have left some
        self._stopping = False
        self._more = True
        self._began_us = clock.now_us()
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by the event's key
        self._taken: dict[str, set[int]] = {}  # the deliveries of each

    @property
    def under_way(self) -> int:
        """Events whose look-ups are under way."""
        return len(self._tasks)

    def notify(self) -> None:
        """Something was committed that is to be decided."""
        self._more = True
        self._wake.set()

    def stop(self) -> None:
        """Give up what is under way: it stays deciding in the store."""
        self._stopping = True
        for task in self._tasks.values():
            task.cancel()
        self._wake.set()

    async def run(self) -> None:
        """Decide until ``stop``."""
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    await self._take_up()
                except StoreBusyError as error:
                    _log.warning("what is to be decided can't be read, trying again", error=str(error))
                    self._more = True
                    await wait_until(self._wake, self._clock, _STORE_RETRY_SECONDS)
                    continue
                await self._wake.wait()
        finally:
            self.stop()
            if self._tasks:
                await asyncio.wait(self._tasks.values())

    async def _take_up(self) -> None:
        """Begin on what the store has, as far as there is room, past what is under way already."""
        after, late = 0, False
        while self._more and len(self._tasks) < AT_ONCE:
            self._more = False
            found = await self._outbox.deciding(after=after, limit=_PAGE)
            events = [list(own) for _, own in groupby(found, key=lambda delivery: delivery.event_key)]
            if len(found) == _PAGE:
                self._more = True
                if len(events) > 1:
                    events.pop()  # the rest of its deliveries may be on the next page; they are decided together
            for deliveries in events:
                after = deliveries[-1].id
                if len(self._tasks) >= AT_ONCE:
                    self._more = True
                    return
                if deliveries[0].event_key not in self._tasks:
                    self._begin(deliveries)
                elif not self._taken[deliveries[0].event_key].issuperset(delivery.id for delivery in deliveries):
                    late = True  # one was released meanwhile: it is decided by itself when the others are
        self._more = self._more or late

    def _begin(self, deliveries: Sequence[Delivery]) -> None:
        key = deliveries[0].event_key
        task = asyncio.create_task(self._decide(deliveries), name=f"decide-{key}")
        self._tasks[key] = task
        self._taken[key] = {delivery.id for delivery in deliveries}
        task.add_done_callback(lambda ended: self._ended(key, ended))

    def _ended(self, key: str, task: asyncio.Task[None]) -> None:
        del self._tasks[key], self._taken[key]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, StoreBusyError):
            _log.warning("decision not noted; it stays undecided", event_key=key, error=str(error))
        elif error is not None:
            _log.error("decision broke down", event_key=key, exc_info=error)
        if self._more:
            self._wake.set()

    # --- one event

    async def _decide(self, deliveries: Sequence[Delivery]) -> None:
        event = deliveries[0].event
        known = await self._look_up(event, deliveries)
        decisions, marks = self._judge(deliveries, known)
        for mark in marks:
            self._marks.add(mark)
        await self._outbox.decide(decisions, marks=marks, at_us=self._clock.now_us())
        for decision in decisions:
            if decision.suppressed is not None and decision.rules:
                self._metrics.deliveries.labels(decision.delivery.destination, "suppressed").inc()
        self._notify({d.delivery.destination for d in decisions if d.suppressed is None and d.rules})

    async def _look_up(self, event: Event, deliveries: Sequence[Delivery]) -> Mapping[str, Snapshot]:
        """What can be known in time of the symbols that the event names; one that can't be known is missing."""
        asks = [rule.ask for delivery in deliveries for rule in delivery.rules if rule.ask is not None]
        sector_alone = all(map(_wants_sector_alone, asks))
        tasks = {
            name: asyncio.ensure_future(self._snapshot(name, sector_alone=sector_alone))
            for name in dict.fromkeys(names_of(event))
        }
        if not tasks:
            return {}
        timer = asyncio.ensure_future(self._clock.sleep(self._patience(deliveries)))
        everything = asyncio.ensure_future(asyncio.wait(tasks.values()))
        try:
            await asyncio.wait((everything, timer), return_when=asyncio.FIRST_COMPLETED)
            found = {name: task.result() for name, task in tasks.items() if task.done()}
        finally:
            for task in (timer, everything, *tasks.values()):
                task.cancel()
        return {name: snapshot for name, snapshot in found.items() if snapshot is not None}

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

    def _patience(self, deliveries: Sequence[Delivery]) -> float:
        """Seconds that these may wait, none where an earlier run has waited long enough."""
        now_us = self._clock.now_us()
        began_us = max(self._began_us, deliveries[0].received_at_us)
        left = PATIENCE - (now_us - began_us) / MICROS
        for rule in (rule for delivery in deliveries for rule in delivery.rules):
            if rule.expires_at_us is not None:
                life = (rule.expires_at_us - began_us) / MICROS
                left = min(left, (rule.expires_at_us - now_us) / MICROS - min(1.0, _BEFORE_IT_EXPIRES * life))
        return min(max(left, 0.0), PATIENCE)

    def _judge(
        self, deliveries: Sequence[Delivery], known: Mapping[str, Snapshot]
    ) -> tuple[list[Decision], list[Mark]]:
        verdicts = _Verdicts(deliveries[0], known, self._marks)
        return [verdicts.decision(delivery) for delivery in deliveries], list(verdicts.marks.values())


class _Verdicts:
    """What each rule that asked comes to, for all deliveries of one event.

    Attributes:
        marks: What the rules leave that let it through, by rule.
    """

    def __init__(self, delivery: Delivery, known: Mapping[str, Snapshot], marks: Marks) -> None:
        self._event = delivery.event
        self._received_at_us = delivery.received_at_us
        self._known = known
        self._cooldowns = marks
        self._rules: dict[str, tuple[RuleMatch | None, str]] = {}
        self.marks: dict[str, Mark] = {}

    def decision(self, delivery: Delivery) -> Decision:
        """What becomes of one delivery."""
        own = [self._settled(rule) for rule in delivery.rules]
        left = [(rule, detail) for rule, detail in own if rule is not None]
        rules = tuple(rule for rule, _ in left)
        wanting = [rule.name for rule in rules if rule.suppressed is None]
        if rules and not wanting:
            detail = "; ".join(detail for _, detail in left if detail)
            return Decision(delivery, rules, rules[0].suppressed, detail)
        shown = any(rule.ask is not None and rule.ask.enrich for rule in delivery.rules if rule.name in wanting)
        return Decision(delivery, rules, states=self._states() if shown else None)

    def _states(self) -> bytes | None:
        shown = {name: msgspec.Raw(snapshot.data) for name, snapshot in self._known.items()}
        return _encode(shown) if shown else None

    def _settled(self, rule: RuleMatch) -> tuple[RuleMatch | None, str]:
        """The rule as it stands now, or None where it turned out not to match; and why it is suppressed."""
        if rule.ask is None:
            return rule, ""
        if rule.name not in self._rules:
            self._rules[rule.name] = self._ask(rule, rule.ask)
        settled, detail = self._rules[rule.name]
        if settled is None:
            return None, ""
        return msgspec.structs.replace(rule, ask=None, suppressed=settled.suppressed), detail

    def _ask(self, rule: RuleMatch, ask: Ask) -> tuple[RuleMatch | None, str]:
        if any(self._holds(wanted) is not False for wanted in ask.unless):
            return None, ""
        held = True if ask.wanted is None else self._holds(ask.wanted)
        if held is False:
            return None, ""
        if held is None and not ask.deliver_unknown:
            suppressed = msgspec.structs.replace(rule, suppressed=Suppression.UNKNOWN)
            return suppressed, f"{rule.name}: the symbol's state could not be known in time"
        if ask.cooldown is not None:
            mark = mark_of(rule.name, self._event, self._received_at_us)
            blocking = self._cooldowns.blocking(mark, ask.cooldown)
            if blocking is not None:
                cool = msgspec.structs.replace(rule, suppressed=Suppression.COOLDOWN)
                return cool, cooling(rule.name, ask.cooldown, blocking)
            self.marks[rule.name] = mark
        return rule, ""

    def _holds(self, wanted: StateWanted) -> bool | None:
        """Whether it holds for every symbol of the event; None where that can't be known."""
        return known_to_hold(wanted, map(self._known.get, names_of(self._event)))


def _wants_sector_alone(ask: Ask) -> bool:
    wanted = [state for state in (ask.wanted, *ask.unless) if state is not None]
    return not ask.enrich and all(not state.tfc and state.ftfc is None for state in wanted)
