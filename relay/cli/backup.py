"""``relay backup``: a whole copy of the store, made while the relay runs or while none does.

the config's store ──outbox.backup──> FILE ──> its size, and how it is put back
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click
from rich.filesize import decimal

from relay.cli.options import config_option, json_option
from relay.cli.quiet import load_quietly
from relay.cli.told import told
from relay.clock import SystemClock, isoformat
from relay.errors import Exit
from relay.outbox.backup import Backup, back_up
from relay.wording import counted

_EXAMPLES: Final = """\b
Examples:
  relay backup relay-monday.db
  relay backup --json relay-tuesday.db
"""


@click.command(epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@json_option
def command(*, file: Path, config: Path | None, as_json: bool) -> int:
    """Copy the store to FILE, whole and checked, while the relay runs or not.

    FILE must not be there yet, and only you can read it. The config and its secrets are not in it.
    """
    with told(as_json=as_json):
        now_us = SystemClock().now_us()
        made = back_up(load_quietly(config).store_path, file, now_us=now_us)
    if as_json:
        click.echo(json.dumps(_plain(made, now_us), ensure_ascii=False))
    else:
        _tell(made)
    return Exit.OK


def _plain(made: Backup, now_us: int) -> dict[str, object]:
    return {
        "ok": True,
        "store": str(made.store),
        "file": str(made.file),
        "bytes": made.size,
        "events": made.events,
        "deliveries": made.deliveries,
        "beside_a_relay": made.held,
        "made_at": isoformat(now_us),
    }


def _tell(made: Backup) -> None:
    name = made.store.name
    holds = f"{counted(made.events, 'event')} and {counted(made.deliveries, 'delivery')}"
    click.echo(f"{made.file} is a copy of {made.store}, {decimal(made.size)} with {holds}, and was checked.")
    click.echo(
        f"To put it back: stop the relay, move {name}, {name}-wal and {name}-shm away, copy this file there as {name}, "
        "for the user that the relay runs as, and start it."
    )
    if made.held:
        click.echo("What a running relay delivers from now on goes out again then; what comes is fetched.")
