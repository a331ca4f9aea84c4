"""What would become of an event if it came now: rule by rule, then destination by destination. Pure.

    rules × event ──explained──> matched, or the first condition that fails ──┐
    plan, event, Memory ──Judge──> snoozed · outside of its hours · cooling ──┼──> Foretold
    what was looked up ───────────> holds · does not · not known ─────────────┘

The relay's own judge decides, so that what is told here is what it would do. An event that the store has is told as if
it were new: the mark it left holds nothing back; that of a quote or a state is known by its moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from relay.cli import wording
from relay.cli.fates import DestinationFate, Foretold, Note, RuleFate
from relay.cli.recall import Memory
from relay.clock import MICROS
from relay.deliveries import Ask, RuleMatch, Suppression, earliest_us, expiry_us
from relay.events import PER_SYMBOL_CHANNELS, names_of
from relay.judging.judge import Judge, Sighted
from relay.judging.marks import Marks, mark_of
from relay.judging.plan import Plan
from relay.judging.snoozes import Asleep
from relay.outbox.base import NewDelivery
from relay.outbox.memory import Mark
from relay.rules import words
from relay.rules.explain import Explanation, Failure, explained, is_outdone, outdone, unrouted
from relay.rules.rule import Rule
from relay.states import Snapshot, StateWanted, known_to_hold, unmet

Found = Mapping[str, Snapshot | str]
"""What was looked up: for each symbol its state, or why it can't be known."""

_IF_IT_FIRES: Final = "if it is this value that makes it true"
_IF_FOUND: Final = "if a look-up says so"


