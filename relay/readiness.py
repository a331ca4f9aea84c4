"""Whether alerts can flow, and what keeps some of them from where they belong. Pure; the table is its test.

    store · connection · backfills · look-ups · config · lanes ──Signs──> judged ──> Readiness
                                                                            │
                   reasons: nothing flows <─────────────────────────────────┤
                   degraded: it flows, and not all of it, or not everywhere <┤
                   notes: a person wants it so <────────────────────────────┘
    what the store counts ──waiting_notes──> notes: it waits for a person, and nothing is broken

Catching up is not degraded, and neither is a destination that has failed for some minutes, nor a message that backs off
alone: they end by themselves. Each line names what to do, where somebody has to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

import msgspec

from relay.backfill.status import Standing, Status
from relay.clock import MICROS, isoformat
from relay.commands import relay_command
from relay.delivery.settings import LaneStatus
from relay.durations import roughly
from relay.errors import RelayError
from relay.events import Channel
from relay.outbox.base import Switch
from relay.outbox.memory import Snooze, SnoozeKind
from relay.upstream.access import SCOPES
from relay.upstream.state import ConnectionState, Phase
from relay.web.desk import Readiness
from relay.wording import agreeing, counted

LONG_SECONDS: Final = 600.0
"""A destination that has failed for so long, or takes nothing for so long from now, is told of."""

RECENT_US: Final = 24 * 3_600 * MICROS
"""So long ago may a hole have been found that is told of."""

RELOADED: Final = "reload (`systemctl reload relay`, SIGHUP; where a service's credential holds it, restart)"
"""What takes up a change of a destination's config: the relay goes on with what it loaded."""

_LONG: Final = f"{LONG_SECONDS / 60:.0f} minutes"
_BEFORE_CONNECTING: Final = {
    True: "the baseline is being fetched over REST first",
    False: "the connection is being made",
}


class Switched(Protocol):
    """How a destination is switched: a lane's status, or what the store remembers of it."""

    @property
    def switch(self) -> Switch:
        """On, paused or off."""
        ...

    @property
    def reason(self) -> str:
        """Why, for a person; may be empty."""
        ...


class Signs(msgspec.Struct, frozen=True):
    """What is known without asking the store, which may hang; as it is by default, all is well.

    Attributes:
        connection: As it is now.
        standby: Another connection took over, and this relay polls.
        writes: The store takes writes.
        damage: What is wrong with its file; empty while nothing is known.
        backfills: Of each channel.
        refused_lookup: Why the upstream refuses to look up states; None where it does not.
        reload_fault: Why the last reload changed nothing; empty where it worked.
        lanes: By the name of their destination.
    """

    connection: ConnectionState
    standby: bool = False
    writes: bool = True
    damage: str = ""
    backfills: Mapping[Channel, Status] = {}
    refused_lookup: RelayError | None = None
    reload_fault: str = ""
    lanes: Mapping[str, LaneStatus] = {}


def store_trouble(*, writes: bool, damage: str) -> str:
    """What is wrong with the store, and what helps; empty where it takes writes."""
    if damage:
        return damage
    if not writes:
        return "the store takes no writes (is the disk full?); nothing is acknowledged that is not stored"
    return ""


def judged(signs: Signs) -> Readiness:
    """Ready: acknowledged, with a baseline for each accepted channel, or standing by; and the store is whole."""
    trouble = store_trouble(writes=signs.writes, damage=signs.damage)
    reasons = [trouble] if signs.damage else []
    degraded = [trouble] if trouble and not signs.damage else []  # a full disk mends itself as soon as there is room
    if signs.standby:
        degraded.insert(0, "standing by: another connection took over")
    else:
        reasons += _not_flowing(signs)
    degraded += [*_refused(signs), *filter(None, (lane_trouble(name, lane) for name, lane in signs.lanes.items()))]
    notes = filter(None, (lane_note(name, lane) for name, lane in signs.lanes.items()))
    return Readiness(not reasons, tuple(reasons), tuple(degraded), tuple(notes))


def _not_flowing(signs: Signs) -> Iterator[str]:
    connection = signs.connection
    if not connection.acknowledged:
        yield f"not connected: {connection.last_error or _BEFORE_CONNECTING[connection.phase is Phase.IDLE]}"
        return
    for channel, status in signs.backfills.items():
        if channel in connection.accepted and not status.baseline:
            yield f"{channel.value} has no baseline yet"


