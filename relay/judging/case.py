"""One event that a rule asks about: what is known of its symbols so far, and what that decides. Pure.

    deliveries of one event ──┐
    answers, one a symbol ────┼──decide(now)──> decisions for those that need wait no longer, marks of their cooldowns
    time ─────────────────────┘  due(now) ────> when something is to be decided without an answer

What holds always:

* Each rule has a deadline of its own: ``PATIENCE``, or shortly before its alert expires there, by its own age or by
  that which its destination sets now. What is not known by
  then is not known: an alert is sent without what was only to be shown; where a condition needs it, ``on_unknown``
  decides.
* A rule's deadline hurries no other destination, and none of its own unless it would be sent there and expire.
* A rule whose alert has expired wants nothing any more: it is left for the lane to tell so.
* A rule passes its cooldown once an event, whatever the number of its destinations. Nobody is held back for an alert
  that may still turn out a repetition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from typing import Final, TypeAlias

import msgspec

from relay.clock import MICROS
from relay.deliveries import Ask, Delivery, RuleMatch, Suppression
from relay.events import names_of
from relay.judging.judge import cooling, held_back
from relay.judging.marks import Marks, mark_of
from relay.outbox.base import Decision
from relay.outbox.memory import Mark
from relay.states import Snapshot, StateWanted, holds

PATIENCE: Final = 30.0
"""Seconds an alert waits for what must be looked up."""

MOST_NAMES: Final = 16
"""Symbols of one event that are looked up; of a break with more, not all can be known."""

_BEFORE_IT_EXPIRES: Final = 0.1  # of its life, at most a second: left for the sending itself
_NEVER: Final = float("inf")
_SOON: Final = 0.05  # seconds in which a commit that is under way has likely come through

_encode: Final = msgspec.json.Encoder().encode


MaxAge: TypeAlias = Callable[[str], float | None]
"""A destination's ``max_age`` as of now, in seconds, by its name; None where it has none."""


class _Held(Enum):
    """Whether what is wanted of a state is so."""

    YES = auto()
    NO = auto()
    UNKNOWN = auto()  # and won't be in time
    OPEN = auto()


class _Settled(msgspec.Struct, frozen=True):
    """What a rule came to: None where it turned out not to match; ``detail`` says why it is suppressed.

    ``expired`` is one that asked, and whose alert is too old by now: it was not judged any more.
    """

    rule: RuleMatch | None
    detail: str = ""
    expired: bool = False

    @property
    def wants(self) -> bool:
        return self.rule is not None and self.rule.suppressed is None


