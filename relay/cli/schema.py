"""``relay schema``."""

from __future__ import annotations

from typing import Final

import click

from relay.config.schema import schema_text

_EXAMPLES: Final = """\b
Examples:
  relay schema >config.schema.json
"""


@click.command(epilog=_EXAMPLES)
def command() -> None:
    """Print the JSON Schema of the config; editors check and complete with it."""
    click.echo(schema_text(), nl=False)
