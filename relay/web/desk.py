"""What the web layer asks of the running relay, and the values it is answered with.

    request ──> web ──> Desk (the running relay) ──> values ──> JSON or page

``Desk`` is the whole of it: nothing in ``relay.web`` knows lanes, sockets or SQL. The values hold no secret by
construction: a destination shows by its name and type, never by its URL. Times are µs since the epoch (``_us``); in
JSON they become RFC 3339 text without that suffix, ``started_at_us`` as ``started_at``.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from relay.backfill.errands import Errand
from relay.config.diff import Changes
from relay.config.outline import Outline
from relay.deliveries import State
from relay.delivery.latencies import Latency
from relay.outbox.archive import Archive, Step
from relay.outbox.channels import Hole
from relay.outbox.memory import Snooze, SnoozeKind
from relay.pulse import Minute
from relay.web.looks import LaneState, LinkState


class ConnectionStep(msgspec.Struct, frozen=True):
    """A step of the connection's history: how it stood from then on, and why, in the words of ``ConnectionStatus``."""

    at_us: int
    state: LinkState
    detail: str = ""


class ConnectionStatus(msgspec.Struct, frozen=True):
    """The upstream socket.

    Attributes:
        state: How it stands.
        since_us: How long it has been so.
        detail: One sentence for a person: why it waits, what refused it.
        last_frame_us: When the last frame came.
        reconnects: Acknowledged connections after the first.
        seq: The number of the newest frame of this connection, as the upstream counts; None before one told it.
        lag_seconds: How long the newest frame of this connection was on its way, by the server's clock and ours, so
            below 0 where they disagree; None where it told no time.
        history: The last changes of ``state``, newest first; what this run has seen.
    """

    state: LinkState
    since_us: int
    detail: str = ""
    last_frame_us: int | None = None
    reconnects: int = 0
    seq: int | None = None
    lag_seconds: float | None = None
    history: tuple[ConnectionStep, ...] = ()


class ChannelStatus(msgspec.Struct, frozen=True):
    """A subscribed channel.

    Attributes:
        name: As the upstream calls it.
        accepted: Whether the current connection acknowledged it; None before the server has answered, or was asked.
        scope: What to add to the key where it was refused: ``alerts:read``; else empty.
        baseline: Whether its first round is done; true where the channel has no history.
        cursor: Everything up to this id has been fetched.
        round_completed_us: When its last backfill round was complete.
    """

    name: str
    accepted: bool | None
    scope: str = ""
    baseline: bool = True
    cursor: int | None = None
    round_completed_us: int | None = None


class DestinationStatus(msgspec.Struct, frozen=True):
    """A destination and its lane.

    Attributes:
        name: In the config.
        type: ``webhook``, ``discord``, ``slack``, ``apprise``; empty where only its queue is left, and no config of it.
        state: How it stands.
        reason: Why it is paused, off, backing off or refusing, for a person.
        since_us: Since when it is paused or off.
        retry_at_us: When the next one goes out, where it backs off or keeps to a rate.
        in_flight: Requests out now.
        oldest_pending_us: When the oldest waiting delivery was received.
        counts: Deliveries kept, by state.
        suppressed: The suppressed among them, by reason.
        replays: Those among them that were sent again by hand.
        pruned: Those that retention has deleted, by state, without what was sent again by hand.
        limit: What is known of the rate that it keeps to: ``50/1s``, ``5 at once, 3 left``; empty where nothing is.
        latency: How long the last deliveries took; None before the first of this run.
        last_error: What the last failed attempt came to.
        trouble: Why nothing, or not all, arrives there, as under ``Readiness.degraded``; else empty.
        note: What a person wants so of it, as under ``Readiness.notes``; empty where that is nothing.
    """

    name: str
    type: str
    state: LaneState
    reason: str = ""
    since_us: int | None = None
    retry_at_us: int | None = None
    in_flight: int = 0
    oldest_pending_us: int | None = None
    counts: Mapping[State, int] = {}
    suppressed: Mapping[str, int] = {}
    replays: Mapping[State, int] = {}
    pruned: Mapping[State, int] = {}
    limit: str = ""
    latency: Latency | None = None
    last_error: str = ""
    trouble: str = ""
    note: str = ""


class BackfillStatus(msgspec.Struct, frozen=True):
    """Rounds over REST.

    Attributes:
        running: A round is under way.
        fetched: Items that the rounds under way have been shown so far; one that was asked for twice counts twice.
        result: What the last one came to, in a word; empty before the first.
        detail: One sentence where it did not go well.
        completed_at_us: When the last one was complete.
        holes: Ranges the upstream would not show whole, newest first.
    """

    running: bool = False
    fetched: int = 0
    result: str = ""
    detail: str = ""
    completed_at_us: int | None = None
    holes: tuple[Hole, ...] = ()


class StoreStatus(msgspec.Struct, frozen=True):
    """Whether the store takes writes, and what it says where it does not."""

    healthy: bool
    detail: str = ""


