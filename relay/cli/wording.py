"""How verbs put what more than one of them says, and ``relay explain`` moments, snoozes, hours and cooldowns. Pure.

Moments are of the machine's time zone, whose name they bear, with the date where it is not today's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from relay import readiness
from relay.clock import MICROS
from relay.deliveries import Ask, Suppression
from relay.durations import format_duration, roughly
from relay.outbox.base import DestinationState, NewDelivery
from relay.outbox.memory import Mark, Snooze, SnoozeKind
from relay.rules import words
from relay.rules.active import Active
from relay.states import Snapshot, colour_of
from relay.wording import agreeing

EDGE: Final = "holds for this value; it fires only as that becomes true, not while it stays so"


def overdue(count: int, of: int, *, done: bool = False) -> str:
    """A sentence, after a space, for those ``of`` so many to send that no rule wants any more; empty where none is.

    Args:
        count: Those.
        of: All.
        done: They are queued; else it is only foretold.
    """
    if not count:
        return ""
    if of == 1:
        those = "It"
    elif count == of:
        those = "All of them"
    else:
        those = f"{count:,} of them"
    verb = agreeing(count, "is older than its", "are older than their")
    expire = agreeing(count, "expires", "expire") if done else "would expire"
    return f" {those} {verb} max_age and {expire} at once, unsent."


def hole(channel: str, after_id: int, up_to_id: int, part: str) -> str:
    """``alerts.in_force ids 5 to 9 were not shown whole (timeframe=D)``."""
    return f"{channel} ids {after_id + 1} to {up_to_id} were not shown whole ({part})"


def moment(us: int, now_us: int) -> str:
    """``14:00 UTC``, ``2026-04-10 14:00:07 UTC``."""
    at, now = (datetime.fromtimestamp(instant // MICROS, UTC).astimezone() for instant in (us, now_us))
    date = "" if at.date() == now.date() else f"{at:%Y-%m-%d} "
    seconds = f":{at:%S}" if at.second else ""
    return f"{date}{at:%H:%M}{seconds} {at:%Z}".rstrip()


def snoozed(snooze: Snooze, now_us: int) -> str:
    """``snoozed until 14:00 UTC``; a symbol by its name."""
    whose = f"{snooze.name} is " if snooze.kind is SnoozeKind.SYMBOL else ""
    return f"{whose}snoozed until {moment(snooze.until_us, now_us)}"


def hours(active: Active, at_us: int, *, holds: bool) -> str:
    """``outside its hours (Fri 10:12 in New York)``."""
    local = f"{active.local(at_us):%a %H:%M} in {words.place(active.timezone)}"
    return f"{'inside' if holds else 'outside'} its hours ({local})"


def cooling(cooldown: float, at_us: int, blocking: Mark | None, now_us: int) -> str:
    """``in its cooldown until 14:15 UTC (after the alert at 14:00 UTC)``."""
    if blocking is None:
        return f"not in its cooldown: no alert of its kind within {words.span(cooldown)}"
    other = moment(blocking.at_us, now_us)
    if blocking.at_us > at_us:
        return f"in its cooldown: an alert of its kind came within {words.span(cooldown)} after it, at {other}"
    until = moment(blocking.at_us + round(cooldown * MICROS), now_us)
    return f"in its cooldown until {until} (an alert of its kind came at {other})"


def asked(ask: Ask) -> str:
    """What is to be looked up."""
    wanted = ask.wanted
    parts = [] if wanted is None else [f"{timeframe} {colour}" for timeframe, colour in wanted.tfc.items()]
    if wanted is not None and wanted.ftfc is not None:
        parts.append(f"full continuity {wanted.ftfc}")
    if wanted is not None and wanted.sectors:
        parts.append(f"sector {words.listing(wanted.sectors, 'or')}")
    if ask.unless:
        parts.append("whether another rule matches")
    if not parts:
        return "the symbol's state, to be shown,"
    return words.listing(parts, "and")


def state(name: str, found: Snapshot | str, ask: Ask) -> str:
    """What was found of one symbol, as far as it was asked for."""
    if isinstance(found, str):
        return f"{name}: {found}"
    parts = [f"{timeframe} {colour_of(found, timeframe)}" for timeframe in (ask.wanted.tfc if ask.wanted else ())]
    if ask.wanted is not None and ask.wanted.ftfc is not None:
        parts.append(f"full continuity {ask.wanted.ftfc}")
    if ask.wanted is not None and ask.wanted.sectors:
        parts.append(f"sector {found.sector or 'nothing'}")
    if ask.enrich:
        parts = parts or ["looked up, to be shown"]
    return f"{name}: {', '.join(parts) or 'no other rule matches'}"


def switched(name: str, state: DestinationState) -> str:
    """What keeps a destination from sending: ``it is paused: what comes is queued until `relay resume bot```."""
    return f"it {readiness.switched(name, state)}"


def too_old(age: float, max_age: float) -> str:
    """``too old for this rule: 30 seconds, max_age 1s``."""
    return f"too old for this rule: {roughly(age)}, max_age {format_duration(max_age)}"


def refusal(delivery: NewDelivery, snooze: Snooze | None, now_us: int) -> str:
    """Why a destination takes nothing of what its rules want."""
    if delivery.suppressed is Suppression.SNOOZE and snooze is not None:
        return snoozed(snooze, now_us)
    return delivery.detail


def expired(wanted: float, age: float) -> str:
    """``expired: triggered 3 days ago, wanted for 10 minutes``."""
    return f"expired: triggered {roughly(age)} ago, wanted for {words.span(wanted)}"
