"""The words that say how a destination or the connection stands, and how each looks to a person.

    LaneState · LinkState · State ──look_of──> Look: good, busy, fair, bad, rest

Whoever shows a state (the page, the service manager's line, a terminal) asks here whether it is well: the words are
told in ``/api/status``, and what they mean stands in this one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from relay.deliveries import State


class LaneState(StrEnum):
    """How a destination stands."""

    IDLE = "idle"
    SENDING = "sending"
    PACING = "pacing"  # something waits for the provider's or the config's rate
    BACKING_OFF = "backing off"
    REFUSING = "refusing"  # its last message became a dead letter
    PAUSED = "paused"
    OFF = "off"
    LEAVING = "leaving"  # gone from the config, it goes on until its queue is empty
    REMOVED = "removed"  # gone from the config, and its queue is left


class LinkState(StrEnum):
    """How the connection stands."""

    CONNECTED = "connected"
    CONNECTING = "connecting"
    WAITING = "waiting"  # for the next attempt
    STANDBY = "standby"
    OFF = "off"


class Look(StrEnum):
    """How a state looks to a person."""

    GOOD = "good"
    BUSY = "busy"  # on its way
    FAIR = "fair"  # look at it
    BAD = "bad"
    REST = "rest"  # because somebody wants it so


_LOOKS: Final[Mapping[str, Look]] = {
    State.DECIDING: Look.BUSY,
    State.PENDING: Look.BUSY,
    State.DELIVERED: Look.GOOD,
    State.DEAD: Look.BAD,
    State.EXPIRED: Look.REST,
    State.SUPPRESSED: Look.REST,
    LaneState.IDLE: Look.GOOD,
    LaneState.SENDING: Look.GOOD,
    LaneState.PACING: Look.BUSY,
    LaneState.BACKING_OFF: Look.FAIR,
    LaneState.REFUSING: Look.BAD,
    LaneState.PAUSED: Look.REST,
    LaneState.OFF: Look.BAD,
    LaneState.LEAVING: Look.BUSY,
    LaneState.REMOVED: Look.REST,
    LinkState.CONNECTED: Look.GOOD,
    LinkState.CONNECTING: Look.BUSY,
    LinkState.WAITING: Look.FAIR,
    LinkState.STANDBY: Look.FAIR,
}

WELL: Final = frozenset({Look.GOOD, Look.BUSY})
"""Of a destination: what is there goes out, or soon will."""


def look_of(state: str) -> Look:
    """How a state of a delivery, a destination or the connection looks; an unknown word, as if on its way."""
    return _LOOKS.get(state, Look.BUSY)


MEANINGS: Final[Mapping[str, str]] = {
    LaneState.IDLE: "nothing waits for this destination",
    LaneState.SENDING: "something is on its way there",
    LaneState.PACING: "what waits goes out as fast as the provider, or the config's rate, allows",
    LaneState.BACKING_OFF: "it failed, and is tried again by itself; nothing is lost",
    LaneState.REFUSING: "it did not take its last message, which became a dead letter",
    LaneState.PAUSED: "a person holds its queue until it is resumed",
    LaneState.OFF: "its answer said that it is gone or closed; its queue is kept until it is resumed",
    LaneState.LEAVING: "it is gone from the config, and what waits still goes out",
    LaneState.REMOVED: "it is gone from the config, and its queue is kept",
    State.PENDING: "an alert waits to be sent there",
    State.DECIDING: "it waits for a look-up, before its rules can say yes or no",
    State.DEAD: "a dead letter: it was refused, or tried for as long as the config wants, and a person decides",
    State.EXPIRED: "older than max_age when its turn came, or dropped by a person",
    State.SUPPRESSED: "a snooze, a cooldown, the rule's hours or a look-up held it back",
    "recovered": "fetched over REST after the socket had missed it",
    "hole": "ids of which the upstream showed only a part",
    "5 at once, 5 left": "a rate: so many messages go out together, and so many are left of them now",
}
"""What a person who reads the page for the first time would ask."""
