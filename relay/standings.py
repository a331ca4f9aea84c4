"""How the parts of a running relay stand, in the words of its page and of `relay status`.

    connection · a channel's memory · rounds of backfill · a lane and its queue ──> their statuses (relay.web.desk)

Pure: what the store knows has been asked already, and everything is as of one moment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from relay.backfill.baseline import has_baseline
from relay.backfill.status import Standing
from relay.backfill.status import Status as Round
from relay.clock import MICROS
from relay.deliveries import State
from relay.delivery.lane import Lane
from relay.delivery.settings import LaneStatus
from relay.events import ALERT_CHANNELS, Channel
from relay.outbox.base import QueueStats, Switch
from relay.outbox.channels import ChannelState, Hole
from relay.readiness import lane_note, lane_trouble
from relay.upstream.access import SCOPES
from relay.upstream.state import ConnectionState, Phase, Transition
from relay.web.desk import BackfillStatus, ChannelStatus, ConnectionStatus, ConnectionStep, DestinationStatus
from relay.web.looks import LaneState, LinkState

_PHASES = {
    Phase.IDLE: LinkState.CONNECTING,
    Phase.CONNECTING: LinkState.CONNECTING,
    Phase.OPEN: LinkState.CONNECTING,
    Phase.ACKNOWLEDGED: LinkState.CONNECTED,
    Phase.WAITING: LinkState.WAITING,
    Phase.EVICTED: LinkState.OFF,
    Phase.REJECTED: LinkState.OFF,
    Phase.STOPPED: LinkState.OFF,
}
_SWITCHED = {Switch.PAUSED: LaneState.PAUSED, Switch.OFF: LaneState.OFF}


def of_connection(state: ConnectionState, *, standby: bool, started_at_us: int) -> ConnectionStatus:
    """How the connection stands.

    Args:
        state: What the reader knows of it.
        standby: Another connection took over, and this relay polls.
        started_at_us: Of the relay.
    """
    return ConnectionStatus(
        state=LinkState.STANDBY if standby else _PHASES[state.phase],
        since_us=state.since_us or started_at_us,
        detail=state.last_error if state.phase is not Phase.ACKNOWLEDGED else "",
        last_frame_us=state.last_frame_us,
        reconnects=max(0, state.connections - 1),
        seq=state.last_seq,
        lag_seconds=state.lag_seconds,
        history=_history(state.history),
    )


def of_channel(channel: Channel, memory: ChannelState, connection: ConnectionState) -> ChannelStatus:
    """How a channel stands: what the connection says of it, and what the store remembers."""
    told = connection.acknowledged and channel in connection.accepted | connection.refused
    return ChannelStatus(
        name=channel.value,
        accepted=channel in connection.accepted if told else None,
        scope=SCOPES[channel] if channel in connection.refused else "",
        baseline=channel not in ALERT_CHANNELS or has_baseline(memory),
        cursor=memory.cursor,
        round_completed_us=memory.rounds[-1].completed_at_us if memory.rounds else None,
    )


def of_backfill(rounds: Collection[Round], holes: Sequence[Hole]) -> BackfillStatus:
    """How what was missed is being fetched: of each channel its last round, and the newest holes."""
    troubled = [f"{one.channel.value}: {one.last_error}" for one in rounds if one.last_error]
    standings = {one.standing for one in rounds}
    completed = [one.last_completed_us for one in rounds if one.last_completed_us is not None]
    result = "ok" if completed else ""
    if troubled:
        result = "refused" if Standing.REFUSED in standings else "failed"
    return BackfillStatus(
        running=bool(standings & {Standing.RUNNING, Standing.RETRYING}),
        fetched=sum(one.fetched for one in rounds),
        result=result,
        detail="; ".join(troubled),
        completed_at_us=max(completed, default=None),
        holes=tuple(holes),
    )


def of_queue(name: str, queue: QueueStats, *, in_flight: int) -> DestinationStatus:
    """What the store has of a destination; the whole of it where no lane turns for it."""
    return DestinationStatus(
        name=name,
        type="",
        state=LaneState.REMOVED,
        in_flight=in_flight,
        oldest_pending_us=queue.oldest_pending_us,
        counts=queue.counts,
        suppressed=queue.suppressed,
        replays=queue.replays,
        pruned=queue.pruned,
    )


def of_lane(queued: DestinationStatus, lane: Lane, *, kind: str, leaving: bool, now_us: int) -> DestinationStatus:
    """How a destination stands whose lane turns.

    Args:
        queued: What the store has of it.
        lane: Its lane.
        kind: Its type.
        leaving: The config has it no more, and its lane drains.
        now_us: Unix microseconds.
    """
    status = lane.status()
    state = lane_word(status, waiting=queued.counts.get(State.PENDING, 0) > 0)
    held = round((status.paced_seconds if state is LaneState.PACING else status.held_seconds) * MICROS)
    return msgspec.structs.replace(
        queued,
        type=kind,
        state=LaneState.LEAVING if leaving and status.switch is Switch.ON else state,
        reason=status.reason or _why(state, status),
        since_us=status.since_us if status.switch is not Switch.ON else None,
        retry_at_us=now_us + held if held else None,
        limit=status.limit,
        latency=lane.latency(),
        last_error=status.last_error,
        trouble=lane_trouble(queued.name, status),
        note=lane_note(queued.name, status),
    )


def lane_word(status: LaneStatus, *, waiting: bool) -> LaneState:
    """How a lane stands, in a word; ``refusing`` looks idle and is not well."""
    if status.switch is not Switch.ON:
        return _SWITCHED[status.switch]
    if status.failures or status.held_seconds:
        return LaneState.BACKING_OFF
    if status.in_flight:
        return LaneState.SENDING
    if status.paced_seconds and waiting:
        return LaneState.PACING
    return LaneState.REFUSING if status.refusal else LaneState.IDLE


def _history(steps: Iterable[Transition]) -> tuple[ConnectionStep, ...]:
    """Newest first, without the steps between two that read the same."""
    told: list[ConnectionStep] = []
    for step in steps:
        word = _PHASES[step.phase]
        if not told or told[-1].state != word or step.detail:
            told.append(ConnectionStep(step.at_us, word, step.detail))
    return tuple(reversed(told))


def _why(state: LaneState, status: LaneStatus) -> str:
    if state is LaneState.REFUSING:
        return status.refusal
    return status.last_error if status.failures else ""
