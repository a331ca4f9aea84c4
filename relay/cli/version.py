"""``relay version``."""

from __future__ import annotations

import importlib
import json
import platform
import sqlite3
from pathlib import Path
from typing import Final

import click

from relay import __version__
from relay.cli.options import config_option, json_option

_EXAMPLES: Final = """\b
Examples:
  relay version
  relay version --verbose
"""


@click.command(epilog=_EXAMPLES)
@click.option("-v", "--verbose", is_flag=True, help="Also the platform, dependencies, schema of the store, and places.")
@config_option
@json_option
def command(*, verbose: bool, config: Path | None, as_json: bool) -> None:
    """Print the version, and what it runs on.

    With --verbose, all that a report of a fault should say; no secret is in it.
    """
    if verbose:
        installation = importlib.import_module("relay.cli.installation")  # it loads what a config is read with
        found = installation.facts(config)
        click.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(installation.lines(found)))
        return
    facts = {"relay": __version__, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(f"relay {facts['relay']} (Python {facts['python']}, SQLite {facts['sqlite']})")
