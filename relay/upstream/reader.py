"""The reader holds the one socket: it connects, subscribes, hands every event on, and comes back when it is dropped.

    connect ─> subscribe ─> acknowledged ─> frame ─> Session ─┬─> on_event   an alert; at once, in this very task
       ^                        │                             ├─> on_tick    a quote or a state; likewise
       │                        │                             └─> on_gap     "seq": frames were lost
       │                        └─> on_gap  "connected": what was missed meanwhile
       └── back-off <── decide() <── closed, refused, failed, silent

``Gate`` says which channels may be subscribed to yet; those that wait for their baseline follow on the open connection.

What holds always:

* Nothing is awaited between two frames. A reader that waits loses its pongs, and then the socket.
* The back-off starts again only after a connection that was good: an event came, or it was acknowledged and lived
  for half a minute. A mere handshake resets nothing.
* Whether to come back is decided in ``decide`` and nowhere else. A rejection is believed at once, unless this run
  has been connected before: then only after ten minutes of nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from relay.backoff import Backoff
from relay.clock import Clock
from relay.errors import EvictedError, RejectedError
from relay.events import Channel, Event
from relay.metrics import Metrics
from relay.turning import Sign
from relay.upstream.access import SCOPES, clean
from relay.upstream.decide import Action, Decision, decide, too_big
from relay.upstream.dial import FAILURES, MAX_MESSAGE, ReaderSettings, dial
from relay.upstream.errors import RejectReason
from relay.upstream.gate import Gate
from relay.upstream.protocol import (
    FRAME_TYPES,
    Acknowledged,
    EventReceived,
    FrameRejected,
    SeqGap,
    Session,
    Signal,
    Topic,
    UnknownType,
)
from relay.upstream.state import ConnectionState, Phase
from relay.upstream.throttle import LogThrottle
from relay.upstream.tick import Tick

_log = structlog.get_logger()

CONNECTED: Final = "connected"
SEQ: Final = "seq"

_GOOD_AFTER: Final = 30.0
_BELIEVE_REJECTION_AFTER: Final = 600.0
_STANDS_STILL_AFTER: Final = 300.0  # far more than the longest back-off, dial and closing handshake together
KNOWN_TYPES: Final = 100  # unknown types that are logged; a peer that invents more is only counted


def _pass_over(_tick: Tick) -> None:
    """No rule is on quotes or states."""


class Reader:
    """Holds the socket while ``run`` runs.

    Args:
        settings: How to reach it.
        clock: Waits and times; the library's own pings go by the event loop's.
        rng: Jitter.
        metrics: ``frames``, ``rejected`` and ``connected`` are kept here.
        topics: What to subscribe to now.
        on_event: Takes each event; must return at once.
        on_gap: Told that something may have been missed: ``connected`` or ``seq``; must return at once.
        on_tick: Takes each value of ``quotes`` and ``states``; must return at once, they come by the thousand.
        before_subscribe: Awaited before an alert channel is subscribed to for the first time; holds up no other.
    """

    def __init__(
        self,
        settings: ReaderSettings,
        *,
        clock: Clock,
        rng: random.Random,
        metrics: Metrics,
        topics: Callable[[], Sequence[Topic]],
        on_event: Callable[[Event], None],
        on_gap: Callable[[str], None],
        on_tick: Callable[[Tick], None] = _pass_over,
        before_subscribe: Callable[[Channel], Awaitable[None]] | None = None,
    ) -> None:
        self.state = ConnectionState()
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._topics = topics
        self._on_event = on_event
        self._on_gap = on_gap
        self._on_tick = on_tick
        self._gate = Gate(before_subscribe, self._send_change, clock=clock)
        self._sending = asyncio.Lock()
        self._frames = {name: metrics.frames.labels(name) for name in FRAME_TYPES}
        for reason in RejectReason:
            metrics.rejected.labels(reason.value)
        self._backoff = Backoff(rng)
        self._throttle = LogThrottle(clock)
        self._unknown: set[str] = set()
        self._stopping = asyncio.Event()
        self._socket: ClientConnection | None = None
        self._session: Session | None = None
        self._watches: set[asyncio.Task[None]] = set()
        self._gave_up = ""
        self._data_came = False
        self._acknowledged_at: float | None = None
        self._was_connected = False
        self._rejected_at: float | None = None
        self._turns = 0
        self._resting = True

    def sign(self) -> Sign:
        """Whether it goes from step to step; at rest on an open socket, whose pings drop a silent peer.

        It also rests while a channel's beginning is decided, which waits for the store, and while it does not run.
        """
        reading = self._socket is not None and self._socket.state is State.OPEN
        return Sign(self._turns, not self._resting and not reading, _STANDS_STILL_AFTER)

    async def run(self) -> None:
        """Read until ``stop``; may be called again after an eviction.

        Raises:
            EvictedError: Another connection of the account took over.
            RejectedError: The upstream refuses the key.
        """
        loop = asyncio.ensure_future(self._loop())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((loop, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not loop.done():
                if self._socket is None:
                    loop.cancel()
                else:
                    await self._socket.close()  # the loop ends after the frames that have arrived
                await asyncio.wait((loop,))
            if not loop.cancelled():
                loop.result()
        finally:
            loop.cancel()
            stopping.cancel()
            self._resting = True
            await asyncio.gather(loop, stopping, self._gate.close(), return_exceptions=True)
        self._enter(Phase.STOPPED)

    def stop(self) -> None:
        """Close the socket and let ``run`` return; for good."""
        self._stopping.set()

    async def resubscribe(self) -> None:
        """Send the difference between what is subscribed and what ``topics`` says now, on the open connection.

        A channel that may not be subscribed to yet follows by itself, if it is still wanted then.
        """
        self._gate.reconsider()
        await self._send_change()

    async def _send_change(self) -> None:
        async with self._sending:
            socket, session = self._socket, self._session
            if socket is None or session is None:
                return  # the next connection subscribes to all of it
            asked, answered = session.asked, session.answered
            messages = session.change(self._admitted())
            self.state.accepted, self.state.refused = session.accepted, session.refused
            with contextlib.suppress(ConnectionClosed):
                for message in messages:
                    await socket.send(message)
            if session.asked > asked:
                self._watch(socket, session, answered + 1)  # not asked + 1: earlier answers may have been summed up

    def _admitted(self) -> Sequence[Topic]:
        return self._gate.admitted(self._topics())

    async def _loop(self) -> None:
        while not self._stopping.is_set():
            self._resting = True
            await self._gate.some_of(self._topics)
            self._resting = False
            lost = await self._connect()
            if self._stopping.is_set():
                return
            decision = Decision(lost.action, self._clean(lost.error), lost.hint)
            self.state.last_error = f"{decision.error}. {decision.hint}".strip(". ") + "."
            self._stay_or_leave(decision)
            delay = self._backoff.next()
            self._enter(Phase.WAITING, decision.error)
            hint = {"hint": decision.hint} if decision.hint else {}
            _log.warning("upstream not connected", error=decision.error, retry_in=round(delay, 1), **hint)
            await self._clock.sleep(delay)

    def _stay_or_leave(self, decision: Decision) -> None:
        if decision.action is Action.EVICTED:
            self._enter(Phase.EVICTED, decision.error)
            raise EvictedError(decision.error, hint=decision.hint)
        if decision.action is not Action.REJECTED:
            return
        now = self._clock.monotonic()
        if self._rejected_at is None:
            self._rejected_at = now
        if not self._was_connected or now - self._rejected_at >= _BELIEVE_REJECTION_AFTER:
            self._enter(Phase.REJECTED, decision.error)
            raise RejectedError(decision.error, hint=decision.hint)

    async def _connect(self) -> Decision:
        """One attempt, from the TCP connection to its end, and what the end means."""
        self.state.attempts += 1
        self._enter(Phase.CONNECTING)
        try:
            socket = await dial(self._settings)
        except FAILURES as error:
            return decide(error)
        self._gave_up, self._data_came, self._acknowledged_at = "", False, None
        self._socket, self._session = socket, Session(self._admitted())
        self._enter(Phase.OPEN)
        try:
            await self._converse(socket, self._session)
        except ConnectionClosed as error:
            if too_big(error):
                self._frame_rejected(FrameRejected(RejectReason.OVERSIZED, f"more than {MAX_MESSAGE} bytes"))
            decision = decide(error, current=socket is self._socket)
        finally:
            self._let_go(socket)
        if self._gave_up and decision.action is Action.RECONNECT:
            return Decision(Action.RECONNECT, self._gave_up)
        return decision

    async def _converse(self, socket: ClientConnection, session: Session) -> None:
        messages = session.open()
        async with self._sending:
            for message in messages:
                await socket.send(message)
        if messages:
            self._watch(socket, session, 1)
        else:  # nothing is wanted yet, so there is nothing to wait for
            self._acknowledge(Acknowledged(frozenset(), frozenset()))
        recv, receive, frames, state, clock = socket.recv, session.receive, self._frames, self.state, self._clock
        while True:
            frame = await recv(decode=False)
            signals = receive(frame)
            frames[session.frame_type].inc()
            state.last_frame_us = clock.now_us()
            state.last_seq = session.last_seq
            state.stamp(session.ts)
            for signal in signals:
                if type(signal) is Tick:
                    self._data_came = True
                    self._on_tick(signal)
                elif type(signal) is EventReceived:
                    self._data_came = True
                    self._on_event(signal.event)
                else:
                    self._note(signal)

    def _note(self, signal: Signal) -> None:
        match signal:
            case Acknowledged():
                self._acknowledge(signal)
            case SeqGap(expected, got):
                if self._throttle.admit(SEQ) is not None:
                    _log.info("frames were lost", expected_seq=expected, got_seq=got)
                if self.state.acknowledged:  # before that, the round that follows the acknowledgement finds them
                    self._on_gap(SEQ)
            case FrameRejected():
                self._frame_rejected(signal)
            case UnknownType(name, sample):
                if name not in self._unknown and len(self._unknown) < KNOWN_TYPES:
                    self._unknown.add(name)
                    _log.warning("unknown message type", type=self._clean(name), sample=self._clean(sample))
            case EventReceived() | Tick():
                pass  # the loop has handed it on

    def _acknowledge(self, signal: Acknowledged) -> None:
        newly_refused = signal.refused - self.state.refused
        self.state.accepted, self.state.refused = signal.accepted, signal.refused
        if self._acknowledged_at is None:
            self._acknowledged_at = self._clock.monotonic()
            self._was_connected, self._rejected_at = True, None
            self._enter(Phase.ACKNOWLEDGED)
        _log.info("upstream subscribed", channels=sorted(map(str, signal.accepted)), attempt=self.state.attempts)
        for channel in sorted(newly_refused):
            _log.error(
                "channel refused", channel=channel.value, scope=SCOPES[channel], hint="Add the scope to the API key."
            )
        self._on_gap(CONNECTED)

    def _frame_rejected(self, signal: FrameRejected) -> None:
        self._metrics.rejected.labels(signal.reason.value).inc()
        held_back = self._throttle.admit(signal.reason)
        if held_back is not None:
            more = {"held_back": held_back} if held_back else {}
            _log.warning("frame rejected", reason=signal.reason.value, detail=self._clean(signal.detail), **more)

    def _watch(self, socket: ClientConnection, session: Session, answers: int) -> None:
        task = asyncio.ensure_future(self._expect_answer(socket, session, answers))
        self._watches.add(task)
        task.add_done_callback(self._watches.discard)

    async def _expect_answer(self, socket: ClientConnection, session: Session, answers: int) -> None:
        """Give the connection up unless there are so many answers in time.

        Of messages that were sent together the first one's answer is enough: a server may sum the others up in it.
        """
        await self._clock.sleep(self._settings.ack_timeout)
        if session.answered < answers and socket is self._socket:
            self._gave_up = f"no acknowledgement within {self._settings.ack_timeout:g} s"
            await socket.close()

    def _let_go(self, socket: ClientConnection) -> None:
        for task in self._watches:
            task.cancel()
        if self._data_came or (
            self._acknowledged_at is not None and self._clock.monotonic() - self._acknowledged_at >= _GOOD_AFTER
        ):
            self._backoff.reset()
        self._socket = self._session = None
        self.state.accepted = self.state.refused = frozenset()
        self.state.last_seq = None
        self.state.stamp(b"")
        self._metrics.connected.set(0)
        socket.transport.abort()  # closed already, unless we are being cancelled

    def _enter(self, phase: Phase, detail: str = "") -> None:
        self._turns += 1
        self._metrics.connected.set(1 if phase is Phase.ACKNOWLEDGED else 0)
        self.state.enter(phase, self._clock.now_us(), detail)

    def _clean(self, text: str) -> str:
        return clean(text, self._settings.api_key)
