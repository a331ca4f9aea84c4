"""Every secret in a config, so that the log can be told what must never appear in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from relay.config.model import Config
from relay.document.fields import Section
from relay.secret import Secret


def secrets_of(config: Config) -> list[Secret]:
    """All secrets of ``config``, wherever they stand."""
    return [secret for field in dataclasses.fields(config) for secret in _found(getattr(config, field.name))]


def _found(value: object) -> Iterator[Secret]:
    match value:
        case Secret():
            yield value
        case Section():
            for name in type(value).model_fields:
                yield from _found(getattr(value, name))
        case Mapping():
            for item in value.values():
                yield from _found(item)
        case tuple() | list() | frozenset():
            for item in value:
                yield from _found(item)
        case _:
            return
