"""``relay version``."""

from __future__ import annotations

import json
import platform
import sqlite3

import click

from relay import __version__
from relay.cli.options import json_option


@click.command()
@json_option
def command(*, as_json: bool) -> None:
    """Print the version, and what it runs on."""
    facts = {"relay": __version__, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(f"relay {facts['relay']} (Python {facts['python']}, SQLite {facts['sqlite']})")
