"""How the simulated upstream behaves, wherever the vendor's pages leave a choice. The defaults are its examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from relay.events import EVENT_TYPES, Channel


class Scope(StrEnum):
    """What a key may do."""

    CONNECT = "ws:connect"
    ALERTS = "alerts:read"
    PRICES = "prices:read"
    STATES = "states:read"


CHANNEL_SCOPES: Final[Mapping[Channel, Scope]] = MappingProxyType(
    {
        Channel.IN_FORCE: Scope.ALERTS,
        Channel.BREAKS: Scope.ALERTS,
        Channel.STATES: Scope.STATES,
        Channel.QUOTES: Scope.PRICES,
    }
)


class Refusal(StrEnum):
    """How a key is turned away from the socket."""

    HTTP = "http"  # 401 or 403 to the upgrade request
    CLOSE = "close"  # the upgrade succeeds, then a close frame 4401 or 4403


class Age(StrEnum):
    """Which end of a list comes first, or is kept."""

    NEWEST = "newest"
    OLDEST = "oldest"


class Begin(StrEnum):
    """When the replay begins."""

    SUBSCRIBED = "subscribed"  # once somebody subscribes to an alert channel
    AT_ONCE = "at-once"
    BY_HAND = "by-hand"  # on ``Simulator.begin()``


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of ``account``; an account that is not ``entitled`` is refused with 4403."""

    account: str = "demo"
    scopes: frozenset[Scope] = frozenset(Scope)
    entitled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WireStyle:
    """How alerts are spelled: ids or none, times in µs with ``+00:00`` or in s with ``Z``, numbers as text or not."""

    ids: bool = True
    micros: bool = False
    text_numbers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """Which days are replayed, and how fast.

    Attributes:
        first: First day; None for the first there is.
        last: Last day; None for the last there is.
        symbols: Stocks; None for all five.
        speed: Trading days a second; None for as fast as the subscriber reads.
        rate: At most so many alerts a second; None for no limit.
        begin: When it begins.
    """

    first: date | None = None
    last: date | None = None
    symbols: frozenset[str] | None = None
    speed: float | None = 20.0
    rate: float | None = None
    begin: Begin = Begin.SUBSCRIBED


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """The whole behaviour of a simulated upstream.

    Attributes:
        host: A loopback address.
        port: 0 for any free one.
        keys: By the text of the key.
        seed: Decides the market's coin tosses and the gaps between ids.
        refusal: How keys are turned away from the socket.
        compress: Accept permessage-deflate.
        heartbeat: Ping the client so often, in seconds; None for never.
        socket: How alerts are spelled on the socket.
        rest: … and over REST.
        break_type: The type of a simultaneous break on the socket.
        order: Which item of a REST answer comes first.
        keep: Which items a truncated answer keeps.
        default_limit: Items where no ``limit`` is asked for.
        clamp: The greatest ``limit`` honoured.
        default_window: Minutes looked back where no ``window_minutes`` is asked for.
        late_by: Seconds until an alert is visible over REST …
        late_share: … for this share of the alerts, the others at once.
        rest_rate: Calls a second and key, above which 429 is answered; None for no limit.
        rest_burst: How many calls may come at once.
        retry_after: Send ``Retry-After`` with a 429.
        history: How many alerts a channel remembers.
        replay: The market; None where a test fires its own alerts.
    """

    host: str = "127.0.0.1"
    port: int = 0
    keys: Mapping[str, ApiKey] = field(default_factory=lambda: {"sim-key": ApiKey()}, repr=False)
    seed: int = 0
    refusal: Refusal = Refusal.HTTP
    compress: bool = True
    heartbeat: float | None = None
    socket: WireStyle = WireStyle(micros=True)
    rest: WireStyle = WireStyle()
    break_type: str = EVENT_TYPES[Channel.BREAKS]
    order: Age = Age.NEWEST
    keep: Age = Age.NEWEST
    default_limit: int = 50
    clamp: int = 200
    default_window: float = 60.0
    late_by: float = 0.0
    late_share: float = 1.0
    rest_rate: float | None = None
    rest_burst: int = 20
    retry_after: bool = False
    history: int = 200_000
    replay: ReplaySettings | None = None