class Case:
    """An event's undecided deliveries.

    Args:
        deliveries: All of one event, at least one.
        began_us: From when on they wait, µs since the epoch.
        now_us: Now, likewise.
        now: Now, monotonic seconds; deadlines are told so, and a step of the wall clock moves none.
        max_age: After how many seconds a destination takes an alert no more, by its name, as of now; None is never.

    Attributes:
        key: The event's key as first stored.
        names: The symbols to be looked up.
        sector_alone: Nothing but their sectors matters.
    """

    def __init__(
        self, deliveries: Sequence[Delivery], *, began_us: int, now_us: int, now: float, max_age: MaxAge
    ) -> None:
        first = deliveries[0]
        self._max_age = max_age
        self.key = first.event_key
        self._event = first.event
        self._received_at_us = first.received_at_us
        self._undecided = {delivery.id: delivery for delivery in deliveries}
        self._began_us = began_us
        self._zero = now - now_us / MICROS  # the epoch, on the monotonic clock
        self._patience_ends = self._zero + began_us / MICROS + PATIENCE
        self._answers: dict[str, Snapshot | None] = {}
        self._passed: set[str] = set()
        self._unsure = False
        asks = [rule.ask for delivery in deliveries for rule in delivery.rules if rule.ask is not None]
        self.sector_alone = all(map(_wants_sector_alone, asks))
        every = tuple(dict.fromkeys(names_of(first.event))) if any(map(_looks_up, asks)) else ()
        self.names = every[:MOST_NAMES]
        self._unasked = len(every) - len(self.names)

    @property
    def deliveries(self) -> Iterable[int]:
        """The numbers of those that are undecided."""
        return self._undecided.keys()

    def due(self, now: float) -> float:
        """The next moment after ``now`` at which something may have to be decided as things stand, monotonic."""
        if self._unsure:
            return now + _SOON
        rules = ((one, rule) for one in self._undecided.values() for rule in one.rules if rule.suppressed is None)
        return min((at for one, rule in rules if (at := self._deadline(one, rule)) > now), default=self._patience_ends)

    def answer(self, name: str, snapshot: Snapshot | None) -> None:
        """The state of one of ``names``; None where it can't be known."""
        self._answers[name] = snapshot

    def decide(self, now: float, cooldowns: Marks) -> tuple[list[Decision], list[Mark]]:
        """Decide what need not wait any longer, and is not decided before ``drop`` says that it is noted.

        Args:
            now: Monotonic seconds.
            cooldowns: What cooldowns are measured by; marks of what passes are added.

        Returns:
            The decisions, each with the marks that it rests on, and all marks.
        """
        decisions: list[Decision] = []
        marks: list[Mark] = []
        self._unsure = False
        for delivery in self._undecided.values():
            settled = self._settled(delivery, now)
            if settled is not None and self._is_unsure(delivery, cooldowns):
                self._unsure = True
            elif settled is not None:
                decisions.append(self._decision(delivery, settled, cooldowns, marks))
        return [_marked(decision, marks) for decision in decisions], marks

    def join(self, deliveries: Iterable[Delivery]) -> None:
        """Further deliveries of the event: what was withheld and is released."""
        for delivery in deliveries:
            self._undecided.setdefault(delivery.id, delivery)

    def drop(self, decisions: Iterable[Decision]) -> None:
        """These are noted."""
        for decision in decisions:
            self._undecided.pop(decision.delivery.id, None)

    def take_back(self, marks: Iterable[Mark], cooldowns: Marks) -> None:
        """What was decided could not be noted, or was dropped meanwhile: it leaves no marks."""
        for mark in marks:
            self._passed.discard(mark.rule)
            cooldowns.take_back(mark)

    def _is_unsure(self, delivery: Delivery, cooldowns: Marks) -> bool:
        """Whether it would be held back for an alert that may turn out a repetition."""
        for rule in delivery.rules:
            if rule.ask is not None and rule.ask.cooldown is not None and rule.name not in self._passed:
                blocking = cooldowns.blocking(self._mark(rule.name), rule.ask.cooldown)
                if blocking is not None and cooldowns.is_tentative(blocking):
                    return True
        return False

    def _mark(self, rule: str) -> Mark:
        return mark_of(rule, self._event, self._received_at_us)

    # --- rules

    def _settled(self, delivery: Delivery, now: float) -> list[_Settled] | None:
        """What its rules came to; None where one is open and nothing hurries."""
        found = [
            self._settle(delivery, rule, late=now >= self._deadline(delivery, rule), now=now) for rule in delivery.rules
        ]
        settled = [one for one in found if one is not None]
        if len(settled) == len(found):
            return settled
        would_expire = any(
            one is not None and one.wants and self._last_moment(delivery, rule) <= now < self._expiry(delivery, rule)
            for rule, one in zip(delivery.rules, found, strict=True)
        )
        if not would_expire:
            return None
        at_once = [self._settle(delivery, rule, late=True, now=now) for rule in delivery.rules]
        return [one for one in at_once if one is not None]

    def _settle(self, delivery: Delivery, rule: RuleMatch, *, late: bool, now: float) -> _Settled | None:
        """What a rule comes to; None while that is open, which it never is when it is late."""
        ask = rule.ask
        if ask is None:
            return _Settled(rule, "" if rule.suppressed is None else held_back(rule.name, rule.suppressed))
        bare = msgspec.structs.replace(rule, ask=None)
        if now >= self._expiry(delivery, rule):
            return _Settled(bare, expired=True)
        others, wanted = self._others(ask, late=late), self._held(ask.wanted, late=late)
        if _Held.YES in others or wanted is _Held.NO:
            return _Settled(None)
        if _Held.OPEN in {*others, wanted}:
            return None
        if wanted is _Held.UNKNOWN and ask.wanted is not None and not ask.deliver_unknown:
            when = " in time" if self._unanswered() else ""
            unknown = msgspec.structs.replace(bare, suppressed=Suppression.UNKNOWN)
            return _Settled(unknown, f"{rule.name}: the symbol's state could not be known{when}")
        return _Settled(bare)

    def _others(self, ask: Ask, *, late: bool) -> set[_Held]:
        """Whether those match that an ``otherwise`` comes after: what can't be known does where it is delivered."""
        held = ((other, self._held(other.wanted, late=late)) for other in ask.unless)
        return {_Held.YES if one is _Held.UNKNOWN and other.deliver_unknown else one for other, one in held}

    def _held(self, wanted: StateWanted | None, *, late: bool) -> _Held:
        """Whether it is so for every symbol of the event; ``wanted`` is None where it is only to be shown."""
        known = [snapshot for snapshot in self._answers.values() if snapshot is not None]
        if wanted is not None and not all(holds(wanted, snapshot) for snapshot in known):
            return _Held.NO
        if self._unanswered() and not late:
            return _Held.OPEN
        certain = self.names and len(known) == len(self.names) and not self._unasked
        return _Held.YES if certain else _Held.UNKNOWN

    def _unanswered(self) -> bool:
        return len(self._answers) < len(self.names)

    # --- times

    def _deadline(self, delivery: Delivery, rule: RuleMatch) -> float:
        return min(self._patience_ends, self._last_moment(delivery, rule))

    def _last_moment(self, delivery: Delivery, rule: RuleMatch) -> float:
        """Shortly before it expires."""
        expiry = self._expiry(delivery, rule)
        life = max(0.0, expiry - self._zero - self._began_us / MICROS)
        return expiry - min(1.0, _BEFORE_IT_EXPIRES * life)

    def _expiry(self, delivery: Delivery, rule: RuleMatch) -> float:
        expires_at_us = delivery.expires_at_us(rule, self._max_age(delivery.destination))
        return _NEVER if expires_at_us is None else self._zero + expires_at_us / MICROS

    # --- deliveries

    def _decision(
        self, delivery: Delivery, settled: Sequence[_Settled], cooldowns: Marks, marks: list[Mark]
    ) -> Decision:
        left: list[tuple[RuleMatch, str]] = []
        enriched = False
        for asked, one in zip(delivery.rules, settled, strict=True):
            if one.rule is not None:
                rule, detail = self._cooled(asked, one, cooldowns, marks)
                left.append((rule, detail))
                enriched |= rule.suppressed is None and asked.ask is not None and asked.ask.enrich
        rules = tuple(rule for rule, _ in left)
        if rules and all(rule.suppressed is not None for rule in rules):
            return Decision(delivery, rules, rules[0].suppressed, "; ".join(detail for _, detail in left))
        return Decision(delivery, rules, states=self._states() if enriched else None)

    def _cooled(
        self, asked: RuleMatch, settled: _Settled, cooldowns: Marks, marks: list[Mark]
    ) -> tuple[RuleMatch, str]:
        """The rule once its cooldown has been judged, which it is when it turns out to match."""
        rule, ask = settled.rule, asked.ask
        assert rule is not None
        if ask is None or ask.cooldown is None or not settled.wants or settled.expired or rule.name in self._passed:
            return rule, settled.detail
        mark = self._mark(rule.name)
        blocking = cooldowns.blocking(mark, ask.cooldown)
        if blocking is not None:
            cool = msgspec.structs.replace(rule, suppressed=Suppression.COOLDOWN)
            return cool, cooling(rule.name, ask.cooldown, blocking)
        self._passed.add(rule.name)
        cooldowns.add(mark)
        marks.append(mark)
        return rule, settled.detail

    def _states(self) -> bytes | None:
        shown = {name: msgspec.Raw(snapshot.data) for name, snapshot in self._answers.items() if snapshot is not None}
        return _encode(shown) if shown else None


def _marked(decision: Decision, marks: Sequence[Mark]) -> Decision:
    """With the marks of the rules that want it; one that another delivery of the event has passed first is its too."""
    wanting = {rule.name for rule in decision.rules if rule.suppressed is None}
    return msgspec.structs.replace(decision, marks=tuple(mark for mark in marks if mark.rule in wanting))


def _looks_up(ask: Ask) -> bool:
    return ask.enrich or ask.wanted is not None or bool(ask.unless)


def _wants_sector_alone(ask: Ask) -> bool:
    wanted = [state for state in (ask.wanted, *(other.wanted for other in ask.unless)) if state is not None]
    return not ask.enrich and all(not state.tfc and state.ftfc is None for state in wanted)