def _refused(signs: Signs) -> Iterator[str]:
    for channel in sorted(signs.connection.refused):
        yield f"{channel.value} was refused: add the scope {SCOPES[channel]} to the API key"
    for channel, status in signs.backfills.items():
        if status.standing is Standing.REFUSED:
            yield f"backfill of {channel.value} is refused: {status.last_error}. {status.hint}".strip()
        elif status.failing_seconds >= LONG_SECONDS:  # what the socket misses comes from there alone
            yield f"backfill of {channel.value} has failed for more than {_LONG}: {status.last_error}"
    if (refusal := signs.refused_lookup) is not None:
        yield f"states can't be looked up: {refusal}. {refusal.hint}".strip()
    if signs.reload_fault:
        yield f"the config's last reload changed nothing: {signs.reload_fault.partition(chr(10))[0]}"


def lane_trouble(name: str, lane: LaneStatus) -> str:
    """Why nothing, or not all, arrives at a destination; empty where it does, soon will, or a person paused it."""
    if lane.switch is Switch.PAUSED:
        return ""
    if lane.switch is Switch.OFF:
        return f"{name} {switched(name, lane)}"
    if lane.held_seconds >= LONG_SECONDS:
        reason = lane.last_error or "it asked for that earlier"
        return f"{name} takes nothing for another {roughly(lane.held_seconds)} ({reason}); its queue is kept"
    if lane.failures:
        failing = f"{name} has failed for more than {_LONG} ({lane.last_error}); its queue is kept, and tried again"
        return failing if lane.failing_seconds >= LONG_SECONDS else ""
    if lane.refusal:
        return f"{name} did not take its last message ({lane.refusal}): `{relay_command('dead', 'list', '--to', name)}`"
    return ""


def lane_note(name: str, lane: Switched) -> str:
    """What a person wants so of a destination, and may have forgotten; empty where that is nothing."""
    return f"{name} {switched(name, lane)}" if lane.switch is Switch.PAUSED else ""


def waiting_notes(dead: Mapping[str, int], holes_found_us: Iterable[int], *, now_us: int) -> Iterator[str]:
    """What waits for a person to decide or to look, as the store tells it.

    Args:
        dead: How many dead letters each destination has.
        holes_found_us: When each recorded hole was found.
        now_us: Now, µs since the epoch.
    """
    for name, count in dead.items():
        if count:
            letters, verb = counted(count, "dead letter"), agreeing(count, "waits", "wait")
            yield f"{letters} at {name} {verb} for a decision: `{relay_command('dead', 'list', '--to', name)}`"
    late = sum(found_us > now_us - RECENT_US for found_us in holes_found_us)
    if late:
        ranges = counted(late, "range")
        yield f"{ranges} of ids shown only in part since yesterday may hide alerts: `{relay_command('audit')}`"


def snooze_notes(snoozes: Iterable[Snooze]) -> Iterator[str]:
    """What a person keeps from going out, and may have forgotten: whole destinations and rules."""
    for one in snoozes:
        if one.kind is not SnoozeKind.SYMBOL:
            until = isoformat(one.until_us)[:16].replace("T", " ")
            clear = relay_command("snooze", f"--{one.kind.value}", "--clear", one.name)
            yield f"the {one.kind.value} {one.name} is snoozed until {until} UTC: `{clear}`"


def switched(name: str, how: Switched) -> str:
    """What a destination's switch comes to, and what lets it go on, said of it; empty where it is on.

    ``is switched off (410 Gone), its queue is kept: mend it, then `relay resume bot`, or with another url …``: the
    relay goes on with the config that it loaded, so a resume alone would send to the old one.
    """
    resume = f"`{relay_command('resume', name)}`"
    if how.switch is Switch.OFF:
        return f"{switched_off(how.reason)}, its queue is kept: mend it, then {resume}, or with another url {RELOADED}"
    if how.switch is Switch.PAUSED:
        return f"is paused{f' ({how.reason})' if how.reason else ''}: what comes is queued until {resume}"
    return ""


def switched_off(reason: str) -> str:
    """``is switched off (410 Gone)``."""
    return f"is switched off ({reason or 'without a reason'})"
