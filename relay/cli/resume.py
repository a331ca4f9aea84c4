"""``relay resume NAME``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import click

from relay.cli import remote
from relay.cli.compare import RUNNING, compare
from relay.cli.options import Span, config_option, destination_argument
from relay.cli.reach import reach_quietly
from relay.cli.remote import Reach
from relay.cli.told import tell_note
from relay.clock import MICROS, SystemClock
from relay.config.model import Config
from relay.durations import FORMS
from relay.errors import RelayError
from relay.outbox.base import DestinationState, Switch
from relay.readiness import RELOADED
from relay.rules.words import listing

_EXAMPLES: Final = """\b
Examples:
  relay resume swing
  relay resume swing --drop-older 10m
"""


@click.command(epilog=_EXAMPLES)
@destination_argument
@click.option("--drop-older", type=Span(), help=f"Expire what was received longer ago than this ({FORMS}).")
@config_option
def command(*, name: str, drop_older: float | None, config: Path | None) -> None:
    """Let a destination go on that is paused, or was switched off by its own answer."""
    loaded = reach_quietly(config)
    remote.require_destination(loaded, name)
    dropped = asyncio.run(_resume(loaded, name, drop_older))
    click.echo(f"{name} goes on." + (f" {dropped} dropped as too old." if dropped else ""))


async def _resume(config: Reach, name: str, drop_older: float | None) -> int:
    body = {} if drop_older is None else {"drop_older": f"{drop_older:f}s"}
    answer = await remote.ask(config, remote.path_of(name, "resume"), body)
    if answer is not None:
        await _tell_outdated(config, name)
        dropped = answer.get("dropped")
        return dropped if isinstance(dropped, int) else 0
    async with remote.store(config) as outbox:
        now_us = SystemClock().now_us()
        dropped_here = 0
        if drop_older is not None:
            before_us = max(0, now_us - round(drop_older * MICROS))
            dropped_here = await outbox.drop_older(name, before_us=before_us, at_us=now_us)
        await outbox.switch(name, DestinationState(Switch.ON, since_us=now_us))
        return dropped_here


async def _tell_outdated(config: Reach, name: str) -> None:
    """Note where the running relay has the destination otherwise than the file, which somebody has just mended."""
    if not isinstance(config, Config):  # its faults are told, and that the relay goes on without it
        return
    try:
        found = await compare(config, RUNNING)
    except RelayError:
        return
    for change in found.destinations.changed:
        if change.name == name:
            keys = f" ({listing(change.keys, 'and')})" if change.keys else ""
            note = f"the running relay has {name} otherwise than {config.path}{keys}"
            tell_note(note, f"to take that up: {RELOADED}")
