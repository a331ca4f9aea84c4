"""Every secret in a config, wherever it stands: none of them may appear in a log."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from relay.config.model import Config
from relay.config.whereabouts import Whereabouts
from relay.document.fields import Section
from relay.redaction import register_secret
from relay.secret import Secret


def hide_secrets(config: Config | Whereabouts) -> None:
    """Have each secret's text replaced by ``***`` in everything that is logged."""
    for field in dataclasses.fields(config):
        for secret in _found(getattr(config, field.name)):
            register_secret(secret)


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
