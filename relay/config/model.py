"""The whole config: ``ConfigFile`` as it is written, ``Config`` as the relay uses it.

Attributes are named as the YAML's keys; spans are float seconds, secrets are ``Secret``; everything is frozen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from relay.config.destinations import AnyDestination, Name
from relay.config.rules import RuleConfig
from relay.destinations.config import CaFile, default_span
from relay.destinations.kinds import AnyConfig
from relay.document.addresses import Credential, HostName, Listen, SecretUrl, StoreUrl, url_of
from relay.document.fields import Many, Section, Span, SpanOrZero, Text, choice, whole
from relay.document.listening import DEFAULT_LISTEN, OFF, split_address
from relay.logs import FORMATS, LEVELS, Format, Level
from relay.rules.rule import Rule
from relay.tls import context

_LARGEST_PAGE = 10_000


class StratAlerts(Section):
    """The upstream and the key to it."""

    secret_keys: ClassVar[tuple[str, ...]] = ("api_key",)

    api_key: Credential
    """The account's key; or name a file with api_key_file."""
    websocket_url: Annotated[str, url_of("ws", "wss")] = "wss://app.stratalerts.com/ws/market/v1"
    """The socket."""
    rest_url: Annotated[str, url_of("http", "https")] = "https://app.stratalerts.com/api/market/v1"
    """The REST endpoints' common beginning."""
    auth: Annotated[Literal["bearer", "x-api-key"], choice("bearer", "x-api-key")] = "bearer"
    """The header that carries the key."""
    on_evicted: Annotated[Literal["exit", "standby"], choice("exit", "standby")] = "exit"
    """What to do when another connection of the account takes over."""
    ca_file: CaFile | None = None
    """A file of certificates (PEM) to trust besides the system's; relative to the config."""

    @property
    def tls(self) -> SSLContext:
        """Whom to trust, on the socket and over REST."""
        return context(self.ca_file)


class Storage(Section):
    """Where events and deliveries are kept."""

    url: StoreUrl = "sqlite:relay.db"
    """sqlite:FILE; relative to $STATE_DIRECTORY, else to the config's folder."""
    retention: SpanOrZero = default_span("7d")
    """How long finished deliveries stay visible; unfinished ones are kept."""


class Backfill(Section):
    """Catching up over REST."""

    every: Span = default_span("5m")
    """Reconciliation, even while the socket is fine."""
    on_first_start: SpanOrZero = default_span("0m")
    """How much of the past is delivered when a channel is first used."""
    page_size: Annotated[int, whole(1, _LARGEST_PAGE)] = 200
    """Alerts asked for in one request; the server may give fewer."""


class Http(Section):
    """The relay's own pages and endpoints."""

    secret_keys: ClassVar[tuple[str, ...]] = ("token",)

    listen: Listen = DEFAULT_LISTEN
    """host:port, or off."""
    token: Credential | None = None
    """Asked of every visitor; required when listen is not loopback."""
    hosts: Many[HostName] = ()
    """Further Host names to accept, behind a proxy."""

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port to listen on, None where it is off."""
        return None if self.listen == OFF else split_address(self.listen)


class Log(Section):
    """What is logged, and how."""

    level: Annotated[Level, choice(*LEVELS)] = "info"
    """The least level that is logged."""
    format: Annotated[Format, choice(*FORMATS)] = "auto"
    """auto is console on a terminal, json otherwise."""


class Heartbeat(Section):
    """A dead man's switch: who watches it hears nothing more when the relay does not work."""

    secret_keys: ClassVar[tuple[str, ...]] = ("url",)

    url: SecretUrl
    """Who is asked, with GET; a secret. Or name a file with url_file."""
    every: Span = default_span("1m")
    """How often, while the relay is ready and its lanes move."""


class ConfigFile(Section):
    """The config of the relay."""

    stratalerts: StratAlerts
    storage: Storage = Storage()
    backfill: Backfill = Backfill()
    http: Http = Http()
    log: Log = Log()
    shutdown_grace: SpanOrZero = default_span("20s")
    """How long a stop may take to finish what is in flight."""
    heartbeat: Heartbeat | None = None
    """A dead man's switch, none by default."""
    alerts_to: Text | None = None
    """The destination that is told of the relay's own troubles; none by default."""
    destinations: Annotated[dict[Name, AnyDestination], Field(min_length=1)]
    """Where alerts go, by name."""
    rules: Annotated[list[RuleConfig], Field(min_length=1)]
    """Which alerts go where; every one that matches delivers."""


@dataclass(frozen=True, slots=True)
class Config:
    """A config without a fault.

    Attributes:
        path: The file it was read from.
        store_path: The store's file, absolute.
        shutdown_grace: Seconds.
        destinations: By name, in the file's order.
        rules: In the file's order, disabled ones included.
        heartbeat: None where nobody watches.
        alerts_to: The destination that is told of the relay's own troubles; None is nobody.
    """

    path: Path
    store_path: Path
    stratalerts: StratAlerts
    storage: Storage
    backfill: Backfill
    http: Http
    log: Log
    shutdown_grace: float
    destinations: Mapping[str, AnyConfig]
    rules: tuple[Rule, ...]
    heartbeat: Heartbeat | None = None
    alerts_to: str | None = None

    @property
    def max_ages(self) -> Mapping[str, float]:
        """After how many seconds a destination takes an alert no more, by its name; only those that set one."""
        ages = ((name, destination.keeps_for) for name, destination in self.destinations.items())
        return {name: age for name, age in ages if age is not None}


def store_path(url: str, *, config: Path, env: Mapping[str, str]) -> Path:
    """The file that ``sqlite:FILE`` means: relative to the first ``$STATE_DIRECTORY``, else to the config's folder."""
    name = url.removeprefix("sqlite:")
    if name.startswith("//"):
        name = "/" + name.lstrip("/")
    state = env.get("STATE_DIRECTORY", "").split(":")[0]
    return (Path(state) if state else config.absolute().parent) / name
