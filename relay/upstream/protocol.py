"""One connection's conversation, without the connection: frames in, signals out, messages to send.

    topics ──open()──> subscribe messages ──> …
    … ──> frame ──receive()──> EventReceived · Tick · Acknowledged · SeqGap · FrameRejected · UnknownType

What holds always:

* ``receive`` never raises, whatever the frame is.
* ``seq`` drops nothing. A step upward by more than one is a gap; a lower, equal or unreadable value only sets the
  new base. The count starts at 1, so a first frame with a higher one is a gap too: frames before it were lost.
* A frame that can't be read has no ``seq`` we know of; the frame after it shows the gap, and what was in it is
  fetched again.
* An acknowledgement answers the oldest subscribe message that has none; what that one asked for and no
  acknowledgement has named is refused. A channel that is named later is accepted after all, and one that was named
  stays accepted until it is unsubscribed: many symbols take several messages, and an answer may name only what is new.
* A topic carries at most ``MAX_SYMBOLS`` symbols and a message ``MAX_MESSAGE_SYMBOLS``. The vendor drops symbols beyond
  the first number silently over REST, and tells no limit here.

Source: the vendor's WebSocket page; types it does not fix (``alert.simultaneous_break`` or ``…breaks``) are all taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from relay.events import EVENT_TYPES, PER_SYMBOL_CHANNELS, Channel, Event
from relay.upstream.decode import decode_event
from relay.upstream.errors import DecodeError, RejectReason
from relay.upstream.tick import Tick, decode_tick

MAX_FRAME: Final = 1 << 20
"""Bytes of a frame beyond which it is not looked at."""

MAX_SYMBOLS: Final = 250
"""Symbols of one topic."""

MAX_MESSAGE_SYMBOLS: Final = 1_000
"""Symbols of one message, over all its topics."""


class Topic(msgspec.Struct, frozen=True):
    """Something to subscribe to.

    Attributes:
        channel: The channel.
        symbols: For ``quotes`` and ``states``, which take symbols; empty for the alert channels, which take none.
    """

    channel: Channel
    symbols: tuple[str, ...] = ()


class EventReceived(msgspec.Struct, frozen=True):
    """An alert."""

    event: Event


class Acknowledged(msgspec.Struct, frozen=True):
    """The server answered a subscribe message; both sets are of the whole connection."""

    accepted: frozenset[Channel]
    refused: frozenset[Channel]


class SeqGap(msgspec.Struct, frozen=True):
    """Frames were lost between the last one and this one."""

    expected: int
    got: int


class FrameRejected(msgspec.Struct, frozen=True):
    """A frame that could not be used."""

    reason: RejectReason
    detail: str


class UnknownType(msgspec.Struct, frozen=True):
    """A message of a type we do not know, ``error`` included; ``sample`` is the beginning of its data."""

    type: str
    sample: str


Signal: TypeAlias = EventReceived | Tick | Acknowledged | SeqGap | FrameRejected | UnknownType

OTHER: Final = "other"
INVALID: Final = "invalid"

_CHANNEL_OF: Final[Mapping[str, Channel]] = {
    "alert.in_force": Channel.IN_FORCE,
    "alerts.in_force": Channel.IN_FORCE,
    "alert.simultaneous_break": Channel.BREAKS,
    "alert.simultaneous_breaks": Channel.BREAKS,
    "alerts.simultaneous_break": Channel.BREAKS,
    "alerts.simultaneous_breaks": Channel.BREAKS,
    "quote": Channel.QUOTES,
    "quotes": Channel.QUOTES,
    "state": Channel.STATES,
    "states": Channel.STATES,
}
_CHANNELS: Final[Mapping[str, Channel]] = {str(channel): channel for channel in Channel}
_PER_SYMBOL: Final = frozenset(PER_SYMBOL_CHANNELS)
_SEQ_DIGITS: Final = 18
_TYPE_LIMIT: Final = 80
_SAMPLE_LIMIT: Final = 200

FRAME_TYPES: Final = (*EVENT_TYPES.values(), "subscribed", "unsubscribed", OTHER, INVALID)
"""Every label ``Session.frame_type`` can have."""


class _Envelope(msgspec.Struct):
    type: str = ""
    ts: msgspec.Raw = msgspec.Raw()
    seq: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()


class _Acknowledgement(msgspec.Struct):
    channels: list[object] | None = None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_acknowledgement = msgspec.json.Decoder(_Acknowledgement).decode


def channel_of(kind: str) -> Channel | None:
    """The channel that a message's ``type`` belongs to; None where it is no event's."""
    return _CHANNEL_OF.get(kind)


def subscribe(topics: Iterable[Topic]) -> str:
    """The message that subscribes to ``topics``."""
    return _message("subscribe", topics)


def unsubscribe(topics: Iterable[Topic]) -> str:
    """The message that ends the subscription to ``topics``."""
    return _message("unsubscribe", topics)


def _message(op: str, topics: Iterable[Topic]) -> str:
    wire = [
        {"channel": topic.channel.value, "symbols": topic.symbols}
        if topic.channel in _PER_SYMBOL
        else {"channel": topic.channel.value}
        for topic in topics
    ]
    return msgspec.json.encode({"op": op, "topics": wire}).decode()


class Session:
    """The conversation of one connection, from its first message to its last.

    Attributes:
        frame_type: What the last frame was, one of ``FRAME_TYPES``.
        last_seq: The ``seq`` of the last frame that had a readable one.
        ts: The last frame's own time, as it stood there; empty where it told none.
        accepted: Channels the server has named.
        refused: Channels that were asked for and not named.
        asked: Subscribe messages made so far.
        answered: Subscribe messages the server has answered.
    """

    def __init__(self, topics: Sequence[Topic]) -> None:
        self._wanted = _by_channel(topics)
        self._unanswered: deque[frozenset[Channel]] = deque()
        self._next_seq: int | None = 1
        self.frame_type = INVALID
        self.last_seq: int | None = None
        self.ts = b""
        self.accepted: frozenset[Channel] = frozenset()
        self.refused: frozenset[Channel] = frozenset()
        self.asked = 0
        self.answered = 0

    def open(self) -> list[str]:
        """The first messages to send: everything wanted. None where nothing is."""
        return self._ask(self._wanted)

    def change(self, topics: Sequence[Topic]) -> list[str]:
        """The messages that lead from what is subscribed to ``topics``; only the difference."""
        before, after = self._wanted, _by_channel(topics)
        self._wanted = after
        added = _without(after, before)
        removed = _without(before, after)
        gone = frozenset(channel for channel in before if channel not in after)
        self.accepted -= gone
        self.refused -= gone
        return [*self._ask(added), *(unsubscribe(topics) for topics in _messages(removed))]

    def receive(self, frame: str | bytes) -> list[Signal]:
        """What ``frame`` means, in order."""
        self.frame_type = INVALID
        self.ts = b""
        if len(frame) > MAX_FRAME:
            return [FrameRejected(RejectReason.OVERSIZED, f"{len(frame)} bytes")]
        try:
            envelope = _decode_envelope(frame)
        except msgspec.ValidationError as error:
            head = frame.lstrip()[:1]
            reason = RejectReason.WRONG_TYPE if head in {"{", b"{"} else RejectReason.NOT_OBJECT
            return [FrameRejected(reason, str(error))]
        except (msgspec.DecodeError, UnicodeError) as error:
            return [FrameRejected(RejectReason.NOT_JSON, str(error))]
        except RecursionError:
            return [FrameRejected(RejectReason.NOT_JSON, "nested too deeply")]
        signals: list[Signal] = []
        self.ts = bytes(envelope.ts)
        self._count(bytes(envelope.seq), signals)
        data = bytes(envelope.data)
        channel = _CHANNEL_OF.get(envelope.type)
        if channel is not None:
            self.frame_type = EVENT_TYPES[channel]
            signals.append(_event(channel, data, envelope.ts))
        elif envelope.type == "subscribed":
            self.frame_type = envelope.type
            signals.append(self._acknowledge(data))
        elif envelope.type == "unsubscribed":
            self.frame_type = envelope.type  # it only confirms what ``change`` has noted already
        elif envelope.type:
            self.frame_type = OTHER
            sample = data[:_SAMPLE_LIMIT].decode(errors="replace")
            signals.append(UnknownType(envelope.type[:_TYPE_LIMIT], sample))
        else:
            signals.append(FrameRejected(RejectReason.WRONG_TYPE, "no type"))
        return signals

    def _count(self, raw: bytes, signals: list[Signal]) -> None:
        if not raw or raw == b"null":
            return
        text = raw.strip(b'"')
        if not text.isdigit() or len(text) > _SEQ_DIGITS:
            self._next_seq = None
            return
        seq = int(text)
        if self._next_seq is not None and seq > self._next_seq:
            signals.append(SeqGap(self._next_seq, seq))
        self.last_seq = seq
        self._next_seq = seq + 1

    def _ask(self, wanted: Mapping[Channel, frozenset[str]]) -> list[str]:
        messages = _messages(wanted)
        self._unanswered.extend(frozenset(topic.channel for topic in topics) for topics in messages)
        self.asked += len(messages)
        return [subscribe(topics) for topics in messages]

    def _acknowledge(self, data: bytes) -> Signal:
        try:
            named = _decode_acknowledgement(data).channels if data else None
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            return FrameRejected(RejectReason.WRONG_TYPE, f"subscribed: {error}")
        accepted = frozenset(_CHANNELS[name] for name in named or () if isinstance(name, str) and name in _CHANNELS)
        asked: frozenset[Channel] = frozenset()
        if self._unanswered:
            asked = self._unanswered.popleft()
            self.answered += 1
        wanted = frozenset(self._wanted)  # what was unsubscribed meanwhile is neither accepted nor refused
        self.accepted = (self.accepted | accepted) & wanted
        self.refused = ((self.refused | asked) - self.accepted) & wanted
        return Acknowledged(self.accepted, self.refused)


def _event(channel: Channel, data: bytes, at: msgspec.Raw) -> Signal:
    if not data:
        return FrameRejected(RejectReason.WRONG_TYPE, "no data")
    try:
        if channel in _PER_SYMBOL:
            return decode_tick(channel, data, bytes(at))
        return EventReceived(decode_event(channel, data))
    except DecodeError as error:
        return FrameRejected(error.reason, str(error))


def _by_channel(topics: Iterable[Topic]) -> dict[Channel, frozenset[str]]:
    wanted: dict[Channel, frozenset[str]] = {}
    for topic in topics:
        symbols = frozenset(topic.symbols) if topic.channel in _PER_SYMBOL else frozenset()
        wanted[topic.channel] = wanted.get(topic.channel, frozenset()) | symbols
    # A channel that takes symbols and has none asks for nothing.
    return {channel: symbols for channel, symbols in wanted.items() if symbols or channel not in _PER_SYMBOL}


def _without(
    these: Mapping[Channel, frozenset[str]], those: Mapping[Channel, frozenset[str]]
) -> dict[Channel, frozenset[str]]:
    rest = {channel: symbols - those.get(channel, frozenset()) for channel, symbols in these.items()}
    return {channel: symbols for channel, symbols in rest.items() if symbols or channel not in those}


def _messages(wanted: Mapping[Channel, frozenset[str]]) -> list[list[Topic]]:
    """The topics of each message that ``wanted`` takes, what needs no symbols first; none where nothing is wanted."""
    messages: list[list[Topic]] = []
    room = 0
    topics = [topic for channel, symbols in wanted.items() for topic in _split(channel, symbols)]
    for topic in sorted(topics, key=lambda topic: topic.channel in _PER_SYMBOL):
        if not messages or len(topic.symbols) > room:
            messages.append([])
            room = MAX_MESSAGE_SYMBOLS
        messages[-1].append(topic)
        room -= len(topic.symbols)
    return messages


def _split(channel: Channel, symbols: frozenset[str]) -> list[Topic]:
    if channel not in _PER_SYMBOL:
        return [Topic(channel)]
    names = sorted(symbols)
    return [Topic(channel, tuple(names[at : at + MAX_SYMBOLS])) for at in range(0, len(names), MAX_SYMBOLS)]