class Foretelling:
    """One event before the rules of a plan; what must be looked up is told before the rest is asked for.

    Args:
        plan: Rules, compiled, and destinations.
        rules: The same rules, disabled ones included.
        sighted: The event, as if it came now.
        memory: What is remembered.
        now_us: Now, µs since the epoch.
        offline: Nothing is looked up.
    """

    def __init__(
        self,
        plan: Plan,
        rules: Sequence[Rule],
        sighted: Sighted,
        memory: Memory,
        *,
        now_us: int,
        offline: bool = False,
    ) -> None:
        self._plan = plan
        self._event = sighted.event
        self._now_us = now_us
        self._offline = offline
        self._memory = memory
        self._asleep = Asleep(memory.snoozes or (), lambda: now_us)
        self._explained = explained(rules, sighted.event)
        self._at_us = sighted.at_us
        self._received_at_us = sighted.received_at_us
        own = mark_of("", sighted.event, sighted.received_at_us)
        marks = [mark for mark in memory.marks or () if _alike(mark, own)]
        if sighted.event.channel in PER_SYMBOL_CHANNELS:
            marks = [mark for mark in marks if mark.at_us != own.at_us]
            fired = tuple(found.rule for found in self._explained if found.matched)
            sighted = msgspec.structs.replace(sighted, fired=fired)
        self._marks = Marks(marks)
        self._deliveries = Judge(plan, Marks(marks), self._asleep).judge(sighted).deliveries
        self._judged = {rule.name: rule for delivery in self._deliveries for rule in delivery.rules}

    @property
    def wanted(self) -> tuple[str, ...]:
        """The symbols whose state is to be looked up."""
        return tuple(dict.fromkeys(names_of(self._event))) if self._asks and not self._offline else ()

    @property
    def _asks(self) -> bool:
        return any(rule.ask is not None for rule in self._judged.values())

    def told(self, found: Found) -> Foretold:
        """What becomes of the event.

        Args:
            found: What is known of ``wanted``, and maybe of other symbols.
        """
        own = None if self._offline else {name: found[name] for name in self.wanted}
        others = self._others(own if self._asks else None)
        rules = {one.rule.name: self._rule(one, own, others) for one in self._explained}
        destinations = (self._destination(delivery, rules) for delivery in self._deliveries)
        return Foretold(tuple(rules.values()), tuple(map(self._switched, destinations)))

    # --- rules

    def _others(self, found: Found | None) -> tuple[str, ...]:
        """The rules that an ``otherwise`` comes to nothing for; all that may match where nothing is looked up."""
        first = (one.rule for one in self._explained if one.matched and not one.rule.otherwise)
        return tuple(rule.name for rule in first if found is None or self._takes(rule, found))

    def _takes(self, rule: Rule, found: Found) -> bool:
        """Whether it matches; where that can't be known, ``on_unknown`` says."""
        held = True if rule.state is None or not rule.asks else self._held(rule.state, found)
        return rule.on_unknown == "deliver" if held is None else held

    def _rule(self, explanation: Explanation, found: Found | None, others: Sequence[str]) -> RuleFate:
        rule, judged = explanation.rule, self._judged.get(explanation.rule.name)
        if judged is None and is_outdone(explanation):
            return self._routed(rule, outdone(others), unrouted(rule, self._event))
        if judged is None:
            return self._routed(rule, explanation.failures, explanation.unrouted)
        fate = RuleFate(rule, matched=True, notes=tuple(self._notes(rule)))
        if judged.ask is not None:
            return self._looked_up(fate, judged.ask, found, others)
        failing = next((note for note in fate.notes if note.about == judged.suppressed), None)
        withheld = "" if judged.suppressed is None else failing.text if failing else str(judged.suppressed)
        return msgspec.structs.replace(fate, withheld=withheld, reason=judged.suppressed)

    def _routed(self, rule: Rule, failures: tuple[Failure, ...], unrouted: str | None) -> RuleFate:
        """A rule that goes nowhere: it does not match, or has no route."""
        if failures or unrouted is None:
            return RuleFate(rule, matched=not failures, failures=failures)
        return RuleFate(rule, matched=True, notes=(Note("route", holds=False, text=f"no route for {unrouted}"),))

    def _notes(self, rule: Rule) -> Iterator[Note]:
        if rule.channel in PER_SYMBOL_CHANNELS:
            yield Note("edge", None, wording.EDGE)
        snooze = self._asleep.rule(rule.name) or self._asleep.event(self._event)
        if snooze is not None:
            yield Note("snooze", holds=False, text=wording.snoozed(snooze, self._now_us))
        if rule.active is not None:
            holds = rule.active.holds(self._at_us)
            yield Note("active", holds, wording.hours(rule.active, self._at_us, holds=holds))
        if rule.cooldown is not None:
            yield self._cooling(rule.name, rule.cooldown)
        age = (self._now_us - self._at_us) / MICROS
        if rule.max_age is not None and age >= rule.max_age:
            yield Note("max_age", holds=False, text=wording.too_old(age, rule.max_age))

    def _cooling(self, rule: str, cooldown: float) -> Note:
        if self._memory.marks is None:
            return Note("cooldown", None, "whether it is in its cooldown is not known")
        blocking = self._marks.blocking(mark_of(rule, self._event, self._received_at_us), cooldown)
        text = wording.cooling(cooldown, self._at_us, blocking, self._now_us)
        return Note("cooldown", holds=blocking is None, text=text)

    def _looked_up(self, fate: RuleFate, ask: Ask, found: Found | None, others: Sequence[str]) -> RuleFate:
        """The rule once the states of the event's symbols are known, as ``relay.judging.decider`` settles it."""
        if found is None:
            note = Note("state", None, f"{wording.asked(ask)} would be looked up")
            matched = True if ask.wanted is None and not ask.unless else None
            return msgspec.structs.replace(fate, matched=matched, notes=(*fate.notes, note))
        if ask.unless and others:
            return RuleFate(fate.rule, matched=False, failures=outdone(others))
        held = True if ask.wanted is None else self._held(ask.wanted, found)
        if held is False:
            assert ask.wanted is not None
            return RuleFate(fate.rule, matched=False, failures=tuple(self._unmet(ask.wanted, found)))
        said = "; ".join(wording.state(name, found[name], ask) for name in found) or "the alert names no symbol"
        note = Note("state", held, said)
        fate = msgspec.structs.replace(fate, notes=(*fate.notes, note))
        if held is None and not ask.deliver_unknown:
            withheld = f"the state it must know can't be known ({note.text})"
            return msgspec.structs.replace(fate, matched=None, withheld=withheld, reason=Suppression.UNKNOWN)
        cooling = next((note for note in fate.notes if note.about == "cooldown" and note.holds is False), None)
        if cooling is not None:
            return msgspec.structs.replace(fate, withheld=cooling.text, reason=Suppression.COOLDOWN)
        return fate

    def _held(self, wanted: StateWanted, found: Found) -> bool | None:
        """Whether it holds for every symbol of the event; None where that can't be known."""
        return known_to_hold(wanted, (state if isinstance(state, Snapshot) else None for state in found.values()))

    def _unmet(self, wanted: StateWanted, found: Found) -> Iterator[Failure]:
        for name, snapshot in found.items():
            if isinstance(snapshot, Snapshot):
                whose = f"{name}: " if len(found) > 1 else ""
                for condition, asked, seen in unmet(wanted, snapshot):
                    yield Failure(condition, asked, f"{whose}{seen}")

    # --- destinations

    def _destination(self, delivery: NewDelivery, rules: Mapping[str, RuleFate]) -> DestinationFate:
        own = [(match, rules[match.name]) for match in delivery.rules]
        wanting = [match for match, fate in own if fate.matched and not fate.withheld]
        open_ = [match for match, fate in own if fate.matched is None and not fate.withheld]
        if not wanting and not open_:
            return self._unwanted(delivery.destination, [fate for _, fate in own])
        if delivery.suppressed is not None:
            detail = wording.refusal(delivery, self._asleep.destination(delivery.destination), self._now_us)
            return DestinationFate(delivery.destination, sent=False, reason=delivery.suppressed, detail=detail)
        name = delivery.destination
        fresh, later = self._fresh(name, wanting), self._fresh(name, open_)
        if not fresh and not later:
            ends = max(self._expires_at_us(name, match) or 0 for match in (*wanting, *open_))
            return DestinationFate(
                delivery.destination,
                sent=False,
                rules=tuple(match.name for match in (*wanting, *open_)),
                reason="expired",
                detail=wording.expired((ends - self._at_us) / MICROS, (self._now_us - self._at_us) / MICROS),
            )
        if self._event.channel in PER_SYMBOL_CHANNELS:
            fresh, later = [], fresh
        return DestinationFate(
            delivery.destination,
            sent=True if fresh else None,
            rules=tuple(match.name for match in fresh),
            perhaps=tuple(match.name for match in later),
            detail=(_IF_IT_FIRES if self._event.channel in PER_SYMBOL_CHANNELS else _IF_FOUND) if later else "",
            enriched=any(match.ask is not None and match.ask.enrich for match in fresh),
        )

    def _switched(self, fate: DestinationFate) -> DestinationFate:
        """Where it is paused or off, what would be sent there waits."""
        state = self._memory.switched.get(fate.name)
        if fate.sent is False or state is None:
            return fate
        detail = wording.switched(fate.name, state)
        if fate.perhaps:
            detail = f"{detail}; {words.listing(fate.perhaps, 'and')} only {fate.detail}"
        return msgspec.structs.replace(
            fate, sent=False, rules=(*fate.rules, *fate.perhaps), perhaps=(), reason=state.switch.value, detail=detail
        )

    def _fresh(self, name: str, matches: Sequence[RuleMatch]) -> list[RuleMatch]:
        ends = ((match, self._expires_at_us(name, match)) for match in matches)
        return [match for match, expires_at_us in ends if expires_at_us is None or self._now_us < expires_at_us]

    def _expires_at_us(self, name: str, match: RuleMatch) -> int | None:
        """When the rule, or the destination, has it expire."""
        return earliest_us(match.expires_at_us, expiry_us(self._at_us, self._plan.max_age(name)))

    def _unwanted(self, name: str, own: Sequence[RuleFate]) -> DestinationFate:
        """No rule has it sent: each says why."""
        withheld = [fate for fate in own if fate.withheld]
        reason = next((str(fate.reason) for fate in withheld), "unmatched")
        alone = len(own) == 1
        said = (
            f"{'' if alone else f'{fate.rule.name}: '}{fate.withheld or fate.failures[0]}"
            for fate in own
            if fate.withheld or fate.failures
        )
        return DestinationFate(name, sent=False, reason=reason, detail="; ".join(said))


def _alike(mark: Mark, other: Mark) -> bool:
    """Whether they are of one kind of alert, whatever the rule."""
    return (mark.subject, mark.timeframe, mark.direction) == (other.subject, other.timeframe, other.direction)
