"""A config in outline: what of it can be told to anybody, and compared with another's.

    Config ──outline_of──> Outline <──> JSON          no secret is in it: they are there as fingerprints
    running, loaded ──effective──> the Config that a reload of `loaded` leaves running

A fingerprint is 16 hex digits that change when what they stand for does. What a reload can't bring into force keeps
its old value until the next start: ``AT_ONCE`` names what it can.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from relay.config.model import Config
from relay.destinations.terms import terms
from relay.destinations.webhook.config import RateLimit
from relay.document.fields import Section
from relay.durations import format_duration
from relay.redaction import MASK
from relay.rules.plain import sentence
from relay.rules.rule import Rule
from relay.rules.wanted import channels_of, wanted_symbols
from relay.secret import Secret
from relay.tls import Bundle

AT_ONCE: Final = frozenset(
    {"log.level", "shutdown_grace", "stratalerts.on_evicted", "heartbeat.url", "heartbeat.every", "alerts_to"}
)
"""Settings that a reload brings into force; the others need a restart."""

_SPANS: Final = frozenset(
    {"shutdown_grace", "storage.retention", "backfill.every", "backfill.on_first_start", "heartbeat.every"}
)


_TOLD: Final = frozenset(
    {"type", "timeout", "max_age", "sources", "retry", "deny_private", "digest_over", "late", "silent", "method",
     "concurrency", "ordering", "rate_limit"}
)  # fmt: skip
"""Keys of destinations whose values are told: never texts of a user's own, which may hold what others must not read."""


class DestinationOutline(msgspec.Struct, frozen=True):
    """A destination.

    Attributes:
        terms: What it makes of what is sent there, as ``relay check`` says it.
        fingerprint: Of all of its config.
        keys: A fingerprint of each key that is not at its default.
        values: Of each of ``_TOLD``, which can't be secret, its value as a person would write it, ``retry.max`` by
            itself; empty is none.
    """

    type: str
    terms: tuple[str, ...]
    fingerprint: str
    keys: Mapping[str, str]
    values: Mapping[str, str] = {}


class RuleOutline(msgspec.Struct, frozen=True):
    """A rule.

    Attributes:
        sentence: As ``relay check`` says it.
        fingerprint: Of all that it asks, a watchlist's symbols included.
    """

    name: str
    enabled: bool
    sentence: str
    fingerprint: str


class Setting(msgspec.Struct, frozen=True):
    """One of the other settings.

    Attributes:
        value: As a person would write it; ``***`` where it is secret.
        fingerprint: Of a secret, and of what a named file holds; empty where the value is all.
    """

    value: str
    fingerprint: str = ""


class Outline(msgspec.Struct, frozen=True):
    """A config without its secrets.

    Attributes:
        file: Where it was read from.
        destinations: By name, in the file's order.
        rules: In the file's order, disabled ones included.
        subscriptions: Channel to symbols; none where the channel is subscribed as a whole.
        settings: By key, ``storage.url``.
    """

    file: str
    destinations: Mapping[str, DestinationOutline]
    rules: tuple[RuleOutline, ...]
    subscriptions: Mapping[str, tuple[str, ...]]
    settings: Mapping[str, Setting]


def outline_of(config: Config) -> Outline:
    """The outline of ``config``."""
    return Outline(
        file=str(config.path),
        destinations={
            name: DestinationOutline(
                destination.type,
                tuple(terms(destination)),
                destination.fingerprint(),
                destination.fingerprints(),
                {key: value for key, value in _values(destination) if key.partition(".")[0] in _TOLD},
            )
            for name, destination in config.destinations.items()
        },
        rules=tuple(RuleOutline(rule.name, rule.enabled, sentence(rule), fingerprint(rule)) for rule in config.rules),
        subscriptions=_subscriptions(config.rules),
        settings=dict(_settings(config)),
    )


def effective(running: Config, loaded: Config) -> Config:
    """What runs after ``loaded`` has been brought in, without a restart, where ``running`` ran."""
    return dataclasses.replace(
        loaded,
        store_path=running.store_path,
        stratalerts=running.stratalerts.model_copy(update={"on_evicted": loaded.stratalerts.on_evicted}),
        storage=running.storage,
        backfill=running.backfill,
        http=running.http,
        log=running.log.model_copy(update={"level": loaded.log.level}),
    )


def fingerprint(rule: Rule) -> str:
    """16 hex digits that change when anything of ``rule`` does."""
    return hashlib.sha256(json.dumps(_canonical(rule), sort_keys=True).encode()).hexdigest()[:16]


def _canonical(value: object) -> object:
    """``value`` as JSON that is equal whenever the value is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _canonical(getattr(value, field.name)) for field in dataclasses.fields(value)}
    match value:
        case msgspec.Struct():
            return _canonical(msgspec.structs.asdict(value))
        case Mapping():
            return {str(key): _canonical(item) for key, item in value.items()}
        case frozenset():
            return sorted(map(str, value))
        case tuple() | list():
            return [_canonical(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            raise TypeError(f"a rule holds {type(value).__name__}, which has no canonical form")


def _subscriptions(rules: Sequence[Rule]) -> dict[str, tuple[str, ...]]:
    whole: dict[str, tuple[str, ...]] = {channel.value: () for channel in channels_of(rules)}
    return whole | {channel.value: symbols for channel, symbols in wanted_symbols(rules).items()}


def _values(section: Section) -> Iterator[tuple[str, str]]:
    for name, field in type(section).model_fields.items():
        key, value = field.alias or name, getattr(section, name)
        if isinstance(value, Section):
            yield from ((f"{key}.{inner}", said) for inner, said in _values(value))
        else:
            yield key, _written(value)


def _written(value: object) -> str:
    """A value of a destination as a person would write it: every ``float`` there is a span."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return format_duration(value)
        case frozenset():
            return ", ".join(sorted(map(str, value)))
        case RateLimit():
            return f"{value.requests}/{format_duration(value.seconds)}"
        case _:
            return str(value)


def _settings(config: Config) -> Iterator[tuple[str, Setting]]:
    for name in ("stratalerts", "storage", "backfill", "http", "log", "heartbeat"):
        section = getattr(config, name)
        for key in () if section is None else type(section).model_fields:
            yield f"{name}.{key}", _setting(f"{name}.{key}", getattr(section, key))
    for name in ("shutdown_grace", "alerts_to"):
        yield name, _setting(name, getattr(config, name))


def _slow_fingerprint(secret: Secret) -> str:
    """As ``Secret.fingerprint``, of one that a person may have made up: dear to find by trying words."""
    return hashlib.scrypt(secret.reveal().encode(), salt=b"relay-outline", n=2**14, r=8, p=1).hex()[:16]


def _setting(key: str, value: object) -> Setting:
    match value:
        case Secret():
            return Setting(MASK, _slow_fingerprint(value) if key == "http.token" else value.fingerprint())
        case Bundle():
            return Setting(value.name, value.fingerprint())
        case None:
            return Setting("")
        case tuple():
            return Setting(", ".join(map(str, value)))
        case float() if key in _SPANS:
            return Setting(format_duration(value))
        case _:
            return Setting(str(value))
