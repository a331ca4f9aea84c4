"""``relay status --check``: is all well? Made for cron, which mails whatever is said.

    /readyz     ──> troubles, a line each, and 1 │ silence, and 0
    /api/status ──> notes

The first answers from memory, and for the store, too: one that is damaged or stuck keeps nobody from hearing of it.
What a person wants so (a destination that is paused), or has to decide (dead letters), is no trouble; a terminal and a
program are told of it, a pipe is not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

import click
import msgspec

from relay.cli import remote
from relay.cli.ended import nobody
from relay.cli.remote import Reach
from relay.errors import Exit, RelayError

_NOT_READY: Final = 503
_UNTOLD: Final = "it is not well, and does not say why"


class Checkup(msgspec.Struct, frozen=True):
    """What there is to say.

    Attributes:
        troubles: What is not well, a line each.
        notes: What is so because a person wants it, or waits for one to decide.
    """

    troubles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


async def look(config: Reach, *, notes: bool) -> Checkup:
    """Ask the relay of ``config`` how it is.

    Args:
        config: That.
        notes: Somebody is told of notes; those that the store counts are asked for, too, where it can count them.
    """
    try:
        readiness = await remote.fetch(config, "/readyz", takes=(_NOT_READY,))
    except RelayError as error:
        return Checkup((str(error),))
    if readiness is None:
        return Checkup((nobody(config.store_path),))
    found = _read(readiness)
    return msgspec.structs.replace(found, notes=await _notes(config) or found.notes) if notes else found


async def _notes(config: Reach) -> tuple[str, ...]:
    """All notes there are; none where the store is too busy, or too damaged, to count."""
    try:
        return tuple(_lines(await remote.fetch(config, "/api/status") or {}, "notes"))
    except RelayError:
        return ()


def _read(readiness: Mapping[str, object]) -> Checkup:
    told = (*_lines(readiness, "reasons"), *_lines(readiness, "degraded"))
    well = readiness.get("ready") is True
    return Checkup(told or (() if well else (_UNTOLD,)), tuple(_lines(readiness, "notes")))


def _lines(answer: Mapping[str, object], key: str) -> Iterator[str]:
    lines = answer.get(key)
    return map(str, lines) if isinstance(lines, list) else iter(())


def tell(found: Checkup, *, as_json: bool, terminal: bool) -> int:
    """Print it; the exit code."""
    if as_json:
        click.echo(json.dumps({"well": not found.troubles, **msgspec.structs.asdict(found)}, ensure_ascii=False))
    else:
        for line in found.troubles:
            click.echo(line)
        if terminal:
            for line in (*(f"note: {note}" for note in found.notes), *(("all is well",) if not found.troubles else ())):
                click.echo(line)
    return Exit.FAILED if found.troubles else Exit.OK
