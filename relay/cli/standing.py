"""``relay status``, asked in full: of the running relay, or of the store where none runs.

a relay runs ──GET /api/status──┐
none runs    ──the store, read──┴──> the same shape ──overview──> lines and a table | JSON
                                                     └──watch, again and again──> a screen
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from relay.cli import checkup, remote
from relay.cli import watch as watching
from relay.cli.ended import nobody
from relay.cli.overview import drawing, of_store
from relay.cli.reach import reach_quietly
from relay.cli.remote import Reach
from relay.cli.told import tell_note
from relay.clock import SystemClock
from relay.errors import Exit, UsageError
from relay.outbox.archive import Page, page_by_page
from relay.outbox.ending import ending_of
from relay.outbox.file import is_held
from relay.outbox.inspection import inspecting

_PIPE_WIDTH: Final = 10_000  # a program that reads lines wants none of them broken
_LOOK_SECONDS: Final = 1.0  # at a stopped store: enough for a million deliveries on an ordinary disk
_OFF: Final = "http.listen is off, so that no running relay can be asked"


def check(config: Path | None, *, as_json: bool) -> int:
    """What is not well, and the exit code."""
    terminal = sys.stdout.isatty()
    found = asyncio.run(checkup.look(reach_quietly(config), notes=as_json or terminal))
    return checkup.tell(found, as_json=as_json, terminal=terminal)


def readiness(config: Path | None) -> Mapping[str, Any]:
    """Whether alerts can flow; where nobody answers, why that is."""
    loaded = reach_quietly(config)
    answer = asyncio.run(_readiness(loaded))
    if answer is not None:
        return answer
    why = _OFF if loaded.http.address is None else nobody(loaded.store_path)
    return {"ready": False, "reasons": [why], "degraded": []}


def show(config: Path | None, *, as_json: bool) -> int:
    """How the relay stands, and the exit code."""
    loaded = reach_quietly(config)
    status = asyncio.run(_look(loaded))
    if other := another(loaded.path, status.get("config")):
        tell_note(f"the relay that answers runs with {other}", f"http.listen of {loaded.path} leads to that one.")
    if as_json:
        click.echo(json.dumps(status, ensure_ascii=False))
    else:
        terminal = sys.stdout.isatty()
        console = Console(file=sys.stdout, highlight=False, soft_wrap=True, width=None if terminal else _PIPE_WIDTH)
        for part in drawing(status, width=console.width if terminal else None):
            console.print(part)
    return Exit.OK if status["running"] and "problem" not in status else Exit.FAILED


def another(asked: Path, told: object) -> str:
    """The config of the relay that answers, where it is another than the one that was asked for; else empty."""
    if not isinstance(told, str) or not told:  # an older relay tells none
        return ""
    try:
        return "" if asked.samefile(told) else told
    except OSError:  # it is gone, or of another machine or container
        return "" if str(asked.absolute()) == told else told


def watch(config: Path | None, every: float, *, as_json: bool) -> int:
    """How the relay stands, again and again until Ctrl-C; the exit code.

    Raises:
        UsageError: There is no terminal to draw on.
    """
    console = Console(file=sys.stdout, highlight=False)
    if not as_json and not console.is_terminal:
        raise UsageError("--watch draws on a terminal", hint="With --json it prints a line each time.")
    loaded = reach_quietly(config)
    look, alerts = partial(_look, loaded), partial(_last_events, loaded)
    with suppress(KeyboardInterrupt):
        asyncio.run(watching.watch(look, alerts, console, every=every, as_json=as_json))
    return Exit.OK


async def _look(config: Reach) -> Mapping[str, Any]:
    """How the relay stands; what the store tells, where none runs."""
    running = await _running(config)
    return {"running": True, **running} if running is not None else await asyncio.to_thread(_stored, config)


async def _last_events(config: Reach) -> list[dict[str, Any]]:
    async def page(before: int | None, limit: int) -> Page:
        older = "" if before is None else f"&before={before}"
        told = await remote.fetch(config, f"/api/events?limit={limit}{older}") or {}
        items, after = told.get("items"), told.get("next")
        return Page(items if isinstance(items, list) else [], after if isinstance(after, int) else None)

    return (await page_by_page(page, watching.MOST_ALERTS)).items


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


def _stored(config: Reach) -> Mapping[str, Any]:
    """What the store alone tells; and damage, as far as a short look finds it.

    Raises:
        StoreError: There is none, or it can't be read.
    """
    held = is_held(config.store_path)
    with inspecting(config.store_path) as store:
        switches = {name: store.destination(name) for name in config.destinations}
        damage = "" if held else store.damage(_LOOK_SECONDS)
        return of_store(
            store.stats(),
            switches,
            now_us=SystemClock().now_us(),
            held=held,
            damage=damage,
            ending=None if held else ending_of(config.store_path),
        )
