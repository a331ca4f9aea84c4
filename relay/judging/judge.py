"""Which of the rules that matched want the event sent, and what goes to each destination.

    event ──RuleIndex.match──> rules ──each by itself──> snoozed? outside of its hours? asks? within its cooldown?
                                          │
                      merge by destination ──> NewDelivery: wanted · deciding · suppressed, with the reason

What holds always:

* Each rule decides for itself. A destination gets the event with the rules that want it; where none does, the delivery
  is stored as suppressed all the same, so that it can be seen and counted.
* ``otherwise`` looks at matches, not at judgements: a rule that sleeps has matched. Where all that matched must still
  ask, the ``otherwise`` rules ask too: whether none of them holds.
* Hours and cooldown go by the alert's own time; a snooze by when the event came to us.
* An alert leaves a mark only where some destination of its rule takes it, and not when it is too old already.
* Nobody is held back for an alert that may turn out a repetition: until that is known, the delivery is deciding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from relay.clock import isoformat
from relay.deliveries import Ask, Other, RuleMatch, Suppression, earliest_us, expiry_us
from relay.durations import format_duration
from relay.events import ALERT_CHANNELS, Event, Source
from relay.judging.marks import Marks, mark_of
from relay.judging.plan import Plan
from relay.outbox.base import NewDelivery
from relay.outbox.memory import Mark, Snooze
from relay.rules.merge import merge
from relay.rules.rule import Rule
from relay.states import StateWanted

_HELD_BACK: Final = {
    Suppression.SOURCE: "it came another way",
    Suppression.SNOOZE: "snoozed",
    Suppression.ACTIVE: "outside of its hours",
    Suppression.COOLDOWN: "in its cooldown",
    Suppression.UNKNOWN: "the symbol's state could not be known",
}


class Snoozed(Protocol):
    """What is snoozed now; ``relay.judging.snoozes.Snoozes``."""

    def rule(self, name: str) -> Snooze | None:
        """The snooze of a rule."""
        ...

    def destination(self, name: str) -> Snooze | None:
        """The snooze of a destination."""
        ...

    def event(self, event: Event) -> Snooze | None:
        """The snooze of what an event speaks of."""
        ...


class Sighted(msgspec.Struct, frozen=True):
    """An event as it came.

    Attributes:
        event: The event.
        source: ``live`` or ``backfill``.
        received_at_us: µs since the epoch.
        fired: The rules that a quote or a state fired; None leaves it to the index.
    """

    event: Event
    source: Source
    received_at_us: int
    fired: tuple[Rule, ...] | None = None

    @property
    def at_us(self) -> int:
        """Its own time; where it tells none, when it was received."""
        return self.event.triggered_at.us if self.event.triggered_at else self.received_at_us


class Judgement(msgspec.Struct, frozen=True):
    """What is to be stored with an event.

    Attributes:
        deliveries: At most one a destination.
        marks: Of the rules with a cooldown that let it through.
    """

    deliveries: tuple[NewDelivery, ...] = ()
    marks: tuple[Mark, ...] = ()


class _RuleJudgement(msgspec.Struct):
    """A rule's own judgement; ``detail`` says why it is suppressed."""

    suppressed: Suppression | None = None
    detail: str = ""
    ask: Ask | None = None


