"""``relay schema``."""

from __future__ import annotations

import click

from relay.config.schema import schema_text


@click.command()
def command() -> None:
    """Print the JSON Schema of the config; editors check and complete with it."""
    click.echo(schema_text(), nl=False)
