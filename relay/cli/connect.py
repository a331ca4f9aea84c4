"""``relay connect``: take the account's connection back from whoever took it over."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Final

import click

from relay.cli import remote
from relay.cli.ended import nobody
from relay.cli.options import config_option, json_option
from relay.cli.reach import reach_quietly
from relay.cli.told import told
from relay.errors import RelayError
from relay.outbox.file import is_held

_EXAMPLES: Final = """\b
Examples:
  relay connect
"""


@click.command(epilog=_EXAMPLES)
@config_option
@json_option
def command(*, config: Path | None, as_json: bool) -> None:
    """Take the upstream connection back, where another one took over and this relay stands by.

    The account has one connection: whoever holds it now is thrown out, and stays out if it is a relay.
    """
    with told(as_json=as_json):
        loaded = reach_quietly(config)
        answer = asyncio.run(remote.ask(loaded, "/api/connect"))
        if answer is None:
            if is_held(loaded.store_path):
                raise remote.unreachable()
            raise RelayError(nobody(loaded.store_path), hint="`relay run` connects by itself.")
    if as_json:
        click.echo(json.dumps(answer))
    elif answer.get("taken_back"):
        click.echo("Connecting; whoever holds the connection is thrown out.")
    else:
        click.echo("Nothing to take back: this relay does not stand by.")