class Judge:
    """Judges by the plan of now.

    Args:
        plan: The rules and destinations; ``plan`` may be set anew at any time.
        marks: What cooldowns are measured by; the judge adds to it, tentatively.
        snoozed: What is snoozed.
    """

    def __init__(self, plan: Plan, marks: Marks, snoozed: Snoozed) -> None:
        self.plan = plan
        self._marks = marks
        self._snoozed = snoozed

    def judge(self, sighted: Sighted) -> Judgement:
        """What is to be sent where."""
        asking, fallback = self._matched(sighted)
        matched = (*asking, *fallback)
        if not matched:
            return Judgement()
        unless = tuple(_other(rule.state, rule) for rule in asking if rule.state is not None) if fallback else ()
        merged = {name: rules for name, rules in merge(matched, sighted.event).items() if name in self.plan.terms}
        quiet = self._snoozed.event(sighted.event)
        judged: dict[str, _RuleJudgement] = {}
        marks: list[Mark] = []
        for rule in matched:
            found = self._rule(rule, sighted, quiet, unless=unless if rule.otherwise else ())
            if found.suppressed is None and found.ask is None and rule.cooldown is not None:
                found = self._cooldown(rule, rule.cooldown, merged, sighted, marks)
            judged[rule.name] = found
        for mark in marks:
            self._marks.add(mark, tentative=True)
        deliveries = tuple(self._delivery(name, rules, judged, sighted) for name, rules in merged.items())
        return Judgement(deliveries, tuple(marks))

    def _cooldown(
        self, rule: Rule, cooldown: float, merged: Mapping[str, Sequence[Rule]], sighted: Sighted, marks: list[Mark]
    ) -> _RuleJudgement:
        mark = mark_of(rule.name, sighted.event, sighted.received_at_us)
        blocking = self._marks.blocking(mark, cooldown)
        if blocking is None:
            if self._is_taken(rule, merged, sighted) and not self._marks.has(mark):
                marks.append(mark)
            return _RuleJudgement()
        if self._marks.is_tentative(blocking):
            return _RuleJudgement(ask=Ask(cooldown=cooldown))
        return _RuleJudgement(Suppression.COOLDOWN, cooling(rule.name, cooldown, blocking))

    def settle(self, judgement: Judgement, *, stored: bool) -> None:
        """What was judged is in the store as something new, or is not: its marks stay, or are taken back."""
        for mark in judgement.marks:
            if stored:
                self._marks.confirm(mark)
            else:
                self._marks.take_back(mark)

    def _matched(self, sighted: Sighted) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
        """The rules that matched, and those that take what is left where all of them turn out not to."""
        if sighted.fired is not None:
            return sighted.fired, ()
        matched = self.plan.index.match(sighted.event)
        if matched and all(_may_fail(rule) and not rule.otherwise for rule in matched):
            return matched, self.plan.index.otherwise(sighted.event)
        return matched, ()

    def _rule(self, rule: Rule, sighted: Sighted, quiet: Snooze | None, *, unless: tuple[Other, ...]) -> _RuleJudgement:
        snooze = self._snoozed.rule(rule.name) or quiet
        if snooze is not None:
            return _RuleJudgement(Suppression.SNOOZE, f"{rule.name}: {_snoozed(snooze)}")
        if rule.active is not None and not rule.active.holds(sighted.at_us):
            return _RuleJudgement(Suppression.ACTIVE, f"{rule.name}: outside of its hours")
        if rule.asks or unless:
            return _RuleJudgement(
                ask=Ask(
                    wanted=rule.state,
                    enrich=rule.enrich,
                    deliver_unknown=rule.on_unknown == "deliver",
                    unless=unless,
                    cooldown=rule.cooldown,
                )
            )
        return _RuleJudgement()

    def _is_taken(self, rule: Rule, merged: Mapping[str, Sequence[Rule]], sighted: Sighted) -> bool:
        """Whether some destination of the rule takes it, in time."""
        for name, rules in merged.items():
            ends = (expiry_us(sighted.at_us, age) for age in (rule.max_age, self.plan.max_age(name)))
            expires_at_us = earliest_us(*ends)
            fresh = expires_at_us is None or sighted.received_at_us < expires_at_us
            if rule in rules and fresh and self._refusal(name, sighted) is None:
                return True
        return False

    def _refusal(self, name: str, sighted: Sighted) -> _RuleJudgement | None:
        """Why a destination takes nothing of this, whatever its rules want."""
        if sighted.source not in self.plan.terms[name].sources:
            return _RuleJudgement(
                Suppression.SOURCE, f"it came by {sighted.source}, which this destination does not take"
            )
        snooze = self._snoozed.destination(name)
        return None if snooze is None else _RuleJudgement(Suppression.SNOOZE, f"{name}: {_snoozed(snooze)}")

    def _delivery(
        self, name: str, rules: Sequence[Rule], judged: dict[str, _RuleJudgement], sighted: Sighted
    ) -> NewDelivery:
        own = [judged[rule.name] for rule in rules]
        matches = tuple(
            RuleMatch(
                rule.name,
                expiry_us(sighted.at_us, rule.max_age),
                rule.mention,
                suppressed=found.suppressed,
                ask=found.ask,
            )
            for rule, found in zip(rules, own, strict=True)
        )
        if all(found.suppressed is not None for found in own):
            return NewDelivery(name, matches, own[0].suppressed, "; ".join(found.detail for found in own))
        refusal = self._refusal(name, sighted)
        if refusal is not None:
            return NewDelivery(name, matches, refusal.suppressed, refusal.detail)
        return NewDelivery(name, matches)


def held_back(rule: str, reason: Suppression) -> str:
    """That a rule does not want it, in a sentence that knows no more than the reason."""
    return f"{rule}: {_HELD_BACK[reason]}"


def cooling(rule: str, cooldown: float, blocking: Mark) -> str:
    """Why a rule's cooldown suppresses an alert, in a sentence."""
    return f"{rule}: within {format_duration(cooldown)} of the one at {isoformat(blocking.at_us)}"


def _snoozed(snooze: Snooze) -> str:
    what = f"{snooze.name} is snoozed" if snooze.kind == "symbol" else "snoozed"
    return f"{what} until {isoformat(snooze.until_us)}"


def _other(wanted: StateWanted, rule: Rule) -> Other:
    return Other(wanted, deliver_unknown=rule.on_unknown == "deliver")


def _may_fail(rule: Rule) -> bool:
    """Whether a look-up may turn its match into none."""
    return rule.state is not None and rule.channel in ALERT_CHANNELS