class Status(msgspec.Struct, frozen=True):
    """Everything the page shows besides the listings.

    Attributes:
        notes: What waits for a person, as the store counts it; besides ``Readiness.notes``, which are of memory alone.
        minutes: What went through in each of the last 60 minutes, the oldest first; those of this run.
        config: The file of the config that runs, absolute; empty where it runs without one.
    """

    version: str
    started_at_us: int
    now_us: int
    connection: ConnectionStatus
    store: StoreStatus
    backfill: BackfillStatus
    channels: tuple[ChannelStatus, ...] = ()
    destinations: tuple[DestinationStatus, ...] = ()
    snoozes: tuple[Snooze, ...] = ()
    simulated: bool = False
    notes: tuple[str, ...] = ()
    minutes: tuple[Minute, ...] = ()
    config: str = ""


class Readiness(msgspec.Struct, frozen=True):
    """Whether alerts can flow.

    Attributes:
        ready: The current connection is acknowledged and each accepted channel has its baseline, or it stands by; and
            the store is not damaged.
        reasons: Why it is not ready; empty where it is.
        degraded: What runs short of full service without being unready: standing by, refused channels with the scope to
            add, a backfill or a look-up of states that the upstream refuses, destinations at which nothing or not all
            arrives or that ask for a long wait, a full disk, a reload that changed nothing.
        notes: What a person wants so, and may have forgotten: destinations that are paused.
    """

    ready: bool
    reasons: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class ConfigStatus(msgspec.Struct, frozen=True):
    """The config that runs.

    Attributes:
        outline: What of it can be told.
        restart: Keys of what the file says otherwise since its last load, and what waits for a restart.
        loaded_at_us: When it was loaded.
        fault: Why the last load changed nothing; empty where it worked.
    """

    outline: Outline
    restart: tuple[str, ...]
    loaded_at_us: int
    fault: str = ""


class Desk(Protocol):
    """The running relay, as the web layer sees it. Nothing here blocks the event loop."""

    def healthy(self) -> tuple[bool, list[str]]:
        """Whether the loop turns and the store writes; where not, why."""
        ...

    def ready(self) -> Readiness:
        """Whether alerts can flow."""
        ...

    async def metrics(self) -> bytes:
        """The exposition text; what it tells of queues is as of now."""
        ...

    async def status(self) -> Status:
        """How everything stands now."""
        ...

    def destinations(self) -> Sequence[str]:
        """Names of those to which something may go, told from memory alone: of the config, and those that leave."""
        ...

    @property
    def archive(self) -> Archive:
        """What is stored, as people look it up, and what they may do with it."""
        ...

    async def queue(self, step: Coroutine[Any, Any, Step]) -> Step:
        """Take a step of the archive that queues something to its end, and let what it queued go out.

        The same goes for whatever is awaited below: it is done, and takes effect, though its caller is cancelled.

        Raises:
            StoreBusyError: Too much is under way; nothing of it was done.
        """
        ...

    async def drop(self, step: Coroutine[Any, Any, Step]) -> Step:
        """Take a step of the archive that lets go of dead letters to its end.

        A destination of which none is left is not told to refuse any more.
        """
        ...

    async def pause(self, name: str) -> None:
        """Stop sending to a destination; what comes is queued.

        Raises:
            KeyError: There is no such destination.
        """
        ...

    async def resume(self, name: str, *, drop_older: float | None) -> int:
        """Send again to a destination that is paused or off.

        Args:
            name: The destination.
            drop_older: Expire what waits and was received more than so many seconds ago.

        Returns:
            How many were expired.

        Raises:
            KeyError: There is no such destination.
        """
        ...

    def connect(self) -> bool:
        """Take the connection back; False where this relay does not stand by."""
        ...

    def backfill(self, since: float | None) -> Errand:
        """Begin a round of every subscribed channel, which looks back at least so many seconds."""
        ...

    def errand(self, number: int) -> Errand | None:
        """How a backfill that was asked for stands; None where it is not known."""
        ...

    def config(self) -> ConfigStatus:
        """The config that runs."""
        ...

    async def reload(self, *, drain: bool) -> Changes:
        """Load the config's file anew.

        Args:
            drain: Destinations that are gone from it send what waits for them first; else it is kept.

        Raises:
            InvalidConfigError: The file has faults; nothing changed.
            ConfigError: It can't be used for another reason; nothing changed.
        """
        ...

    def snoozed(self) -> Sequence[Snooze]:
        """What is snoozed now, the snooze that ends first before the others."""
        ...

    async def snooze(self, name: str, seconds: float, *, kind: SnoozeKind | None) -> Snooze:
        """Suppress what a rule, a destination or a symbol would have sent, for so many seconds from now.

        Args:
            name: Of what; ``relay.judging.silence`` says how it is read.
            seconds: For how long, in place of an earlier snooze of it.
            kind: What it must be a name of; None leaves that open.

        Raises:
            UnknownNameError: There is nothing of that name.
            AmbiguousNameError: There are several things of that name.
        """
        ...

    async def wake(self, name: str | None, *, kind: SnoozeKind | None) -> Sequence[Snooze]:
        """End the snooze of something, or of all; the snoozes that were ended.

        Raises:
            UnknownNameError: There is nothing of that name.
            AmbiguousNameError: Several things of that name are snoozed.
        """
        ...
