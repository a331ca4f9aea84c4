"""``relay status``: how the relay stands, and what became of every delivery.

a relay runs ──GET /api/status──┐
none runs    ──the store, read──┴──> the same shape ──overview──> lines and a table | JSON
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from relay.cli import checkup, remote
from relay.cli.options import config_option, json_option
from relay.cli.overview import of_store, shown, stuck
from relay.cli.reach import reach_quietly
from relay.cli.remote import Reach
from relay.cli.told import told
from relay.clock import SystemClock
from relay.errors import Exit, UsageError
from relay.outbox.file import is_held
from relay.outbox.inspection import inspecting

_PIPE_WIDTH: Final = 10_000  # a program that reads lines wants none of them broken
_LOOK_SECONDS: Final = 1.0  # at a stopped store: enough for a million deliveries on an ordinary disk

_EXAMPLES: Final = """\b
Examples:
  relay status
  relay status --ready && echo alerts flow
  relay status --check || echo something is wrong
"""


@click.command(epilog=_EXAMPLES)
@click.option("--ready", is_flag=True, help="Say only whether alerts can flow: exit code 0 or 1.")
@click.option("--check", is_flag=True, help="Say only what is not well, for cron: silence and 0 where all is, else 1.")
@config_option
@json_option
def command(*, ready: bool, check: bool, config: Path | None, as_json: bool) -> int:
    """Show the connection, every destination's lane, and the ledger: what became of every delivery.

    Where no relay runs, or none answers over HTTP, it is the store that is shown, and the exit code is 1.
    """
    with told(as_json=as_json):
        if ready and check:
            raise UsageError("--ready and --check are two questions", hint="--check asks for more: take that.")
        loaded = reach_quietly(config)
        if check:
            terminal = sys.stdout.isatty()
            found = asyncio.run(checkup.look(loaded, notes=as_json or terminal))
            return checkup.tell(found, as_json=as_json, terminal=terminal)
        if ready:
            return _tell_ready(asyncio.run(_readiness(loaded)), as_json=as_json)
        running = asyncio.run(_running(loaded))
        status = {"running": True, **running} if running is not None else _stored(loaded)
    if as_json:
        click.echo(json.dumps(status, ensure_ascii=False))
    else:
        terminal = sys.stdout.isatty()
        console = Console(file=sys.stdout, highlight=False, soft_wrap=True, width=None if terminal else _PIPE_WIDTH)
        draw = stuck if "problem" in status else shown
        for part in draw(status, width=console.width if terminal else None):
            console.print(part)
    return Exit.OK if status["running"] and "problem" not in status else Exit.FAILED


async def _running(config: Reach) -> Mapping[str, Any] | None:
    """How the running relay stands; where its store can't be read, its readiness, and the problem. None: none runs."""
    try:
        return await remote.fetch(config, "/api/status")
    except remote.RefusedError as error:
        readiness = await _readiness(config) if error.status == HTTPStatus.SERVICE_UNAVAILABLE else None
        if readiness is None:
            raise
        return {**readiness, "problem": error.said}


async def _readiness(config: Reach) -> Mapping[str, Any] | None:
    """Told from memory, whatever the store does; None where no relay runs."""
    return await remote.fetch(config, "/readyz", takes=(HTTPStatus.SERVICE_UNAVAILABLE,))


def _tell_ready(running: Mapping[str, Any] | None, *, as_json: bool) -> int:
    ready = running is not None and bool(running["ready"])
    reasons = ["no relay runs here"] if running is None else list(running["reasons"])
    degraded = [] if running is None else list(running["degraded"])
    if as_json:
        click.echo(json.dumps({"ready": ready, "reasons": reasons, "degraded": degraded}, ensure_ascii=False))
    else:
        for line in ["ready"] if ready else [f"not ready: {reason}" for reason in reasons]:
            click.echo(line)
        for line in degraded:
            click.echo(f"degraded: {line}")
    return Exit.OK if ready else Exit.FAILED


def _stored(config: Reach) -> Mapping[str, Any]:
    """What the store alone tells; and damage, as far as a short look finds it.

    Raises:
        StoreError: There is none, or it can't be read.
    """
    held = is_held(config.store_path)
    with inspecting(config.store_path) as store:
        switches = {name: store.destination(name) for name in config.destinations}
        damage = "" if held else store.damage(_LOOK_SECONDS)
        return of_store(store.stats(), switches, now_us=SystemClock().now_us(), held=held, damage=damage)
