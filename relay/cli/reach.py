"""Whom a verb asks that needs nothing but the running relay, or its store: of a config, or of what is left of one.

-c FILE ──load_quietly──> Config
             └─ faults ──whereabouts──> does its relay answer? ─┬─ yes ──> Running, and a line on standard error
                                                                └─ no ───> the faults

A relay goes on with the config that it loaded: whoever edits the file, and errs, still sees it and can steer it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import msgspec

from relay.cli import remote
from relay.cli.quiet import load_quietly, log_quietly
from relay.cli.remote import Reach
from relay.config.found import find_config
from relay.config.model import Http
from relay.config.outline import DestinationOutline, Outline, RuleOutline
from relay.config.whereabouts import Whereabouts, whereabouts
from relay.document.faults import InvalidConfigError
from relay.errors import RelayError
from relay.outbox.file import is_held

_PATH: Final = "/api/config"
_GOES_ON: Final = "A relay that runs goes on with its old config."


@dataclass(frozen=True, slots=True)
class Running:
    """A relay that runs, and whose config on disk has faults: where it is asked, and the names that it has."""

    path: Path
    store_path: Path
    http: Http
    destinations: Mapping[str, DestinationOutline]
    rules: Sequence[RuleOutline]


def reach_quietly(path: Path | None) -> Reach:
    """The config that a verb was given, or finds; where it has faults, the relay that runs with its old one.

    Raises:
        ConfigError: There is none, or it can't be used and its relay does not answer.
    """
    try:
        return load_quietly(path)
    except InvalidConfigError as error:
        place = whereabouts(find_config(path, os.environ), env=os.environ)
        if place is None:
            error.hint = f"{error.hint} {_GOES_ON}"
            raise
        log_quietly(place)
        running = asyncio.run(_running(place))
        if running is None:
            raise
        faults = "has a fault" if len(error.faults) == 1 else f"has {len(error.faults)} faults"
        on = "the running relay goes on with its old config; `relay check` says more"
        click.echo(f"relay: {place.path} {faults}: {on}", err=True)
        return running


async def _running(place: Whereabouts) -> Running | None:
    """The relay that answers there and tells its config; None where none does."""
    if not place.certain and not is_held(place.store_path):
        return None
    try:
        told = await remote.fetch(place, _PATH)
        outline = None if told is None else msgspec.convert(told, Outline)
    except (RelayError, msgspec.ValidationError):  # another's token, another program: the faults are what is to be told
        return None
    if outline is None:
        return None
    return Running(place.path, place.store_path, place.http, outline.destinations, outline.rules)
